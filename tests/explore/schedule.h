// The scheduler: at each schedule point of the library it decides, by a seed,
// which logical thread goes on. The same seed gives the same schedule.
//
//   random   any thread, at each point, or it stays with some probability
//   pct      the thread of the highest priority; at up to three points, chosen
//            beforehand, the running one falls behind all others (Burckhardt
//            et al., ASPLOS 2010): finds a defect that takes d orderings with
//            a probability of at least 1 / (threads * steps^(d-1))

#ifndef EXPLORE_SCHEDULE_H
#define EXPLORE_SCHEDULE_H

#include "identity.h"

#define SCHEDULE_THREADS 3u

enum schedule_mode {
    SCHEDULE_EITHER, // by the seed
    SCHEDULE_RANDOM,
    SCHEDULE_PCT
};

// What became of one schedule.
struct schedule_result {
    bool failed;
    char message[200];
    uint64_t steps;
    uint64_t hash; // of who ran at each step
};

// Makes the logical threads. Before the snapshot is saved.
void schedule_start(void);

// Who logical thread [n] is to the library when a schedule begins.
void schedule_identity(unsigned n, const struct identity *identity);

// Runs one schedule.
void schedule_run(uint64_t seed, enum schedule_mode mode, bool trace,
                  struct schedule_result *ret);

// The logical thread that runs.
unsigned schedule_self(void);

// Ends the schedule as failed; outside of one, the program.
__attribute__((noreturn, format(printf, 1, 2))) void schedule_fail(
    const char *format, ...);

// Says something in a trace.
__attribute__((format(printf, 1, 2))) void schedule_say(const char *format,
                                                        ...);

// A generator of numbers (Steele, Lea and Flood's splitmix64).
uint64_t random_next(uint64_t *state);

#endif
