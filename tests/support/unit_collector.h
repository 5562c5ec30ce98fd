// The collector on objects, without the runtime: no collection starts by
// itself. Included by one file of a program.

#ifndef SUPPORT_UNIT_COLLECTOR_H
#define SUPPORT_UNIT_COLLECTOR_H

#include "unit_object.h"

#include "collector/clear.h"
#include "collector/collect.h"
#include "collector/limit.h"
#include "collector/pace.h"
#include "collector/trial.h"
#include "epoch/handshake.h"
#include "object/finalize.h"
#include "pool/walk.h"

static void collector_poll(struct tly_mutator *self, uint32_t bits, bool open) {
    object_poll(self, bits, open);
    if (open && bits & TLY_BREAK_COLLECT)
        tly_collector_poll(tly_local_of(self));
}

static void collector_acknowledge(struct tly_mutator *self, uint32_t kinds) {
    struct tly_local *local = tly_local_of(self);
    if (kinds & TLY_GOAL_CYCLE) {
        tly_later_apply(local);
        tly_pending_flush(&local->heap);
    }
    tly_cycle_enter(local);
}

static inline void collector_configure(bool automatic, uint64_t young_bytes,
                                       uint64_t full_percent) {
    struct tally_config config = TALLY_CONFIG_INIT;
    config.collect = automatic;
    config.young_bytes = young_bytes;
    config.full_percent = full_percent;
    config.mode = TALLY_STOPPED;
    config.workers = 1;
    tly_collector_configure(&config);
}

static bool collector_full(struct tly_heap *self, size_t bytes) {
    return tly_limit_room(tly_local_of(&self->mutator), bytes);
}

static inline int collector_begin(void **state) {
    if (object_begin(state) != 0 || tly_collector_start() != TALLY_OK)
        return -1;
    collector_configure(false, 1 << 20, 100);
    unit_hooks.poll = collector_poll;
    unit_hooks.acknowledge = collector_acknowledge;
    unit_pool_hooks.grew = tly_collector_grew;
    unit_pool_hooks.full = collector_full;
    return 0;
}

static inline int collector_end(void **state) {
    tly_collector_after = NULL;
    tly_collector_end();
    tly_finalize_end();
    tly_pools_held = 0;
    tly_weak_phase = TLY_WEAK_OPEN;
    return object_end(state);
}

#define collector_test(name)                                                   \
    cmocka_unit_test_setup_teardown(name, collector_begin, collector_end)

// Whether an object is in the set that a collection looks at.
static inline bool is_member(const void *object) {
    return tly_is_member(object);
}

// Whether the side tables are all zero, as between collections.
static inline bool tables_are_clear(void) {
    size_t granules =
        tly_sides.committed * (TLY_SLOT_SIZE >> TLY_GRANULE_SHIFT);
    for (unsigned k = 0; k < TLY_WORKERS_MAX; k++) {
        const struct tly_side_own *own = &tly_sides.own[k];
        for (size_t n = 0; own->committed && n < granules; n++)
            if (own->trial[n] || own->marked[n / 64])
                return false;
    }
    for (size_t w = 0; w < granules / 64; w++)
        if (tly_sides.member[w] | tly_sides.listed[w])
            return false;
    return true;
}

// The first half of a collection, in a stopped world: counts. The caller goes
// on; tables_end puts things right.
static inline struct tly_trial trial_begin(bool young) {
    struct tly_trial trial = {.young = young};
    must(tly_trial_prepare(false, false) == TALLY_OK);
    tly_heap_empty(tly_heap_of(tly_self()), false);
    // What unit tests make has colour 0.
    tly_pools_look(young, 1, tly_sides.committed);
    tly_trial_count(&trial);
    return trial;
}

static inline void trial_end(void) {
    tly_garbage_forget();
    tly_sides_drop();
}

#endif
