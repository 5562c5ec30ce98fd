// Mutators that do not run: what they have cached, and what others freed in
// their pools, goes back without them.

#include "epoch/attach.h"
#include "epoch/registry.h"
#include "pool/heap.h"

void tly_idle_tell(void) {
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        struct tly_heap *heap = tly_heap_of(m);
        uint32_t idle;
        if (!tly_mutator_suspend(m, &idle))
            continue;
        if (heap->active)
            tly_heap_empty(heap, false);
        tly_heap_tell(heap);
        tly_mutator_resume(m, idle);
        tly_inbox_help(heap);
    }
}

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
