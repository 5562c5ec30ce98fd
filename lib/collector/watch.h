// Watching: what a concurrent collection takes for garbage is marked, so that
// every thread that changes it afterwards says so first.

#ifndef TLY_COLLECTOR_WATCH_H
#define TLY_COLLECTOR_WATCH_H

#include "collector/sides.h"

// Blocks of objects that ended while they were watched: whoever takes the
// watch away frees them.
struct tly_ended {
    tally_object *first; // linked by the count fields
};

// Marks every member. Those that have ended are no members any more. The table
// of what is watched is that of the members then.
void tly_watch(void);

// Takes the mark away from what is watched and no member. Pools that have no
// other are not looked at any more.
void tly_unwatch_dropped(struct tly_ended *ended);

// Takes every mark away, and every member out of the set.
void tly_unwatch_all(struct tly_ended *ended);

// Gives back the blocks. The thread is attached.
void tly_ended_give(struct tly_ended *ended, struct tly_local *self);

#endif
