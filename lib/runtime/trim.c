// Giving memory back at once.

#include <tally/runtime.h>

#include "arena/arena.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "platform/os.h"
#include "pool/heap.h"

// How long a thread that does not come to a safepoint is waited for.
#define PATIENCE_NS 10000000u

size_t tally_trim(void) {
    int error = errno;
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return 0;
    // What is free already; a safepoint on the way may purge as well.
    size_t bytes = tly_arena_purge();
    if (!tly_rcu_ongoing() && !self->stopped_world)
        (void)tly_handshake(self, TLY_GOAL_FLUSH | TLY_GOAL_TRIM,
                            tly_os_now() + PATIENCE_NS);
    tly_idle_empty();
    bytes += tly_arena_purge();
    errno = error;
    return bytes;
}
