// What every file of this program starts from.
//
// TALLY_COUNT_OPERATIONS puts the owner's counting, which is a plain addition
// in our own code, into the library's statistics.

#ifndef DEPGRAPH_COMMON_H
#define DEPGRAPH_COMMON_H

#define _GNU_SOURCE
#define TALLY_COUNT_OPERATIONS
#include <tally/tally.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A part of a text that somebody else holds.
struct slice {
    const char *at;
    size_t size;
    uint64_t line; // where it begins
};

#endif
