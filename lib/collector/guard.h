// Units that keep what a concurrent collection claims alive, from before it is
// known to be garbage until it is claimed.

#ifndef TLY_COLLECTOR_GUARD_H
#define TLY_COLLECTOR_GUARD_H

#include "collector/sides.h"

// Takes a unit of every member that has a finalizer which has not run, or weak
// references. False: one has died meanwhile.
bool tly_guard_take(void);

// Whether any member has weak references with callbacks. Takes units as well:
// what is dead has lost its list of them.
bool tly_guard_calls(void);

// Gives the units back, as if they had never been taken where others have kept
// the object. The thread is attached.
void tly_guard_drop(struct tly_local *self);

#endif
