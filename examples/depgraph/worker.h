// What all threads share, and what each has for itself.

#ifndef DEPGRAPH_WORKER_H
#define DEPGRAPH_WORKER_H

#include "cycles.h"
#include "input.h"
#include "options.h"
#include "table.h"
#include "vector.h"

struct team;

struct run {
    struct options options;
    struct team *team;
    struct failure failure;
    struct input input;
    struct table table;
    struct links *catalogue; // owned: all names by number
    struct cycles cycles;
    atomic_bool enough; // the time to work is over
};

// What a thread has done.
enum counter {
    STANZAS,
    QUERIES,
    USERS_SEEN,
    PATHS,
    PATHS_FOUND,
    PATH_STEPS,
    REPLACEMENTS,
    REPLACED,
    DROPS,
    DROPPED,
    RETURNS,
    COUNTERS
};

// Marks on names, all taken away at once: a name has the mark whose round is
// the current one.
struct marks {
    uint32_t *round_of; // by the name's number
    uint32_t *value_of;
    uint32_t round;
};

struct worker {
    struct run *run;
    unsigned index;
    uint32_t mutator; // number of the thread's mutator
    uint64_t random;
    struct piece piece;                 // being parsed
    struct marks marks;                 // by plan.c, change.c and query.c
    struct vector names;                // borrowed
    struct lockset locks;               // for a change of these names
    struct vector fresh;                // owned
    struct vector changed;              // borrowed
    struct vector lists;                // owned
    struct vector absent;               // borrowed: dropped by this thread
    _Atomic uint64_t counter[COUNTERS]; // the main thread reads them
};

// Adds to a counter that only the calling thread writes.
static inline void count(struct worker *worker, enum counter which,
                         uint64_t more) {
    _Atomic uint64_t *counter = &worker->counter[which];
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + more, memory_order_relaxed);
}

// Takes all marks away. Returns false when memory is short.
bool marks_clear(struct worker *worker);

// Marks a name. Returns false if it had a mark, which it keeps.
static inline bool mark(struct worker *worker, const struct name *name,
                        uint32_t value) {
    struct marks *marks = &worker->marks;
    if (marks->round_of[name->id] == marks->round)
        return false;
    marks->round_of[name->id] = marks->round;
    marks->value_of[name->id] = value;
    return true;
}

static inline bool is_marked(const struct worker *worker,
                             const struct name *name) {
    return worker->marks.round_of[name->id] == worker->marks.round;
}

// A random number below [below], which is not 0: splitmix64.
uint64_t random_below(struct worker *worker, uint64_t below);

void worker_init(struct worker *worker, struct run *run, unsigned index);

// Frees what the worker holds, and drops its references; its counters stay.
// Any thread that is attached, after the worker's own.
void worker_fini(struct worker *worker);

#endif
