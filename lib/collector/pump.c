// Running finalizers that wait, one after the other.

#include <tally/finalize.h>

#include "collector/collect.h"
#include "epoch/attach.h"
#include "epoch/wait.h"
#include "object/finalize.h"
#include "object/finish.h"
#include "object/levels.h"

size_t tly_pump(struct tly_local *self, unsigned by, size_t max) {
    size_t ran = 0;
    if (max == 0 || !tly_second_look_may(self))
        return 0;
    struct tly_levels levels = tly_levels_begin(self);
    do {
        tally_object *object = tly_finalize_take(self, by);
        if (!object)
            break;
        tly_finishing_begin(self, TLY_FRAME);
        tly_finalize_run(self, object);
        self->finishing = 0;
        ran++;
        tly_finish_levels(self, true, &levels);
        // The finalizer may have left the thread where no other may run.
        if (!tly_second_look_may(self))
            break;
    } while (ran < max && tly_levels_go_on(self, &levels));
    return ran;
}

size_t tly_finalize_pending(size_t max, struct tly_patience *patience) {
    int error = errno;
    size_t ran = 0;
    struct tly_mutator *self = tly_self_attached();
    if (self)
        ran = tly_pump(tly_local_of(self), TLY_BY_ANY, max);
    // Those of other threads may be under way: who ends the last of them asks.
    if (ran && tly_finalize_waiting() == 0)
        (void)tly_second_look(tly_local_of(self), patience);
    errno = error;
    return ran;
}

size_t tally_finalize_pending(size_t max) {
    struct tly_patience patience = tly_patience_begin();
    return tly_finalize_pending(max, &patience);
}
