// Hooks that make the next.
//
// A finalizer, a destroy hook or a callback that makes an object of its kind
// and drops it keeps the loop going for ever. A level is a hook since whose
// predecessor at least as much was made as ended, and something was. So many
// are followed by one loop, and one more for each hook that waits by then: who
// leaves something behind for each of many that are to end is no such program.
// The rest is for the next safepoint.

#ifndef TLY_OBJECT_LEVELS_H
#define TLY_OBJECT_LEVELS_H

#include "object/local.h"

#define TLY_LEVELS 1024u

TLY_INLINE struct tly_levels tly_levels_begin(const struct tly_local *self) {
    // Relaxed, all here: counters of one writer.
    uint64_t made = tly_load_relaxed(&self->counters.made);
    return (struct tly_levels){
        .made = made,
        .ended = tly_load_relaxed(&self->counters.destroyed),
        .left = TLY_LEVELS,
        .credit = true,
    };
}

// After a hook, or before the next. False: no more of them.
bool tly_levels_count(const struct tly_local *self, struct tly_levels *levels);
TLY_INLINE bool tly_levels_go_on(const struct tly_local *self,
                                 struct tly_levels *levels) {
    return TLY_LIKELY(tly_load_relaxed(&self->counters.made) == levels->made)
               ? levels->left > 0
               : tly_levels_count(self, levels);
}

#endif
