// Garbage is destroyed while the world runs: nobody can reach it.
//
// References from one garbage object to another are not counted down: the
// table of members says which they are. A block that is freed on the way may
// be made into a new object at once; its bit stays until the end, and nothing
// but other garbage referred to what it was.

#include "collector/clear.h"

#include "base/poison.h"
#include "collector/trial.h"
#include "object/finish.h"
#include "object/type.h"
#include "pool/walk.h"

static void hold(void *arg, tally_object *object) {
    (void)arg;
    tly_side_set(tly_sides.listed, tly_granule_of(object));
    // Relaxed: the world is stopped.
    tly_add_relaxed(&object->shared_, TLY_ONE);
}

void tly_garbage_hold(void) { tly_sides_each(tly_sides.member, hold, NULL); }

struct finalizing {
    struct tly_local *self;
    uint64_t count;
};

static void finalize(void *arg, tally_object *object) {
    struct finalizing *f = arg;
    if ((object->tf_ & TLY_TF_REFS) != TLY_TF_ASK ||
        !tly_type_of(object)->finalize_)
        return;
    // ORDER[finalized] acq_rel: one thread runs it.
    uint8_t gc = tly_or_acq_rel(&object->gc_, TLY_GC_FINALIZED);
    if (gc & TLY_GC_FINALIZED)
        return;
    tly_object_finalize(f->self, object);
    f->count++;
}

uint64_t tly_garbage_finalize(struct tly_local *self) {
    struct finalizing f = {self, 0};
    tly_sides_each(tly_sides.listed, finalize, &f);
    return f.count;
}

static void drop_run(void *arg, tally_ref *first, size_t count) {
    struct tly_local *self = arg;
    for (size_t n = 0; n < count; n++) {
        tally_object *child = tly_trial_load(&first[n]);
        if (child && !tly_is_member(child))
            tly_count_act(self, child, tly_count_drop(self, child));
    }
}

static void empty_run(void *arg, tally_ref *first, size_t count) {
    drop_run(arg, first, count);
    for (size_t n = 0; n < count; n++)
        first[n].object_ = NULL;
}

static void clear(struct tly_local *self, tally_object *object, size_t room) {
    unsigned refs = object->tf_ & TLY_TF_REFS;
    if (TLY_LIKELY(refs != TLY_TF_ASK)) {
        drop_run(self, (tally_ref *)(void *)(object + 1), refs);
    } else {
        const tally_type *type = tly_type_of(object);
        tly_refs_each(object, type, empty_run, self);
        if (type->destroy_)
            type->destroy_(object);
    }
    if (TLY_POISON || TLY_ASAN)
        tly_poison(object + 1, room - sizeof(*object));
    // ORDER[untracked] release: as tly_object_free.
    tly_store_release((tly_header_word *)object, 0);
}

struct clearing {
    struct tly_local *self;
    size_t room; // bytes of a block of the pool
    uint64_t count;
};

static bool pool_clear(void *arg, struct tly_pool *pool) {
    struct clearing *c = arg;
    size_t count, first = tly_side_words(pool, &count);
    c->room = tly_pool_block_size(pool);
    for (size_t w = first; w < first + count; w++)
        for (uint64_t bits = tly_sides.member[w]; bits; bits &= bits - 1) {
            size_t granule = w * 64 + tly_bit_lowest(bits);
            clear(c->self, tly_side_object(pool, granule), c->room);
            c->count++;
        }
    return true;
}

// The bits of a pool, copied: once they are acted on the pool may be gone.
#define WORDS_MAX (8 * TLY_UNIT_SIZE >> 11)
struct copy {
    size_t first, count;
    uint64_t member[WORDS_MAX], listed[WORDS_MAX];
};

static void pool_copy(struct copy *copy, const struct tly_pool *pool) {
    copy->first = tly_side_words(pool, &copy->count);
    memcpy(copy->member, tly_sides.member + copy->first, copy->count * 8);
    memcpy(copy->listed, tly_sides.listed + copy->first, copy->count * 8);
    tly_sides_clear(pool);
}

// Drops the units of what a finalizer brought back.
static void copy_spare(struct tly_local *self, const struct tly_pool *pool,
                       const struct copy *copy) {
    for (size_t w = 0; w < copy->count; w++) {
        uint64_t bits = copy->listed[w] & ~copy->member[w];
        for (; bits; bits &= bits - 1) {
            size_t granule = (copy->first + w) * 64 + tly_bit_lowest(bits);
            tally_object *object = tly_side_object(pool, granule);
            tly_count_act(self, object, tly_count_drop(self, object));
        }
    }
}

// Gives the blocks of what is cleared back, word by word. After the last the
// pool may be gone.
static void copy_give(struct tly_local *self, struct tly_pool *pool,
                      const struct copy *copy) {
    uint64_t freed[TLY_POOL_WORDS] = {0};
    for (size_t w = 0; w < copy->count; w++)
        for (uint64_t bits = copy->member[w]; bits; bits &= bits - 1) {
            size_t granule = (copy->first + w) * 64 + tly_bit_lowest(bits);
            unsigned n = tly_block_of(pool, tly_side_object(pool, granule));
            freed[n / 64] |= (uint64_t)1 << (n % 64);
        }
    if (pool->size == 0) {
        if (freed[0])
            tly_block_give_any(&self->heap, pool->base);
        return;
    }
    unsigned last = TLY_POOL_WORDS;
    while (last > 0 && !freed[last - 1])
        last--;
    for (unsigned w = 0; w < last; w++)
        if (freed[w])
            tly_word_give_any(&self->heap, pool, w, freed[w]);
}

static bool pool_settle(void *arg, struct tly_pool *pool) {
    struct tly_local *self = arg;
    struct copy copy;
    pool_copy(&copy, pool);
    copy_spare(self, pool, &copy);
    copy_give(self, pool, &copy);
    return false;
}

uint64_t tly_garbage_clear(struct tly_local *self) {
    struct clearing c = {self, 0, 0};
    self->finishing++;
    tly_pools_looked(pool_clear, &c);
    tly_pools_looked(pool_settle, self);
    self->finishing--;
    tly_count(&self->counters.destroyed, c.count);
    return c.count;
}

static void unmember(void *arg, tally_object *object) {
    (void)arg;
    tly_side_reset(tly_sides.member, tly_granule_of(object));
}

void tly_garbage_pardon(void) {
    tly_sides_each(tly_sides.member, unmember, NULL);
}
