// A pool: one run of equal blocks, owned by one mutator at a time.
//
// Which blocks are free is kept in bitmaps here, outside of the blocks: a
// freed block is not written, a double free is seen at once, and walks read
// words of bits.
//
// Locking key -- who may touch a field:
//   (c) constant once the pool is carved    (a) any thread, atomically
//   (o) owner only, plain access            (w) anyone in a stopped world
//
// The link and its flag live as long as the descriptor: carving and releasing
// a pool leave them alone, since a late pusher may still hold them
// (tests/model/pool.pml).
//
// INVARIANT  used == blocks - |free|; the blocks of a lease and of a cache
//            count as used                            (tly_pool_valid)

#ifndef TLY_POOL_POOL_H
#define TLY_POOL_POOL_H

#include "arena/arena.h"
#include "base/bits.h"
#include "pool/class.h"
#include "sync/stack.h"

#define TLY_POOL_WORDS 8u

enum tly_pool_kind {
    TLY_POOL_NONE, // a unit that begins no pool
    TLY_POOL_RAW,
    TLY_POOL_OBJECT
};

enum tly_listed { TLY_UNLISTED, TLY_LISTED, TLY_RETAINED };

struct tly_pool {
    // Read by everybody, written when carved.
    uint16_t back;         // (c) descriptors back to the pool's first
    uint8_t class;         // (c)
    uint8_t kind;          // (c) enum tly_pool_kind
    uint32_t size;         // (c) of a block; of a large one: 0
    uint32_t recip;        // (c)
    uint16_t blocks;       // (c)
    uint16_t units;        // (c) 0 for a huge block
    char *base;            // (c) block 0
    uint64_t bytes;        // (c) of a large or huge block
    uint16_t owner;        // (a) number of a mutator; 0: nobody's
    uint8_t parked;        // (a) full and on no list: wake it
    uint8_t in_inbox;      // (a) in the inbox of a mutator, or about to be
    struct tly_link inbox; // (a) by whoever set in_inbox

    // Written by the owner.
    int32_t used TLY_ALIGNED(TLY_LINE); // (o) blocks
    int32_t low;                        // (o) used <= low: something to do
    uint32_t word;                      // (o) next word to lease
    uint8_t listed;                     // (o) on which list: enum tly_listed
    uint8_t leased;                     // (o) a word of it is leased
    uint8_t ended; // class + 1 of the pool of objects whose ended headers are
                   // in the units still; 0: anything may be
    int32_t accounted;     // (o) [used] when last accounted for
    struct tly_pool *next; // (o) of the partial list
    struct tly_pool *prev; // (o)

    // (o), and read by collections that run beside the owner. 1: free.
    uint64_t free[TLY_POOL_WORDS] TLY_ALIGNED(TLY_LINE);
    uint64_t remote[TLY_POOL_WORDS] TLY_ALIGNED(
        TLY_LINE);                                        // (a) freed by others
    uint64_t drop[TLY_POOL_WORDS] TLY_ALIGNED(TLY_LINE);  // (a) references
    uint64_t merge[TLY_POOL_WORDS] TLY_ALIGNED(TLY_LINE); // (a) requests
};
_Static_assert(sizeof(struct tly_pool) == TLY_DESCRIPTOR_SIZE,
               "a pool fills its descriptor");

// The pool of a block.
TLY_INLINE struct tly_pool *tly_pool_of(const void *block) {
    struct tly_pool *pool =
        tly_descriptor_at(tly_arena_of(block), tly_unit_of(block));
    return pool - pool->back;
}

// The number of a block in its pool.
TLY_INLINE unsigned tly_block_of(const struct tly_pool *pool,
                                 const void *block) {
    uint64_t offset = (uint64_t)((const char *)block - pool->base);
    return (unsigned)(offset * pool->recip >> 32);
}

TLY_INLINE void *tly_block_at(const struct tly_pool *pool, unsigned n) {
    return pool->base + (size_t)n * pool->size;
}

// Bytes of a block of this pool.
TLY_INLINE size_t tly_pool_block_size(const struct tly_pool *pool) {
    return pool->size ? pool->size : pool->bytes;
}

// Whether a pool of small objects is frozen (freeze.h).
TLY_INLINE bool tly_pool_is_frozen(const struct tly_pool *pool) {
    unsigned unit = tly_unit_of(pool->base);
    // Relaxed: a handshake orders it; before that either answer is right.
    return tly_load_relaxed(&tly_arena_of(pool)->frozen[unit / 64]) >>
               (unit % 64) &
           1;
}

// The free blocks of a word, changed by the owner only.
TLY_INLINE void tly_free_set(struct tly_pool *pool, unsigned word,
                             uint64_t bits) {
    // Relaxed: for collections it is a hint which headers to look at.
    tly_store_relaxed(&pool->free[word], bits);
}
TLY_INLINE void tly_free_add(struct tly_pool *pool, unsigned word,
                             uint64_t bits) {
    tly_free_set(pool, word, pool->free[word] | bits);
}

// The bits of a word that stand for blocks.
TLY_INLINE uint64_t tly_pool_valid_bits(const struct tly_pool *pool,
                                        unsigned word) {
    unsigned first = word * 64;
    return pool->blocks <= first ? 0 : tly_bit_mask(pool->blocks - first);
}

// Makes a pool of the class for [owner]; all blocks free, the headers of
// objects zero. NULL with errno ENOMEM.
struct tly_pool *tly_pool_carve(enum tly_pool_kind kind, unsigned class,
                                uint16_t owner);

// Makes a pool of one block of [bytes], above TLY_CLASS_MAX; the block is
// taken, its first 16 bytes zero; *ret_clean: all of it is.
void *tly_large_take(enum tly_pool_kind kind, size_t bytes, uint16_t owner,
                     bool *ret_clean);

// Gives a pool's units back. Its blocks are free; any thread for a large one,
// else its owner.
void tly_pool_give_back(struct tly_pool *pool);

// A pool that is given back is frozen no more (freeze.c).
void tly_pool_melt(struct tly_pool *pool);

// Takes what others have freed. Returns how many blocks. Owner.
unsigned tly_pool_harvest(struct tly_pool *pool);

// Whether the pool's invariants hold; the world is stopped.
bool tly_pool_valid(const struct tly_pool *pool);

#endif
