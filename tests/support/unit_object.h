// The object layer, without a collector: hooks as the runtime has them, a heap
// of its own for each test. Included by one file of a program.

#ifndef SUPPORT_UNIT_OBJECT_H
#define SUPPORT_UNIT_OBJECT_H

#include <tally/tally.h>

#define SUPPORT_UNIT_TWINS
#include "unit_pool.h"

#include "object/cycle.h"
#include "object/defer.h"
#include "object/finish.h"
#include "object/hot.h"
#include "object/later.h"
#include "object/type.h"
#include "object/weak.h"

static void object_poll(struct tly_mutator *self, uint32_t bits, bool open) {
    tly_cycle_enter(tly_local_of(self));
    tly_later_poll(tly_local_of(self), false);
    pool_poll(self, bits, open);
    if (open)
        tly_limbo_poll(tly_local_of(self), false);
    tly_finish(tly_local_of(self), open);
    tly_held_give(tly_local_of(self), false);
    if (open)
        tly_defer_run(tly_local_of(self));
}
static void object_flush(struct tly_mutator *self, bool waits) {
    struct tly_local *local = tly_local_of(self);
    do {
        tly_later_apply(local);
        tly_pending_flush(&local->heap);
        waits ? tly_finish(local, true) : (void)tly_finish_all(local, true);
    } while (local->heap.pending_count || tly_cold(local)->later_count);
    tly_limbo_leave(local);
    tly_held_leave(local);
}
static void object_reap(struct tly_heap *self, bool all) {
    struct tly_local *local = tly_local_of(&self->mutator);
    tly_limbo_reap(local);
    all ? (void)tly_finish_all(local, false) : tly_finish(local, false);
}

static inline int object_begin(void **state) {
    if (pool_begin(state) != 0 || tly_types_start() != TALLY_OK)
        return -1;
    tly_limbo_configure(127, 1 << 20);
    tly_later_configure(1 << 20);
    unit_hooks.poll = object_poll;
    unit_hooks.flush = object_flush;
    unit_pool_hooks.drain = tly_handover_drain;
    unit_pool_hooks.collide = tly_handover_collide;
    unit_pool_hooks.reap = object_reap;
    return 0;
}

static inline int object_end(void **state) {
    if (!tly_mine())
        act_as(NULL);
    tally_detach();
    tly_types_end();
    tly_limbo_end();
    tly_held_end();
    tly_weak_end();
    tly_hot_end();
    tly_count_reset();
    return pool_end(state);
}

#define object_test(name)                                                      \
    cmocka_unit_test_setup_teardown(name, object_begin, object_end)

// A mutator that is ATTACHED, as if a thread of its own ran; the caller acts
// as it.
static inline struct tly_local *local_make(void) {
    struct tly_heap *heap = heap_make();
    act_as(heap);
    return tly_local_of(&heap->mutator);
}

static inline void act_as_local(struct tly_local *local) {
    act_as(local ? &local->heap : NULL);
}

// A safepoint of whoever acts.
static inline void poll_now(void) { tly_poll(tly_self(), true); }

// Hands over what whoever acts has cached for others.
static inline void flush_now(void) {
    tly_pending_flush(tly_heap_of(tly_self()));
}

// Whether the block still holds an object.
static inline bool is_object(const void *p) {
    return ((const tally_object *)p)->gc_ & TLY_GC_LIVE;
}

// Whether a block is its pool's to give out.
static inline bool block_is_free(const void *block) {
    struct tly_pool *pool = tly_pool_of(block);
    unsigned n = tly_block_of(pool, block);
    uint64_t free =
        pool->free[n / 64] | tly_load_relaxed(&pool->remote[n / 64]);
    return free >> (n % 64) & 1;
}

static inline int64_t total_of(const void *p) {
    struct tally_counts c = tally_counts_of(p);
    return (int64_t)c.owner_count + c.shared_count;
}

#endif
