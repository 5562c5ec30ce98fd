// The pool layer alone: hooks that a test sets, a heap of its own for each
// test, and several mutators in one thread. Included by one file of a program.

#ifndef SUPPORT_UNIT_POOL_H
#define SUPPORT_UNIT_POOL_H

#include "unit_epoch.h"

#include "base/poison.h"
#include "pool/heap.h"

// What the hooks do; members may be NULL.
static struct tly_pool_hooks unit_pool_hooks;

static void unit_drain(struct tly_heap *heap, struct tly_pool *pool) {
    if (unit_pool_hooks.drain)
        unit_pool_hooks.drain(heap, pool);
}
static void unit_collide(struct tly_heap *self, struct tly_pool *pool,
                         unsigned word, uint64_t bits) {
    if (unit_pool_hooks.collide)
        unit_pool_hooks.collide(self, pool, word, bits);
}
static void unit_grew(struct tly_heap *self) {
    if (unit_pool_hooks.grew)
        unit_pool_hooks.grew(self);
}
static void unit_reap(struct tly_heap *self, bool all) {
    if (unit_pool_hooks.reap)
        unit_pool_hooks.reap(self, all);
}
static bool unit_full(struct tly_heap *self, size_t bytes) {
    return unit_pool_hooks.full && unit_pool_hooks.full(self, bytes);
}

const struct tly_pool_hooks tly_pool_hooks = {
    .drain = unit_drain,
    .collide = unit_collide,
    .grew = unit_grew,
    .reap = unit_reap,
    .full = unit_full,
};

// A safepoint does of pools what it does in the runtime.
static void pool_poll(struct tly_mutator *self, uint32_t bits, bool open) {
    (void)bits, (void)open;
    struct tly_heap *heap = tly_heap_of(self);
    tly_pending_poll(heap);
    if (tly_inbox_has(heap))
        tly_inbox_drain(heap, UINT32_MAX);
}
static void pool_flush(struct tly_mutator *self, bool waits) {
    (void)waits;
    tly_pending_flush(tly_heap_of(self));
}

// The calling thread is that of [heap] from now on; NULL: of none.
static inline void act_as(struct tly_heap *heap) {
    tally_breaker_ =
        heap ? &heap->mutator.breaker : &tly_nobody.mutator.breaker;
    tally_number_ = heap ? heap->mutator.number : TALLY_OWNER_NOBODY_;
}

static inline int pool_begin(void **state) {
    tly_class_start();
    if (tly_range_start(TLY_RANGE_MIN) != TALLY_OK)
        return -1;
    unit_pool_hooks = (struct tly_pool_hooks){.drain = NULL};
    if (epoch_begin(state) != 0)
        return -1;
    unit_hooks.poll = pool_poll;
    unit_hooks.flush = pool_flush;
    return 0;
}

static inline int pool_end(void **state) {
    if (!tly_mine())
        act_as(NULL);
    epoch_end(state);
    tly_arena_end();
    tly_pool_live_reset();
    tly_pool_limit_set(0);
    return 0;
}

#define pool_test(name)                                                        \
    cmocka_unit_test_setup_teardown(name, pool_begin, pool_end)

// A mutator that is ATTACHED, as if a thread of its own ran.
static inline struct tly_heap *heap_make(void) {
    struct tly_mutator *m = tly_registry_create();
    must(m != NULL);
    return tly_heap_of(m);
}

// A raw block of the class for [size] bytes, by whoever acts.
static inline void *raw_take(size_t size) {
    unsigned class = tly_class_of(size);
    struct tly_lease *lease = &tly_heap_of(tly_self())->raw[class];
    void *block;
    if (lease->mask) {
        block = lease->base + tly_bit_lowest(lease->mask) * (size_t)lease->size;
        lease->mask &= lease->mask - 1;
    } else {
        block = tly_lease_refill(lease, TLY_POOL_RAW, class);
    }
    if (block)
        tly_unpoison(block, size);
    return block;
}

// Gives a block back, by whoever acts.
static inline void raw_give(void *block) {
    tly_block_give_any(tly_heap_of(tly_self()), block);
}

static inline size_t units_in_use(void) {
    return tly_arena_bytes().used / TLY_UNIT_SIZE;
}

#endif
