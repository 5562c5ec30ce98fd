// Stopping the world: every other attached thread stands at a safepoint.

#ifndef TLY_EPOCH_WORLD_H
#define TLY_EPOCH_WORLD_H

#include "epoch/wait.h"

// Waits, DETACHED, while the world is stopped by another. [self] is attached
// and at a safepoint, or has just become attached. True if it was DETACHED:
// then it has yet to answer what was asked meanwhile, before it uses the heap.
bool tly_world_pass(struct tly_mutator *self);

// Whether somebody stops the world, or has it stopped.
bool tly_world_is_stopping(void);

// Tells who waits for threads to stand still that one runs no more.
void tly_world_left(void);

// As tally_stop_world; gives up with TALLY_TIMED_OUT when the patience is at
// its end.
tally_status tly_world_stop(struct tly_mutator *self,
                            struct tly_patience *patience);
void tly_world_start(struct tly_mutator *self);

// The same for a fork, by a thread that is not attached. While a fork stops the
// world, or waits for it to stand still, a collection that clears garbage
// stands still as well, between two pools, and for nobody else.
// *ret_late is the number of a mutator that the fork waited for in vain.
tally_status tly_world_stop_forking(uint64_t deadline, uint32_t *ret_late);
void tly_world_start_forking(void);
bool tly_world_is_forking(void);

// In a forked child, whose thread stopped the world before: nobody waits.
void tly_world_forked(void);

#endif
