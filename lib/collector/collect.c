// A collection, from end to end.
//
//   settle    what others wait for is handed over
//   lock      from here on no hook runs in this thread
//   find      what is garbage, in a stopped world or beside the threads
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
#include "base/status.h"
#include "collector/account.h"
#include "collector/call.h"
#include "collector/clear.h"
#include "collector/control.h"
#include "collector/debug.h"
#include "collector/find.h"
#include "collector/lock.h"
#include "collector/limit.h"
#include "collector/pace.h"
#include "collector/sums.h"
#include "collector/weaken.h"
#include "collector/workers.h"
#include "epoch/attach.h"
#include "epoch/wait.h"
#include "object/finalize.h"
#include "object/finish.h"
#include "object/hot.h"
#include "object/made.h"
#include "platform/os.h"

// How often a collection settles anew after it has waited for another.
#define ROUNDS 4

struct tly_collect_totals tly_collect_totals;
void (*tly_collector_after)(struct tly_patience *patience);
static uint32_t mode_option; // (a) option: tally_collect_mode

tally_collect_mode tly_collect_mode(void) {
    // Relaxed: an option.
    return (tally_collect_mode)tly_load_relaxed(&mode_option);
}

struct tly_call tly_call_begin(struct tly_local *self,
                               tally_collect_mode mode) {
    return (struct tly_call){self, mode, tly_patience_begin()};
}

// After a look that has seen all that is listed, with nothing to wait for: it
// is cleared or lives. Before clearing, which goes by the table of members.
static void listed_end(enum tly_look look, const struct tly_found *found) {
    // Relaxed: the lock orders it; others take it for a hint.
    if (look == TLY_LOOK_YOUNG || found->waiting ||
        !tly_load_relaxed(&tly_finalize_awaited))
        return;
    tly_sides_unlist();
    tly_store_relaxed(&tly_finalize_awaited, 0);
    tly_add_relaxed(&tly_finalize_batch, 1);
}

// Garbage is cleared, or left to the second look. Returns how much was cleared.
static uint64_t clear(struct tly_local *self, struct tly_found *found) {
    if (!found->held && found->weak)
        tly_weaken_let_go(self);
    if (!found->held)
        return found->garbage ? tly_garbage_clear(self, found->published) : 0;
    tly_garbage_forget();
    if (!tly_found_waits(found))
        return 0; // saved
    // Relaxed: as above.
    tly_store_relaxed(&tly_finalize_awaited, 1);
    tly_claims_give(&found->claims, self);
    return 0;
}

// A stop that nobody asked for ends in vain where it would hold up the others
// for longer than an allocation may wait at the limit; after a collection
// beside the threads, for longer than so many ns.
#define STOP_NS 100000000u
static struct tly_patience *stop_patience(struct tly_call *call,
                                          struct tly_patience *brief) {
    uint64_t most =
        tly_collect_mode() == TALLY_CONCURRENT ? STOP_NS : tly_limit_wait();
    if (call->self->collects || !most ||
        (!call->patience.endless && call->patience.left <= most))
        return &call->patience;
    *brief = (struct tly_patience){.left = most, .brief = true};
    return brief;
}

static unsigned given_up; // how often in a row; under the lock

static tally_status find(struct tly_call *call, enum tly_look look,
                         struct tally_collection *done,
                         struct tly_found *found) {
    struct tly_local *self = call->self;
    struct tly_patience brief;
    bool live = call->mode == TALLY_CONCURRENT;
    if (look != TLY_LOOK_LISTED)
        done->mode = live ? TALLY_CONCURRENT : TALLY_STOPPED;
    // Who forks again and again does not keep garbage for ever.
    tly_collector_heed(live && given_up < ROUNDS);
    tally_status status =
        live ? tly_find_live(self, look, &call->patience, found)
             : tly_find_stopped(self, look, stop_patience(call, &brief), done,
                                found);
    tly_collector_heed(false);
    return status;
}

// Adds what a look has seen. Of what was listed, all that is no garbage any
// more was brought back, unless it waits still.
static void found_add(enum tly_look look, const struct tly_found *found,
                      struct tally_collection *done) {
    uint64_t lives = found->candidates - found->garbage;
    done->saved += found->saved;
    done->visited += found->candidates + lives;
    if (look != TLY_LOOK_LISTED)
        done->rescued += found->rescued;
    else if (!found->waiting)
        done->rescued += lives;
}

// With the lock held.
static tally_status collect_locked(struct tly_call *call, enum tly_look look,
                                   struct tally_collection *done,
                                   bool *ret_listed) {
    struct tly_local *self = call->self;
    struct tly_found found = {.waiting = false};
    tly_clear_resume(self);
    tally_status status = tly_debug_begin(&found.saves);
    if (status == TALLY_OK)
        status = find(call, look, done, &found);
    if (status != TALLY_OK) {
        tly_hot_bury(self);
        return status;
    }
    found_add(look, &found, done);
    listed_end(look, &found);
    *ret_listed = tly_found_waits(&found);
    uint64_t freed = clear(self, &found);
    // Relaxed: the lock orders it.
    if (!tly_load_relaxed(&tly_finalize_awaited))
        tly_garbage_unlisted();
    done->opaque = found.opaque;
    // What was HOT and refers to nothing died by its count.
    uint64_t buried = tly_hot_bury(self);
    found.garbage += buried;
    freed += buried;
    if (look == TLY_LOOK_FULL)
        tly_sides_drop();
    done->freed += freed;
    tly_count(&tly_collect_totals.collected, freed);
    if (look == TLY_LOOK_LISTED)
        return TALLY_OK;
    done->candidates = found.candidates;
    done->garbage = found.garbage;
    tly_count(&tly_collect_totals.collections[look], 1);
    return TALLY_OK;
}

// What a collection leaves to be done without the lock.
struct left {
    bool listed;     // garbage waits for finalizers or callbacks
    bool waits;      // it does, or what had destroy hooks ends after the lock
    uint64_t number; // for pacing
    uint64_t full;   // for who waits at the limit
};

// The same, of a generation, between what pacing is told of it.
static tally_status collect_paced(struct tly_call *call, enum tly_look look,
                                  struct tally_collection *done,
                                  struct left *ret_left) {
    ret_left->waits = false;
    ret_left->full = 0;
    if (look == TLY_LOOK_LISTED)
        return collect_locked(call, look, done, &ret_left->listed);
    uint64_t cpu = tly_os_cpu(), bytes = tly_garbage_bytes;
    uint64_t hooked = tly_garbage_hooked, listed = tly_garbage_put;
    tly_pace_began((tally_generation)look);
    tally_status status = collect_locked(call, look, done, &ret_left->listed);
    hooked = tly_garbage_hooked - hooked;
    ret_left->waits = ret_left->listed || hooked > 0;
    struct tly_pace_work work = {
        .generation = (tally_generation)look,
        .abandoned = status != TALLY_OK,
        .stopped = call->mode == TALLY_STOPPED,
        .opaque = done->opaque > 0,
        .candidates = done->candidates,
        // What is listed is on its way.
        .freed = ret_left->listed ? done->garbage : done->freed,
        .waits = ret_left->waits,
        .freed_bytes = tly_garbage_bytes - bytes + tly_garbage_put - listed,
        .hooked_bytes = hooked,
        .cpu_ns = tly_os_cpu() - cpu,
    };
    ret_left->number = tly_pace_done(&work);
    ret_left->full = tly_limit_last();
    return status;
}

// With the lock held, which it gives back; then finalizers run, unless one
// runs already: its loop goes on with these.
static tally_status collect(struct tly_call *call, enum tly_look look,
                            struct tally_collection *done,
                            struct left *ret_left) {
    struct tly_local *self = call->self;
    struct tly_mutator *mutator = tly_mutator_in(self);
    // Relaxed: a hint.
    tly_store_relaxed(&tly_call_refused, 0);
    for (unsigned round = 1;; round++) {
        tly_settle_idle(self);
        given_up = round - 1;
        tally_status status = collect_paced(call, look, done, ret_left);
        tly_collector_give(mutator);
        tly_settle_dead(self);
        if (!ret_left->listed) // else the second look frees it
            tly_limit_freed(ret_left->full, ret_left->waits);
        if (status != TALLY_BUSY || tly_hooks_end(self))
            return status;
        // Its turn comes after theirs who wait for the lock.
        if (!tly_collector_take(mutator, &call->patience))
            return TALLY_TIMED_OUT;
    }
}

// The second look, for who has the lock.
void tly_call_look_again(struct tly_call *call, struct tally_collection *done) {
    struct left left = {.listed = false};
    (void)collect(call, TLY_LOOK_LISTED, done, &left);
}

// Whether garbage waits for finalizers, and all of them have run.
bool tly_second_is_due(void) {
    // Relaxed: a hint.
    return tly_load_relaxed(&tly_finalize_awaited) &&
           tly_finalize_waiting() == 0;
}

// Nothing uses the types that are freed, and nobody walks the heap with them.
static void types_retire(struct tly_call *call) {
    struct tly_mutator *self = tly_mutator_in(call->self);
    call->patience.brief = true; // the collection itself has ended
    if (!tly_types_are_dropped() || tly_collector_refuses(self) ||
        !tly_collector_take(self, &call->patience))
        return;
    tly_types_retire();
    tly_collector_give(self);
}

// What garbage with hooks led to has ended by now: what lives is known.
static void settled(struct tly_mutator *self, const struct left *left,
                    tally_generation generation) {
    if (!left->waits || tly_collector_refuses(self) || !tly_collector_try(self))
        return;
    tly_pace_settled(left->number, generation);
    tly_collector_give(self);
}

// A collection of a generation, by who has the lock, with what follows.
tally_status tly_call_collect(struct tly_call *call,
                              tally_generation generation,
                              struct tally_collection *done) {
    struct tly_local *self = call->self;
    uint64_t began = tly_os_now(), finalized = self->counters.finalized;
    struct left left = {.listed = false};
    tally_status status = collect(call, (enum tly_look)generation, done, &left);
    if ((left.listed || tly_second_is_due()) && tly_second_look_may(self) &&
        tly_collector_take(tly_mutator_in(self), &call->patience))
        tly_call_look_again(call, done);
    if (left.listed)
        tly_limit_freed(left.full, true);
    settled(tly_mutator_in(self), &left, generation);
    done->finalized = self->counters.finalized - finalized;
    done->total_ns = tly_os_now() - began;
    if (status == TALLY_OK && generation == TALLY_FULL) {
        tly_idle_empty();
        types_retire(call);
    }
    if (status == TALLY_OK && tly_collector_after)
        tly_collector_after(&call->patience);
    return status;
}

bool tly_second_look_may(struct tly_local *self) {
    return !tly_is_finishing(self) &&
           !tly_collector_refuses(tly_mutator_in(self));
}

uint64_t tly_second_look(struct tly_local *self,
                         struct tly_patience *patience) {
    struct tally_collection done = {0};
    struct tly_call call = {self, tly_collect_mode(), *patience};
    // Relaxed: a hint.
    if (!tly_load_relaxed(&tly_finalize_awaited) ||
        !tly_second_look_may(self) ||
        !tly_collector_take(tly_mutator_in(self), &call.patience))
        return 0;
    tly_call_look_again(&call, &done);
    *patience = call.patience;
    tly_account_late(&done);
    return done.freed;
}

// Takes the lock right after everything was settled, with hooks: who had to
// wait settles again, for what was cleared meanwhile dropped more. Some times;
// in the end what has hooks is left to others. On error it has no lock.
static tally_status lock_settled(struct tly_call *call,
                                 tally_generation generation) {
    struct tly_local *self = call->self;
    struct tly_mutator *mutator = tly_mutator_in(self);
    for (unsigned round = 0; round < ROUNDS; round++) {
        tally_status status = TALLY_OK;
        if (generation == TALLY_FULL)
            status = tly_settle(self, &call->patience);
        else
            tly_settle_idle(self);
        if (status != TALLY_OK || tly_collector_try(mutator))
            return status;
        if (!tly_collector_wait(mutator, &call->patience))
            break;
    }
    return tly_collector_take(mutator, &call->patience) ? TALLY_OK
                                                        : TALLY_TIMED_OUT;
}

// A collection that the program asks for: with what waits for it settled, and
// entered in the books.
static tally_status collect_asked(struct tly_call *call,
                                  tally_generation generation,
                                  struct tally_collection *done) {
    tly_account_begin(call->mode, generation);
    done->mode = call->mode;
    tally_status status = lock_settled(call, generation);
    if (status == TALLY_OK)
        status = tly_call_collect(call, generation, done);
    tly_account_end(generation, done, status);
    return status;
}

// One more, of the whole heap; what it did is added. False: it did nothing.
static bool collect_more(struct tly_call *call, struct tally_collection *done) {
    struct tally_collection more = {0};
    if (collect_asked(call, TALLY_FULL, &more) != TALLY_OK)
        return false;
    bool settled = tly_settle(call->self, &call->patience) == TALLY_OK;
    done->garbage += more.garbage;
    done->freed += more.freed;
    done->visited += more.visited;
    done->rescued += more.rescued;
    done->saved += more.saved;
    done->finalized += more.finalized;
    done->total_ns += more.total_ns;
    if (more.pause_ns > done->pause_ns)
        done->pause_ns = more.pause_ns;
    return settled && more.freed > 0;
}

// What a collection has left that the caller expects to be found: objects that
// only a stopped world can be asked about; and again, as long as that finds
// something, what refers to a HOT object and ends after the count has left it
// dead and not yet known to be.
static void collect_left(struct tly_call *call, struct tally_collection *done) {
    tally_collect_mode mode = call->mode;
    call->patience.brief = false;
    call->mode = TALLY_STOPPED;
    if (done->opaque)
        collect_more(call, done);
    call->mode = mode;
    while (tly_hot_has_dead())
        if (!collect_more(call, done))
            return;
}

tally_status tly_collect_with(struct tly_patience *patience,
                              tally_collect_mode mode,
                              tally_generation generation,
                              struct tally_collection *ret_done) {
    struct tally_collection done = {0};
    if ((generation != TALLY_YOUNG && generation != TALLY_FULL) ||
        (mode != TALLY_CONCURRENT && mode != TALLY_STOPPED))
        return TALLY_INVALID;
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    if (tly_collector_refuses(self))
        return TALLY_DEADLOCK;
    struct tly_local *local = tly_local_of(self);
    // What is asked is done, not what happens to be due.
    (void)tly_is_finishing(local); // no more, maybe: see tly_hooks_left
    struct tly_collects collects TLY_COLLECTS_END =
        tly_collects_begin(local, TLY_FRAME);
    struct tly_call call = {local, mode, *patience};
    tally_status status = collect_asked(&call, generation, &done);
    // What garbage referred to may be another thread's to drop. The collection
    // has ended: who does not answer now is waited for by the next one.
    bool settled =
        generation == TALLY_FULL && status == TALLY_OK &&
        (!done.freed || tly_settle(local, &call.patience) == TALLY_OK);
    if (settled)
        collect_left(&call, &done);
    *patience = call.patience;
    if (status == TALLY_OK && ret_done)
        *ret_done = done;
    return status;
}

tally_status tally_collect_with(tally_collect_mode mode,
                                tally_generation generation,
                                struct tally_collection *ret_done) {
    TLY_KEEPS_ERRNO;
    // Before the first use there is no option to go by.
    if (!tly_self_attached())
        return -errno;
    struct tly_patience patience = tly_patience_begin();
    return tly_collect_with(&patience, mode, generation, ret_done);
}

tally_status tally_collect_generation(tally_generation generation,
                                      struct tally_collection *ret_done) {
    TLY_KEEPS_ERRNO;
    // Before the first use there is no option to go by.
    if (!tly_self_attached())
        return -errno;
    return tally_collect_with(tly_collect_mode(), generation, ret_done);
}

size_t tally_collect(void) {
    int error = errno;
    struct tally_collection done = {0};
    tally_status status = tally_collect_generation(TALLY_FULL, &done);
    errno = status == TALLY_OK ? error : -status;
    return done.freed;
}

void tly_collector_configure(const struct tally_config *config) {
    // Relaxed: before threads come.
    tly_store_relaxed(&mode_option, (uint32_t)config->mode);
    tly_zeal_configure(config->zeal);
    tly_thresholds_configure(config);
    tly_limit_configure(config->limit_bytes, config->limit_wait_ms);
    tly_workers_configure(config->workers);
}

tally_status tly_collector_start(void) {
    memset(&tly_collect_totals, 0, sizeof(tly_collect_totals));
    tly_collector_lock_start();
    tly_pace_reset();
    tly_growth_reset();
    tly_account_reset();
    return tly_sides_start();
}

void tly_collector_end(void) {
    tly_workers_end();
    tly_sums_end();
    tly_sides_end();
}
