// The stop.
//
// The requester makes the phase odd and then reads each mutator's state; a
// thread that becomes ATTACHED reads the phase after (Dekker, ORDER[phase]).
// So a mutator that is seen idle once stays idle until the phase is even, and
// idle mutators are only looked at. Requests are served in the order of their
// tickets. A thread that waited gets through before the next stop: the next
// requester waits until nobody of the last stop waits any more.

#include "epoch/world.h"

#include <tally/mutator.h>

#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "epoch/wait.h"
#include "platform/os.h"
#include "sync/rank.h"

static struct {
    uint32_t next;            // (a) ticket of the next requester
    uint32_t serving;         // (a) ticket that may stop the world
    struct tly_event turn;    // serving has changed
    uint32_t phase;           // (a) odd while the world is stopped
    struct tly_event resumed; // the phase is even again
    uint32_t waiting;         // (a) threads that wait for that
    struct tly_event parked;  // a thread waits, or waits no longer
    uint32_t forking;         // (a) whose turn it is, forks
    uint32_t stopper;         // (a) mutator of the program's tally_stop_world
    uint32_t told;            // (a) the phase in which that was reported
} world TLY_ALIGNED(TLY_LINE);

bool tly_world_is_stopping(void) {
    // ORDER[phase] seq_cst: read after the thread became ATTACHED. Pairs with
    // the requester's addition, which its read of the state follows.
    return tly_load_seq_cst(&world.phase) & 1;
}

// Sleeps until an event, for whoever has stopped the world. If that is the
// program, the first that waits for long says so.
static void wait_world(struct tly_wait *wait, struct tly_event *event,
                       uint32_t seen) {
    // Relaxed, all: for a report.
    uint32_t phase = tly_load_relaxed(&world.phase);
    if (wait->told || tly_load_relaxed(&world.told) == phase)
        tly_event_wait(event, seen, 0);
    else if (!tly_wait_world(wait, event, seen, &world.stopper))
        tly_store_relaxed(&world.told, tly_load_relaxed(&world.phase));
}

// Waits for the phase to be even, DETACHED.
static void wait_even(void) {
    struct tly_wait wait = tly_wait_begin(NULL);
    for (;;) {
        uint32_t seen = tly_event_value(&world.resumed);
        if (!tly_world_is_stopping())
            return;
        wait_world(&wait, &world.resumed, seen);
    }
}

bool tly_world_pass(struct tly_mutator *self) {
    if (TLY_LIKELY(!tly_world_is_stopping()) || self->stopped_world)
        return false;
    // Relaxed: a requester that misses this one meets it at its next stop.
    tly_add_relaxed(&world.waiting, 1);
    do {
        tly_mutator_park(self);
        tly_event_signal(&world.parked);
        // What it was asked for meanwhile it finds when it is back, or is found
        // in a forked child (tly_attach_orphan).
        // Whoever asked since its last look need not wait for the stop to end:
        // the one that stopped may be waiting for the handshake.
        tly_handshake_left(self);
        wait_even();
        tly_mutator_unpark(self);
    } while (tly_world_is_stopping());
    tly_add_relaxed(&world.waiting, (uint32_t)-1);
    tly_event_signal(&world.parked);
    return true;
}

void tly_world_left(void) {
    if (TLY_UNLIKELY(tly_world_is_stopping()))
        tly_event_signal(&world.parked);
}

// Waits until *word is [value]; detached.
static void wait_for(uint32_t *word, uint32_t value, struct tly_event *event) {
    struct tly_wait wait = tly_wait_begin(NULL);
    for (;;) {
        uint32_t seen = tly_event_value(event);
        // ORDER[ticket] acquire: what the last requester did while the world
        // stood still happens before what this one does. Pairs with the
        // addition in tly_world_start.
        if (tly_load_acquire(word) == value)
            return;
        wait_world(&wait, event, seen);
    }
}

// Waits for the turn to stop the world, detached. A ticket cannot be given
// back, and nobody could go on before the last stop has ended: this wait has no
// deadline, but each stop before this one has, and a requester that gets its
// turn too late passes it on.
static void turn_await(void) {
    // Relaxed: the order of tickets is all that is asked.
    uint32_t ticket = tly_add_relaxed(&world.next, 1);
    wait_for(&world.serving, ticket, &world.turn);
    wait_for(&world.waiting, 0, &world.parked);
}

// The same for an attached thread. Detaching runs hooks, which may want a turn
// of their own: the ticket is taken after it.
// False: too late for what it is for; it has the turn.
static bool turn_take(struct tly_mutator *self, struct tly_patience *patience) {
    // ORDER[ticket] acquire: see wait_for.
    uint32_t ticket = tly_load_acquire(&world.serving);
    // Relaxed: nobody holds a turn or waits for one, and nobody still waits
    // for the last stop to end; the acquire above orders the rest.
    if (tly_load_relaxed(&world.waiting) == 0 &&
        tly_cas_relaxed(&world.next, &ticket, ticket + 1))
        return true;
    tly_mutator_detach(self);
    uint64_t deadline = tly_patience_deadline(patience);
    turn_await();
    bool late = !tly_patience_spend(patience, deadline);
    tly_mutator_unpark(self);
    // What others asked for meanwhile; the program's code may want a turn of
    // its own.
    tly_poll(self, false);
    return !late;
}

static void turn_give(void) {
    // ORDER[ticket] acq_rel: see wait_for.
    tly_add_acq_rel(&world.serving, 1);
    tly_event_signal(&world.turn);
}

// Waits until a mutator is not ATTACHED. Returns false at the deadline.
static bool wait_idle(struct tly_mutator *m, struct tly_wait *wait) {
    for (;;) {
        uint32_t seen = tly_event_value(&world.parked);
        // Relaxed: looked at again below.
        if (tly_load_relaxed(&m->state) == TLY_ATTACHED)
            tly_break(m, TLY_BREAK_STOP);
        // ORDER[state] seq_cst: read after the phase became odd, and after
        // STOP was set: a thread that stops running sees the phase and
        // signals, or is seen here. What it did is visible to the requester.
        if (tly_load_seq_cst(&m->state) != TLY_ATTACHED)
            return true;
        if (!tly_wait_for(wait, &world.parked, seen, m))
            return false;
    }
}

// Waits for every mutator but [self]; returns the number of one that is late,
// or 0. A SUSPENDED one is another attached thread's business, which this waits
// for as well.
static uint32_t wait_all(const struct tly_mutator *self,
                         struct tly_wait *wait) {
    uint32_t count = tly_registry_count();
    for (uint32_t n = 1; n <= count; n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        // Relaxed: wait_idle looks again; a thread that attaches now waits.
        if (m != self && tly_load_relaxed(&m->state) == TLY_ATTACHED)
            tly_break(m, TLY_BREAK_STOP);
    }
    for (uint32_t n = 1; n <= count; n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        if (m != self && !wait_idle(m, wait))
            return n;
    }
    tly_wait_end();
    return 0;
}

// With the turn.
static uint32_t stop(const struct tly_mutator *self, struct tly_wait *wait) {
    // ORDER[phase] seq_cst: odd before the states are read.
    tly_add_seq_cst(&world.phase, 1);
    return wait_all(self, wait);
}

static void go_on(void) {
    // ORDER[phase] seq_cst: what was done while the world stood still happens
    // before what its threads do next. Pairs with tly_world_is_stopping.
    tly_add_seq_cst(&world.phase, 1);
    tly_event_signal(&world.resumed);
    turn_give();
}

tally_status tly_world_stop(struct tly_mutator *self,
                            struct tly_patience *patience) {
    if (tly_rcu_ongoing() || self->stopped_world)
        return TALLY_DEADLOCK;
    tly_locks_none_waits("a stop of the world");
    if (!turn_take(self, patience)) {
        turn_give();
        return TALLY_TIMED_OUT;
    }
    struct tly_wait wait = tly_wait_begin(patience);
    self->stopped_world = true;
    bool stopped = stop(self, &wait) == 0;
    (void)tly_patience_spend(patience, wait.deadline);
    if (stopped)
        return TALLY_OK;
    tly_world_start(self);
    return TALLY_TIMED_OUT;
}

void tly_world_start(struct tly_mutator *self) {
    self->stopped_world = false;
    // Relaxed: for a report.
    tly_store_relaxed(&world.stopper, 0);
    go_on();
}

tally_status tly_world_stop_forking(uint64_t deadline, uint32_t *ret_late) {
    struct tly_wait wait = tly_wait_begin(NULL);
    wait.deadline = deadline;
    wait.quiet = true; // whoever forks says it
    turn_await();
    // Relaxed: the phase orders it.
    tly_store_relaxed(&world.forking, 1);
    *ret_late = stop(NULL, &wait);
    if (*ret_late == 0)
        return TALLY_OK;
    tly_world_start_forking();
    return TALLY_TIMED_OUT;
}

void tly_world_start_forking(void) {
    // Relaxed: as above; who misses the end of it finds the phase even.
    tly_store_relaxed(&world.forking, 0);
    go_on();
}

bool tly_world_is_forking(void) {
    // Relaxed: a hint, of which tly_world_pass makes sure; a thread that does
    // not see it is asked again at its next look.
    return tly_load_relaxed(&world.forking);
}

void tly_world_forked(void) {
    // Relaxed: the child has one thread, and its turn is being served.
    tly_store_relaxed(&world.waiting, 0);
    tly_store_relaxed(&world.next, tly_load_relaxed(&world.serving) + 1);
}

tally_status tally_stop_world(void) {
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    // Who does nothing but stop the world is asked like any other.
    tally_safepoint_slow_();
    if (tly_rcu_ongoing() || self->stopped_world)
        return TALLY_DEADLOCK;
    struct tly_patience patience = tly_patience_begin();
    if (tly_epoch_hooks.stop && !tly_epoch_hooks.stop(self, &patience))
        return TALLY_TIMED_OUT;
    tally_status status = tly_world_stop(self, &patience);
    if (status == TALLY_OK)
        // Relaxed: for a report.
        tly_store_relaxed(&world.stopper, self->number);
    else if (tly_epoch_hooks.started)
        tly_epoch_hooks.started(self);
    return status;
}

void tally_start_world(void) {
    struct tly_mutator *self = tly_self();
    if (!self->stopped_world)
        tly_misuse("thread %u starts a world that it did not stop",
                   tly_os_thread_id());
    tly_world_start(self);
    if (tly_epoch_hooks.started)
        tly_epoch_hooks.started(self);
}
