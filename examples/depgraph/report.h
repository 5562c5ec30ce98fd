// What the program prints at its end.

#ifndef DEPGRAPH_REPORT_H
#define DEPGRAPH_REPORT_H

#include "check.h"
#include "watch.h"

struct report {
    const struct run *run;
    const struct team *team;
    const struct watch *watch;
    struct census census;
    uint32_t main_mutator;
    bool interrupted;
    uint64_t load_ns;
    uint64_t work_ns;
    uint64_t drop_ns;
    unsigned heap_checks;
    unsigned graph_checks;
    struct tally_stats worked; // when the work was over
    struct tally_stats ended;  // when all was dropped
};

// Prints what was done to stdout. Returns false if that cannot be written.
bool report_print(const struct report *report);

// Prints that all is well, which the caller has made sure of.
bool report_verdict(const struct report *report);

#endif
