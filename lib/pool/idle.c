// Mutators that do not run: what they have cached, and what others freed in
// their pools, goes back without them.

#include "epoch/attach.h"
#include "epoch/registry.h"
#include "pool/heap.h"

void tly_idle_empty(void) {
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
