// What becomes of garbage.

#ifndef TLY_COLLECTOR_CLEAR_H
#define TLY_COLLECTOR_CLEAR_H

#include "collector/sides.h"
#include "object/finalize.h"

// Lists every member, and claims the finalizers of those that have one that has
// not run; the world is stopped.
void tly_garbage_list(struct tly_claims *claims);

// Takes every member out of the set, and clears the tables of the pools that
// are looked at: what is listed is left to the second look.
void tly_garbage_forget(void);

// Destroys every member, and leaves the tables clear. Returns how many were
// destroyed. If some are [published], their memory waits for a grace period.
uint64_t tly_garbage_clear(struct tly_local *self, bool published);
// Bytes of all blocks that it has given back so far; under the collector's
// lock.
extern uint64_t tly_garbage_bytes;

#endif
