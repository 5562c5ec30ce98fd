// The service that runs finalizers.

#include "runtime/executor.h"

#include "collector/collect.h"
#include "object/finalize.h"
#include "runtime/service.h"

static void turn(struct tly_local *self) {
    struct tly_patience patience = tly_patience_begin();
    tly_pump(self, TLY_BY_THREAD, 1);
    if (!tly_finalize_has_thread() && tly_finalize_waiting() == 0)
        (void)tly_second_look(self, &patience);
}

static struct tly_service executor = {
    .name = "tally-finalize",
    .what = "finalizers",
    .work = &tly_finalize_work,
    .served = &tly_finalize_served,
    .has_work = tly_finalize_has_thread,
    .turn = turn,
};

void tly_executor_poll(struct tly_local *self) {
    if (TLY_LIKELY(!tly_finalize_has_thread()) ||
        tly_service_run(&executor, self))
        return;
    tly_pump(self, TLY_BY_THREAD, SIZE_MAX);
    if (tly_finalize_has_thread())
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

tally_status tly_executor_stop(struct tly_mutator *self,
                               struct tly_patience *patience) {
    return tly_service_stop(&executor, self, patience);
}

void tly_executor_start(void) { tly_service_ready(&executor); }

void tly_executor_again(void) {
    if (tly_service_is_stopped(&executor))
        tly_executor_start();
}

void tly_executor_forked(void) { tly_service_forked(&executor); }
