// What becomes of garbage.

#ifndef TLY_COLLECTOR_CLEAR_H
#define TLY_COLLECTOR_CLEAR_H

#include "collector/sides.h"

// Takes a unit of every member, and lists it; the world is stopped.
void tly_garbage_hold(void);

// Runs the finalizers of what is listed, each once. Returns how many.
uint64_t tly_garbage_finalize(struct tly_local *self);

// Takes every member out of the set: what is listed lives on.
void tly_garbage_pardon(void);

// Destroys every member, drops the unit of what is listed and no member (a
// finalizer brought it back), and leaves the tables clear. Returns how many
// were destroyed.
uint64_t tly_garbage_clear(struct tly_local *self);

#endif
