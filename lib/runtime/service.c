// One state word decides who starts the thread and when it is gone.

#include "runtime/service.h"

#include <pthread.h>

#include <tally/mutator.h>

#include "base/check.h"
#include "collector/lock.h"
#include "epoch/attach.h"
#include "epoch/registry.h"
#include "epoch/wait.h"
#include "object/inside.h"
#include "platform/os.h"

enum state {
    STOPPED, // may not run
    ABSENT,  // may be started
    RUNNING, // runs, or is about to
    ENDING   // is asked to end
};

// That the thread serves.
static TALLY_THREAD struct tly_service *serving;

static bool is_ending(const struct tly_service *service) {
    // ORDER[service] acquire: what was done before the end was asked for.
    return tly_load_acquire(&service->state) == ENDING;
}

static void cannot(struct tly_service *service, tally_status status) {
    // Relaxed: once is enough.
    if (tly_add_relaxed(&service->reported, 1) == 0)
        tly_report("no thread for %s (%s): they run at safepoints",
                   service->what, tally_strerror(status));
}

// The thread is gone, and its mutator another's to take.
static void end(struct tly_service *service) {
    uint32_t running = RUNNING;
    // Relaxed: a hint.
    tly_store_relaxed(service->served, 0);
    // ORDER[service] acq_rel: its last use of the heap happens before.
    if (!tly_cas_acq_rel(&service->state, &running, ABSENT))
        // ORDER[service] release: as above; nobody else ends ENDING.
        tly_store_release(&service->state, STOPPED);
    tly_event_signal(&service->ended);
}

// Of a thread that serves, if a hook ends it (pthread_exit): its mutator is
// given up by another destructor, in this round or the next.
static pthread_key_t service_key;
static bool service_key_is; // there are keys left

static void service_left(void *arg) {
    struct tly_service *service = arg;
    if (tly_mine()) {
        (void)pthread_setspecific(service_key, service);
        return;
    }
    end(service);
    // Whoever passes a safepoint looks whether another is wanted.
    for (uint32_t n = 1; n <= tly_registry_count(); n++)
        tly_break(tly_mutator_of(n), TLY_BREAK_FINISH | TLY_BREAK_COLLECT);
}

static void service_key_make(void) {
    service_key_is = pthread_key_create(&service_key, service_left) == 0;
}

static void service_set(struct tly_service *service) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, service_key_make);
    if (service_key_is)
        (void)pthread_setspecific(service_key, service);
}

static void serve(struct tly_service *service, struct tly_mutator *self) {
    // Whoever has the mutator next begins without it.
    tly_local_of(self)->ends = &service->ends;
    // ORDER[service] release: who waits for it may look where it is.
    tly_store_release(&service->mutator, self);
    while (!is_ending(service)) {
        if (service->has_work()) {
            service->turn(tly_local_of(self));
            // Nobody waits for a service that waits.
            tly_local_of(self)->heap.grown = false;
            tally_safepoint();
            continue;
        }
        // For long: it keeps nothing dead back.
        tally_blocking_enter();
        uint32_t seen = tly_event_value(service->work);
        if (!is_ending(service) && !service->has_work())
            tly_event_wait(service->work, seen,
                           service->wakes ? service->wakes() : 0);
        tally_blocking_exit();
    }
}

static void *service_main(void *arg) {
    struct tly_service *service = serving = arg;
    service_set(service);
    tally_status status = tally_attach(service->name);
    if (status == TALLY_OK) {
        serve(service, tly_self());
        tally_detach();
    } else {
        cannot(service, status);
        // Relaxed: the breaker orders it. The thread that asked for this one
        // looks again; the runtime does not end before the state says so.
        tly_store_relaxed(&service->failed, 1);
        tly_store_relaxed(service->served, 0);
        tly_break(service->starter, TLY_BREAK_FINISH | TLY_BREAK_COLLECT);
    }
    service_set(NULL);
    end(service);
    return NULL;
}

// Whether the thread is there now, or is about to be.
static bool start(struct tly_service *service, struct tly_local *self) {
    uint32_t absent = ABSENT;
    // ORDER[service] acq_rel: one thread starts it, after the last has ended.
    if (!tly_cas_acq_rel(&service->state, &absent, RUNNING))
        return true;
    // Relaxed: a hint.
    tly_store_relaxed(service->served, 1);
    service->starter = tly_mutator_in(self);
    tally_status status = tly_os_thread_start(service_main, service);
    if (status == TALLY_OK)
        return true;
    cannot(service, status);
    end(service);
    return false;
}

bool tly_service_run(struct tly_service *service, struct tly_local *self) {
    // Relaxed: hints; the state decides.
    if (tly_load_relaxed(service->served))
        return true;
    if (!tly_load_relaxed(&service->failed))
        return start(service, self);
    tly_store_relaxed(&service->failed, 0); // the next one may attach
    return false;
}

static void ends_set(struct tly_service *service, bool ends) {
    // Relaxed: the state decides; this one is looked at in between.
    tly_store_relaxed(&service->ends, ends);
}

// Asks for the end. False: it has come.
static bool ask_end(struct tly_service *service) {
    uint32_t state = ABSENT;
    for (;;) {
        // ORDER[service] acq_rel: as in end.
        if (tly_cas_acq_rel(&service->state, &state,
                            state == RUNNING ? ENDING : STOPPED))
            return state == RUNNING;
        if (state == STOPPED)
            return false;
    }
}

// Takes the question back. False: the thread has ended meanwhile.
static bool unask_end(struct tly_service *service) {
    uint32_t ending = ENDING;
    // ORDER[service] acq_rel: as in end.
    return tly_cas_acq_rel(&service->state, &ending, RUNNING);
}

// Waits, DETACHED, until it has ended. False: not in time.
static bool await_end(struct tly_service *service, uint64_t deadline) {
    for (;;) {
        uint32_t seen = tly_event_value(&service->ended);
        // ORDER[service] acquire: all that it did.
        if (tly_load_acquire(&service->state) == STOPPED)
            return true;
        if (!tly_event_wait(&service->ended, seen, deadline) &&
            unask_end(service))
            return false;
    }
}

static void tell(const struct tly_service *service) {
    char inside[TLY_INSIDE_MAX] = "";
    // ORDER[service] acquire: the thread has attached.
    struct tly_mutator *mutator = tly_load_acquire(&service->mutator);
    if (mutator)
        tly_inside_tell(tly_local_of(mutator), inside);
    tly_report("the runtime does not end: its thread for %s (%s) is %s, and "
               "has not come to an end of that in time (option deadline_ms)",
               service->what, service->name,
               inside[0] ? inside
                         : "in a hook of the program's, or in a collection "
                           "that waits for a thread or a borrow section");
}

tally_status tly_service_stop(struct tly_service *service,
                              struct tly_mutator *self,
                              struct tly_patience *patience) {
    // Hooks run before the end is asked for, which they may leave.
    tly_mutator_detach(self);
    if (!ask_end(service)) {
        tly_mutator_attach(self);
        return TALLY_OK;
    }
    ends_set(service, true);
    tly_event_signal(service->work);
    uint64_t deadline = tly_patience_deadline(patience);
    tly_collector_hurry(true);
    bool ended = await_end(service, deadline);
    tly_collector_hurry(false);
    (void)tly_patience_spend(patience, deadline);
    ends_set(service, false);
    tly_mutator_attach(self);
    if (ended)
        return TALLY_OK;
    tell(service);
    return TALLY_TIMED_OUT;
}

bool tly_service_is_stopped(const struct tly_service *service) {
    // ORDER[service] acquire: as in await_end.
    return tly_load_acquire(&service->state) == STOPPED;
}

void tly_service_ready(struct tly_service *service) {
    // Relaxed, both: hints. The runtime may have begun anew.
    tly_store_relaxed(service->served, 0);
    tly_store_relaxed(&service->mutator, NULL);
    // ORDER[service] release: where an end was refused the runtime is there
    // already, and any thread may start this one: after what was made ready for
    // it. Pairs with start.
    tly_store_release(&service->state, ABSENT);
}

void tly_service_forked(struct tly_service *service) {
    tly_service_ready(service);
    if (serving != service)
        return;
    // Relaxed: the child has one thread. Nobody is there who asked for its end.
    tly_store_relaxed(&service->state, RUNNING);
    tly_store_relaxed(service->served, 1);
}
