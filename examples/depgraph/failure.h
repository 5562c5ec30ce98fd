// What went wrong first: one sentence that the program ends with.
//
// Threads find errors in any order. Each comes with its place in the input,
// and the first place wins, so that a run's message does not depend on time.

#ifndef DEPGRAPH_FAILURE_H
#define DEPGRAPH_FAILURE_H

#include "common.h"

#include <pthread.h>

struct failure {
    pthread_mutex_t mutex;
    atomic_bool set;
    uint64_t place;
    char text[1024];
};
#define FAILURE_INIT                                                           \
    { PTHREAD_MUTEX_INITIALIZER, false, 0, "" }

// The place of a line in all of the input.
static inline uint64_t place_of(size_t file, uint64_t line) {
    return (uint64_t)file << 40 | line;
}

// Notes an error; one from an earlier place wins. Any thread.
void failure_note(struct failure *failure, uint64_t place, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));

// Notes that memory is short. Any thread.
void failure_no_memory(struct failure *failure);

// Whether the run has failed. Any thread.
static inline bool failure_is_set(struct failure *failure) {
    return atomic_load_explicit(&failure->set, memory_order_relaxed);
}

#endif
