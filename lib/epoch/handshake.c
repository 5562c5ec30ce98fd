// The handshake.
//
// An acknowledgement is a promise that the work of that very goal is done: a
// mutator reads the goal, does what it says, and stores that number. Attaching
// is a poll, and so is to go on after a stop of the world: a thread that did
// not run does what it missed before it does anything else; mutators that do
// not run are only looked at (tests/model/hs.pml).

#include "epoch/handshake.h"

#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "sync/mutex.h"

// Several may wait at a time. A goal stands until it is answered, whether
// anybody waits for it or has given up; a mutator that answers a later one has
// done this one too.

// A goal is a number shifted by three and the kind in the low bits.
#define GOAL_STEP 8u

static uint64_t handshake_goal;
static struct tly_event handshake_done;
static struct tly_mutex handshake_lock = TLY_MUTEX_INIT(TLY_RANK_HANDSHAKE);

static uint64_t ask(uint32_t kind) {
    tly_mutex_lock(&handshake_lock);
    // Relaxed: only the holder of the lock writes it.
    uint64_t last = tly_load_relaxed(&handshake_goal);
    uint64_t goal = (last / GOAL_STEP + 1) * GOAL_STEP + kind;
    // ORDER[goal] seq_cst: what the goal is about was stored before; the
    // count of records and their states are read after. Pairs with the load
    // in tly_handshake_seen.
    tly_store_seq_cst(&handshake_goal, goal);
    uint32_t count = tly_registry_count();
    for (uint32_t n = 1; n <= count; n++)
        tly_break(tly_mutator_of(n), kind & TLY_GOAL_FLUSH
                                         ? TLY_BREAK_HANDSHAKE | TLY_BREAK_DEAD
                                         : TLY_BREAK_HANDSHAKE);
    tly_mutex_unlock(&handshake_lock);
    return goal;
}

// Whether a mutator has done the goal, or does not run. SUSPENDED counts as
// not running: whoever acts for it acknowledges for itself.
static bool is_done(struct tly_mutator *m, uint64_t goal) {
    // ORDER[acknowledge] acquire: what the mutator did for the goal, and all
    // before, is visible to who asked. Pairs with tly_handshake_answer.
    if (tly_load_acquire(&m->ack) >= goal)
        return true;
    // ORDER[state] seq_cst: read after the goal was stored.
    return tly_load_seq_cst(&m->state) != TLY_ATTACHED;
}

// Returns the number of a mutator that was waited for in vain, or 0.
static uint32_t wait_all(uint64_t goal, struct tly_wait *wait) {
    uint32_t count = tly_registry_count();
    for (uint32_t n = 1; n <= count; n++) {
        for (;;) {
            uint32_t seen = tly_event_value(&handshake_done);
            if (is_done(tly_mutator_of(n), goal))
                break;
            if (!tly_wait_for(wait, &handshake_done, seen, tly_mutator_of(n)))
                return n;
        }
    }
    return 0;
}

tally_status tly_handshake_detached(uint32_t kind,
                                    struct tly_patience *patience,
                                    uint32_t *ret_late) {
    struct tly_wait wait = tly_wait_begin(patience);
    *ret_late = wait_all(ask(kind), &wait);
    (void)tly_patience_spend(patience, wait.deadline);
    return *ret_late ? TALLY_TIMED_OUT : TALLY_OK;
}

tally_status tly_handshake(struct tly_mutator *self, uint32_t kind,
                           struct tly_patience *patience) {
    uint32_t late;
    if (tly_rcu_ongoing())
        return TALLY_DEADLOCK;
    tly_mutator_detach(self);
    tally_status status = tly_handshake_detached(kind, patience, &late);
    tly_mutator_attach(self);
    return status;
}

uint64_t tly_handshake_ask(uint32_t kind) { return ask(kind); }

bool tly_handshake_is_done(struct tly_mutator *mutator, uint64_t goal) {
    return is_done(mutator, goal);
}

void tly_handshake_left(struct tly_mutator *self) {
    // ORDER[goal] seq_cst: read after the idle state was stored.
    // Relaxed: the thread's own word.
    if (tly_load_seq_cst(&handshake_goal) != tly_load_relaxed(&self->ack))
        tly_event_signal(&handshake_done);
}

uint64_t tly_handshake_seen(const struct tly_mutator *self) {
    // ORDER[goal] seq_cst: read after the breaker was taken, or after the
    // thread became ATTACHED.
    uint64_t goal = tly_load_seq_cst(&handshake_goal);
    // Relaxed: the thread's own word.
    return TLY_LIKELY(goal == tly_load_relaxed(&self->ack)) ? 0 : goal;
}

void tly_handshake_answer(struct tly_mutator *self, uint64_t goal) {
    // Relaxed: the thread's own word.
    uint64_t ack = tly_load_relaxed(&self->ack);
    // The work of a safepoint may have passed another one.
    if (goal <= ack)
        return;
    bool next = goal / GOAL_STEP == ack / GOAL_STEP + 1;
    if (tly_epoch_hooks.acknowledge)
        tly_epoch_hooks.acknowledge(self,
                                    next ? goal % GOAL_STEP : TLY_GOAL_ALL);
    // ORDER[acknowledge] release: the work is done, and all before it.
    tly_store_release(&self->ack, goal);
    tly_event_signal(&handshake_done);
}

void tly_handshake_hold(bool hold) { tly_mutex_hold(&handshake_lock, hold); }
