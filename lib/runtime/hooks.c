// What the higher layers do at the turns of a mutator's and a pool's life.

#include "arena/arena.h"
#include "collector/account.h"
#include "collector/collect.h"
#include "collector/limit.h"
#include "collector/lock.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "epoch/stall.h"
#include "object/cycle.h"
#include "object/defer.h"
#include "object/finish.h"
#include "object/later.h"
#include "object/type.h"
#include "runtime/background.h"
#include "runtime/due.h"
#include "runtime/executor.h"
#include "object/hot.h"
#include "runtime/start.h"

// The mutator's last thread may be one that a forked child does not have.
static void mutator_adopt(struct tly_mutator *self) {
    struct tly_local *local = tly_local_of(self);
    local->finishing = 0;
    tly_inside_end(local);
    local->collects = 0;
    local->collector = 0;
    local->ends = NULL;
    // Not written for nothing: the memory behind it comes with its use.
    if (tly_cold(local)->waits)
        tly_cold(local)->waits = 0;
    // In a forked child: what the thread had when the process was forked.
    tly_limbo_rescue(local);
    tly_hot_adopt(local);
}

// A forked child does not have the thread, which may have stood still in the
// midst of a safepoint. Whoever collects has what is left of the dead.
static void mutator_orphan(struct tly_mutator *self) {
    struct tly_local *local = tly_local_of(self);
    mutator_adopt(self);
    tly_cycle_enter(local);
    tly_later_apply(local);
    tly_inbox_drain(&local->heap, UINT32_MAX);
    tly_finish(local, false);
    tly_pending_flush(&local->heap);
    tly_limbo_rescue(local);
    tly_held_leave(local);
    // Relaxed: the state orders it.
    tly_store_relaxed(&local->lost, tly_finish_has(local));
}

// The thread ends, inside a hook perhaps.
static void mutator_unwound(struct tly_mutator *self) {
    tly_hooks_unwound(tly_local_of(self));
    tly_end_unwound();
}

static void mutator_enter(struct tly_mutator *self, const void *frame) {
    struct tly_local *local = tly_local_of(self);
    if (!local->finishing || tly_hooks_left(local, frame))
        self->hooks_at = NULL;
}

// Of an attached thread.
static void mutator_left(struct tly_mutator *self, const void *frame) {
    struct tly_local *local = tly_local_of(self);
    mutator_enter(self, frame);
    if (local->collects)
        (void)tly_collects_left(local, frame);
    (void)tly_announce_goes_on(frame);
    tly_end_poll(frame);
}

static void types_keep(struct tly_mutator *self, bool may) {
    if (may && !self->stopped_world && !tly_rcu_ongoing())
        tly_types_keep(self);
    else
        tly_break_self(self, TLY_BREAK_KEEP);
}

// The program may unload a library now without another safepoint.
static void mutator_started(struct tly_mutator *self) {
    tly_collector_go_on(self);
    // Relaxed: asked by the thread itself.
    if (tly_load_relaxed(&self->breaker.bits_) & TLY_BREAK_KEEP)
        types_keep(self, true);
}

// What died of what was ripe waits in turn: the next grace period is its. Since
// [count] waited. The thread that supplies these is told at once (due.c).
static void mutator_leads(struct tly_local *self, uint32_t count) {
    // Relaxed, both: the thread's own, and a hint.
    if (tly_load_relaxed(&tly_cold(self)->limbo.count) <= count ||
        !tly_load_relaxed(&tly_due_follows))
        return;
    tly_limbo_reap(self);
    if (self->dead)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
    tly_due_leads();
}

// A safepoint. Not [open]: the program's code must not run, and nothing may
// collect; what was asked is asked again.
static void mutator_poll(struct tly_mutator *self, uint32_t bits, bool open) {
    struct tly_local *local = tly_local_of(self);
    if (bits)
        tly_count(&local->counters.safepoint_work, 1);
    tly_end_poll(__builtin_frame_address(0));
    // Relaxed: a hint, set before the child had a second thread.
    if (TLY_UNLIKELY(tly_load_relaxed(&tly_fork_orphans)))
        tly_fork_adopt(self);
    // Relaxed: the thread's own while it runs.
    if (TLY_UNLIKELY(tly_load_relaxed(&local->lost)) && open)
        tly_store_relaxed(&local->lost, 0);
    if (!TLY_BUSTED(ANSWER_NO_CYCLE) || !(bits & TLY_BREAK_HANDSHAKE))
        tly_cycle_enter(local);
    tly_later_poll(local, bits & (TLY_BREAK_STOP | TLY_BREAK_DUE));
    if (bits & TLY_BREAK_STOP)
        tly_pending_flush(&local->heap);
    else
        tly_pending_poll(&local->heap);
    if (tly_inbox_has(&local->heap))
        tly_inbox_drain(&local->heap,
                        bits & TLY_BREAK_DEAD ? UINT32_MAX : TLY_INBOX_SLICE);
    // Nothing put off is the rule, and costs no more than this look.
    bool put_off = tly_cold(local)->later_count > 0;
    if (open)
        put_off |= tly_limbo_poll(local, false);
    else
        tly_limbo_reap(local);
    // Relaxed: the thread's own.
    uint32_t waits = tly_load_relaxed(&tly_cold(local)->limbo.count);
    if (bits & TLY_BREAK_DEAD)
        tly_finish_all(local, open);
    else
        tly_finish(local, open);
    tly_held_give(local, false);
    if (bits & TLY_BREAK_DUE)
        mutator_leads(local, waits);
    if (open)
        tly_defer_run(local);
    uint32_t later =
        bits & (TLY_BREAK_COLLECT | TLY_BREAK_FINISH | TLY_BREAK_ZEAL);
    if (!open && later)
        tly_break_self(self, later);
    else if (later & TLY_BREAK_COLLECT)
        tly_collector_poll(local);
    if (open) {
        tly_collector_zeal(local);
        tly_executor_poll(local);
        if (put_off)
            tly_background_poll(local);
    }
    if (bits & TLY_BREAK_KEEP)
        types_keep(self, open);
    tly_arena_tick();
}

// Before an idle state: nothing that others wait for stays here, and nothing
// dead unless the thread is back soon and collects not.
static void mutator_flush(struct tly_mutator *self, bool waits) {
    struct tly_local *local = tly_local_of(self);
    // Relaxed: the thread's own while it runs. Hooks that go on for ever are
    // not begun with again where an inbox has called the thread back.
    bool hooks = !tly_load_relaxed(&local->lost);
    do {
        tly_later_apply(local);
        tly_pending_flush(&local->heap);
        if (TLY_LIKELY(!tly_finish_has(local)))
            continue;
        if (waits && !tly_is_collecting(local))
            tly_finish(local, hooks);
        else
            tly_finish_all(local, hooks);
    } while (local->heap.pending_count || tly_cold(local)->later_count);
    tly_executor_poll(local);
    if (TLY_UNLIKELY(tly_finish_has(local)) &&
        ((!local->finishing && tly_hooks_may_run(local)) ||
         tly_hooks_end(local)))
        // Relaxed: the state orders it.
        tly_store_relaxed(&local->lost, 1);
    bool left = tly_limbo_leave(local);
    tly_held_leave(local);
    if (left)
        tly_background_poll(local);
}

// After a poll: what others handed over is done.
static void mutator_acknowledge(struct tly_mutator *self, uint32_t kinds) {
    struct tly_local *local = tly_local_of(self);
    if (kinds & TLY_GOAL_FLUSH) {
        tly_later_apply(local);
        do {
            tly_pending_flush(&local->heap);
            tly_finish_all(local, false);
        } while (local->heap.pending_count && !tly_is_finishing(local));
        tly_limbo_rescue(local);
    }
    if (kinds & TLY_GOAL_CYCLE) {
        // What is on its way to others would look like a reference from
        // outside.
        tly_later_apply(local);
        tly_pending_flush(&local->heap);
    }
    if (!TLY_BUSTED(ANSWER_NO_CYCLE))
        tly_cycle_enter(local);
    if (kinds & TLY_GOAL_TRIM)
        tly_heap_empty(&local->heap, true);
}

static bool mutator_is_called(struct tly_mutator *self) {
    struct tly_local *local = tly_local_of(self);
    return tly_is_finishing(local) || local->running ||
           tly_is_collecting(local) || local->collector == TLY_COLLECTS ||
           tly_is_announcing();
}

const struct tly_epoch_hooks tly_epoch_hooks = {
    .start = tly_runtime_ensure,
    .adopt = mutator_adopt,
    .unwound = mutator_unwound,
    .enter = mutator_enter,
    .left = mutator_left,
    .poll = mutator_poll,
    .flush = mutator_flush,
    .acknowledge = mutator_acknowledge,
    .stop = tly_collector_still,
    .started = mutator_started,
    .orphan = mutator_orphan,
    .called = mutator_is_called,
};

static void pool_reap(struct tly_heap *self, bool all) {
    uint64_t began = tly_stall_begin(&self->mutator);
    tly_limbo_reap(tly_local_of(&self->mutator));
    if (all)
        tly_finish_all(tly_local_of(&self->mutator), false);
    else
        tly_finish(tly_local_of(&self->mutator), false);
    tly_stall_end(began);
}

static bool pool_full(struct tly_heap *self, size_t bytes) {
    return tly_limit_room(tly_local_of(&self->mutator), bytes);
}

const struct tly_pool_hooks tly_pool_hooks = {
    .drain = tly_handover_drain,
    .collide = tly_handover_collide,
    .grew = tly_collector_grew,
    .reap = pool_reap,
    .full = pool_full,
};
