// Freezing: what lives is put out of the collections' sight.
//
// It begins as a concurrent collection does: a new colour, at each thread's own
// safepoint, from which on nothing is made in the pools that were there; what
// dies meanwhile is held, so that these can be looked at. Then what is young in
// them is made old, so that colours which come again do not mean it; nothing
// else is written. A thread that does not answer in time leaves all as it was.

#include <tally/track.h>

#include "base/check.h"
#include "collector/clear.h"
#include "collector/lock.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/wait.h"
#include "object/cycle.h"
#include "pool/freeze.h"

static void object_age(tally_object *object) {
    // Relaxed, both: an object that ends meanwhile has no flags any more, and
    // the exchange fails.
    uint8_t gc = tly_load_relaxed(&object->gc_);
    while ((gc & (TLY_GC_LIVE | TLY_GC_OLD)) == TLY_GC_LIVE &&
           !tly_cas_relaxed(&object->gc_, &gc, (uint8_t)(gc | TLY_GC_OLD)))
        continue;
}

static bool pool_age(void *arg, struct tly_pool *pool) {
    (void)arg;
    for (unsigned w = 0; w * 64 < pool->blocks; w++) {
        uint64_t bits = tly_pool_taken_bits(pool, w);
        for (; bits; bits &= bits - 1)
            object_age(tly_block_at(pool, w * 64 + tly_bit_lowest(bits)));
    }
    return true;
}

static void cycle_set(uint32_t cycle, uint32_t held) {
    // ORDER[cycle] release: after what was read so far. Pairs with the loads in
    // tly_cycle_enter and is_retained (give.c).
    tly_store_release(&tly_cycle, cycle);
    // ORDER[cycle] release: the same.
    tly_store_release(&tly_pools_held, held);
}

// The thread is DETACHED.
static tally_status freeze(struct tly_patience *patience) {
    // Relaxed: only the holder of the collector's lock writes it.
    uint32_t late;
    uint32_t cycle = (tly_load_relaxed(&tly_cycle) | 1) + 2;
    tly_pools_freeze();
    cycle_set(cycle, 1);
    tally_status status =
        tly_handshake_detached(TLY_GOAL_CYCLE, patience, &late);
    if (status == TALLY_OK)
        tly_pools_frozen_young(tly_cycle_colour(cycle), pool_age, NULL);
    cycle_set(cycle & ~(uint32_t)1, 0);
    tly_handshake_ask(TLY_GOAL_CYCLE);
    return status;
}

// Takes the collector's lock, if the thread may.
static tally_status enter(struct tly_mutator **ret_self,
                          struct tly_patience *ret_patience) {
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    if (tly_collector_refuses(self))
        return TALLY_DEADLOCK;
    *ret_patience = tly_patience_begin();
    if (!tly_collector_take(self, ret_patience))
        return TALLY_TIMED_OUT;
    tly_clear_resume(tly_local_of(self));
    *ret_self = self;
    return TALLY_OK;
}

tally_status tally_freeze(void) {
    struct tly_mutator *self = NULL;
    struct tly_patience patience;
    tally_status status = enter(&self, &patience);
    if (status != TALLY_OK)
        return status;
    tly_mutator_detach(self);
    status = freeze(&patience);
    tly_mutator_attach(self);
    if (status != TALLY_OK)
        tly_pools_thaw();
    tly_held_give_left(tly_local_of(self));
    tly_collector_give(self);
    // Leases and caches of those that do not run.
    tly_idle_empty();
    return status;
}

tally_status tally_unfreeze(void) {
    struct tly_mutator *self = NULL;
    struct tly_patience patience;
    tally_status status = enter(&self, &patience);
    if (status != TALLY_OK)
        return status;
    tly_pools_thaw();
    tly_collector_give(self);
    return TALLY_OK;
}

tally_status tally_freeze_count(size_t *ret_count) {
    struct tly_mutator *self = NULL;
    struct tly_patience patience;
    tally_status status = enter(&self, &patience);
    if (status != TALLY_OK)
        return status;
    *ret_count = tly_pools_frozen_blocks();
    tly_collector_give(self);
    return TALLY_OK;
}
