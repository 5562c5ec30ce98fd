// Collections that begin by themselves: at a safepoint, or in the runtime's
// thread.

#include "collector/account.h"
#include "collector/call.h"
#include "collector/collect.h"
#include "collector/control.h"
#include "collector/limit.h"
#include "collector/lock.h"
#include "collector/pace.h"
#include "epoch/attach.h"
#include "object/finish.h"

bool (*tly_collector_elsewhere)(struct tly_local *self);
uint32_t tly_call_refused;

static struct {
    uint64_t every;  // (a) a collection every so many safepoints; 0: none
    uint64_t passed; // (a) safepoints passed so far
} zeal;

void tly_zeal_configure(uint64_t every) {
    // Relaxed, both: before threads come.
    tly_store_relaxed(&zeal.every, every);
    tly_store_relaxed(&zeal.passed, 0);
}

bool tly_collector_is_due(void) {
    return tly_pace_due() >= 0 || tly_second_is_due();
}

// ---- collections that are due

// What is due does not wait for others to be done with the lock. But where they
// have had it so often since, and nothing was collected, it has its turn.
#define TURNS 16u

static bool is_starved(void) {
    // Relaxed, both: hints.
    uint32_t at = tly_load_relaxed(&tly_call_refused),
             now = tly_collector_turns();
    if (!at)
        tly_store_relaxed(&tly_call_refused, now ? now : 1);
    return at && now - at >= TURNS;
}

// For what is due; who else has the lock will look whether anything is.
static bool lock_due(struct tly_call *call) {
    struct tly_mutator *self = tly_mutator_in(call->self);
    call->patience.brief = true;
    if (!tly_collector_try(self) &&
        (!is_starved() || !tly_collector_take(self, &call->patience)))
        return false;
    call->patience = tly_patience_begin();
    return true;
}

// The second look, unless somebody collects: false.
static bool run_again(struct tly_local *self) {
    struct tally_collection done = {0};
    struct tly_call call = tly_call_begin(self, tly_collect_mode());
    if (!lock_due(&call))
        return false;
    tly_call_look_again(&call, &done);
    tly_account_late(&done);
    return true;
}

bool tly_collector_run_due(struct tly_local *self) {
    struct tly_call call = tly_call_begin(
        self, tly_pace_stops() ? TALLY_STOPPED : tly_collect_mode());
    struct tally_collection done = {.mode = call.mode};
    tally_status status = TALLY_BUSY;
    int due = tly_pace_due();
    tly_settle_idle(self);
    if (due < 0)
        return run_again(self);
    if (tly_collector_is_taken() && !is_starved())
        return false;
    if (due == TALLY_FULL && tly_limit_wants())
        tly_settle_room(self);
    tly_account_begin(call.mode, (tally_generation)due);
    bool locked = lock_due(&call);
    if (locked && tly_pace_due() >= due)
        status = tly_call_collect(&call, (tally_generation)due, &done);
    else if (locked) // not any more
        tly_collector_give(tly_mutator_in(self));
    tly_account_end((tally_generation)due, &done, status);
    return status != TALLY_BUSY;
}

void tly_collector_poll(struct tly_local *self) {
    // Who makes nothing does not make it later: who runs finalizers, say.
    bool late = self->heap.grown && tly_pace_is_late();
    self->heap.grown = false;
    if ((!late && !tly_collector_is_due()) || tly_is_collecting(self) ||
        !tly_second_look_may(self))
        return;
    int error = errno;
    if ((!late && tly_pace_due() < 0) || !tly_collector_elsewhere ||
        !tly_collector_elsewhere(self))
        tly_collector_run_due(self);
    else if (late)
        tly_limit_wait_late(self);
    errno = error;
}

void tly_collector_zeal(struct tly_local *self) {
    // Relaxed: an option.
    uint64_t every = tly_load_relaxed(&zeal.every);
    if (TLY_LIKELY(!every))
        return;
    // The next safepoint has something to do as well.
    tly_break_self(tly_mutator_in(self), TLY_BREAK_ZEAL);
    // Relaxed: a counter.
    if (tly_is_collecting(self) || tly_collect_is_held() ||
        !tly_second_look_may(self) || tly_add_relaxed(&zeal.passed, 1) % every)
        return;
    int error = errno;
    struct tally_collection done = {0};
    struct tly_call call = tly_call_begin(self, tly_collect_mode());
    struct tly_collects collects TLY_COLLECTS_END =
        tly_collects_begin(self, TLY_FRAME);
    tly_settle_idle(self);
    bool locked = tly_collector_try(tly_mutator_in(self));
    // Again, where the lock orders it: see tally_collect_disable.
    if (locked && !tly_collect_is_held())
        tly_call_collect(&call, TALLY_FULL, &done);
    else if (locked)
        tly_collector_give(tly_mutator_in(self));
    errno = error;
}

void tly_collector_grew(struct tly_heap *self) {
    if (tly_pace_due() >= 0 || tly_pace_is_late())
        tly_break_self(&self->mutator, TLY_BREAK_COLLECT);
}
