// Weak references to garbage.

#ifndef TLY_COLLECTOR_WEAKEN_H
#define TLY_COLLECTOR_WEAKEN_H

#include "collector/sides.h"

// Kills the weak references with callbacks to members, but for those that
// finalizers of this garbage have made. The callbacks, but of members, are on
// the list of [self] then; returns how many. The world is stopped.
size_t tly_weaken_call(struct tly_local *self);

// Kills all weak references to members, and those with callbacks among them,
// and calls nobody; from then on who knows a member by its destroy hook only is
// refused. The world is stopped, or the phase is COMMITTED.
void tly_weaken(void);

// After that, and before members are cleared: gives their control blocks up.
// The world runs.
void tly_weaken_let_go(struct tly_local *self);

#endif
