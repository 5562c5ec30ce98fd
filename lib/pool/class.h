// Size classes: 65 of them, by 16 bytes to 256, then 8 a doubling to 8 KiB,
// then 128 KiB / n to 32 KiB. At most an eighth of a block of 128 bytes to
// 8 KiB is lost to rounding, a fifth above, and 6.25 % of a pool to its tail.

#ifndef TLY_POOL_CLASS_H
#define TLY_POOL_CLASS_H

#include "base/compiler.h"

#define TLY_CLASSES 65u
#define TLY_CLASS_MAX ((size_t)32768) // bytes of the largest class
#define TLY_CLASS_MIN ((size_t)32)

struct tly_class {
    uint32_t size;   // of a block, in bytes
    uint32_t recip;  // ceil(2^32 / size): offset * recip >> 32 is the block
    uint16_t blocks; // in a pool
    uint16_t units;  // of a pool
};
extern struct tly_class tly_classes[TLY_CLASSES];
extern uint8_t tly_class_table[TLY_CLASS_MAX / 16 + 1];

// The class for blocks of [size] bytes, 0 .. TLY_CLASS_MAX.
TLY_INLINE unsigned tly_class_of(size_t size) {
    return tly_class_table[(size + 15) / 16];
}

// Computes the table, if that has not been done.
void tly_class_start(void);

#endif
