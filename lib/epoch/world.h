// Stopping the world: every other attached thread stands at a safepoint.

#ifndef TLY_EPOCH_WORLD_H
#define TLY_EPOCH_WORLD_H

#include "epoch/mutator.h"

// Waits, DETACHED, while the world is stopped by another. [self] is attached
// and at a safepoint, or has just become attached. True if it was DETACHED:
// then it has yet to answer what was asked meanwhile, before it uses the heap.
bool tly_world_pass(struct tly_mutator *self);

// Whether somebody stops the world, or has it stopped.
bool tly_world_is_stopping(void);

// Tells who waits for threads to stand still that one runs no more.
void tly_world_left(void);

// As tally_stop_world; gives up at [deadline] (0: never) with TALLY_TIMED_OUT.
tally_status tly_world_stop(struct tly_mutator *self, uint64_t deadline);
void tly_world_start(struct tly_mutator *self);

// In a forked child, whose thread stopped the world before: nobody waits.
void tly_world_forked(void);

#endif
