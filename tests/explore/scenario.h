// What is explored: some logical threads, and an oracle.

#ifndef EXPLORE_SCENARIO_H
#define EXPLORE_SCENARIO_H

#include "schedule.h"

struct tally_config;

struct scenario {
    const char *name;
    // A schedule that takes more steps than [steps_max] has threads that wait
    // for each other; the points of pct lie in the first [steps_usual].
    uint64_t steps_usual, steps_max;
    // How often, of 1024 steps, random schedules stay with a thread: one of
    // these.
    unsigned stays[4];
    // Some schedules are about some addresses only, and go on at others.
    bool focuses;
    unsigned turns; // that it says to the scheduler, at least; 0: none

    // Makes what each schedule begins with: of the runtime, and as logical
    // thread [n]; then what the snapshot has is added to it.
    void (*configure)(struct tally_config *config);
    void (*thread_setup)(unsigned n);
    void (*snapshot)(void);

    // Chooses by the seed what the threads will do. Nobody else runs.
    void (*begin)(uint64_t seed);
    // A logical thread, from its first step to its last.
    void (*thread)(unsigned self);
    // A thread that waited at a schedule point goes on: is what it is about to
    // access still there?
    void (*look)(const void *address);
    // After the last step of all.
    void (*end)(void);
    // Names an address, in a trace. False: it is none of the scenario's.
    bool (*describe)(const void *address, char *ret_name, size_t size);
};

extern const struct scenario scenario_count, scenario_collect, scenario_ending,
    scenario_far;

// The one that is explored.
extern const struct scenario *scenario;

// Mutators that a schedule may need: as many as are committed at once.
#define SCENARIO_RECORDS 8u

// Starts the runtime and makes what each schedule begins with; once.
void scenario_setup(void);

// Fails unless nothing waits in any mutator.
void scenario_mutators_check(void);

void scenario_describe(const void *address, char *ret_name, size_t size);

// The name of the part of something that lies at an offset.
struct part {
    const char *name;
    size_t offset, size;
};
#define PART(type, member)                                                     \
    { #member, offsetof(type, member), sizeof(((type *)0)->member) }
#define PART_OF(parts, offset)                                                 \
    part_of(parts, sizeof(parts) / sizeof(parts[0]), offset)
const char *part_of(const struct part *parts, size_t count, size_t offset);
const char *part_of_object(size_t offset);

#endif
