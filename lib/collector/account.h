// The books of collections, and who is told of them.
//
// Each collection that is asked for or due is one begin and one end, both in
// the thread that collects, attached and without a lock.

#ifndef TLY_COLLECTOR_ACCOUNT_H
#define TLY_COLLECTOR_ACCOUNT_H

#include <tally/collect.h>

#include "base/compiler.h"

// Before the collector's lock is taken.
void tly_account_begin(tally_collect_mode mode, tally_generation generation);

// After finalizers have run. [status]: TALLY_BUSY: it has not begun after all.
void tly_account_end(tally_generation generation,
                     const struct tally_collection *done, tally_status status);

// A second look that no collection waits for: what it did is added to the
// books of the last collection.
void tly_account_late(const struct tally_collection *done);

// The runtime starts: the books are empty.
void tly_account_reset(void);

// ---- announce.c

struct tally_collect_event;
void tly_announce(const struct tally_collect_event *event);

// Whether the thread is inside a watcher.
bool tly_announce_goes_on(const void *frame);
TLY_INLINE bool tly_is_announcing(void) {
    return tly_announce_goes_on(__builtin_frame_address(0));
}

// Nobody is told of this thread's collections: of those that end the runtime.
void tly_announce_pause(bool paused);

// Nobody watches any more.
void tly_announce_end(void);

#endif
