// A word, the number of who has it, and an event: waited for by detached
// threads only.

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

struct tly_collector_lock tly_collector_lock;

bool tly_collector_refuses(const struct tly_mutator *self) {
    // Relaxed: the thread's own number is there only if it has the lock.
    return tly_rcu_ongoing() || self->stopped_world ||
           tly_load_relaxed(&tly_collector_lock.busy) == self->number;
}

bool tly_collector_try(struct tly_mutator *self) {
    uint32_t nobody = 0;
    // ORDER[collector] acq_rel: the tables are as the last one left them.
    if (!tly_cas_acq_rel(&tly_collector_lock.busy, &nobody, self->number))
        return false;
    tly_local_of(self)->collector = TLY_COLLECTS;
    return true;
}

bool tly_collector_is_taken(void) {
    // Relaxed: a hint.
    return tly_load_relaxed(&tly_collector_lock.busy);
}

bool tly_collector_wait(struct tly_mutator *self, uint64_t deadline) {
    tly_mutator_detach(self);
    uint32_t seen = tly_event_value(&tly_collector_lock.freed);
    // ORDER[collector] acquire: looks again before it sleeps.
    bool late = tly_load_acquire(&tly_collector_lock.busy) &&
                !tly_event_wait(&tly_collector_lock.freed, seen, deadline);
    tly_mutator_attach(self);
    return !late;
}

// Waits, detached, and has the lock before it attaches: no code of the
// program's runs in between, which may wait for somebody who waits for this
// thread.
static bool lock_wait(struct tly_mutator *self, uint64_t deadline,
                      uint32_t urgent) {
    bool taken, late = false;
    tly_mutator_detach(self);
    // Relaxed: a hint.
    tly_add_relaxed(&tly_collector_urgent, urgent);
    do {
        uint32_t seen = tly_event_value(&tly_collector_lock.freed);
        taken = tly_collector_try(self);
        late = !taken &&
               !tly_event_wait(&tly_collector_lock.freed, seen, deadline);
    } while (!taken && !late);
    tly_add_relaxed(&tly_collector_urgent, 0 - urgent);
    tly_mutator_attach(self);
    return taken;
}

bool tly_collector_take(struct tly_mutator *self, uint64_t deadline) {
    return tly_collector_try(self) || lock_wait(self, deadline, 0);
}

static void tell(void) {
    // Relaxed: for a report; it may have been given meanwhile.
    uint32_t number = tly_load_relaxed(&tly_collector_lock.busy);
    if (!number || number > TALLY_OWNER_MAX_)
        return; // a fork has it
    struct tly_who who = tly_who_is(tly_mutator_of(number));
    tly_report("thread %u gives up: the collection, walk or stop of thread %u "
               "(%s, mutator %u) has not ended in time (option deadline_ms)",
               tly_os_thread_id(), who.thread, who.name, number);
}

bool tly_collector_await(struct tly_mutator *self) {
    for (;;) {
        uint32_t seen = tly_event_value(&tly_collector_lock.freed);
        if (tly_collector_take(self, tly_wait_deadline()))
            return true;
        if (tly_event_value(&tly_collector_lock.freed) == seen) {
            tell();
            return false;
        }
    }
}

void tly_collector_yield(struct tly_mutator *self) {
    tly_mutator_detach(self);
    // Relaxed: a hint; who waits does so for a bounded time, and then has the
    // lock or not.
    while (tly_load_relaxed(&tly_collector_urgent))
        tly_os_yield();
    tly_mutator_attach(self);
}

void tly_collector_free(void) {
    // ORDER[collector] release: see tly_collector_try.
    tly_store_release(&tly_collector_lock.busy, 0);
    tly_event_signal(&tly_collector_lock.freed);
}

void tly_collector_give(struct tly_mutator *self) {
    tly_local_of(self)->collector = TLY_COLLECTS_NOT;
    tly_collector_free();
}

void tly_collector_tell(void) { tly_event_signal(&tly_collector_lock.freed); }

void tly_collector_heed(bool heeds) {
    tly_collector_heeds = heeds;
    // Relaxed: no worker is at work.
    tly_store_relaxed(&tly_collector_hurries, 0);
}

void tly_collector_lock_start(void) {
    // Relaxed: nothing else runs.
    tly_store_relaxed(&tly_collector_lock.busy, 0);
    tly_store_relaxed(&tly_collector_urgent, 0);
}

tally_status tly_collector_stop(struct tly_mutator *self, uint64_t deadline) {
    if (tly_collector_refuses(self))
        return TALLY_DEADLOCK;
    if (!tly_collector_try(self) && !lock_wait(self, deadline, 1))
        return TALLY_TIMED_OUT;
    tly_clear_resume(tly_local_of(self));
    tally_status status = tly_world_stop(self, deadline);
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

bool tly_collector_still(struct tly_mutator *self) {
    struct tly_local *local = tly_local_of(self);
    if (local->collector == TLY_COLLECTS)
        return true;
    if (!tly_collector_try(self) && !lock_wait(self, tly_wait_deadline(), 1)) {
        tell();
        return false;
    }
    tly_clear_resume(local);
    local->collector = TLY_STANDS_STILL;
    return true;
}

void tly_collector_go_on(struct tly_mutator *self) {
    if (tly_local_of(self)->collector == TLY_STANDS_STILL)
        tly_collector_give(self);
}

tally_status tly_collector_quiet(struct tly_mutator *self, bool *ret_ours) {
    *ret_ours = !self->stopped_world;
    if (*ret_ours)
        return tly_collector_stop(self, tly_wait_deadline());
    return tly_local_of(self)->collector == TLY_COLLECTS ? TALLY_DEADLOCK
                                                         : TALLY_OK;
}
