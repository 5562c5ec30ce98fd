// A thread that passes no safepoint, calls that wait for it, and the time that
// these take (virtual.h). Included by one file of a program.

#ifndef SUPPORT_SLEEPER_H
#define SUPPORT_SLEEPER_H

#include "api.h"
#include "child.h"
#include "threads.h"
#include "virtual.h"

#include <errno.h>

#define MS ((uint64_t)1000000)
#define DEADLINE_MS 10000u

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

// ---- a thread that passes no safepoint

static int gate[2]; // it reads what opens this pipe
static stage at;
static struct node *owned; // by that thread

static inline void gate_wait(void) {
    char byte;
    must(read(gate[0], &byte, 1) == 1);
}

static inline void *sleep_attached(void *arg) {
    must(tally_attach("sleeper") == TALLY_OK);
    must((owned = tally_new(node)));
    stage_set(&at, 1);
    gate_wait();
    tally_decref(owned);
    return arg;
}

static inline pthread_t sleeper_start(thread_fn fn) {
    struct tally_config config = TALLY_CONFIG_INIT;
    config.collect = 0;
    // The runtime's own threads are none that are late, nor waited for here.
    config.workers = 1;
    config.collector = 0;
    config.deadline_ms = DEADLINE_MS;
    (void)unsetenv("TALLY_CONF");
    must(pipe(gate) == 0);
    must(tally_init(&config) == TALLY_OK);
    must(tally_attach("waiter") == TALLY_OK);
    pthread_t thread = thread_start(fn, NULL);
    stage_wait(&at, 1);
    return thread;
}

static inline void sleeper_end(pthread_t thread) {
    must(write(gate[1], "", 1) == 1);
    thread_join(thread);
}

// ---- who waits

static inline tally_status collect_full(void) {
    return tally_collect_with(TALLY_CONCURRENT, TALLY_FULL, NULL);
}
static inline tally_status collect_full_stopped(void) {
    return tally_collect_with(TALLY_STOPPED, TALLY_FULL, NULL);
}
static inline tally_status collect_young(void) {
    return tally_collect_with(TALLY_CONCURRENT, TALLY_YOUNG, NULL);
}
static inline tally_status collect_plainly(void) {
    errno = 0;
    (void)tally_collect();
    return -errno;
}
static inline tally_status stop(void) {
    tally_status status = tally_stop_world();
    if (status == TALLY_OK)
        tally_start_world();
    return status;
}
static inline tally_status freeze(void) {
    tally_status status = tally_freeze();
    must(tally_unfreeze() == TALLY_OK);
    return status;
}
static inline tally_status verify(void) { return tally_verify(2); }
static inline bool see(void *object, void *arg) {
    (void)object;
    (void)arg;
    return true;
}
static inline tally_status walk(void) { return tally_walk(see, NULL); }

static inline tally_status collect_young_stopped(void) {
    return tally_collect_with(TALLY_STOPPED, TALLY_YOUNG, NULL);
}

typedef tally_status (*wait_fn)(void);
// Of any thread; others need an object.
#define WAITS_OF_ALL                                                           \
    collect_full, collect_full_stopped, collect_young, collect_young_stopped,  \
        collect_plainly, stop, freeze, verify, walk

static inline void expect_late(wait_fn fn) {
    virtual_begin();
    uint64_t began = virtual_now;
    tally_status status = fn();
    uint64_t taken = virtual_now - began;
    virtual_end();
    must(status == TALLY_TIMED_OUT);
    must(taken == DEADLINE_MS * MS);
}

// ---- who stands still in a world that is stopped

// Comes back from a blocking region into it, and stands until it runs again.
static inline void stand_after_region(void (*first)(void)) {
    tally_blocking_enter();
    stage_set(&at, 2);
    stage_spin(&at, 3);
    if (first)
        first();
    virtual_begin();
    tally_blocking_exit();
    virtual_end();
}

// Stops the world until who stands still has said so.
static inline void world_stop_until_told(void) {
    must(tally_stop_world() == TALLY_OK);
    stage_set(&at, 3);
    while (!virtual_endless)
        sched_yield();
    tally_start_world();
}

// With a thread that calls stand_after_region. Returns what that gives.
static inline void *world_stands_for(thread_fn fn) {
    sleeper_end(sleeper_start(sleep_attached));
    pthread_t thread = thread_start(fn, NULL);
    stage_wait(&at, 2);
    world_stop_until_told();
    return thread_join(thread);
}

#endif
