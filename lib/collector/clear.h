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
// Whether it is under way: then a fork needs to wait for no collection. Between
// two pools its thread stands still for a fork, in no other place by itself.
bool tly_clear_is_on(void);

// In the child of such a fork, by who has the collector's lock, before it looks
// at anything: clears the rest. Destroy hooks run.
void tly_clear_resume(struct tly_local *self);

// Bytes of all blocks that it has given back so far; under the collector's
// lock.
extern uint64_t tly_garbage_bytes;
// Of these, what is given back when destroy hooks have run.
extern uint64_t tly_garbage_hooked;

// Bytes of all blocks that were put on the list so far; under the collector's
// lock.
extern uint64_t tly_garbage_put;
// Of these, what is on it and waits for finalizers or callbacks. Any thread: a
// hint.
int64_t tly_garbage_listed(void);
// The list is empty.
void tly_garbage_unlisted(void);

#endif
