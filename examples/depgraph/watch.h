// What the main thread does while the others work: looks at the clock, notes
// how large the heap becomes, and shows how far things are.

#ifndef DEPGRAPH_WATCH_H
#define DEPGRAPH_WATCH_H

#include "team.h"

struct watch {
    struct run *run;
    const struct team *team;
    bool terminal;     // whether there is somebody to show things to
    const char *phase; // now
    uint64_t began_ns;
    uint64_t done_before; // in earlier phases of this kind
    uint64_t ends_ns;     // when the time to work is over; 0: never
    uint64_t live_peak;
    uint64_t os_peak;
    struct tally_histogram pauses; // while threads were at work
    struct tally_histogram stalls; // of single threads
};

void watch_init(struct watch *watch, struct run *run, const struct team *team);

// Runs a phase in all threads and watches it. seconds: until run->enough is
// set, or 0. Returns how long it took, in ns.
uint64_t watch_phase(struct watch *watch, phase_fn fn, const char *phase,
                     double seconds);

// Notes the size of the heap and shows the phase, on a terminal.
void watch_show(struct watch *watch, const char *phase);

// Takes the progress line away.
void watch_clear(const struct watch *watch);

struct tally_stats stats_now(void);
uint64_t clock_ns(void);

#endif
