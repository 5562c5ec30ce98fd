// Whether the graph is what its names say.

#ifndef DEPGRAPH_CHECK_H
#define DEPGRAPH_CHECK_H

#include "worker.h"

// What is in the graph.
struct census {
    uint64_t real;         // names with a stanza
    uint64_t virtual;      // names without
    uint64_t edges[KINDS]; // declared
};

// Counts names and edges. No other thread changes them meanwhile.
struct census graph_census(const struct run *run);

// Checks that every package needs the current packages of exactly those names
// that its own name declares. Returns how many do not. No other thread
// changes the graph meanwhile.
uint64_t graph_check(const struct run *run);

// Prints how many objects of each type are alive, which should be none, to
// stderr. Returns how many.
uint64_t print_leaked(void);

#endif
