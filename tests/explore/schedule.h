// The scheduler: at each schedule point of the library it decides, by a seed,
// which logical thread goes on. The same seed gives the same schedule.
//
//   random   any thread, at each point, or it stays with some probability
//   pct      the thread of the highest priority; at up to three points, chosen
//            beforehand, the running one falls behind all others (Burckhardt
//            et al., ASPLOS 2010): finds a defect that takes d orderings with
//            a probability of at least 1 / (threads * steps^(d-1))
//   bursts   where a scenario has turns: threads stay as they are, but at a
//            turn or some steps later another one takes some steps
//
// Long schedules may have a focus: half of all words, a quarter or an eighth,
// chosen by the seed. At accesses to others the running thread goes on, so that
// the same number of changes falls on fewer places.

#ifndef EXPLORE_SCHEDULE_H
#define EXPLORE_SCHEDULE_H

#include "identity.h"

#define SCHEDULE_THREADS 3u

enum schedule_mode {
    SCHEDULE_EITHER, // by the seed
    SCHEDULE_RANDOM,
    SCHEDULE_PCT,
    SCHEDULE_BURSTS
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

// Before schedules: whether what is accessed now is written by none of them, so
// that no schedule point lies there.
void schedule_settle(bool on);

// While a schedule begins: what follows is done as logical thread [n].
void schedule_as(unsigned n);

// Runs one schedule.
void schedule_run(uint64_t seed, enum schedule_mode mode, bool trace,
                  struct schedule_result *ret);

// The scenario says that its turn [turn] has come, from 1 on.
void schedule_turn(unsigned turn);

// The thread that runs has done one of the things that it does: bursts may end
// there.
void schedule_operated(void);

// The turn of the schedule's first burst, or 0.
unsigned schedule_first_turn(void);

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
