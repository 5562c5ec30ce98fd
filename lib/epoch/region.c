// A thread that is not attached counts its regions too, for who attaches
// inside one.

#include "epoch/region.h"

#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "epoch/stall.h"
#include "platform/os.h"
#include "sync/rank.h"

TALLY_THREAD uint32_t tly_regions;
static TALLY_THREAD uint32_t region_ended; // of those, by the heap's use

void tly_regions_end(void) {
    region_ended = tly_regions;
    tly_regions = 0;
}

void tally_blocking_enter(void) {
    tly_locks_none_waits("a blocking region");
    if (tly_regions > 0 || !tly_is_attached(tly_self())) {
        tly_regions++;
        return;
    }
    int error = errno;
    struct tly_mutator *self = tly_self();
    if (tly_rcu_ongoing())
        tly_misuse("thread %u blocks inside a borrow section",
                   tly_os_thread_id());
    // Hooks run here, outside of the region: they may have regions of their
    // own.
    tly_mutator_block(self);
    tly_regions = 1;
    self->blocking = 1;
    errno = error;
}

extern inline void tally_blocking_scope_end_(const bool *unused);

void tally_blocking_exit(void) {
    static TALLY_THREAD bool once;
    if (TLY_UNLIKELY(!tly_regions)) {
        bool used = region_ended > 0 && region_ended--;
        tly_ignored(&once, used
                               ? "leaves a blocking region that its use of the "
                                 "heap there has ended"
                               : "leaves a blocking region that it is not in");
        return;
    }
    struct tly_mutator *self = tly_mine();
    if (--tly_regions > 0 || !self || !self->blocking)
        return;
    if (!tly_is_attached(tly_self())) {
        uint64_t began = tly_stall_begin(self);
        tly_mutator_unblock(self);
        tly_stall_end(began);
    }
    self->blocking = 0;
}
