// Schedule points: where test builds interfere between two shared accesses.
//
//   TLY_SCHED 0   product: nothing
//   TLY_SCHED 1   noise: random delays, so that rare interleavings happen
//   TLY_SCHED 2   explorer: a scheduler of coroutines drives every point by a
//                 seed (tests/explore)
//   TLY_SCHED 3   delay: few points sleep, for milliseconds: windows of some
//                 instructions become wide enough for whole collections
//
// Seeded defects (TLY_BUSTED) are switches that a test turns on to see that it
// would find them: in the explorer, and in the library that tests/mutants is
// linked to (TLY_SEEDED). In other builds each is the constant false. Both also
// have places where a test changes what a concurrent collection proposes
// (TLY_CHAOS).

#ifndef TLY_BASE_POINT_H
#define TLY_BASE_POINT_H

#include "base/compiler.h"

#if TLY_SCHED == 1
void tly_point_noise(void);
#define tly_point(address) ((void)(address), tly_point_noise())
#elif TLY_SCHED == 3
void tly_point_delay(void);
#define tly_point(address) ((void)(address), tly_point_delay())
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
    TLY_DEFECT_MERGE_KEEPS_UNIT, // a merge forgets the queue's reference
    TLY_DEFECT_END_APART, // a finalizer is claimed apart from the last count
    TLY_DEFECT_END_GIVEN, // what is at its end is given out

    // Of concurrent collections.
    TLY_DEFECT_COUNT_NO_DIRTY,  // a watched count changes, no DIRTY
    TLY_DEFECT_STORE_NO_DIRTY,  // a field of a watched object changes, no DIRTY
    TLY_DEFECT_NO_HOLD,         // what dies meanwhile is used again at once
    TLY_DEFECT_WATCH_PLAINLY,   // WATCH is set by load and store
    TLY_DEFECT_ANSWER_NO_CYCLE, // a handshake is answered, the cycle not taken
    TLY_DEFECT_NO_LAST_TEST,    // nobody looks for DIRTY before the commit
    TLY_DEFECT_ONE_ROUND,       // no recount after members were dropped
    TLY_DEFECT_NO_END,          // nobody waits for the second handshake
    TLY_DEFECT_NO_POOL_HOLD,    // empty pools go back while they are read
    TLY_DEFECT_PHASE_FIRST,     // a weak reference reads the phase before DIRTY
    TLY_DEFECT_NO_GRACE,        // published garbage is freed at once
    TLY_DEFECT_UNIT_BLINDLY,    // a unit is taken of what may be dead
    TLY_DEFECT_HOT_SUM_EARLY,   // cells are added up before what is watched is
    TLY_DEFECT_COOL_NO_DIRTY,   // a watched object is made cold, no DIRTY
    TLY_DEFECT_SIDE_UNBOUND,    // nobody asks what the tables cover

    // Of what fuzzers look at.
    TLY_DEFECT_UTF8_SURROGATE,  // U+D800 .. U+DFFF are taken
    TLY_DEFECT_UTF8_CUT,        // the last sequence may lack bytes
    TLY_DEFECT_FORMAT_ALIGN,    // native fields are not aligned
    TLY_DEFECT_FORMAT_SIGN,     // a short's sign is lost
    TLY_DEFECT_CAST_REST,       // bytes may be left over
    TLY_DEFECT_CAST_STRIDES,    // all dimensions have the last one's stride
    TLY_DEFECT_SLICE_BACKWARDS, // backwards ends before the first item
    TLY_DEFECT_SLICE_COUNT      // a step that does not divide is rounded down
};

#define TLY_TRIED (TLY_SCHED == 2 || TLY_SEEDED)

#if TLY_TRIED
extern enum tly_defect tly_defect_on;
#define TLY_BUSTED(name) (tly_defect_on == TLY_DEFECT_##name)
#else
#define TLY_BUSTED(name) false
#endif

// Turns of a concurrent collection at which a test may interfere.
enum tly_turn {
    TLY_TURN_BEGUN,   // every thread knows of it
    TLY_TURN_COUNTED, // members are what was looked at
    TLY_TURN_MARKED,  // and now what is proposed
    TLY_TURN_ENDED,   // every thread knows what is watched
    TLY_TURN_WEIGHED,
    TLY_TURN_SUBTRACTED,
    TLY_TURN_VALIDATED,
    TLY_TURN_COMMITTED
};
#if TLY_TRIED
extern void (*tly_chaos)(enum tly_turn turn, bool young); // may be NULL
#define TLY_CHAOS(turn, young)                                                 \
    (tly_chaos ? tly_chaos(TLY_TURN_##turn, young) : (void)0)
#else
#define TLY_CHAOS(turn, young) ((void)0)
#endif

#endif
