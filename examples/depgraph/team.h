// Threads that go through the program's phases together.

#ifndef DEPGRAPH_TEAM_H
#define DEPGRAPH_TEAM_H

#include "worker.h"

#include <pthread.h>

typedef void (*phase_fn)(struct worker *worker);

// Called by the main thread now and then while a phase runs.
typedef void (*tick_fn)(void *arg);

struct team {
    struct worker *workers;
    pthread_t *threads;
    unsigned n;
    pthread_mutex_t mutex; // guards all below
    pthread_cond_t changed;
    phase_fn fn; // of this phase; NULL ends the threads
    uint64_t phase;
    unsigned busy; // threads that are not through with it
};

// Starts run->options.threads threads. Returns 0 or an errno; then there
// are none. team_end and team_fini must follow in both cases.
int team_start(struct team *team, struct run *run);

// Runs fn in all threads, and waits until each is through with it. tick is
// called every 100 ms, in a blocking region, so it must not use objects.
void team_run(struct team *team, phase_fn fn, tick_fn tick, void *arg);

// Ends the threads and frees what they worked with. What they counted can
// still be read.
void team_end(struct team *team);

void team_fini(struct team *team);

#endif
