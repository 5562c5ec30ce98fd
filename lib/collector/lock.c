// A word, the number of who has it, and a list of those that wait, detached,
// each at its mutator's event; forks at one that the lock has. The lock is not
// handed over: when it is free, the first of the list takes it, and nobody else
// may, so that a thread that gives it back and wants it again comes last. Who
// gives up leaves the list (tests/model/queue.pml).

#include "collector/lock.h"

#include "collector/clear.h"
#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "epoch/wait.h"
#include "epoch/world.h"
#include "platform/os.h"

uint32_t tly_collector_urgent;
bool tly_collector_heeds;
uint32_t tly_collector_hurries;

struct tly_collector_lock tly_collector_lock = {
    .spin = TLY_SPIN_INIT(TLY_RANK_COLLECTOR),
};

bool tly_collector_refuses(const struct tly_mutator *self) {
    // Relaxed: the thread's own number is there only if it has the lock.
    return tly_rcu_ongoing() || self->stopped_world ||
           tly_load_relaxed(&tly_collector_lock.busy) == self->number;
}

static bool try_free(struct tly_mutator *self) {
    uint32_t nobody = 0;
    // ORDER[collector] acq_rel: the tables are as the last one left them.
    if (!tly_cas_acq_rel(&tly_collector_lock.busy, &nobody, self->number))
        return false;
    tly_local_of(self)->collector = TLY_COLLECTS;
    return true;
}

static bool is_waited_for(void) {
    // Relaxed: a hint; who comes at the same time may be the first.
    return tly_load_relaxed(&tly_collector_lock.first) != NULL;
}

bool tly_collector_try(struct tly_mutator *self) {
    return !is_waited_for() && try_free(self);
}

bool tly_collector_is_taken(void) {
    // Relaxed: a hint.
    return tly_load_relaxed(&tly_collector_lock.busy) || is_waited_for();
}

uint32_t tly_collector_turns(void) {
    // Relaxed: a hint.
    return tly_load_relaxed(&tly_collector_lock.turns);
}

bool tly_collector_wait(struct tly_mutator *self,
                        struct tly_patience *patience) {
    tly_mutator_detach(self);
    uint64_t deadline = tly_patience_deadline(patience);
    uint32_t seen = tly_event_value(&tly_collector_lock.freed);
    // ORDER[collector] acquire: looks again before it sleeps.
    bool late =
        (tly_load_acquire(&tly_collector_lock.busy) || is_waited_for()) &&
        !tly_event_wait(&tly_collector_lock.freed, seen, deadline);
    (void)tly_patience_spend(patience, deadline);
    tly_mutator_attach(self);
    return !late;
}

// ---- the order of those that wait

// Relaxed, all writes of the first: only who is the first is asked without the
// spin, and the lock's word orders what it guards.

void tly_collector_queue(struct tly_collector_waiter *waiter,
                         struct tly_event *event) {
    struct tly_collector_lock *lock = &tly_collector_lock;
    *waiter = (struct tly_collector_waiter){.event = event};
    tly_spin_lock(&lock->spin);
    waiter->prev = lock->last;
    if (waiter->prev)
        waiter->prev->next = waiter;
    else
        tly_store_relaxed(&lock->first, waiter);
    lock->last = waiter;
    tly_spin_unlock(&lock->spin);
}

bool tly_collector_is_first(const struct tly_collector_waiter *waiter) {
    return tly_load_relaxed(&tly_collector_lock.first) == waiter;
}

// Of the first, or of who waits for nobody to wait. With the spin, after which
// the first may be gone, but not its event.
static struct tly_event *first_locked(void) {
    const struct tly_collector_waiter *first = tly_collector_lock.first;
    return first ? first->event : &tly_collector_lock.freed;
}

void tly_collector_leave(struct tly_collector_waiter *waiter, bool taken) {
    struct tly_collector_lock *lock = &tly_collector_lock;
    tly_spin_lock(&lock->spin);
    bool was_first = !waiter->prev;
    if (was_first)
        tly_store_relaxed(&lock->first, waiter->next);
    else
        waiter->prev->next = waiter->next;
    if (waiter->next)
        waiter->next->prev = waiter->prev;
    else
        lock->last = waiter->prev;
    struct tly_event *event = first_locked();
    tly_spin_unlock(&lock->spin);
    if (was_first && !taken)
        tly_event_signal(event);
}

// Tells the first, after the lock was given back. Under the spin: who comes
// later finds the lock free.
static void first_tell(void) {
    tly_spin_lock(&tly_collector_lock.spin);
    struct tly_event *event = first_locked();
    tly_spin_unlock(&tly_collector_lock.spin);
    if (event != &tly_collector_lock.freed)
        tly_event_signal(event);
}

void tly_collector_hold(bool hold) {
    tly_spin_hold(&tly_collector_lock.spin, hold);
}

void tly_collector_queue_forked(void) {
    // Relaxed: the child has one thread.
    tly_store_relaxed(&tly_collector_lock.first, NULL);
    tly_collector_lock.last = NULL;
}

// ---- waiting for it

static void tell(uint64_t began, uint32_t turns) {
    // Relaxed: for a report; it may have been given meanwhile.
    uint32_t number = tly_load_relaxed(&tly_collector_lock.busy);
    if (!number || number > TALLY_OWNER_MAX_)
        return; // a fork has it
    struct tly_who who = tly_who_is(tly_mutator_of(number));
    tly_report("thread %u gives up after %llu ms: the collection, walk or stop "
               "of thread %u (%s, mutator %u) has not ended in time%s (option "
               "deadline_ms)",
               tly_os_thread_id(),
               (unsigned long long)(tly_os_now() - began) / 1000000, who.thread,
               who.name, number,
               turns == tly_collector_turns() ? "" : ", after others'");
}

// Has its turn, or gives its place up at the deadline. The thread is DETACHED.
static bool turn_await(struct tly_mutator *self, uint64_t deadline) {
    struct tly_collector_waiter waiter;
    bool taken, late = false;
    tly_collector_queue(&waiter, &self->turn);
    do {
        uint32_t seen = tly_event_value(&self->turn);
        taken = tly_collector_is_first(&waiter) && try_free(self);
        late = !taken && !tly_event_wait(&self->turn, seen, deadline);
    } while (!taken && !late);
    tly_collector_leave(&waiter, taken);
    return taken;
}

// Waits, detached, and has the lock before it attaches: no code of the
// program's runs in between, which may wait for somebody who waits for this
// thread.
static bool lock_wait(struct tly_mutator *self, struct tly_patience *patience,
                      uint32_t urgent) {
    tly_mutator_detach(self);
    uint64_t began = tly_os_now(), deadline = tly_patience_deadline(patience);
    // Or an earlier wait of the call has told.
    bool patient = !patience || patience->left > 0;
    uint32_t turns = tly_collector_turns();
    // Relaxed: a hint.
    tly_add_relaxed(&tly_collector_urgent, urgent);
    bool taken = turn_await(self, deadline);
    tly_add_relaxed(&tly_collector_urgent, 0 - urgent);
    (void)tly_patience_spend(patience, deadline);
    if (!taken && patient && !patience->brief)
        tell(began, turns);
    tly_mutator_attach(self);
    return taken;
}

bool tly_collector_take(struct tly_mutator *self,
                        struct tly_patience *patience) {
    return tly_collector_try(self) || lock_wait(self, patience, 0);
}

void tly_collector_free(void) {
    // Relaxed: a hint; only who has the lock writes it.
    tly_store_relaxed(&tly_collector_lock.turns, tly_collector_turns() + 1);
    // ORDER[collector] release: see tly_collector_try.
    tly_store_release(&tly_collector_lock.busy, 0);
    tly_event_signal(&tly_collector_lock.freed);
    first_tell();
}

void tly_collector_give(struct tly_mutator *self) {
    tly_local_of(self)->collector = TLY_COLLECTS_NOT;
    tly_collector_free();
}

void tly_collector_tell(void) { tly_event_signal(&tly_collector_lock.freed); }

void tly_collector_hurry(bool more) {
    // Relaxed: a hint.
    tly_add_relaxed(&tly_collector_urgent, more ? 1 : UINT32_MAX);
    tly_collector_tell();
}

void tly_collector_heed(bool heeds) {
    tly_collector_heeds = heeds;
    // Relaxed: no worker is at work.
    tly_store_relaxed(&tly_collector_hurries, 0);
}

void tly_collector_lock_start(void) {
    // Relaxed: nothing else runs.
    tly_store_relaxed(&tly_collector_lock.busy, 0);
    tly_collector_queue_forked();
    tly_store_relaxed(&tly_collector_urgent, 0);
}

tally_status tly_collector_stop(struct tly_mutator *self,
                                struct tly_patience *patience) {
    if (tly_collector_refuses(self))
        return TALLY_DEADLOCK;
    if (!tly_collector_try(self) && !lock_wait(self, patience, 1))
        return TALLY_TIMED_OUT;
    tly_clear_resume(tly_local_of(self));
    tally_status status = tly_world_stop(self, patience);
    if (status == TALLY_OK)
        tly_local_of(self)->collector = TLY_STANDS_STILL;
    else
        tly_collector_give(self);
    return status;
}

void tly_collector_resume(struct tly_mutator *self) {
    tly_world_start(self);
    tly_collector_give(self);
}

bool tly_collector_still(struct tly_mutator *self,
                         struct tly_patience *patience) {
    struct tly_local *local = tly_local_of(self);
    if (local->collector == TLY_COLLECTS)
        return true;
    if (!tly_collector_try(self) && !lock_wait(self, patience, 1))
        return false;
    tly_clear_resume(local);
    local->collector = TLY_STANDS_STILL;
    return true;
}

void tly_collector_go_on(struct tly_mutator *self) {
    if (tly_local_of(self)->collector == TLY_STANDS_STILL)
        tly_collector_give(self);
}

tally_status tly_collector_quiet(struct tly_mutator *self,
                                 struct tly_patience *patience,
                                 bool *ret_ours) {
    *ret_ours = !self->stopped_world;
    if (*ret_ours)
        return tly_collector_stop(self, patience);
    return tly_local_of(self)->collector == TLY_COLLECTS ? TALLY_DEADLOCK
                                                         : TALLY_OK;
}
