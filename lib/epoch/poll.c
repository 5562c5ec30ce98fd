// Safepoints: what is asked of a thread is done there (attach.h).

#include <tally/mutator.h>

#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "epoch/stall.h"
#include "epoch/world.h"
#include "sync/rank.h"

void tly_poll(struct tly_mutator *self, bool open) {
    uint32_t bits;
    tly_locks_none_waits("a safepoint");
    do {
        // ORDER[breaker] acq_rel: taken before the goal is read, so that a
        // request that comes meanwhile leaves its bit. Pairs with tly_break.
        bits = tly_exchange_acq_rel(&self->breaker.bits_, 0);
        uint64_t goal = tly_handshake_seen(self);
        // Who calls the program's code asks for it again: it may be left.
        uint32_t asked = self->asked;
        self->asked = bits | (goal ? TLY_BREAK_HANDSHAKE : 0);
        if (tly_epoch_hooks.poll)
            tly_epoch_hooks.poll(self, bits, open);
        self->asked = asked;
        if (TLY_UNLIKELY(goal))
            tly_handshake_answer(self, goal);
        // Who was parked may have missed a goal, as any that did not run.
    } while (bits & TLY_BREAK_STOP && tly_world_pass(self) &&
             tly_handshake_seen(self));
}

void tally_safepoint_slow_(void) {
    struct tly_mutator *self = tly_self();
    if (!tly_is_attached(self) || tly_rcu_ongoing())
        return;
    // Hooks of the program's may run: whoever passes a safepoint without
    // wanting to, at the end of a section, keeps its errno.
    int error = errno;
    uint64_t began = tly_stall_begin(self);
    if (TLY_UNLIKELY(self->hooks_at) && tly_epoch_hooks.enter)
        tly_epoch_hooks.enter(self, __builtin_frame_address(0));
    tly_poll(self, true);
    tly_stall_end(began);
    errno = error;
}
