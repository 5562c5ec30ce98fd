// HOT objects: for those few that many threads count at the same time.
//
// Each thread counts references to a HOT object in a cell of its own, without
// locked operations and without writing to what other threads write. The price
// is its end: that nothing refers to it is found by the next full collection
// (tally_collect), not at the last decref. Types, configuration and interned
// values are meant. Objects without an owner, finalizer and destroy hook that
// threads are seen to contend for become HOT by themselves (option hot), and
// cease to be when two full collections in a row find that nobody has counted
// them.

#ifndef TALLY_HOT_H
#define TALLY_HOT_H

#include <tally/status.h>

TALLY_BEGIN

// How many objects can be HOT at a time.
#define TALLY_HOT_OBJECTS_MAX 511u

// Makes an object HOT, until tally_make_cold or its end. The object has no
// owner afterwards: an object of the calling thread's is given up first
// (tally_transfer), another thread's is asked for, and waited for.
//
// object:   not NULL; the caller holds a counted reference, and keeps it
//           until the call returns. A borrowed one is not enough.
// Returns:  0 when the object is HOT, or was; 0 for an immortal one, which
//           stays as it is.
// Errors:   TALLY_LIMIT (TALLY_HOT_OBJECTS_MAX objects are, or the thread
//           cannot attach), TALLY_NO_MEMORY, TALLY_TIMED_OUT (the object was
//           not given up, mostly since a thread passed no safepoint, for as
//           long as the option deadline_ms says; its owner may give it up
//           later), TALLY_DEADLOCK (another thread
//           owns the object, and this one is in a borrow section or has
//           stopped the world, and so must not wait). The object is counted as
//           before.
// Threads:  any.
// Blocks:   for the safepoint of the thread that owns the object, and of all
//           others, if another thread owns it: then it is a safepoint itself,
//           and finalizers may run. Else no.
// Cost:     some locked operations; a page of memory for each mutator, once.
TALLY_API tally_status tally_make_hot(void *object);

// Makes a HOT object an ordinary one without an owner, which ends with its
// last reference again. Any other object stays as it is. What threads go on
// contending for becomes HOT again by itself, unless option hot is 0.
//
// object:   not NULL; the caller holds a counted reference, and keeps it
//           until the call returns.
// Returns:  0 when the object is not HOT.
// Errors:   TALLY_DEADLOCK (in a borrow section or a world that this thread
//           has stopped), TALLY_TIMED_OUT (as tally_make_hot), TALLY_LIMIT or
//           TALLY_NO_MEMORY (the thread cannot attach). The object is HOT
//           still.
// Threads:  any.
// Blocks:   for all threads' next safepoints; it is a safepoint itself, and
//           finalizers may run.
// Cost:     a handshake, and a load for each mutator.
TALLY_API tally_status tally_make_cold(void *object);

TALLY_END

#endif
