// The memory of the library, put back to what it was before each schedule: a
// schedule then depends on nothing but its seed, and one that ends in the
// middle of things, with locks held and lists torn, does no harm.

#ifndef EXPLORE_SNAPSHOT_H
#define EXPLORE_SNAPSHOT_H

#include "base/poison.h"

// A sanitizer whose own variables are linked into the program would lose them.
#if TLY_TSAN || (TLY_ASAN && defined(__clang__))
#define SNAPSHOT_WORKS 0
#else
#define SNAPSHOT_WORKS 1
#endif

// Adds a range, whole words, to what is saved.
void snapshot_add(void *at, size_t size);

// Adds the program's own variables, and saves everything. What has to outlast
// a schedule lies on the stack or in memory that was mapped for it.
void snapshot_save(void);

void snapshot_restore(void);

#endif
