// Tables of the library that lie beside the heap, for the snapshot.

#ifndef EXPLORE_TABLES_H
#define EXPLORE_TABLES_H

#include "base/compiler.h"

// Adds to the snapshot the begin of each of some units from [first] on, and
// what tables have of them.
void tables_snapshot(const void *first, unsigned units);

// Notes what a collection looks at, before it has found what of that is
// garbage; then lets it propose the rest as well, or a [random] half of it.
void tables_looked(void);
void tables_propose(uint64_t *random);

#endif
