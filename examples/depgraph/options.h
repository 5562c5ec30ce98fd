// The command line.

#ifndef DEPGRAPH_OPTIONS_H
#define DEPGRAPH_OPTIONS_H

#include "common.h"

#define THREADS_MAX 1024u

struct options {
    unsigned threads;
    double seconds; // how long the graph is worked on
    uint64_t seed;
    char **paths; // what to read; none: this machine's own data
    size_t n_paths;
};

// Reads the command line. Ends the program with status 0 after --help, and
// with status 2 and one sentence when the line makes no sense.
struct options options_read(int argc, char **argv);

#endif
