// The service that collects, and ends what has been put off. A thread that
// finds at a safepoint that a collection is due leaves it to the service, and
// goes on.

#include "runtime/background.h"

#include "collector/collect.h"
#include "collector/limit.h"
#include "collector/lock.h"
#include "epoch/attach.h"
#include "object/finish.h"
#include "runtime/due.h"
#include "runtime/service.h"

static void turn(struct tly_local *self) {
    if (tly_due_is_now())
        tly_due_turn(self);
    if (tly_collector_is_due() && !tly_collector_run_due(self) &&
        !tly_hooks_end(self))
        (void)tly_collector_wait(tly_mutator_in(self), NULL);
}

static bool has_work(void) {
    return tly_collector_is_due() || tly_due_is_now();
}

static struct tly_event background_work;
static uint32_t background_served; // (a)

static struct tly_service background = {
    .name = "tally-collect",
    .what = "collections",
    .work = &background_work,
    .served = &background_served,
    .has_work = has_work,
    .wakes = tly_due_at,
    .turn = turn,
};

static bool hand_over(struct tly_local *self) {
    if (!tly_service_run(&background, self))
        return false;
    tly_event_signal(&background_work);
    return true;
}

// For an allocation that waits for room, again and again.
static bool wake(void) { return hand_over(tly_local_of(tly_mine())); }

void tly_background_configure(bool used) {
    tly_collector_elsewhere = used ? hand_over : NULL;
    tly_limit_wake = used ? wake : NULL;
}

void tly_background_poll(struct tly_local *self) {
    // Relaxed: a hint; a hook may have ended the thread that was told.
    if (tly_collector_elsewhere &&
        (tly_due_ask(self) ||
         (!tly_load_relaxed(&background_served) && tly_due_is_asked())))
        (void)hand_over(self);
}

tally_status tly_background_stop(struct tly_mutator *self,
                                 struct tly_patience *patience) {
    return tly_service_stop(&background, self, patience);
}

void tly_background_start(void) {
    tly_due_reset();
    tly_service_ready(&background);
}

void tly_background_again(void) {
    if (tly_service_is_stopped(&background))
        tly_background_start();
}

void tly_background_forked(void) {
    tly_due_forked();
    tly_service_forked(&background);
}
