// What waits on a mutator's lists: the dead, those whose hooks may not run
// yet, and those that want their finalizer.

#include "object/finish.h"

#include "epoch/rcu.h"
#include "object/type.h"

void tly_object_finalize(struct tly_local *self, tally_object *object) {
    int error = errno;
    tly_count(&self->counters.finalized, 1);
    tly_type_of(object)->finalize_(object);
    errno = error;
}

static void finalize_next(struct tly_local *self) {
    tally_object *object = self->finalize;
    tally_object **link = tly_finalize_link(object, tly_type_of(object));
    self->finalize = *link;
    *link = NULL;
    tly_object_finalize(self, object);
    tly_count_act(self, object, tly_count_drop(self, object));
}

void tly_finish(struct tly_local *self, bool hooks) {
    if (self->finishing)
        return;
    // Hooks may wait for what waits for the section's end.
    hooks = hooks && !tly_rcu_ongoing();
    self->finishing = 1;
    for (;;) {
        tally_object *object = self->dead;
        if (object) {
            self->dead = tly_dead_next(object);
            tly_destroy_family(self, object, hooks);
        }
        if (!hooks)
            break;
        if (self->held) {
            self->dead = self->held;
            self->held = NULL;
        } else if (self->finalize) {
            finalize_next(self);
        } else if (!self->dead) {
            break;
        }
    }
    self->finishing = 0;
    if (self->held || self->finalize)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}
