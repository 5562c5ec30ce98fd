// Which objects collections look at.
//
// An object is tracked if its type says that it may refer to others. What is
// not tracked is in no collection's set: the references that it holds count as
// references from outside, so that what they lead to stays, and a cycle
// through it is never found. The same goes for what is frozen.

#ifndef TALLY_TRACK_H
#define TALLY_TRACK_H

#include <tally/status.h>

TALLY_BEGIN

// Whether collections look at an object. Those of types without references are
// never tracked, for nothing can be garbage by them; nor are immortal ones.
//
// object:   not NULL; the caller holds a reference.
// Returns:  true if so; it may be stale by the time it is read.
// Threads:  any.
// Blocks:   no.
// Cost:     a load.
TALLY_API bool tally_is_tracked(const void *object);

// Lets collections look at an object, again. Does nothing to one that is
// tracked. An old object is found by full collections only.
//
// object:   not NULL; the caller holds a reference.
// Returns:  0.
// Errors:   TALLY_INVALID when its type has no references or the object is
//           immortal: it is not tracked then.
// Threads:  any.
// Blocks:   no.
// Cost:     one locked operation.
TALLY_API tally_status tally_track(void *object);

// Keeps collections from looking at an object: one that will never be part of
// a cycle, or is not to be looked at for a time. Its end by its count, weak
// references to it and its finalizer are as before. Does nothing to one that
// is not tracked.
//
// object:   not NULL; the caller holds a reference. One that a collection
//           looks at already may still be looked at by that one.
// Returns:  nothing.
// Threads:  any.
// Blocks:   no.
// Cost:     one locked operation.
TALLY_API void tally_untrack(void *object);

// Puts all objects that live now out of the sight of collections, until
// tally_unfreeze: collections do not look at them, what they refer to stays,
// and nothing is made in their memory. Before a fork this lets the child share
// that memory with its parent: collections of the child do not write it. They
// still end by their counts, HOT ones (hot.h) by that and the next full
// collection, as ever. Objects of 4 MiB or more are not frozen.
//
// What is garbage now stays: a tally_collect before is worth its time. So is
// one for what is young, which is visited here.
//
// Returns:  0; what was frozen before stays so.
// Errors:   TALLY_TIMED_OUT (a thread passed no safepoint, and a collection
//           before that did not end, for as long as the option deadline_ms
//           says: nothing is frozen then, nor what was before),
//           TALLY_DEADLOCK (inside a borrow section or a stopped world),
//           TALLY_LIMIT and TALLY_NO_MEMORY (the thread cannot attach).
// Threads:  any.
// Blocks:   for a collection that is under way, and for each thread's next
//           safepoint; nobody is stopped.
// Cost:     some bits for each pool, and a visit of the objects made since the
//           last collection.
TALLY_API tally_status tally_freeze(void);

// Lets collections look at everything again: what was frozen is old. Its memory
// is used again from each thread's next safepoint on.
//
// Returns:  0.
// Errors:   TALLY_DEADLOCK, TALLY_LIMIT, TALLY_NO_MEMORY as tally_freeze;
//           TALLY_TIMED_OUT (a collection did not end in that time).
// Threads:  any.
// Blocks:   for a collection that is under way.
// Cost:     a message for each pool.
TALLY_API tally_status tally_unfreeze(void);

// Tells how many objects are frozen, tracked or not; no object is visited.
//
// ret_count: how many; untouched on error.
// Returns:  0.
// Errors:   as tally_unfreeze.
// Threads:  any.
// Blocks:   for a collection that is under way.
// Cost:     a look at the bits of each frozen pool.
TALLY_API tally_status tally_freeze_count(size_t *ret_count);

TALLY_END

#endif
