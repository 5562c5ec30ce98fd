// The heap's invariants, checked in a stopped world.
//
// Level 1: pools' bitmaps, owners, states of counts, types. Level 2: for every
// object the references found in the heap do not exceed its count.

#include "observe/verify.h"

#include <tally/runtime.h>

#include <stdio.h>

#include "base/check.h"
#include "collector/collect.h"
#include "collector/lock.h"
#include "epoch/attach.h"
#include "epoch/registry.h"
#include "object/hot.h"
#include "object/local.h"
#include "object/type.h"
#include "platform/os.h"
#include "pool/walk.h"

// Reports of one run that are printed.
#define REPORTS 10u
// Bytes of the table for each slot of the heap.
#define SLOT_COUNTS ((TLY_SLOT_SIZE >> TLY_GRANULE_SHIFT) * sizeof(uint32_t))

struct verify {
    uint32_t *found; // references by granule; NULL at level 1
    size_t slots;    // that it covers
    unsigned broken;
};

static void broken(struct verify *v, const tally_object *object,
                   const char *what) {
    if (v->broken++ >= REPORTS)
        return;
    uint64_t shared = tly_load_relaxed(&object->shared_);
    uint32_t index = tly_type_index(shared);
    bool known = index && index <= tly_types_count();
    tly_report("verify: object %p (%s): %s (local %u, shared %lld, owner %#x, "
               "flags %#x)",
               (const void *)object, known ? tly_types[index]->name : "no type",
               what, tly_load_relaxed(&object->local_),
               (long long)tly_count_of(shared),
               (unsigned)tly_load_relaxed(&object->owner_),
               (unsigned)(shared & (TLY_PUB | TLY_QUEUED | TLY_MERGED |
                                    TLY_DYING | TLY_DIRTY)));
}

static void check_states(struct verify *v, const struct tly_pool *pool,
                         const tally_object *object) {
    uint64_t shared = tly_load_relaxed(&object->shared_);
    unsigned owner = tly_load_relaxed(&object->owner_) & TALLY_OWNER_MASK_;
    uint32_t index = tly_type_index(shared);
    if (index == 0 || index > tly_types_count())
        broken(v, object, "has no type");
    else if (shared & TLY_DYING || owner == TALLY_OWNER_IMMORTAL_)
        return;
    else if (owner != TALLY_OWNER_NONE_ && owner != pool->owner)
        broken(v, object, "is owned by another mutator than its pool");
    else if ((owner == TALLY_OWNER_NONE_) != !!(shared & TLY_MERGED))
        broken(v, object, "is merged and owned, or neither");
    else if ((int64_t)object->local_ + tly_count_of(shared) <= 0)
        broken(v, object, "is alive without a reference");
}

typedef void (*object_fn)(struct verify *v, struct tly_pool *pool,
                          tally_object *object);

struct each {
    struct verify *v;
    object_fn fn;
};

static bool pool_each(void *arg, struct tly_pool *pool) {
    struct each *each = arg;
    for (unsigned w = 0; w * 64 < pool->blocks; w++) {
        uint64_t bits = tly_pool_taken_bits(pool, w);
        for (; bits; bits &= bits - 1) {
            tally_object *object =
                tly_block_at(pool, w * 64 + tly_bit_lowest(bits));
            if (tly_load_relaxed(&object->gc_) & TLY_GC_LIVE)
                each->fn(each->v, pool, object);
        }
    }
    return true;
}

static bool pool_check(void *arg, struct tly_pool *pool) {
    struct verify *v = arg;
    if (!tly_pool_valid(pool)) {
        v->broken++;
        tly_report("verify: pool %p of mutator %u: %d of %u blocks used, "
                   "which its bitmaps deny",
                   (void *)pool->base, pool->owner, pool->used, pool->blocks);
    }
    return true;
}

static void find_run(void *arg, tally_ref *first, size_t count) {
    struct verify *v = arg;
    for (size_t n = 0; n < count; n++) {
        tally_object *child = tly_object_in(first[n].object_);
        if (!child)
            continue;
        if (!tly_range_has(child) ||
            !(tly_load_relaxed(&child->gc_) & TLY_GC_LIVE)) {
            v->broken++;
            tly_report("verify: the field at %p refers to %p, which is no "
                       "live object",
                       (void *)&first[n], (void *)child);
            continue;
        }
        v->found[tly_granule_of(child)]++;
    }
}

static void find(struct verify *v, struct tly_pool *pool,
                 tally_object *object) {
    (void)pool;
    unsigned refs = object->tf_ & TLY_TF_REFS;
    if (refs == TLY_TF_ASK)
        tly_refs_each(object, tly_type_of(object), find_run, v);
    else
        find_run(v, (tally_ref *)(void *)(object + 1), refs);
}

static void compare(struct verify *v, struct tly_pool *pool,
                    tally_object *object) {
    (void)pool;
    uint64_t shared = tly_load_relaxed(&object->shared_);
    unsigned owner = tly_load_relaxed(&object->owner_) & TALLY_OWNER_MASK_;
    if (shared & TLY_DYING || owner == TALLY_OWNER_IMMORTAL_)
        return;
    int64_t total = (int64_t)object->local_ + tly_count_of(shared);
    if (owner == TALLY_OWNER_NONE_ && tly_hot_is_kept(object))
        total--; // the fold's
    if (total < (int64_t)v->found[tly_granule_of(object)])
        broken(v, object, "is referred to more often than it is counted");
}

static void states(struct verify *v, struct tly_pool *pool,
                   tally_object *object) {
    check_states(v, pool, object);
}

static void table_drop(struct verify *v) {
    if (v->found)
        tly_os_unreserve(v->found, v->slots * SLOT_COUNTS);
    v->found = NULL;
}

// Room for some slots more than there are: the heap may grow until it is
// stopped.
static tally_status table_make(struct verify *v) {
    v->slots = tly_slots_frontier() + 8;
    size_t size = v->slots * SLOT_COUNTS;
    v->found = tly_os_reserve(size, TLY_UNIT_SIZE);
    if (v->found && tly_os_commit(v->found, size) == TALLY_OK)
        return TALLY_OK;
    table_drop(v);
    return TALLY_NO_MEMORY;
}

// Stops the world, with a table that covers the heap if one is wanted.
static tally_status stop(struct verify *v, struct tly_mutator *self,
                         struct tly_patience *patience, bool *ret_ours,
                         bool table) {
    for (;;) {
        tally_status status = table ? table_make(v) : TALLY_OK;
        if (status == TALLY_OK)
            status = tly_collector_quiet(self, patience, ret_ours);
        if (status != TALLY_OK)
            return status;
        if (!table || tly_slots_frontier() <= v->slots)
            return TALLY_OK;
        if (*ret_ours)
            tly_collector_resume(self);
        table_drop(v);
    }
}

static void check_all(struct verify *v) {
    tly_pools_each(pool_check, v);
    tly_pools_each(pool_each, &(struct each){v, states});
    if (!v->found || v->broken)
        return;
    tly_pools_each(pool_each, &(struct each){v, find});
    tly_pools_each(pool_each, &(struct each){v, compare});
}

tally_status tly_verify(int level, struct tly_patience *patience) {
    struct tly_mutator *self = tly_self_attached();
    struct verify v = {NULL, 0, 0};
    if (!self)
        return -errno;
    if (level < 1 || level > 2)
        return TALLY_INVALID;
    bool ours;
    tally_status status = stop(&v, self, patience, &ours, level == 2);
    if (status == TALLY_OK) {
        tly_hot_fold(true);
        check_all(&v);
        tly_hot_unfold(NULL, false);
        if (ours)
            tly_collector_resume(self);
        status = v.broken ? TALLY_CORRUPT : TALLY_OK;
    }
    table_drop(&v);
    return status;
}

tally_status tally_verify(int level) {
    struct tly_patience patience = tly_patience_begin();
    return tly_verify(level, &patience);
}
