// Kernel A.
//
// Trial counts are bytes, modulo 256: the table stays in the cache, garbage
// always shows 0, and the few live objects that show 0 by accident have a
// count of 256 or more and are recounted exactly (hubs.c). An immortal object
// is no member; what it refers to keeps that reference, and so is reached.

#include "collector/trial.h"

#include "object/type.h"
#include "pool/walk.h"

// How many headers ahead are fetched.
#define AHEAD 8

static void subtract(tally_object *child) {
    if (child)
        tly_sides.trial[tly_granule_of(child)]--;
}

static void subtract_run(void *arg, tally_ref *first, size_t count) {
    (void)arg;
    for (size_t n = 0; n < count; n++)
        subtract(tly_trial_load(&first[n]));
}

// References from a young object to one that is not looked at are nobody's
// business: that one's byte must stay zero.
static void subtract_members(void *arg, tally_ref *first, size_t count) {
    (void)arg;
    for (size_t n = 0; n < count; n++) {
        tally_object *child = tly_trial_load(&first[n]);
        if (child && tly_is_member(child))
            subtract(child);
    }
}

TLY_INLINE void subtract_fields(tally_object *object, bool members) {
    unsigned refs = object->tf_ & TLY_TF_REFS;
    tally_ref *field = (tally_ref *)(void *)(object + 1);
    if (TLY_UNLIKELY(refs == TLY_TF_ASK))
        tly_refs_each(object, tly_type_of(object),
                      members ? subtract_members : subtract_run, NULL);
    else if (members)
        subtract_members(NULL, field, refs);
    else
        subtract_run(NULL, field, refs);
}

static bool is_immortal(const tally_object *object) {
    uint16_t owner = tly_load_relaxed(&object->owner_);
    return (owner & TALLY_OWNER_MASK_) == TALLY_OWNER_IMMORTAL_;
}

static bool wants_finalizer(const tally_object *object) {
    return (object->tf_ & TLY_TF_REFS) == TLY_TF_ASK &&
           !(object->gc_ & TLY_GC_FINALIZED) && tly_type_of(object)->finalize_;
}

// Makes an object a member, with its count.
TLY_INLINE void enter(struct tly_trial *trial, tally_object *object) {
    size_t granule = tly_granule_of(object);
    int64_t total = tly_trial_total(object);
    tly_side_set(tly_sides.member, granule);
    tly_sides.trial[granule] =
        (uint8_t)(tly_sides.trial[granule] + (uint64_t)total);
    trial->members++;
    if (TLY_UNLIKELY(total >= 256))
        trial->hubs++;
    if (TLY_UNLIKELY((object->tf_ & TLY_TF_REFS) == TLY_TF_ASK) &&
        wants_finalizer(object))
        trial->finalizers++;
    if (!(object->gc_ & TLY_GC_OLD))
        object->gc_ |= TLY_GC_OLD;
}

typedef void (*visit_fn)(struct tly_trial *trial, tally_object *object);

// Visits the objects of a pool.
TLY_INLINE void pool_visit(struct tly_trial *trial, struct tly_pool *pool,
                           visit_fn visit) {
    for (unsigned w = 0; w * 64 < pool->blocks; w++) {
        uint64_t bits = tly_pool_taken_bits(pool, w);
        for (; bits; bits &= bits - 1) {
            char *block = tly_block_at(pool, w * 64 + tly_bit_lowest(bits));
            TLY_PREFETCH(block + AHEAD * pool->size);
            visit(trial, (tally_object *)(void *)block);
        }
    }
    // What lives in it now is old.
    pool->young = 0;
}

static void visit_full(struct tly_trial *trial, tally_object *object) {
    if (!tly_trial_wants(object, false) || is_immortal(object))
        return;
    enter(trial, object);
    subtract_fields(object, false);
}

static bool pool_full(void *arg, struct tly_pool *pool) {
    pool_visit(arg, pool, visit_full);
    return true;
}

static void visit_young(struct tly_trial *trial, tally_object *object) {
    if (tly_trial_wants(object, true) && !is_immortal(object))
        enter(trial, object);
}

static bool pool_young(void *arg, struct tly_pool *pool) {
    pool_visit(arg, pool, visit_young);
    return true;
}

static void member_subtract(void *arg, tally_object *object) {
    (void)arg;
    subtract_fields(object, true);
}

void tly_trial_count(struct tly_trial *trial) {
    if (!trial->young) {
        tly_pools_looked(pool_full, trial);
        return;
    }
    tly_pools_looked(pool_young, trial);
    tly_sides_each(tly_sides.member, member_subtract, NULL);
}

// A listed object enters again, with a count without the collection's unit.
static void listed_enter(void *arg, tally_object *object) {
    enter(arg, object);
    tly_sides.trial[tly_granule_of(object)]--;
}

void tly_trial_recount(struct tly_trial *trial) {
    tly_sides_each(tly_sides.listed, listed_enter, trial);
    tly_sides_each(tly_sides.member, member_subtract, NULL);
}

struct garbage {
    uint64_t count;
    bool young;
};

static bool pool_garbage(void *arg, struct tly_pool *pool) {
    struct garbage *garbage = arg;
    uint64_t before = garbage->count;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++)
        garbage->count += tly_bit_count(tly_sides.member[w]);
    if (garbage->count > before)
        return true;
    if (garbage->young)
        tly_sides_clear(pool);
    return false;
}

uint64_t tly_trial_garbage(bool young) {
    struct garbage garbage = {0, young};
    tly_pools_looked(pool_garbage, &garbage);
    return garbage.count;
}
