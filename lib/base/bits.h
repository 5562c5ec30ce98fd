// Words of bits, and rounding.

#ifndef TLY_BASE_BITS_H
#define TLY_BASE_BITS_H

#include "base/compiler.h"

#define TLY_ROUND_UP(n, to) (((n) + (to)-1) / (to) * (to))

// Number of the lowest set bit; [word] is not 0.
TLY_INLINE unsigned tly_bit_lowest(uint64_t word) {
    return (unsigned)__builtin_ctzll(word);
}

// Number of set bits, without the instruction that generic x86-64 lacks and
// without the call that compilers make instead (Warren, Hacker's Delight,
// 5-1).
TLY_INLINE unsigned tly_bit_count(uint64_t x) {
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (unsigned)(x * 0x0101010101010101u >> 56);
}

// A word whose lowest [n] bits are set, 0 .. 64.
TLY_INLINE uint64_t tly_bit_mask(unsigned n) {
    return n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
}

// Position of the highest set bit; [x] is not 0.
TLY_INLINE unsigned tly_bit_highest(uint64_t x) {
    return 63u - (unsigned)__builtin_clzll(x);
}

// The next of a sequence of numbers that look random: splitmix64 (Steele, Lea,
// Flood: Fast splittable pseudorandom number generators, OOPSLA 2014), with
// Stafford's mix 13.
TLY_INLINE uint64_t tly_mix_next(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

#endif
