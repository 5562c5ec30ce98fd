// Kernel A.
//
// Trial counts are bytes, modulo 256: the table stays in the cache, garbage
// always shows 0, and the few live objects that show 0 by accident have a
// count of 256 or more and are recounted exactly (hubs.c). An immortal object
// is no member; what it refers to keeps that reference, and so is reached.

#include "collector/trial.h"

#include <string.h>

#include "collector/lock.h"
#include "object/cycle.h"
#include "object/type.h"
#include "pool/walk.h"

// How many headers ahead are fetched.
#define AHEAD 8

// A header's first word, as it is in a stopped world.
#define WORD_OWNER(word) ((unsigned)((word) >> 32) & TALLY_OWNER_MASK_)
#define WORD_GC(word) ((uint8_t)((word) >> 48))
#define WORD_TF(word) ((unsigned)((word) >> 56))

// The tables, in registers: the compiler must assume that a store to a table
// of bytes changes anything that is reached through a pointer.
struct tables {
    uint8_t *trial;
    uint64_t *member;
    struct tly_cover cover;
};

static struct tables tables_of(unsigned worker) {
    return (struct tables){tly_sides.own[worker].trial, tly_sides.member,
                           tly_sides_cover()};
}

// What a worker counts: added up at the end.
struct counter {
    struct tly_trial trial;
    struct tables t;
};

TLY_INLINE size_t granule_of(struct tables t, const void *object) {
    size_t granule;
    bool covered = tly_side_of(t.cover, object, &granule);
    tly_check(covered);
    (void)covered;
    return granule;
}

TLY_INLINE void subtract(struct tables t, tally_ref *first, size_t count) {
    for (size_t n = 0; n < count; n++) {
        size_t granule;
        if (tly_side_of(t.cover, tly_trial_load(&first[n]), &granule))
            t.trial[granule]--;
    }
}

// References to what is not looked at are nobody's business: that object's
// byte must stay zero.
TLY_INLINE void subtract_members(struct tables t, tally_ref *first,
                                 size_t count) {
    for (size_t n = 0; n < count; n++) {
        size_t granule;
        if (tly_side_of(t.cover, tly_trial_load(&first[n]), &granule) &&
            tly_side_get(t.member, granule))
            t.trial[granule]--;
    }
}

static void run_subtract(void *arg, tally_ref *first, size_t count) {
    subtract(*(struct tables *)arg, first, count);
}

static void run_subtract_members(void *arg, tally_ref *first, size_t count) {
    subtract_members(*(struct tables *)arg, first, count);
}

static TLY_NOINLINE void subtract_typed(struct tables t, tally_object *object,
                                        tly_refs_fn run) {
    tly_refs_each(object, tly_type_of(object), run, &t);
}

static bool pool_subtract(void *arg, struct tly_pool *pool) {
    struct tables t = ((struct counter *)arg)->t;
    size_t count, first = tly_side_words(pool, &count);
    if (tly_collector_is_urgent())
        return false;
    for (size_t w = first; w < first + count; w++)
        for (uint64_t bits = t.member[w]; bits; bits &= bits - 1) {
            tally_object *object =
                tly_side_object(pool, w * 64 + tly_bit_lowest(bits));
            unsigned refs = tly_trial_refs(object);
            if (TLY_UNLIKELY(refs == TLY_TF_ASK))
                subtract_typed(t, object, run_subtract_members);
            else
                subtract_members(t, (tally_ref *)(void *)(object + 1), refs);
        }
    return true;
}

void tly_trial_typed(struct tly_trial *trial, const tally_object *object) {
    const tally_type *type = tly_type_of(object);
    // Relaxed: the flag is claimed by an RMW.
    trial->finalizers +=
        !(tly_load_relaxed(&object->gc_) & TLY_GC_FINALIZED) && type->finalize_;
    trial->hooked += type->destroy_ != NULL;
}

// Notes what makes an object special; rare.
static TLY_NOINLINE void enter_special(struct tly_trial *trial,
                                       tally_object *object, int64_t total,
                                       uint64_t shared) {
    trial->hubs += total >= 256;
    trial->weak += (shared & TLY_WEAK) != 0;
    if (tly_trial_refs(object) == TLY_TF_ASK)
        tly_trial_typed(trial, object);
}

// Gives a member its count; returns its granule.
TLY_INLINE size_t enter(struct tly_trial *trial, struct tables t,
                        tally_object *object, uint64_t word, uint64_t shared) {
    size_t granule = granule_of(t, object);
    int64_t total = (int64_t)(uint32_t)word + tly_count_of(shared);
    if (TLY_UNLIKELY(total >= 256))
        total = tly_trial_sum(word, shared);
    t.trial[granule] = (uint8_t)(t.trial[granule] + (uint64_t)total);
    if (TLY_UNLIKELY(total >= 256 || shared & TLY_WEAK ||
                     (WORD_TF(word) & TLY_TF_REFS) == TLY_TF_ASK))
        enter_special(trial, object, total, shared);
    return granule;
}

// Members of one word of the table, gathered before they are stored.
struct gathered {
    size_t at;
    uint64_t mask;
};

TLY_INLINE void gather(struct tables t, struct gathered *g, size_t granule) {
    if (TLY_UNLIKELY(granule / 64 != g->at)) {
        if (g->mask)
            t.member[g->at] |= g->mask;
        g->at = granule / 64;
        g->mask = 0;
    }
    g->mask |= (uint64_t)1 << (granule % 64);
}

// A header's first word.
TLY_INLINE uint64_t word_of(const tally_object *object) {
    // ORDER[tracked] acquire: a tracked object is complete.
    // ORDER[untracked] acquire: a block that is none any more is not read.
    // ORDER[spill] acquire: what left local_ is in shared_, read after.
    // ORDER[watched-count] acquire: as for the flag DIRTY.
    return tly_load_acquire((const tly_header_word *)object);
}

// Whether only the type's visit hook knows an object's fields, and may not be
// called while threads change them.
static TLY_NOINLINE bool is_opaque(const tally_object *object) {
    return tly_type_of(object)->shape_ & TLY_SHAPE_VISIT &&
           !(tly_type_of(object)->shape_ & TLY_SHAPE_ATOMIC);
}

// Whether an object is looked at. An immortal one is not, nor one that cools,
// nor among the young one that is HOT, nor a dead one that waits for its end,
// whose count is a link: what they refer to keeps those references.
TLY_INLINE bool is_wanted(uint64_t word, uint64_t shared, bool young) {
    return WORD_GC(word) & TLY_GC_TRACKED &&
           !(young && WORD_GC(word) & TLY_GC_OLD) && !(shared & TLY_DYING) &&
           WORD_OWNER(word) < (young ? TALLY_OWNER_HOT_ : TALLY_OWNER_COOLING_);
}

// Whatever lives now is old, whether it refers to others or not: a block that
// dies later and is not old was made after this collection began.
TLY_INLINE void age(tally_object *object, uint64_t word, bool live) {
    if ((WORD_GC(word) & (TLY_GC_LIVE | TLY_GC_OLD)) != TLY_GC_LIVE)
        return;
    // Relaxed: a block that ends meanwhile is held, so that it is no object
    // until its header is written anew.
    if (live)
        tly_or_relaxed(&object->gc_, TLY_GC_OLD);
    else
        tly_store_relaxed(&object->gc_, (uint8_t)(WORD_GC(word) | TLY_GC_OLD));
}

// Whether an object was made after the collection began.
TLY_INLINE bool is_fresh(uint64_t word, unsigned fresh) {
    return (WORD_GC(word) & (TLY_GC_OLD | TLY_GC_COLOUR)) ==
           fresh << TLY_GC_COLOUR_SHIFT;
}

static bool pool_age(void *arg, struct tly_pool *pool) {
    unsigned fresh = *(unsigned *)arg;
    for (unsigned w = 0; w * 64 < pool->blocks; w++) {
        uint64_t bits = tly_pool_taken_bits(pool, w);
        for (; bits; bits &= bits - 1) {
            tally_object *object = (tally_object *)tly_block_at(
                pool, w * 64 + tly_bit_lowest(bits));
            uint64_t word = word_of(object);
            if (!is_fresh(word, fresh))
                age(object, word, true);
        }
    }
    return false;
}

void tly_trial_age(unsigned fresh) {
    tly_pools_look(true, fresh, SIZE_MAX);
    tly_pools_looked(pool_age, &fresh);
    tly_pools_aged(fresh);
}

// Kernel A over one pool. Of all objects, references are subtracted in the
// same pass; of the young, when all members are known.
TLY_INLINE bool pool_count(struct counter *counter, struct tly_pool *pool,
                           bool young, bool live) {
    struct tly_trial *trial = &counter->trial;
    struct tables t = counter->t;
    size_t size = pool->size;
    struct gathered gathered = {0, 0};
    uint64_t members = 0;
    unsigned fresh = trial->fresh;
    for (unsigned w = 0; w * 64 < pool->blocks; w++) {
        uint64_t bits = tly_pool_taken_bits(pool, w);
        char *base = tly_block_at(pool, w * 64);
        for (; bits; bits &= bits - 1) {
            char *block = base + tly_bit_lowest(bits) * size;
            tally_object *object = (tally_object *)(void *)block;
            TLY_PREFETCH(block + AHEAD * size);
            uint64_t word = word_of(object);
            uint64_t shared = tly_load_relaxed(&object->shared_);
            if (live && is_fresh(word, fresh))
                continue;
            age(object, word, live);
            if (!is_wanted(word, shared, young))
                continue;
            unsigned refs = WORD_TF(word) & TLY_TF_REFS;
            if (live && TLY_UNLIKELY(refs == TLY_TF_ASK) && is_opaque(object)) {
                trial->opaque++;
                continue;
            }
            members++;
            gather(t, &gathered, enter(trial, t, object, word, shared));
            if (young)
                continue;
            if (TLY_UNLIKELY(refs == TLY_TF_ASK))
                subtract_typed(t, object, run_subtract);
            else
                subtract(t, (tally_ref *)(void *)(object + 1), refs);
        }
    }
    if (gathered.mask)
        t.member[gathered.at] |= gathered.mask;
    trial->members += members;
    return true;
}

static bool pool_full(void *arg, struct tly_pool *pool) {
    return pool_count(arg, pool, false, false);
}
static bool pool_young(void *arg, struct tly_pool *pool) {
    return pool_count(arg, pool, true, false);
}
static bool pool_full_live(void *arg, struct tly_pool *pool) {
    return !tly_collector_is_urgent() && pool_count(arg, pool, false, true);
}
static bool pool_young_live(void *arg, struct tly_pool *pool) {
    return !tly_collector_is_urgent() && pool_count(arg, pool, true, true);
}

// ---- by workers

// How many pools are worth a worker more: what takes about as long as it takes
// to wake one. Debug builds wake them for anything.
#define POOLS_EACH (TLY_CHECK ? 1u : 64u)

static void worker_populate(void *unused, unsigned worker) {
    (void)unused;
    tly_sides_populate_own(worker);
}

tally_status tly_trial_prepare(bool live, bool populate) {
    tally_status status = tly_sides_prepare(populate);
    unsigned workers = tly_workers_allowed(live);
    // What the heap may need at most, less the slot that anything takes.
    size_t most = TLY_CHECK ? TLY_WORKERS_MAX : tly_slots_frontier();
    workers = workers < most ? workers : (unsigned)most;
    tly_sides.workers = 1;
    if (status != TALLY_OK)
        return status;
    if (workers > 1)
        tly_sides.workers = tly_sides_prepare_own(tly_workers_start(workers));
    tly_workers_use(tly_sides.workers);
    if (populate)
        tly_workers_run(worker_populate, NULL);
    return TALLY_OK;
}

// The pools are chosen: as many workers as they are worth.
static void plan(bool whole) {
    unsigned workers = tly_sides.workers;
    tly_sides.whole = whole;
    if (workers > 1) {
        uint64_t worth = 1 + tly_pools_looked_count() / POOLS_EACH;
        workers = workers < worth ? workers : (unsigned)worth;
    }
    tly_sides.tables = workers;
    tly_workers_use(workers);
}

struct shared {
    struct tly_cursor pools;
    tly_pool_fn fn;
    struct tly_trial *trial; // or NULL
    struct {
        struct counter counter;
    } TLY_ALIGNED(TLY_LINE) by[TLY_WORKERS_MAX];
};

static void worker_share(void *arg, unsigned worker) {
    struct shared *shared = arg;
    struct counter counter = {.t = tables_of(worker)};
    if (shared->trial) {
        counter.trial.fresh = shared->trial->fresh;
        counter.trial.live = shared->trial->live;
    }
    tly_pools_share(&shared->pools, shared->fn, &counter);
    shared->by[worker].counter = counter;
}

static void share(struct tly_trial *trial, tly_pool_fn fn) {
    struct shared shared = {
        .pools = tly_cursor_begin(), .fn = fn, .trial = trial};
    tly_workers_run(worker_share, &shared);
    for (unsigned n = 0; trial && n < TLY_WORKERS_MAX; n++)
        tly_trial_add(trial, &shared.by[n].counter.trial);
}

// Bytes of the own tables are the pool's worker's now.
static bool pool_sum(void *arg, struct tly_pool *pool) {
    (void)arg;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++)
        for (unsigned k = 1; k < tly_sides.tables && tly_sides.member[w]; k++) {
            uint8_t *sum = tly_sides.trial + w * 64;
            uint8_t *own = tly_sides.own[k].trial + w * 64;
            for (unsigned n = 0; n < 64; n++)
                sum[n] = (uint8_t)(sum[n] + own[n]);
            memset(own, 0, 64);
        }
    return true;
}

static void sum(void) {
    if (tly_sides.tables > 1)
        share(NULL, pool_sum);
}

void tly_trial_add(struct tly_trial *trial, const struct tly_trial *part) {
    trial->members += part->members;
    trial->hubs += part->hubs;
    trial->finalizers += part->finalizers;
    trial->weak += part->weak;
    trial->hooked += part->hooked;
    trial->published += part->published;
    trial->opaque += part->opaque;
}

void tly_trial_subtract(void) {
    share(NULL, pool_subtract);
    sum();
}

void tly_trial_count(struct tly_trial *trial) {
    plan(!trial->young);
    if (!trial->young) {
        share(trial, trial->live ? pool_full_live : pool_full);
        sum();
        return;
    }
    share(trial, trial->live ? pool_young_live : pool_young);
    tly_trial_subtract();
}

static bool has_listed(void *arg, struct tly_pool *pool) {
    (void)arg;
    uint64_t any = 0;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++)
        any |= tly_sides.listed[w];
    return any;
}

// What is listed may be no object any more.
static bool pool_recount(void *arg, struct tly_pool *pool) {
    struct tly_trial *trial = arg;
    struct tables t = tables_of(0);
    size_t count, first = tly_side_words(pool, &count);
    if (tly_collector_is_urgent())
        return false;
    for (size_t w = first; w < first + count; w++)
        for (uint64_t bits = tly_sides.listed[w]; bits; bits &= bits - 1) {
            tally_object *object =
                tly_side_block(pool, w * 64 + tly_bit_lowest(bits));
            if (!object)
                continue;
            uint64_t word = word_of(object);
            uint64_t shared = tly_load_relaxed(&object->shared_);
            if (!is_wanted(word, shared, false) ||
                (trial->live && is_fresh(word, trial->fresh)))
                continue;
            trial->members++;
            tly_side_set(t.member, enter(trial, t, object, word, shared));
        }
    return true;
}

void tly_trial_recount(struct tly_trial *trial) {
    tly_pools_choose(has_listed, NULL, tly_sides.committed);
    plan(false);
    tly_pools_looked(pool_recount, trial);
    tly_trial_subtract();
}

static bool pool_spare(void *arg, struct tly_pool *pool) {
    (void)arg;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++) {
        uint64_t bits = tly_sides.member[w] & tly_sides.listed[w];
        for (; bits; bits &= bits - 1)
            tly_sides.trial[w * 64 + tly_bit_lowest(bits)] = 1;
    }
    return true;
}

void tly_trial_spare_listed(void) { tly_pools_looked(pool_spare, NULL); }

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
