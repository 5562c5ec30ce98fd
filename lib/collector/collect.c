// The stop-the-world collection, from end to end.
//
//   settle    what others wait for is handed over
//   lock      from here on no hook runs in this thread
//   prepare   tables
//   pause     count, mark, rescue hubs: what is garbage
//   if some of it has a finalizer that has not run: a unit of each such object
//   is taken, all garbage is listed, and nothing is cleared; else
//   clear     garbage is destroyed, in a running world
//   unlock    now finalizers run (R4: a collection ends before user code runs)
//
// A second look at what is listed, and at nothing else, follows when they have
// run: a collection like any other. What waits for its finalizer still, or was
// brought back, keeps what it leads to; the rest is cleared.

#include "collector/collect.h"

#include <string.h>

#include "base/check.h"
#include "collector/clear.h"
#include "collector/trial.h"
#include "collector/weaken.h"
#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "epoch/world.h"
#include "object/finalize.h"
#include "object/finish.h"
#include "object/hot.h"
#include "platform/os.h"
#include "pool/walk.h"

// How often a collection settles anew after it has waited for another.
#define ROUNDS 4

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
    if (!tly_cas_acq_rel(&collector.busy, &nobody, self->number))
        return false;
    tly_local_of(self)->collector = 1;
    return true;
}

// Waits until the lock was free once. False at the deadline (0: none).
static bool lock_wait(struct tly_mutator *self, uint64_t deadline) {
    tly_mutator_detach(self);
    uint32_t seen = tly_event_value(&collector.freed);
    // ORDER[collector] acquire: looks again before it sleeps.
    bool late = tly_load_acquire(&collector.busy) &&
                !tly_event_wait(&collector.freed, seen, deadline);
    tly_mutator_attach(self);
    return !late;
}

static bool lock_take(struct tly_mutator *self, uint64_t deadline) {
    while (!lock_try(self))
        if (!lock_wait(self, deadline))
            return false;
    return true;
}

static void lock_give(struct tly_mutator *self) {
    tly_local_of(self)->collector = 0;
    // ORDER[collector] release: see lock_try.
    tly_store_release(&collector.busy, 0);
    tly_event_signal(&collector.freed);
}

// Whether the thread would wait for itself.
static bool is_refused(const struct tly_mutator *self) {
    return tly_rcu_ongoing() || self->stopped_world ||
           tly_load_relaxed(&collector.busy) == self->number;
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

// What a collection looks at: a generation, or what is listed.
enum look { LOOK_YOUNG = TALLY_YOUNG, LOOK_FULL = TALLY_FULL, LOOK_LISTED };

// What the pause has found.
struct found {
    uint64_t candidates, garbage;
    struct tly_claims claims;
    size_t calls; // of weak references
    bool weak;    // some of the garbage may have weak references
    bool held;    // the garbage waits for finalizers or callbacks
    bool waiting; // some have been claimed and not run, or will be
};

static void count(struct tly_trial *trial, enum look look) {
    if (look != LOOK_YOUNG)
        tly_hot_fold(false);
    if (look == LOOK_LISTED) {
        tly_trial_recount(trial);
        return;
    }
    heaps_empty();
    tly_pools_look(trial->young);
    tly_trial_count(trial);
}

// Who has to run before the garbage may be cleared: callbacks of weak
// references, then finalizers. The world is stopped.
static void hold(struct tly_local *self, const struct tly_trial *trial,
                 struct found *found) {
    found->weak = trial->weak > 0;
    if (trial->weak)
        found->calls = tly_weaken_call(self);
    if (trial->finalizers || found->calls)
        tly_garbage_list(&found->claims);
    found->held = found->claims.count || found->calls;
    if (trial->weak && !found->held)
        tly_weaken();
}

static bool is_garbage(const tally_object *object) {
    return tly_is_member(object);
}

static tally_status find(struct tly_mutator *self, enum look look,
                         struct tally_collection *done, struct found *found) {
    struct tly_trial trial = {.young = look == LOOK_YOUNG};
    uint64_t began;
    tally_status status = pause_begin(self, look == LOOK_FULL, &began);
    if (status != TALLY_OK)
        return status;
    count(&trial, look);
    // Relaxed: the lock orders it.
    bool waiting =
        tly_load_relaxed(&tly_finalize_awaited) && tly_finalize_waiting() > 0;
    if (waiting && look != LOOK_LISTED)
        tly_trial_spare_listed();
    tly_trial_mark();
    tly_hubs_rescue(&trial);
    found->candidates = trial.members;
    found->garbage = tly_trial_garbage(look != LOOK_FULL);
    if (found->garbage)
        hold(tly_local_of(self), &trial, found);
    if (look != LOOK_YOUNG)
        tly_hot_unfold(is_garbage, look == LOOK_FULL);
    found->waiting = found->held || waiting;
    pause_end(self, began, done);
    return TALLY_OK;
}

// After a look that has seen all that is listed, with nothing to wait for: it
// is cleared or lives. Before clearing, which goes by the table of members.
static void listed_end(enum look look, const struct found *found) {
    // Relaxed: the lock orders it; others take it for a hint.
    if (look == LOOK_YOUNG || found->waiting ||
        !tly_load_relaxed(&tly_finalize_awaited))
        return;
    tly_sides_unlist();
    tly_store_relaxed(&tly_finalize_awaited, 0);
    tly_add_relaxed(&tly_finalize_batch, 1);
}

// Garbage is cleared, or left to the second look. Returns how much was cleared.
static uint64_t clear(struct tly_local *self, struct found *found) {
    if (!found->held && found->weak)
        tly_weaken_let_go(self);
    if (!found->held)
        return found->garbage ? tly_garbage_clear(self) : 0;
    tly_garbage_forget();
    // Relaxed: as above.
    tly_store_relaxed(&tly_finalize_awaited, 1);
    tly_claims_give(&found->claims, self);
    return 0;
}

// With the lock held.
static tally_status collect_locked(struct tly_local *self, enum look look,
                                   struct tally_collection *done,
                                   bool *ret_listed) {
    struct found found = {.waiting = false};
    tally_status status = find(tly_mutator_in(self), look, done, &found);
    if (status != TALLY_OK)
        return status;
    listed_end(look, &found);
    *ret_listed = found.held;
    uint64_t freed = clear(self, &found);
    // What was HOT and refers to nothing died by its count.
    uint64_t buried = tly_hot_bury(self);
    found.garbage += buried;
    freed += buried;
    if (look == LOOK_FULL)
        tly_sides_drop();
    done->freed += freed;
    tly_count(&tly_collect_totals.collected, freed);
    if (look == LOOK_LISTED)
        return TALLY_OK;
    done->candidates = found.candidates;
    done->garbage = found.garbage;
    tly_count(&tly_collect_totals.collections[look], 1);
    // What is listed is on its way.
    tly_pace_done((tally_generation)look, found.candidates,
                  *ret_listed ? found.garbage : freed);
    return TALLY_OK;
}

// With the lock held, which it gives back; then finalizers run, unless one
// runs already: its loop goes on with these. *ret_listed: garbage waits for
// them.
static tally_status collect(struct tly_local *self, enum look look,
                            struct tally_collection *done, bool *ret_listed) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    tly_settle_idle(self);
    tally_status status = collect_locked(self, look, done, ret_listed);
    lock_give(mutator);
    tly_settle_dead(self);
    return status;
}

// The second look, for who has the lock.
static void look_again(struct tly_local *self, struct tally_collection *done) {
    bool listed;
    (void)collect(self, LOOK_LISTED, done, &listed);
}

// Whether garbage waits for finalizers, and all of them have run.
static bool second_due(void) {
    // Relaxed: a hint.
    return tly_load_relaxed(&tly_finalize_awaited) &&
           tly_finalize_waiting() == 0;
}

// A collection of a generation, by who has the lock, with what follows.
static tally_status collect_all(struct tly_local *self,
                                tally_generation generation,
                                struct tally_collection *done) {
    uint64_t began = tly_os_now(), finalized = self->counters.finalized;
    bool listed = false;
    tally_status status = collect(self, (enum look)generation, done, &listed);
    if ((listed || second_due()) && tly_second_look_may(self)) {
        lock_take(tly_mutator_in(self), 0);
        look_again(self, done);
    }
    done->finalized = self->counters.finalized - finalized;
    done->total_ns = tly_os_now() - began;
    if (status == TALLY_OK && generation == TALLY_FULL)
        tly_idle_empty();
    if (status == TALLY_OK && tly_collector_after)
        tly_collector_after();
    return status;
}

bool tly_second_look_may(struct tly_local *self) {
    return !self->finishing && !is_refused(tly_mutator_in(self));
}

uint64_t tly_second_look(struct tly_local *self) {
    struct tally_collection done = {0};
    // Relaxed: a hint.
    if (!tly_load_relaxed(&tly_finalize_awaited) || !tly_second_look_may(self))
        return 0;
    lock_take(tly_mutator_in(self), 0);
    look_again(self, &done);
    return done.freed;
}

// Takes the lock right after everything was settled, with hooks: who had to
// wait settles again, for what was cleared meanwhile dropped more. Some times;
// in the end what has hooks is left to others.
static void lock_settled(struct tly_local *self, tally_generation generation) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (generation == TALLY_FULL)
            tly_settle(self);
        else
            tly_settle_idle(self);
        if (lock_try(mutator))
            return;
        lock_wait(mutator, 0);
    }
    lock_take(mutator, 0);
}

// Again, as long as that finds something: what refers to a HOT object and ends
// after the count has left it dead and not yet known to be.
static void collect_left(struct tly_local *self,
                         struct tally_collection *done) {
    bool freed = true;
    while (freed && tly_hot_has_dead()) {
        struct tally_collection more = {0};
        lock_settled(self, TALLY_FULL);
        if (collect_all(self, TALLY_FULL, &more) != TALLY_OK)
            return;
        tly_settle(self);
        freed = more.freed > 0;
        done->garbage += more.garbage;
        done->freed += more.freed;
        done->finalized += more.finalized;
        done->total_ns += more.total_ns;
        if (more.pause_ns > done->pause_ns)
            done->pause_ns = more.pause_ns;
    }
}

tally_status tally_collect_generation(tally_generation generation,
                                      struct tally_collection *ret_done) {
    struct tally_collection done = {0};
    if (generation != TALLY_YOUNG && generation != TALLY_FULL)
        return TALLY_INVALID;
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    if (is_refused(self))
        return TALLY_DEADLOCK;
    struct tly_local *local = tly_local_of(self);
    // What is asked is done, not what happens to be due.
    local->collects++;
    lock_settled(local, generation);
    tally_status status = collect_all(local, generation, &done);
    // What garbage referred to may be another thread's to drop.
    if (generation == TALLY_FULL && done.freed)
        tly_settle(local);
    if (generation == TALLY_FULL && status == TALLY_OK)
        collect_left(local, &done);
    local->collects--;
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
    bool again = due < 0 && second_due();
    if ((due < 0 && !again) || self->collects || !tly_second_look_may(self))
        return;
    int error = errno;
    struct tally_collection done = {0};
    tly_settle_idle(self);
    if (!lock_try(mutator))
        return;
    if (again)
        look_again(self, &done);
    else
        collect_all(self, (tally_generation)due, &done);
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
    if (is_refused(self))
        return TALLY_DEADLOCK;
    if (!lock_take(self, deadline))
        return TALLY_TIMED_OUT;
    tally_status status = tly_world_stop(self, deadline);
    if (status != TALLY_OK)
        lock_give(self);
    return status;
}

void tly_collector_resume(struct tly_mutator *self) {
    tly_world_start(self);
    lock_give(self);
}
