// What waits on a mutator's lists: the dead, those whose hooks may not run
// yet, and those that want their finalizer.

#include "object/finish.h"

#include "epoch/rcu.h"
#include "object/finalize.h"
#include "object/weak.h"

void tly_finish(struct tly_local *self, bool hooks) {
    if (self->finishing)
        return;
    // Hooks may wait for what waits for the section's end, or for a collection.
    hooks = hooks && !tly_rcu_ongoing() && !self->collector;
    self->finishing = 1;
    for (;;) {
        tally_object *object = self->dead;
        if (object) {
            self->dead = tly_dead_next(object);
            tly_destroy_family(self, object, hooks);
        }
        if (tly_weak_finish(self, hooks))
            continue;
        if (!hooks)
            break;
        if (self->held) {
            self->dead = self->held;
            self->held = NULL;
        } else if (self->finalize) {
            tly_finalize_run(
                self, tly_finalize_take(self, 1u << TALLY_EXECUTOR_INLINE));
        } else if (!self->dead) {
            break;
        }
    }
    self->finishing = 0;
    if (self->held || self->finalize || self->weak_calls)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}
