// The stop-the-world way: count, mark and rescue while every thread stands
// still. Progress: blocking, for each thread's next safepoint. It is the oracle
// of the other.

#include "collector/find.h"

#include "collector/collect.h"
#include "collector/debug.h"
#include "collector/weaken.h"
#include "epoch/registry.h"
#include "epoch/stall.h"
#include "epoch/world.h"
#include "object/cycle.h"
#include "object/hot.h"
#include "platform/os.h"
#include "pool/walk.h"

static void pause_record(uint64_t ns) {
    struct tally_histogram *h = &tly_collect_totals.pauses;
    tly_count(&h->bucket[tly_stall_bucket(ns)], 1);
    tly_count(&h->count, 1);
    tly_count(&h->sum_ns, ns);
    if (ns > h->max_ns)
        // Relaxed: one writer, the holder of the lock.
        tly_store_relaxed(&h->max_ns, ns);
}

// Stops the world, with tables that cover the heap.
static tally_status pause_begin(struct tly_mutator *self, bool full,
                                struct tly_patience *patience,
                                uint64_t *ret_began) {
    for (;;) {
        tally_status status = tly_trial_prepare(false, full);
        if (status == TALLY_OK)
            status = tly_world_stop(self, patience);
        if (status != TALLY_OK && full)
            tly_sides_drop();
        if (status != TALLY_OK)
            return status;
        *ret_began = tly_os_now();
        if (tly_slots_frontier() <= tly_sides.committed)
            return TALLY_OK;
        tly_world_start(self);
        tly_sides_outgrown();
    }
}

static void pause_end(struct tly_mutator *self, uint64_t began,
                      struct tally_collection *done) {
    uint64_t ns = tly_os_now() - began;
    pause_record(ns);
    if (ns > done->pause_ns)
        done->pause_ns = ns;
    tly_world_start(self);
}

// Every mutator takes the next colour; leases and caches go back, so that what
// is young is known by its pool.
static void cycle_turn(void) {
    // Relaxed: the world is stopped.
    uint32_t cycle = (tly_load_relaxed(&tly_cycle) | 1) + 1;
    tly_store_relaxed(&tly_cycle, cycle);
    for (uint32_t n = 1; n <= tly_registry_count(); n++)
        tly_cycle_enter(tly_local_of(tly_mutator_of(n)));
}

// What is found waits for finalizers, and is looked at again.
static bool is_cleared_none(const tally_object *object) {
    (void)object;
    return false;
}

tally_status tly_find_stopped(struct tly_local *self, enum tly_look look,
                              struct tly_patience *patience,
                              struct tally_collection *done,
                              struct tly_found *found) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    struct tly_trial trial = {.young = look == TLY_LOOK_YOUNG};
    uint64_t began;
    tally_status status =
        pause_begin(mutator, look == TLY_LOOK_FULL, patience, &began);
    if (status != TALLY_OK)
        return status;
    cycle_turn();
    // Relaxed: as in cycle_turn.
    trial.fresh = (uint8_t)tly_cycle_colour(tly_load_relaxed(&tly_cycle));
    if (look != TLY_LOOK_YOUNG)
        tly_hot_fold(false);
    if (look == TLY_LOOK_LISTED)
        tly_trial_age(trial.fresh);
    tly_find_count(&trial, look);
    if (look != TLY_LOOK_LISTED)
        tly_pools_aged(trial.fresh);
    bool waiting = tly_find_spares(look);
    tly_trial_mark();
    tly_hubs_rescue(&trial);
    found->candidates = trial.members;
    found->garbage = tly_trial_garbage(look != TLY_LOOK_FULL);
    if (found->garbage)
        tly_find_hold(self, &trial, found);
    if (found->garbage && !found->held)
        tly_debug_found(found);
    if (found->weak && !found->held)
        tly_weaken();
    if (look != TLY_LOOK_YOUNG)
        tly_hot_unfold(found->held ? is_cleared_none : tly_is_garbage,
                       look == TLY_LOOK_FULL);
    found->waiting = tly_found_waits(found) || waiting;
    pause_end(mutator, began, done);
    return TALLY_OK;
}
