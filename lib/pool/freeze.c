// Which pools are frozen.
//
// Every access to the bits is relaxed. Those of a pool are set before the
// handshake that makes its mutator stop to take from it, and a new pool's are
// cleared before the bit that shows it to walks (tly_pool_carve).

#include "pool/freeze.h"

static uint64_t freeze_large; // (a) large objects that are frozen

// The next slot that holds an arena, from *slot on; NULL at the end.
static struct tly_arena *arena_next(size_t *slot) {
    size_t slots = tly_slots_frontier();
    while (*slot < slots) {
        struct tly_arena *arena = tly_arena_at((*slot)++);
        if (arena)
            return arena;
    }
    return NULL;
}

static uint64_t objects_of(struct tly_arena *arena, unsigned w) {
    // ORDER[pool-carved] acquire: the descriptor is complete, and what was
    // frozen of an earlier life of the unit is not.
    return tly_load_acquire(&arena->objects[w]);
}

void tly_pools_freeze(void) {
    struct tly_arena *arena;
    for (size_t slot = 0; (arena = arena_next(&slot));)
        for (unsigned w = 0; w < TLY_ARENA_WORDS; w++) {
            // Relaxed, both: see above.
            uint64_t bits = objects_of(arena, w) &
                            ~tly_load_relaxed(&arena->frozen_large[w]);
            if (bits)
                tly_or_relaxed(&arena->frozen[w], bits);
        }
}

static uint64_t bit_of(const struct tly_pool *pool, unsigned *ret_word) {
    unsigned unit = tly_unit_of(pool->base);
    *ret_word = unit / 64;
    return (uint64_t)1 << (unit % 64);
}

// Large objects have bits of their own, since their blocks are given back by
// any thread: they are counted, not looked at.
static void large_freeze(struct tly_arena *arena, const struct tly_pool *pool) {
    unsigned w;
    uint64_t bit = bit_of(pool, &w);
    // Relaxed, all: see above.
    tly_or_relaxed(&arena->frozen_large[w], bit);
    tly_add_relaxed(&freeze_large, 1);
    tly_and_relaxed(&arena->frozen[w], ~bit);
}

void tly_pool_melt(struct tly_pool *pool) {
    struct tly_arena *arena = tly_arena_of(pool);
    unsigned w;
    uint64_t bit = bit_of(pool, &w);
    // Relaxed, all: see above; of two that take a bit one has it.
    if (tly_load_relaxed(&arena->frozen[w]) & bit)
        tly_and_relaxed(&arena->frozen[w], ~bit);
    if (tly_load_relaxed(&arena->frozen_large[w]) & bit &&
        tly_and_relaxed(&arena->frozen_large[w], ~bit) & bit)
        tly_add_relaxed(&freeze_large, (uint64_t)-1);
}

static uint64_t made_of(struct tly_arena *arena, unsigned w, unsigned fresh) {
    uint64_t made = 0;
    // Relaxed: each thread has ended with those colours, and has answered.
    for (unsigned c = 0; c < TLY_COLOURS; c++)
        made |= c == fresh ? 0 : tly_load_relaxed(&arena->young[c][w]);
    return made;
}

void tly_pools_frozen_young(unsigned fresh, tly_pool_fn fn, void *arg) {
    struct tly_arena *arena;
    for (size_t slot = 0; (arena = arena_next(&slot));)
        for (unsigned w = 0; w < TLY_ARENA_WORDS; w++) {
            uint64_t made = made_of(arena, w, fresh);
            // Relaxed: see above.
            uint64_t bits =
                objects_of(arena, w) & tly_load_relaxed(&arena->frozen[w]);
            for (; bits; bits &= bits - 1) {
                struct tly_pool *pool =
                    tly_descriptor_at(arena, w * 64 + tly_bit_lowest(bits));
                if (pool->size == 0)
                    large_freeze(arena, pool);
                if (made & bits & -bits)
                    fn(arg, pool);
            }
        }
}

static void word_thaw(struct tly_arena *arena, unsigned w) {
    // Relaxed, all: see above; owners hear of it by their inbox.
    uint64_t large = tly_load_relaxed(&arena->frozen_large[w]);
    uint64_t bits = tly_load_relaxed(&arena->frozen[w]);
    if (large) {
        large &= tly_and_relaxed(&arena->frozen_large[w], ~large);
        tly_add_relaxed(&freeze_large, 0 - (uint64_t)tly_bit_count(large));
    }
    if (!bits)
        return;
    tly_and_relaxed(&arena->frozen[w], ~bits);
    // A pool that is none any more is nobody's, and that is seen there.
    for (; bits; bits &= bits - 1)
        tly_inbox_send(tly_descriptor_at(arena, w * 64 + tly_bit_lowest(bits)));
}

void tly_pools_thaw(void) {
    struct tly_arena *arena;
    for (size_t slot = 0; (arena = arena_next(&slot));)
        for (unsigned w = 0; w < TLY_ARENA_WORDS; w++)
            word_thaw(arena, w);
}

uint64_t tly_pools_frozen_blocks(void) {
    struct tly_arena *arena;
    // Relaxed, all: see above.
    uint64_t count = tly_load_relaxed(&freeze_large);
    for (size_t slot = 0; (arena = arena_next(&slot));)
        for (unsigned w = 0; w < TLY_ARENA_WORDS; w++) {
            uint64_t bits =
                objects_of(arena, w) & tly_load_relaxed(&arena->frozen[w]);
            for (; bits; bits &= bits - 1) {
                const struct tly_pool *pool =
                    tly_descriptor_at(arena, w * 64 + tly_bit_lowest(bits));
                for (unsigned n = 0; n * 64 < pool->blocks; n++)
                    count += tly_bit_count(tly_pool_taken_bits(pool, n));
            }
        }
    return count;
}

void tly_pools_freeze_end(void) {
    // Relaxed: nothing else runs.
    tly_store_relaxed(&freeze_large, 0);
}
