// Which objects collections look at.
//
// An object is tracked if its type says that it may refer to others. What is
// not tracked is in no collection's set: the references that it holds count as
// references from outside, so that what they lead to stays, and a cycle
// through it is never found.

#ifndef TALLY_TRACK_H
#define TALLY_TRACK_H

#include <tally/status.h>

TALLY_BEGIN

// Whether collections look at an object. Those of types without references are
// never tracked: nothing can be garbage by them.
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
// Errors:   TALLY_INVALID when its type has no references: it is not tracked
//           then.
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

TALLY_END

#endif
