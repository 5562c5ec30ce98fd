// A thread that sleeps, DETACHED, until there are finalizers to run.
//
// It starts at the first safepoint that finds work for it, so that a program
// without such finalizers has no thread that it did not start.

#include "runtime/executor.h"

#include <tally/mutator.h>

#include "base/check.h"
#include "collector/collect.h"
#include "epoch/attach.h"
#include "object/finalize.h"
#include "platform/os.h"

enum state {
    STOPPED, // may not run
    ABSENT,  // may be started
    RUNNING, // runs, or is about to
    ENDING   // is asked to end
};

static struct {
    uint32_t state;         // (a) enum state
    uint32_t failed;        // (a) it could not attach
    uint32_t reported;      // (a) that it cannot be started
    struct tly_event ended; // it runs no more
} executor;

static bool is_ending(void) {
    // ORDER[executor] acquire: what was done before the end was asked for.
    return tly_load_acquire(&executor.state) == ENDING;
}

static void cannot(tally_status status) {
    // Relaxed: once is enough.
    if (tly_add_relaxed(&executor.reported, 1) == 0)
        tly_report("no thread for finalizers (%s): they run at safepoints",
                   tally_strerror(status));
}

// The thread is gone, and its mutator another's to take.
static void end(void) {
    uint32_t running = RUNNING;
    // Relaxed: a hint.
    tly_store_relaxed(&tly_finalize_served, 0);
    // ORDER[executor] acq_rel: its last use of the heap happens before.
    if (!tly_cas_acq_rel(&executor.state, &running, ABSENT))
        // ORDER[executor] release: as above; nobody else ends ENDING.
        tly_store_release(&executor.state, STOPPED);
    tly_event_signal(&executor.ended);
}

static void serve(struct tly_mutator *self) {
    struct tly_local *local = tly_local_of(self);
    while (!is_ending()) {
        if (tly_pump(local, TLY_BY_THREAD, 1)) {
            tally_safepoint();
            continue;
        }
        if (tly_finalize_waiting() == 0)
            (void)tly_second_look(local);
        tly_mutator_detach(self);
        uint32_t seen = tly_event_value(&tly_finalize_work);
        if (!is_ending() && !tly_finalize_has_thread())
            tly_event_wait(&tly_finalize_work, seen, 0);
        tly_mutator_attach(self);
    }
}

// [starter]: the mutator whose thread has started this one.
static void *executor_main(void *starter) {
    tally_status status = tally_attach("tally-finalize");
    if (status == TALLY_OK) {
        serve(tly_self());
        tally_detach();
    } else {
        cannot(status);
        // Relaxed: the breaker orders it. The thread that asked for this one
        // looks again; the runtime does not end before the state says so.
        tly_store_relaxed(&executor.failed, 1);
        tly_store_relaxed(&tly_finalize_served, 0);
        tly_break(starter, TLY_BREAK_FINISH);
    }
    end();
    return NULL;
}

// Whether the thread is there now, or is about to be.
static bool thread_start(struct tly_local *self) {
    uint32_t absent = ABSENT;
    // ORDER[executor] acq_rel: one thread starts it, after the last has ended.
    if (!tly_cas_acq_rel(&executor.state, &absent, RUNNING))
        return true;
    // Relaxed: a hint.
    tly_store_relaxed(&tly_finalize_served, 1);
    tally_status status =
        tly_os_thread_start(executor_main, tly_mutator_in(self));
    if (status == TALLY_OK)
        return true;
    cannot(status);
    end();
    return false;
}

void tly_executor_poll(struct tly_local *self) {
    // Relaxed: hints; the state decides.
    if (TLY_LIKELY(!tly_finalize_has_thread()) ||
        tly_load_relaxed(&tly_finalize_served))
        return;
    if (tly_load_relaxed(&executor.failed))
        tly_store_relaxed(&executor.failed, 0); // the next one may attach
    else if (thread_start(self))
        return;
    tly_pump(self, TLY_BY_THREAD, SIZE_MAX);
    if (tly_finalize_has_thread())
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

// Asks for the end. False: it has come.
static bool ask_end(void) {
    uint32_t state = ABSENT;
    for (;;) {
        // ORDER[executor] acq_rel: as in end.
        if (tly_cas_acq_rel(&executor.state, &state,
                            state == RUNNING ? ENDING : STOPPED))
            return state == RUNNING;
        if (state == STOPPED)
            return false;
    }
}

void tly_executor_stop(struct tly_mutator *self) {
    if (!ask_end())
        return;
    tly_event_signal(&tly_finalize_work);
    tly_mutator_detach(self);
    for (;;) {
        uint32_t seen = tly_event_value(&executor.ended);
        // ORDER[executor] acquire: all that it did.
        if (tly_load_acquire(&executor.state) == STOPPED)
            break;
        tly_event_wait(&executor.ended, seen, 0);
    }
    tly_mutator_attach(self);
}

void tly_executor_start(void) {
    // Relaxed: published with the runtime.
    tly_store_relaxed(&executor.state, ABSENT);
}

void tly_executor_forked(void) {
    // Relaxed: the child has one thread.
    tly_store_relaxed(&executor.state, ABSENT);
    tly_finalize_forked();
}
