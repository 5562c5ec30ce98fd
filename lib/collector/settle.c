// Before a collection: what all threads hold for each other is done, so that
// garbage is not taken for referred to by what is on its way.

#include "collector/collect.h"
#include "collector/limit.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "epoch/wait.h"
#include "object/defer.h"
#include "object/finish.h"
#include "object/later.h"

// A program that goes on dropping is waited for so often.
#define ROUNDS 4

static void inboxes_empty(void) {
    for (uint32_t n = 1; n <= tly_registry_count(); n++)
        tly_inbox_empty(tly_heap_of(tly_mutator_of(n)));
}

void tly_settle_dead(struct tly_local *self) {
    if (self->collects)
        tly_finish_all(self, true);
    else
        tly_finish(self, true);
}

void tly_settle_idle(struct tly_local *self) {
    tly_later_apply(self);
    inboxes_empty();
    tly_settle_dead(self);
    tly_pending_flush(&self->heap);
}

// Takes over what threads wait for that do not run meanwhile, and their dead:
// of those that a forked child does not have, or that ended inside a hook.
void tly_settle_rescue(struct tly_local *self) {
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        struct tly_local *local = tly_local_of(m);
        uint32_t idle;
        // Relaxed: what is missed was taken in this round, and counted.
        if ((!tly_limbo_keeps(local) && !tly_load_relaxed(&local->dying) &&
             !tly_load_relaxed(&local->lost)) ||
            !tly_mutator_suspend(m, &idle))
            continue;
        tly_limbo_rescue(local);
        tly_destroy_rescue(self, local);
        tly_mutator_resume(m, idle);
        // Who handed something over meanwhile has left it.
        tly_inbox_help(tly_heap_of(m));
    }
}

// Grows with every step of what is on its way: with each drop that is put
// aside for its owner, each pool that is put in an inbox, each list that waits
// for a grace period, each object that ends, each callback of a weak reference.
// What a thread has begun is done when it answers the next handshake; so after
// a round in which this did not grow, nothing is on its way.
static uint64_t progress(void) {
    uint64_t sum = 0;
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        const struct tly_local *local = tly_local_of(tly_mutator_of(n));
        // Relaxed: those that answered the handshake ordered theirs.
        sum += tly_load_relaxed(&local->counters.destroyed) +
               tly_load_relaxed(&local->counters.handed_over) +
               tly_load_relaxed(&local->counters.called) +
               tly_load_relaxed(&local->heap.moves);
    }
    return sum;
}

// A section that does not end would hold a grace period up, which has no
// deadline: a thread that is in one has left it when it answers.
static tally_status sections_end(struct tly_local *self,
                                 struct tly_patience *patience) {
    if (!tly_rcu_any_section())
        return TALLY_OK;
    return tly_handshake(tly_mutator_in(self), 0, patience);
}

// What was handed over to threads that do not run, and dies there, is ours.
static void idle_take(struct tly_local *self) {
    tly_pending_flush(&self->heap);
    inboxes_empty();
    tly_settle_rescue(self);
}

// What hooks of the dead make and drop may wait in turn, for ever: so many
// levels are followed at which they made as much as ended, or more.
#define LEVELS 512

// Less what was made before: wraps.
static uint64_t ended(const struct tly_local *self) {
    // Relaxed, both: counters of one writer.
    return tly_load_relaxed(&self->counters.destroyed) -
           tly_load_relaxed(&self->counters.made);
}

// Objects that there are.
static uint64_t objects(void) {
    uint64_t sum = 0;
    for (uint32_t n = 1; n <= tly_registry_count(); n++)
        // Others' counters: a hint.
        sum -= ended(tly_local_of(tly_mutator_of(n)));
    return sum;
}

// Destroys what waits for a grace period, here and of threads that left it: no
// more than there are now, and so not what others go on leaving.
static tally_status limbo_end(struct tly_local *self,
                              struct tly_patience *patience) {
    // What dies of published objects may be published itself: a chain is
    // followed to its end. Deferred calls may defer others, for ever.
    unsigned calls = ROUNDS, levels = LEVELS;
    uint64_t began = ended(self), most = objects() + LEVELS;
    tally_status status = sections_end(self, patience);
    while (status == TALLY_OK) {
        uint64_t before = ended(self);
        tly_limbo_poll(self, true);
        bool goes_on = tly_finish_all(self, true);
        if (calls > 0)
            tly_defer_run(self);
        calls -= calls > 0;
        idle_take(self);
        levels -= (int64_t)(ended(self) - before) <= 0;
        goes_on &= (int64_t)(ended(self) - began - most) <= 0;
        if (!goes_on || levels == 0 || tly_is_finishing(self) ||
            tly_hooks_end(self) ||
            !(calls ? tly_limbo_has(self) : tly_limbo_has_objects(self)))
            break;
        // Who was not asked is waited for by a fork, and by the runtime's end.
        if (patience->brief)
            status = sections_end(self, patience);
    }
    return status;
}

tally_status tly_settle(struct tly_local *self, struct tly_patience *patience) {
    tally_status status = TALLY_OK;
    uint64_t before, after = progress();
    for (unsigned round = 0; round < ROUNDS && status == TALLY_OK; round++) {
        before = after;
        tly_later_apply(self);
        idle_take(self);
        status = limbo_end(self, patience);
        if (status != TALLY_OK)
            break;
        status = tly_handshake(tly_mutator_in(self), TLY_GOAL_FLUSH, patience);
        after = progress();
        if (after == before && !tly_limbo_has(self))
            break;
    }
    return status;
}

// What is dead and waits no collection finds; nor is it found in the slices of
// those who run. A chain of what they own ends a level a round beside them.
void tly_settle_room(struct tly_local *self) {
    struct tly_collects call TLY_COLLECTS_END =
        tly_collects_begin(self, TLY_FRAME);
    size_t plenty = (size_t)tly_pool_limit() / 2;
    bool goes_on = true;
    while (goes_on) {
        struct tly_patience brief = {.left = tly_limit_wait(), .brief = true};
        uint64_t before = objects();
        goes_on = tly_settle(self, &brief) == TALLY_OK &&
                  (int64_t)(objects() - before) < 0 && !tly_pool_fits(plenty) &&
                  !tly_hooks_end(self);
    }
    tly_limit_freed(0, false); // who waits looks again
}
