// What waits on a mutator's lists: the dead, those whose hooks may not run
// yet, and those that want their finalizer.

#include "object/finish.h"

#include "epoch/rcu.h"
#include "object/finalize.h"
#include "object/weak.h"

// Hooks may wait for what waits for the section's end, or for a collection.
static bool hooks_may_run(const struct tly_local *self, bool hooks) {
    return hooks && !tly_rcu_ongoing() && !self->collector;
}

void tly_finish(struct tly_local *self, bool hooks) {
    if (self->finishing || !tly_finish_has(self))
        return;
    hooks = hooks_may_run(self, hooks);
    self->finishing = 1;
    self->slice = tly_destroy_slice;
    do {
        if (self->dead) {
            tly_destroy_family(self, tly_dead_take(self), hooks);
        } else if (tly_weak_finish(self, hooks)) {
            self->slice--;
        } else if (!hooks) {
            break;
        } else if (self->held) {
            self->dead = self->held;
            self->held = NULL;
        } else if (self->finalize) {
            tly_finalize_run(
                self, tly_finalize_take(self, 1u << TALLY_EXECUTOR_INLINE));
            self->slice--;
        } else {
            break;
        }
    } while (self->slice > 0);
    self->finishing = 0;
    if (tly_finish_has(self))
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

// Whether anything is left that may be done here.
static bool is_left(const struct tly_local *self, bool hooks) {
    return self->dead || self->weak_controls ||
           ((self->held || self->finalize || self->weak_calls) &&
            hooks_may_run(self, hooks));
}

void tly_finish_all(struct tly_local *self, bool hooks) {
    do
        tly_finish(self, hooks);
    while (!self->finishing && is_left(self, hooks));
}
