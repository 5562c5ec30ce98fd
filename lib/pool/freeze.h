// Frozen pools: those that collections do not look at, and allocation does not
// take from.
//
// Bits of the arenas say which, apart from the pools' own memory, so that
// freezing writes none of it. Of pools of small objects all that happens is
// that blocks are freed: they are on no list, and stay when they are empty. A
// large object that ends leaves as always. Huge blocks are not frozen.

#ifndef TLY_POOL_FREEZE_H
#define TLY_POOL_FREEZE_H

#include "pool/walk.h"

// Freezes all pools of objects that there are. Until their mutators have
// emptied their leases and caches (a cycle's handshake), objects are still made
// in them. Under the collector's lock, as all that follows.
void tly_pools_freeze(void);

// After that handshake, while no pool is given back: calls [fn] for each frozen
// pool in which objects of another colour than [fresh] were made.
void tly_pools_frozen_young(unsigned fresh, tly_pool_fn fn, void *arg);

// Whether collections do not look at a pool, of large objects as well.
TLY_INLINE bool tly_pool_is_hidden(const struct tly_pool *pool) {
    unsigned unit = tly_unit_of(pool->base);
    // Relaxed: the lock orders it.
    uint64_t large =
        tly_load_relaxed(&tly_arena_of(pool)->frozen_large[unit / 64]);
    return tly_pool_is_frozen(pool) || large >> (unit % 64) & 1;
}

// Ends it: owners hear of their pools, and take from them again. The thread is
// attached.
void tly_pools_thaw(void);

// How many blocks of frozen pools are taken.
uint64_t tly_pools_frozen_blocks(void);

// The heap is no more.
void tly_pools_freeze_end(void);

#endif
