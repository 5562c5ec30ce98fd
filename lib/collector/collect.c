// The stop-the-world collection, from end to end.
//
//   prepare   tables; what others wait for is handed over
//   pause     count, mark, rescue hubs: what is garbage
//   if some of it has a finalizer that has not run: a unit of each garbage
//   object is taken, and the pause ends; the finalizers run; a second pause
//   looks at those objects again, and what was brought back is spared
//   clear     the rest is destroyed, in a running world

#include "collector/collect.h"

#include <string.h>

#include "base/check.h"
#include "collector/clear.h"
#include "collector/trial.h"
#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "epoch/world.h"
#include "object/finish.h"
#include "platform/os.h"
#include "pool/walk.h"

struct tly_collect_totals tly_collect_totals;
void (*tly_collector_after)(void);

static struct {
    uint32_t busy;          // (a) number of the mutator that collects, or 0
    struct tly_event freed; // nobody collects any more
} collector;

// ---- the lock: waited for by detached threads only

static bool lock_try(struct tly_mutator *self) {
    uint32_t nobody = 0;
    // ORDER[collector] acq_rel: the tables are as the last one left them.
    return tly_cas_acq_rel(&collector.busy, &nobody, self->number);
}

// False at the deadline (0: none).
static bool lock_take(struct tly_mutator *self, uint64_t deadline) {
    while (!lock_try(self)) {
        tly_mutator_detach(self);
        uint32_t seen = tly_event_value(&collector.freed);
        // ORDER[collector] acquire: looks again before it sleeps.
        bool late = tly_load_acquire(&collector.busy) &&
                    !tly_event_wait(&collector.freed, seen, deadline);
        tly_mutator_attach(self);
        if (late)
            return false;
    }
    return true;
}

static void lock_give(void) {
    // ORDER[collector] release: see lock_try.
    tly_store_release(&collector.busy, 0);
    tly_event_signal(&collector.freed);
}

// ---- pauses

static void pause_record(uint64_t ns) {
    struct tally_histogram *h = &tly_collect_totals.pauses;
    unsigned bucket = 0;
    if (ns >= 4) {
        unsigned high = tly_bit_highest(ns);
        bucket = high * 4 + (unsigned)(ns >> (high - 2) & 3);
    }
    if (bucket >= TALLY_HISTOGRAM_BUCKETS)
        bucket = TALLY_HISTOGRAM_BUCKETS - 1;
    tly_count(&h->bucket[bucket], 1);
    tly_count(&h->count, 1);
    tly_count(&h->sum_ns, ns);
    if (ns > h->max_ns)
        // Relaxed: one writer, the holder of the lock.
        tly_store_relaxed(&h->max_ns, ns);
}

// Stops the world, with tables that cover the heap.
static tally_status pause_begin(struct tly_mutator *self, bool full,
                                uint64_t *ret_began) {
    for (;;) {
        tally_status status = tly_sides_prepare(full);
        if (status == TALLY_OK)
            status = tly_world_stop(self, 0);
        if (status != TALLY_OK)
            return status;
        *ret_began = tly_os_now();
        if (tly_slots_frontier() <= tly_sides.committed)
            return TALLY_OK;
        tly_world_start(self);
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

// Leases and caches go back, so that what is young is known by its pool.
static void heaps_empty(void) {
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        struct tly_heap *heap = tly_heap_of(tly_mutator_of(n));
        if (heap->active)
            tly_heap_empty(heap, false);
    }
}

// ---- a collection

static tally_status find(struct tly_mutator *self, bool young,
                         struct tally_collection *done, bool *ret_held) {
    struct tly_trial trial = {.young = young};
    uint64_t began;
    tally_status status = pause_begin(self, !young, &began);
    if (status != TALLY_OK)
        return status;
    heaps_empty();
    tly_pools_look(young);
    tly_trial_count(&trial);
    tly_trial_mark();
    tly_hubs_rescue(&trial, false);
    done->candidates = trial.members;
    done->garbage = tly_trial_garbage(young);
    *ret_held = done->garbage > 0 && trial.finalizers > 0;
    if (*ret_held)
        tly_garbage_hold();
    pause_end(self, began, done);
    return TALLY_OK;
}

// Finalizers, and the second look. If memory is too short for that, or a
// finalizer left the thread where it may not stop the world, all is spared.
static void finalize(struct tly_local *self, bool young,
                     struct tally_collection *done) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    struct tly_trial trial = {.young = young};
    uint64_t began;
    done->finalized = tly_garbage_finalize(self);
    tly_pending_flush(&self->heap);
    if (pause_begin(mutator, false, &began) != TALLY_OK) {
        tly_garbage_pardon();
        return;
    }
    tly_trial_recount(&trial);
    tly_trial_mark();
    tly_hubs_rescue(&trial, true);
    pause_end(mutator, began, done);
}

static tally_status collect(struct tly_local *self, tally_generation generation,
                            struct tally_collection *done) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    bool young = generation == TALLY_YOUNG, held;
    uint64_t began = tly_os_now();
    tly_settle_idle(self);
    tally_status status = find(mutator, young, done, &held);
    if (status != TALLY_OK)
        return status;
    if (held)
        finalize(self, young, done);
    if (done->garbage)
        done->freed = tly_garbage_clear(self);
    if (!young)
        tly_sides_drop();
    done->total_ns = tly_os_now() - began;
    tly_count(&tly_collect_totals.collections[generation], 1);
    tly_count(&tly_collect_totals.collected, done->freed);
    tly_pace_done(generation, done->candidates, done->freed);
    return TALLY_OK;
}

// With the lock held.
static tally_status collect_locked(struct tly_local *self,
                                   tally_generation generation,
                                   struct tally_collection *done) {
    tally_status status = collect(self, generation, done);
    lock_give();
    tly_finish(self, true);
    if (status == TALLY_OK && generation == TALLY_FULL)
        tly_idle_empty();
    if (status == TALLY_OK && tly_collector_after)
        tly_collector_after();
    return status;
}

tally_status tally_collect_generation(tally_generation generation,
                                      struct tally_collection *ret_done) {
    struct tally_collection done = {0};
    if (generation != TALLY_YOUNG && generation != TALLY_FULL)
        return TALLY_INVALID;
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    if (tly_rcu_ongoing() || self->stopped_world ||
        tly_load_relaxed(&collector.busy) == self->number)
        return TALLY_DEADLOCK;
    struct tly_local *local = tly_local_of(self);
    // What is asked is done, not what happens to be due.
    local->collects = 1;
    if (generation == TALLY_FULL)
        tly_settle(local);
    lock_take(self, 0);
    // Again, mostly in vain: another collection may have ended meanwhile, and
    // what it cleared dropped more.
    if (generation == TALLY_FULL)
        tly_settle(local);
    tally_status status = collect_locked(local, generation, &done);
    // What garbage referred to may be another thread's to drop.
    if (generation == TALLY_FULL && done.freed)
        tly_settle(local);
    local->collects = 0;
    if (status == TALLY_OK && ret_done)
        *ret_done = done;
    return status;
}

size_t tally_collect(void) {
    int error = errno;
    struct tally_collection done = {0};
    tally_status status = tally_collect_generation(TALLY_FULL, &done);
    errno = status == TALLY_OK ? error : -status;
    return done.freed;
}

void tly_collector_poll(struct tly_local *self) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    int due = tly_pace_due();
    if (due < 0 || mutator->stopped_world || self->finishing ||
        self->collects || !lock_try(mutator))
        return;
    int error = errno;
    struct tally_collection done = {0};
    tly_pending_flush(&self->heap);
    collect_locked(self, (tally_generation)due, &done);
    errno = error;
}

void tly_collector_grew(struct tly_heap *self) {
    if (tly_pace_due() >= 0)
        tly_break_self(&self->mutator, TLY_BREAK_COLLECT);
}

void tly_collector_configure(bool automatic, uint64_t young_bytes,
                             uint64_t full_percent) {
    tly_pace_configure(automatic, young_bytes, full_percent);
}

tally_status tly_collector_start(void) {
    memset(&tly_collect_totals, 0, sizeof(tly_collect_totals));
    collector.busy = 0;
    tly_pace_reset();
    return tly_sides_start();
}

void tly_collector_end(void) { tly_sides_end(); }

tally_status tly_collector_stop(struct tly_mutator *self, uint64_t deadline) {
    if (tly_rcu_ongoing() || self->stopped_world ||
        tly_load_relaxed(&collector.busy) == self->number)
        return TALLY_DEADLOCK;
    if (!lock_take(self, deadline))
        return TALLY_TIMED_OUT;
    tally_status status = tly_world_stop(self, deadline);
    if (status != TALLY_OK)
        lock_give();
    return status;
}

void tly_collector_resume(struct tly_mutator *self) {
    tly_world_start(self);
    lock_give();
}
