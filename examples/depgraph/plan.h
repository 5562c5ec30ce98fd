// Which names a change concerns. What these functions look at does not change
// any more, so they take no locks.

#ifndef DEPGRAPH_PLAN_H
#define DEPGRAPH_PLAN_H

#include "worker.h"

// How many locks a change may hold. One that concerns more of the table would
// keep everybody waiting; ThreadSanitizer, too, follows 64 locks of a thread.
#define PLAN_LOCKS_MAX 48u

// Puts a name and its companions into worker->names, marked with their places
// there: those of its cycle, nearest first, as an upgrade replaces packages
// that are built together. Sets worker->locks to what the change has to lock.
// There are no names if those are too many locks. Returns false when memory
// is short.
bool plan_upgrade(struct worker *worker, struct name *name);

// Does the same for a name and all names that nobody but these need.
bool plan_removal(struct worker *worker, struct name *name);

#endif
