// Lock ranks: a thread takes locks in the order of this list only. Debug
// builds check it, so that a deadlock is found by the run that could have had
// it, not by the one that has it.
//
// Debug builds also know every lock that a thread holds, those without a rank
// included, and check that it holds none where it waits, may be stopped, may
// fork, or calls the program's code: tly_locks_none.

#ifndef TLY_SYNC_RANK_H
#define TLY_SYNC_RANK_H

#include "base/compiler.h"

enum tly_rank {
    TLY_RANK_RUNTIME,    // start and end of the runtime
    TLY_RANK_TYPES,      // registration of types
    TLY_RANK_HANDSHAKE,  // one goal at a time is asked for
    TLY_RANK_REGISTRY,   // new mutators' records
    TLY_RANK_GRACE,      // one wait for a grace period at a time
    TLY_RANK_RCU,        // the list of readers
    TLY_RANK_WEAK_TABLE, // memory for the table of weak references
    TLY_RANK_WEAK,       // lists of weak references that have callbacks
    TLY_RANK_LIMBO,      // what threads left that waits for a grace period
    TLY_RANK_ARENA,      // units of the heap
    TLY_RANK_CONTROL,    // lists of holders, watchers and saved garbage
    TLY_RANK_COLLECTOR,  // who waits for the collector's lock
    TLY_RANK_FINALIZE,   // queues of finalizers
    TLY_RANK_INTERN,     // tables of interned text
    TLY_RANK_HOT,        // columns of HOT objects
    TLY_RANKS
};

// Called by the locks.
void tly_rank_enter(enum tly_rank rank);
void tly_rank_leave(enum tly_rank rank);

// The same for locks without a rank, those of containers: any number of them.
void tly_unranked_enter_slow(void);
void tly_unranked_leave_slow(void);
TLY_INLINE void tly_unranked_enter(void) {
    if (TLY_CHECK >= 1)
        tly_unranked_enter_slow();
}
TLY_INLINE void tly_unranked_leave(void) {
    if (TLY_CHECK >= 1)
        tly_unranked_leave_slow();
}

// Whether the calling thread holds no lock at all (debug builds; else true).
bool tly_rank_none(void);

void tly_locks_none_slow(const char *before, bool waits);

// Aborts, in debug builds, if the calling thread holds a lock, and says what it
// is about to do: [before] completes "thread 1 holds a lock before ...". Where
// the program's code comes, memory is asked for, or an object ends.
TLY_INLINE void tly_locks_none(const char *before) {
    if (TLY_CHECK >= 1)
        tly_locks_none_slow(before, false);
}

// The same where the thread waits or may be stopped. TLY_RANK_RUNTIME may be
// held: whoever forks, starts or ends the runtime keeps it from the beginning
// to the end.
TLY_INLINE void tly_locks_none_waits(const char *before) {
    if (TLY_CHECK >= 1)
        tly_locks_none_slow(before, true);
}

#endif
