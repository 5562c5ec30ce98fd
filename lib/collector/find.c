// What the two ways to find garbage have in common.

#include "collector/find.h"

#include "collector/clear.h"
#include "collector/weaken.h"
#include "pool/walk.h"

void tly_find_count(struct tly_trial *trial, enum tly_look look) {
    if (look == TLY_LOOK_LISTED) {
        tly_trial_recount(trial);
        return;
    }
    // Beyond the tables lies what was made since they were prepared.
    tly_pools_look(trial->young, trial->fresh, tly_sides.committed);
    tly_trial_count(trial);
}

bool tly_is_garbage(const tally_object *object) {
    return tly_is_member(object);
}

bool tly_find_spares(enum tly_look look) {
    // Relaxed: the lock orders it.
    bool waiting =
        tly_load_relaxed(&tly_finalize_awaited) && tly_finalize_waiting() > 0;
    if (waiting && look != TLY_LOOK_LISTED)
        tly_trial_spare_listed();
    return waiting;
}

void tly_find_hold(struct tly_local *self, const struct tly_trial *trial,
                   struct tly_found *found) {
    found->weak = trial->weak + trial->hooked > 0;
    if (trial->weak)
        found->calls += tly_weaken_call(self);
    if (trial->finalizers || found->calls)
        tly_garbage_list(&found->claims);
    found->held = tly_found_waits(found);
}
