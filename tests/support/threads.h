// Threads that tests start, and flags by which they wait for each other.

#ifndef SUPPORT_THREADS_H
#define SUPPORT_THREADS_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include <tally/mutator.h>

#include "must.h"

typedef void *(*thread_fn)(void *arg);

// Starts a thread with a stack of so many bytes, or the least that the system
// allows (128 KiB on aarch64); 0: as usual.
static inline pthread_t thread_start_on(size_t stack, thread_fn fn, void *arg) {
    pthread_t thread;
    pthread_attr_t attributes;
    must(pthread_attr_init(&attributes) == 0);
    size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);
    if (stack && stack < least)
        stack = least;
    if (stack)
        must(pthread_attr_setstacksize(&attributes, stack) == 0);
    must(pthread_create(&thread, &attributes, fn, arg) == 0);
    pthread_attr_destroy(&attributes);
    return thread;
}

static inline pthread_t thread_start(thread_fn fn, void *arg) {
    return thread_start_on(0, fn, arg);
}

// Waits for a thread's end, in a blocking region. Returns its result.
static inline void *thread_join(pthread_t thread) {
    void *result = NULL;
    TALLY_BLOCKING { must(pthread_join(thread, &result) == 0); }
    return result;
}

// Runs a function in a thread of its own, from start to end.
static inline void *thread_run(thread_fn fn, void *arg) {
    return thread_join(thread_start(fn, arg));
}

// A number that only grows: threads wait for each other by it. Storing it
// orders what was done before for whoever has waited for it.
typedef atomic_uint stage;

static inline void stage_set(stage *at, unsigned value) {
    atomic_store(at, value);
}

// Waits in a blocking region: nobody waits for this thread meanwhile.
static inline void stage_wait(stage *at, unsigned value) {
    TALLY_BLOCKING {
        for (unsigned n = 0; atomic_load(at) < value; n++)
            n < 100 ? (void)sched_yield() : sleep_ms(1);
    }
}

// Waits attached, passing safepoints.
static inline void stage_poll(stage *at, unsigned value) {
    while (atomic_load(at) < value) {
        tally_safepoint();
        sched_yield();
    }
}

// Waits attached, without a safepoint: a thread that is busy elsewhere.
static inline void stage_spin(stage *at, unsigned value) {
    while (atomic_load(at) < value)
        sched_yield();
}

#endif
