// Finding garbage: in a stopped world (stopped.c), or beside the threads
// (live.c). Both leave the members that are garbage in the tables, and nothing
// else of interest.

#ifndef TLY_COLLECTOR_FIND_H
#define TLY_COLLECTOR_FIND_H

#include <tally/collect.h>

#include "collector/trial.h"
#include "object/finalize.h"

// What a collection looks at: a generation, or what is listed.
enum tly_look {
    TLY_LOOK_YOUNG = TALLY_YOUNG,
    TLY_LOOK_FULL = TALLY_FULL,
    TLY_LOOK_LISTED
};

struct tly_found {
    uint64_t candidates, garbage;
    uint64_t rescued;   // proposed as garbage, and found to live
    uint64_t opaque;    // left alone: see TALLY_VISIT_LIVE
    uint64_t published; // garbage that a stale borrow may still be asked for
    struct tly_claims claims;
    size_t calls;   // of weak references
    uint64_t saved; // garbage that is on the list (debug.h)
    bool saves;     // garbage is to be saved, not cleared
    bool weak;      // some of the garbage may have weak references, or destroy
                    // hooks
    bool held;    // nothing is to be cleared: the garbage waits for finalizers
                  // or callbacks, or was saved
    bool waiting; // some have been claimed and not run, or will be
};

// In a stopped world. Notes the pause in [done]. On error nothing has changed:
// TALLY_TIMED_OUT (a thread passed no safepoint in time),
// TALLY_NO_MEMORY.
tally_status tly_find_stopped(struct tly_local *self, enum tly_look look,
                              struct tly_patience *patience,
                              struct tally_collection *done,
                              struct tly_found *found);

// Beside the threads. On error nothing has changed: TALLY_TIMED_OUT (a thread
// passed no safepoint in time), TALLY_BUSY (somebody needs
// the lock at once), TALLY_NO_MEMORY.
tally_status tly_find_live(struct tly_local *self, enum tly_look look,
                           struct tly_patience *patience,
                           struct tly_found *found);

// Whether garbage waits for finalizers or callbacks.
TLY_INLINE bool tly_found_waits(const struct tly_found *found) {
    return found->claims.count || found->calls;
}

// ---- what both do

// Kernel A over what is looked at.
void tly_find_count(struct tly_trial *trial, enum tly_look look);

// When all has been found: whether an object is garbage.
bool tly_is_garbage(const tally_object *object);

// Whether finalizers or callbacks are on their way that listed garbage waits
// for; then a collection other than the second look spares what is listed.
bool tly_find_spares(enum tly_look look);

// Who has to run before the garbage may be cleared: callbacks of weak
// references, then finalizers.
void tly_find_hold(struct tly_local *self, const struct tly_trial *trial,
                   struct tly_found *found);

#endif
