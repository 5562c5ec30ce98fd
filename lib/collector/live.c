// The concurrent way: watch and validate. No thread is stopped; each passes two
// handshakes at safepoints of its own (docs/collector.md has the argument).
//
//   begin     handshake: a new colour for what is made; what dies is held
//   capture   the kernels read the heap beside the threads, and propose
//   watch     what they propose is marked
//   end       handshake: whoever changes it from now on says so; nothing is
//             held any more
//   validate  the proposal is counted exactly, less what was touched
//   commit    what is left is garbage
//
// While it reads, its thread is DETACHED, so that nobody waits for it. Until
// the commit all of it can be given up by taking the marks away.

#include "collector/find.h"

#include "collector/clear.h"
#include "collector/debug.h"
#include "collector/guard.h"
#include "collector/lock.h"
#include "collector/validate.h"
#include "collector/weaken.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "object/cycle.h"
#include "object/hot.h"
#include "object/weak.h"
#include "platform/os.h"
#include "pool/walk.h"

struct live {
    struct tly_local *self;
    struct tly_trial trial;
    struct tly_ended ended;
    struct tly_patience *patience;
    bool called; // callbacks of weak references to what is left
};

// ---- the two handshakes; the thread is DETACHED

static tally_status ask(struct live *live, uint32_t cycle, bool held) {
    uint32_t late;
    // ORDER[cycle] release: after what was read so far. Pairs with the loads in
    // tly_cycle_enter and is_retained (give.c).
    tly_store_release(&tly_cycle, cycle);
    // ORDER[cycle] release: the same.
    tly_store_release(&tly_pools_held, held);
    tally_status status =
        tly_handshake_detached(TLY_GOAL_CYCLE, live->patience, &late);
    return status;
}

static tally_status begin(struct live *live, enum tly_look look) {
    // Relaxed: only the holder of the collector's lock writes it.
    uint32_t cycle = (tly_load_relaxed(&tly_cycle) | 1) + 2;
    live->trial.fresh = (uint8_t)tly_cycle_colour(cycle);
    if (look == TLY_LOOK_FULL)
        tly_hot_retire();
    tally_status status = ask(live, cycle, true);
    // Of garbage nobody counts any more: the sum is right.
    if (look != TLY_LOOK_YOUNG)
        tly_hot_sum();
    if (look == TLY_LOOK_FULL)
        tly_hot_retired(status == TALLY_OK);
    return status;
}

static tally_status end(struct live *live) {
    // Relaxed: as in begin.
    tally_status status =
        ask(live, tly_load_relaxed(&tly_cycle) & ~(uint32_t)1, false);
    // Of what is watched nobody counts in its cells now.
    if (!TLY_BUSTED(HOT_SUM_EARLY))
        tly_hot_sum();
    return status;
}

// Nothing is watched: threads need not hold, but nobody waits for that.
static void let_go(void) {
    uint32_t cycle = tly_load_relaxed(&tly_cycle);
    // ORDER[cycle] release: as in ask.
    tly_store_release(&tly_cycle, cycle & ~(uint32_t)1);
    // ORDER[cycle] release: the same.
    tly_store_release(&tly_pools_held, 0);
    tly_handshake_ask(TLY_GOAL_CYCLE);
}

// ---- capture

static tally_status capture(struct live *live, enum tly_look look,
                            struct tly_found *found) {
    struct tly_trial *trial = &live->trial;
    // Everything that is looked at lies below: it was made before.
    tally_status status = tly_trial_prepare(true, false);
    if (status != TALLY_OK)
        return status;
    tly_find_count(trial, look);
    if (tly_collector_is_urgent())
        return TALLY_BUSY;
    if (look != TLY_LOOK_LISTED)
        tly_pools_aged(trial->fresh);
    found->waiting = tly_find_spares(look);
    TLY_CHAOS(COUNTED, trial->young);
    tly_trial_mark();
    if (tly_collector_is_urgent())
        return TALLY_BUSY;
    tly_hubs_rescue(trial);
    TLY_CHAOS(MARKED, trial->young);
    found->candidates = trial->members;
    found->opaque = trial->opaque;
    found->garbage = tly_trial_garbage(look != TLY_LOOK_FULL);
    return TALLY_OK;
}

// ---- commit

// Whether finalizers or callbacks come first.
static bool is_held(const struct live *live) {
    bool calls = live->trial.weak && !live->called && tly_guard_calls();
    return live->trial.finalizers || calls;
}

static void phase_set(uint32_t phase) {
    // ORDER[weak-phase] seq_cst: CLOSING before DIRTY is looked for; OPEN after
    // what is dead is known to be.
    tly_store_seq_cst(&tly_weak_phase, phase);
}

// Whether nobody has touched the members since they were validated: then they
// are garbage, and the phase says so.
static bool commit(struct live *live) {
    bool held = is_held(live);
    uint32_t phase = TLY_WEAK_CLOSING;
    phase_set(TLY_WEAK_CLOSING);
    if (!tly_validate_touched() && (!held || tly_guard_take()) &&
        // ORDER[weak-phase] seq_cst: either this or the end that somebody puts
        // to it.
        tly_cas_seq_cst(&tly_weak_phase, &phase,
                        held ? TLY_WEAK_HELD : TLY_WEAK_COMMITTED))
        return true;
    phase_set(TLY_WEAK_OPEN);
    return false;
}

// Claims what comes first. The thread is attached.
static void claim(struct live *live, struct tly_found *found) {
    tly_find_hold(live->self, &live->trial, found);
    tly_guard_drop(live->self);
}

// Validates until a commit succeeds: true, with the thread attached; or nothing
// is left.
static bool settle(struct live *live, struct tly_found *found) {
    struct tly_mutator *mutator = tly_mutator_in(live->self);
    for (;;) {
        tly_validate(&live->trial, &live->ended);
        if (live->trial.members == 0 || tly_collector_is_urgent())
            return false;
        TLY_CHAOS(VALIDATED, live->trial.young);
        bool done = commit(live);
        TLY_CHAOS(COMMITTED, live->trial.young);
        tly_mutator_attach(mutator);
        if (done)
            claim(live, found);
        // Relaxed: written by this thread, while it is not CLOSING.
        if (done && (found->held ||
                     tly_load_relaxed(&tly_weak_phase) == TLY_WEAK_COMMITTED))
            return true;
        // Callbacks were to be called, but none is: they are garbage
        // themselves, or made by its finalizers.
        live->called |= done;
        tly_guard_drop(live->self);
        tly_mutator_detach(mutator);
        phase_set(TLY_WEAK_OPEN);
    }
}

static void committed(struct live *live, struct tly_found *found) {
    found->published = live->trial.published;
    if (!found->held)
        tly_debug_found(found);
    if (found->held)
        tly_unwatch_all(&live->ended);
    else
        tly_hot_let_go(tly_is_garbage);
    if (found->weak && !found->held)
        tly_weaken();
    phase_set(TLY_WEAK_OPEN);
}

// ---- all of it

static tally_status give_up(struct live *live, tally_status status) {
    tly_unwatch_all(&live->ended);
    let_go();
    return status;
}

// DETACHED; attached again if something was committed.
static tally_status find(struct live *live, enum tly_look look,
                         struct tly_found *found) {
    tally_status status = begin(live, look);
    bool begun = status == TALLY_OK;
    // Colours come again: what has one that is not new is old when a collection
    // ends, whatever that has looked at.
    if (begun && look == TLY_LOOK_LISTED)
        tly_trial_age(live->trial.fresh);
    TLY_CHAOS(BEGUN, live->trial.young);
    if (begun)
        status = capture(live, look, found);
    if (status != TALLY_OK || found->garbage == 0) {
        tly_garbage_forget();
        if (begun && status != TALLY_OK)
            tly_trial_age(live->trial.fresh);
        let_go();
        return status;
    }
    tly_watch();
    if (tly_collector_is_urgent())
        return give_up(live, TALLY_BUSY);
    if (TLY_BUSTED(NO_END))
        let_go();
    else
        status = end(live);
    if (status != TALLY_OK)
        return give_up(live, status);
    TLY_CHAOS(ENDED, live->trial.young);
    bool done = settle(live, found);
    if (!done && live->trial.members > 0)
        return give_up(live, TALLY_BUSY);
    if (done)
        committed(live, found);
    found->rescued = found->garbage - live->trial.members;
    found->garbage = live->trial.members;
    return TALLY_OK;
}

tally_status tly_find_live(struct tly_local *self, enum tly_look look,
                           struct tly_patience *patience,
                           struct tly_found *found) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    struct live live = {
        .self = self,
        .trial = {.young = look == TLY_LOOK_YOUNG, .live = true},
        .patience = patience,
    };
    tally_status status = tly_trial_prepare(true, false);
    if (status != TALLY_OK)
        return status;
    tly_mutator_detach(mutator);
    status = find(&live, look, found);
    if (status != TALLY_OK && look == TLY_LOOK_FULL)
        tly_sides_drop();
    if (!tly_is_attached(tly_self()))
        tly_mutator_attach(mutator);
    tly_ended_give(&live.ended, self);
    tly_held_give_left(self);
    found->waiting |= tly_found_waits(found);
    return status;
}
