// Giving memory back at once.

#include <tally/runtime.h>

#include "arena/arena.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "pool/heap.h"

size_t tally_trim(void) {
    int error = errno;
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return 0;
    // What is free already; a safepoint on the way may purge as well.
    size_t bytes = tly_arena_purge();
    // Nobody is waited for: who runs gives up what it has cached at its next
    // safepoint, and the delay is over for that as for all that is freed.
    if (!tly_rcu_ongoing() && !self->stopped_world) {
        tly_handshake_ask(TLY_GOAL_FLUSH | TLY_GOAL_TRIM);
        tly_poll(self, true);
    }
    tly_idle_empty();
    bytes += tly_arena_purge();
    errno = error;
    return bytes;
}
