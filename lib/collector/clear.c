// Garbage is destroyed while the world runs: nobody can reach it.
//
// References from one garbage object to another are not counted down: the
// table of members says which they are. A block that is freed on the way may
// be made into a new object at once; its bit stays until the end, and nothing
// but other garbage referred to what it was.

#include "collector/clear.h"

#include "collector/trial.h"
#include "epoch/borrow.h"
#include "epoch/rcu.h"
#include "object/count.h"
#include "object/dead.h"
#include "object/made.h"
#include "object/type.h"
#include "pool/walk.h"
#include "sync/rank.h"

// What is garbage is listed by words; finalizers are claimed one by one.
static bool pool_list(void *arg, struct tly_pool *pool) {
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++) {
        tly_sides.listed[w] |= tly_sides.member[w];
        for (uint64_t bits = tly_sides.member[w]; bits; bits &= bits - 1)
            tly_claims_add(
                arg, tly_side_object(pool, w * 64 + tly_bit_lowest(bits)));
    }
    return true;
}

void tly_garbage_list(struct tly_claims *claims) {
    tly_pools_looked(pool_list, claims);
}

static bool pool_forget(void *arg, struct tly_pool *pool) {
    (void)arg;
    tly_sides_clear(pool);
    return false;
}

void tly_garbage_forget(void) { tly_pools_looked(pool_forget, NULL); }

uint64_t tly_garbage_bytes;

struct clearing {
    struct tly_local *self;
    const uint64_t *member; // the table, in a register (see trial.c)
    struct tly_cover cover;
    uint64_t count;
    tally_object *hooked; // to be ended later; linked by their count fields
};

static TLY_NOINLINE void drop_outside(struct tly_local *self,
                                      tally_object *child) {
    tly_count_act(self, child, tly_count_drop(self, child));
}

TLY_INLINE void drop_fields(struct clearing *c, tally_ref *first,
                            size_t count) {
    for (size_t n = 0; n < count; n++) {
        tally_object *child = tly_object_in(tly_trial_load(&first[n]));
        size_t granule;
        bool covered = tly_side_of(c->cover, child, &granule);
        if (child && !(covered && tly_side_get(c->member, granule)))
            drop_outside(c->self, child);
    }
}

static void empty_run(void *arg, tally_ref *first, size_t count) {
    drop_fields(arg, first, count);
    for (size_t n = 0; n < count; n++)
        first[n].object_ = NULL;
}

// Puts an object aside whose hook is called later. Its block is its own till
// then.
static void put_aside(struct clearing *c, tally_object *object) {
    // Relaxed: garbage, so nobody counts it; what is dead has no count.
    tly_store_relaxed(&object->local_, 0);
    tly_dead_link(object, c->hooked);
    c->hooked = object;
    // ORDER[watch] acq_rel: what the collection has read of the object was
    // before; nobody else has it.
    tly_and_acq_rel(&object->owner_, (uint16_t)~TALLY_OWNER_WATCH_);
}

// Returns whether the object has ended.
static TLY_NOINLINE bool clear_typed(struct clearing *c, tally_object *object) {
    const tally_type *type = tly_type_of(object);
    tly_refs_each(object, type, empty_run, c);
    if (type->destroy_) {
        put_aside(c, object);
        return false;
    }
    if (type->made_)
        tly_made_count(type->made_, tly_mutator_in(c->self)->number, -1);
    return true;
}

static bool pool_clear(void *arg, struct tly_pool *pool) {
    struct clearing c = *(struct clearing *)arg;
    uint64_t cleared = 0;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++)
        for (uint64_t bits = c.member[w]; bits; bits &= bits - 1) {
            size_t granule = w * 64 + tly_bit_lowest(bits);
            tally_object *object = tly_side_object(pool, granule);
            unsigned refs = tly_trial_refs(object);
            cleared++;
            if (TLY_LIKELY(refs != TLY_TF_ASK))
                drop_fields(&c, (tally_ref *)(void *)(object + 1), refs);
            else if (!clear_typed(arg, object))
                continue;
            tly_header_end(object);
        }
    ((struct clearing *)arg)->count += cleared;
    tly_garbage_bytes += cleared * tly_pool_block_size(pool);
    return true;
}

// The members of a pool, copied: once they are given back the pool may be
// gone.
#define WORDS_MAX (8 * TLY_UNIT_SIZE >> 11)
struct copy {
    size_t first, count;
    uint64_t member[WORDS_MAX];
};

static void pool_copy(struct copy *copy, const struct tly_pool *pool) {
    copy->first = tly_side_words(pool, &copy->count);
    memcpy(copy->member, tly_sides.member + copy->first, copy->count * 8);
    tly_sides_clear(pool);
    // Relaxed: the collector's lock orders it.
    if (TLY_LIKELY(!tly_load_relaxed(&tly_finalize_awaited)))
        return;
    for (size_t w = 0; w < copy->count; w++)
        tly_sides.listed[copy->first + w] &= ~copy->member[w];
}

// Which blocks of a pool are members.
static void copy_blocks(const struct copy *copy, const struct tly_pool *pool,
                        uint64_t *ret_blocks) {
    if (pool->size == (uint32_t)1 << TLY_GRANULE_SHIFT) {
        memcpy(ret_blocks, copy->member, copy->count * 8);
        return;
    }
    for (size_t w = 0; w < copy->count; w++)
        for (uint64_t bits = copy->member[w]; bits; bits &= bits - 1) {
            size_t granule = (copy->first + w) * 64 + tly_bit_lowest(bits);
            unsigned n = tly_block_of(pool, tly_side_object(pool, granule));
            ret_blocks[n / 64] |= (uint64_t)1 << (n % 64);
        }
}

// Gives the blocks of what is cleared back, word by word. After the last the
// pool may be gone.
static void copy_give(struct tly_local *self, struct tly_pool *pool,
                      const struct copy *copy) {
    uint64_t freed[TLY_POOL_WORDS] = {0};
    copy_blocks(copy, pool, freed);
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
    copy_give(self, pool, &copy);
    return false;
}

// What was put aside is no member any more, and joins the dead: when the lock
// is given back their hooks run. Returns how many.
static uint64_t hooked_leave(struct clearing *c) {
    uint64_t count = 0;
    for (tally_object *next, *object = c->hooked; object; object = next) {
        next = tly_dead_next(object);
        size_t granule = tly_side_at(object);
        tly_side_reset(tly_sides.member, granule);
        tly_side_reset(tly_sides.listed, granule);
        tly_dead_put(c->self, object);
        count++;
    }
    return count;
}

uint64_t tly_garbage_clear(struct tly_local *self, bool published) {
    struct clearing c = {
        .self = self, .member = tly_sides.member, .cover = tly_sides_cover()};
    self->finishing++;
    tly_pools_looked(pool_clear, &c);
    if (published && !TLY_BUSTED(NO_GRACE))
        tly_borrow_await(tly_mutator_in(self), tly_grace_next());
    uint64_t hooked = hooked_leave(&c);
    tly_pools_looked(pool_settle, self);
    self->finishing--;
    tly_count(&self->counters.destroyed, c.count - hooked);
    return c.count;
}
