// What is explored: some logical threads, and an oracle. (scenario.c)

#ifndef EXPLORE_SCENARIO_H
#define EXPLORE_SCENARIO_H

#include "schedule.h"

// Starts the runtime and makes what each schedule begins with; once.
void scenario_setup(void);

// Chooses by the seed what the threads will do. Nobody else runs.
void scenario_begin(uint64_t seed);

// A logical thread, from its first step to its last.
void scenario_thread(unsigned self);

// A thread that waited at a schedule point goes on: is what it is about to
// access still there?
void scenario_look(const void *address);

// After the last step of all.
void scenario_end(void);

// Names an address, in a trace.
void scenario_describe(const void *address, char *ret_name, size_t size);

#endif
