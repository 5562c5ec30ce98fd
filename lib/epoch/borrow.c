// A section is liburcu's, with a depth of our own: no safepoint acts inside.

#include "epoch/borrow.h"

#include <tally/borrow.h>

#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "platform/os.h"

static uint64_t borrow_grace_periods;

tally_status tally_borrow_enter(void) {
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    tly_rcu_enter();
    self->depth++;
    return TALLY_OK;
}

void tally_borrow_leave(void) {
    struct tly_mutator *self = tly_self();
    if (self->depth == 0)
        tly_misuse("thread %u leaves a borrow section that it is not in",
                   tly_os_thread_id());
    tly_rcu_leave();
    // Relaxed: as tally_safepoint.
    if (--self->depth == 0 && tly_load_relaxed(&self->breaker.bits_))
        tly_poll(self, true);
}

void tly_borrow_synchronize(struct tly_mutator *self) {
    tly_mutator_detach(self);
    tly_rcu_synchronize();
    // Relaxed: a statistic.
    tly_add_relaxed(&borrow_grace_periods, 1);
    tly_mutator_attach(self);
}

uint64_t tly_borrow_grace_periods(void) {
    // Relaxed: a statistic.
    return tly_load_relaxed(&borrow_grace_periods);
}

tally_status tally_synchronize(void) {
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    if (self->depth > 0)
        return TALLY_DEADLOCK;
    tly_borrow_synchronize(self);
    return TALLY_OK;
}
