// Schedule points: where test builds interfere between two shared accesses.
//
//   TLY_SCHED 0   product: nothing
//   TLY_SCHED 1   noise: random delays, so that rare interleavings happen
//   TLY_SCHED 2   explorer: a scheduler of coroutines drives every point by a
//                 seed (tests/explore)
//
// Seeded defects (TLY_BUSTED) are switches that a test turns on to see that it
// would find them; in other builds each is the constant false.

#ifndef TLY_BASE_POINT_H
#define TLY_BASE_POINT_H

#include "base/compiler.h"

#if TLY_SCHED == 1
void tly_point_noise(void);
#define tly_point(address) ((void)(address), tly_point_noise())
#elif TLY_SCHED == 2
void tly_point_explore(const void *address);
#define tly_point(address) tly_point_explore((const void *)(address))
#else
#define tly_point(address) ((void)0)
#endif

// A wait inside the explorer: others run first.
void tly_point_yield(void);

// Public fast paths that are compiled into the library have the same points.
#ifndef TALLY_POINT_
#define TALLY_POINT_(address) tly_point(address)
#endif

// Whether what depends on the clock would make a schedule another.
#define TLY_EXPLORED (TLY_SCHED == 2)

enum tly_defect {
    TLY_DEFECT_NONE,
    TLY_DEFECT_DETACH_NO_RECHECK, // an idle state is stored, nobody looks
    TLY_DEFECT_SEND_NO_CHECK,    // a request is pushed, its owner not looked at
    TLY_DEFECT_MERGE_LATE_OWNER, // MERGED is published before the owner goes
    TLY_DEFECT_BITS_FIRST,       // bits are taken before in_inbox is cleared
    TLY_DEFECT_DRAIN_NO_OWNER,   // a drained drop is not tested for its owner
    TLY_DEFECT_COLLISION_LOST,   // a drop whose bit was set is forgotten
    TLY_DEFECT_COUNT_TORN,       // the shared count by load and store
    TLY_DEFECT_MERGE_KEEPS_UNIT  // a merge forgets the queue's reference
};

#if TLY_SCHED == 2
extern enum tly_defect tly_defect_on;
#define TLY_BUSTED(name) (tly_defect_on == TLY_DEFECT_##name)
#else
#define TLY_BUSTED(name) false
#endif

#endif
