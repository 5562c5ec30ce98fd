// Giving memory back at once.

#include <tally/runtime.h>

#include "arena/arena.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/registry.h"
#include "platform/os.h"
#include "pool/heap.h"

// How long a thread that does not come to a safepoint is waited for.
#define PATIENCE_NS 10000000u

// Empties the caches of the mutators that do not run.
static void idle_empty(void) {
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        uint32_t idle;
        if (!tly_mutator_suspend(m, &idle))
            continue;
        tly_heap_empty(tly_heap_of(m), true);
        tly_mutator_resume(m, idle);
        tly_inbox_help(tly_heap_of(m));
    }
}

size_t tally_trim(void) {
    int error = errno;
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return 0;
    if (self->depth == 0 && !self->stopped_world)
        (void)tly_handshake(self, TLY_GOAL_FLUSH | TLY_GOAL_TRIM,
                            tly_os_now() + PATIENCE_NS);
    idle_empty();
    size_t bytes = tly_arena_purge(0);
    errno = error;
    return bytes;
}
