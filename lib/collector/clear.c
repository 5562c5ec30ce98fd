// Garbage is destroyed while the world runs: nobody can reach it.
//
// References from one garbage object to another are not counted down: the
// table of members says which they are. A block that is freed on the way may
// be made into a new object at once; its bit stays until the end, and nothing
// but other garbage referred to what it was.

#include "collector/clear.h"

#include "collector/collect.h"
#include "collector/lock.h"
#include "collector/trial.h"
#include "epoch/attach.h"
#include "epoch/borrow.h"
#include "epoch/rcu.h"
#include "epoch/world.h"
#include "object/count.h"
#include "object/dead.h"
#include "object/finish.h"
#include "object/made.h"
#include "object/type.h"
#include "pool/walk.h"
#include "sync/rank.h"

uint64_t tly_garbage_bytes, tly_garbage_hooked, tly_garbage_put;
static int64_t listed_bytes; // (a)

// Relaxed, all three: who has the collector's lock writes it; others take it
// for a hint.
int64_t tly_garbage_listed(void) { return tly_load_relaxed(&listed_bytes); }

static void listed_add(int64_t bytes) {
    tly_store_relaxed(&listed_bytes, tly_garbage_listed() + bytes);
}

void tly_garbage_unlisted(void) { tly_store_relaxed(&listed_bytes, 0); }

// What is garbage is listed by words; finalizers are claimed one by one.
static bool pool_list(void *arg, struct tly_pool *pool) {
    size_t count, first = tly_side_words(pool, &count);
    uint64_t before = tly_garbage_put, size = tly_pool_block_size(pool);
    for (size_t w = first; w < first + count; w++) {
        uint64_t more = tly_sides.member[w] & ~tly_sides.listed[w];
        tly_garbage_put += tly_bit_count(more) * size;
        tly_sides.listed[w] |= more;
        for (uint64_t bits = tly_sides.member[w]; bits; bits &= bits - 1)
            tly_claims_add(
                arg, tly_side_object(pool, w * 64 + tly_bit_lowest(bits)));
    }
    listed_add((int64_t)(tly_garbage_put - before));
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

// How far clearing has come. A fork does not wait for its end: the child finds
// this, the table of members, headers that are zero where an object has ended,
// and the list of what was put aside; and goes on from there
// (tly_clear_resume). That a member is DYING says nothing: what has a hook or a
// weak reference is so before it is cleared (weaken.c).
static struct {
    uint32_t on; // (a)
    // Of the collector's lock.
    bool published;        // a grace period comes before the second part
    bool settles;          // the second part: blocks are given back
    uint64_t count;        // members of the pools that are done
    uint64_t left;         // of those, to be ended later
    struct tly_pool *pool; // that is gone through, or NULL
    tally_object *hooked;  // put aside, till they are left to the dead; linked
                           // by their count fields
} part;

bool tly_clear_is_on(void) {
    // ORDER[clear] acquire: what tells of the part. Pairs with part_set.
    return tly_load_acquire(&part.on);
}

static void part_set(bool on) {
    // ORDER[clear] release: see tly_clear_is_on. A fork looks again in a world
    // that stands still.
    tly_store_release(&part.on, on);
}

// Before a pool: for a fork the collection stands still. It does not for
// others, who may walk the heap.
static void pool_begin(struct tly_local *self, struct tly_pool *pool) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    part.pool = pool;
    if (TLY_UNLIKELY(tly_world_is_forking()) && tly_world_pass(mutator))
        tly_poll(mutator, false);
}

struct clearing {
    struct tly_local *self;
    const uint64_t *member; // the table, in a register (see trial.c)
    struct tly_cover cover;
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
static void put_aside(tally_object *object) {
    // Relaxed: garbage, so nobody counts it; what is dead has no count.
    tly_store_relaxed(&object->local_, 0);
    tly_dead_link(object, part.hooked);
    part.hooked = object;
    // ORDER[watch] acq_rel: what the collection has read of the object was
    // before; nobody else has it.
    tly_and_acq_rel(&object->owner_, (uint16_t)~TALLY_OWNER_WATCH_);
}

// Returns whether the object has ended.
static TLY_NOINLINE bool clear_typed(struct clearing *c, tally_object *object) {
    const tally_type *type = tly_type_of(object);
    tly_refs_each(object, type, empty_run, c);
    if (type->destroy_) {
        put_aside(object);
        return false;
    }
    if (type->made_)
        tly_made_count(type->made_, tly_mutator_in(c->self)->number, -1);
    return true;
}

// No member that is garbage has a mark: in the child it says which were put
// aside, until pool_copy clears the tables of their pool.
static void hooked_mark(void) {
    for (tally_object *object = part.hooked; object;
         object = tly_dead_next(object))
        tly_side_set(tly_sides.own[0].marked, tly_side_at(object));
}

static bool is_cleared(tally_object *object, size_t granule) {
    // Relaxed: written by who cleared, which is over.
    return !tly_load_relaxed((tly_header_word *)object) ||
           tly_side_get(tly_sides.own[0].marked, granule);
}

// [again]: some of it may have been cleared.
TLY_INLINE bool pool_clear_some(void *arg, struct tly_pool *pool, bool again) {
    struct clearing c = *(struct clearing *)arg;
    uint64_t cleared = 0;
    pool_begin(c.self, pool);
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++)
        for (uint64_t bits = c.member[w]; bits; bits &= bits - 1) {
            size_t granule = w * 64 + tly_bit_lowest(bits);
            tally_object *object = tly_side_object(pool, granule);
            cleared++;
            if (again && is_cleared(object, granule))
                continue;
            unsigned refs = tly_trial_refs(object);
            if (TLY_LIKELY(refs != TLY_TF_ASK))
                drop_fields(&c, (tally_ref *)(void *)(object + 1), refs);
            else if (!clear_typed(arg, object))
                continue;
            tly_header_end(object);
        }
    part.count += cleared;
    tly_garbage_bytes += cleared * tly_pool_block_size(pool);
    return true;
}

static bool pool_clear(void *arg, struct tly_pool *pool) {
    return pool_clear_some(arg, pool, false);
}

static bool pool_clear_again(void *arg, struct tly_pool *pool) {
    return pool_clear_some(arg, pool, true);
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
    uint64_t *listed = tly_sides.listed + copy->first, blocks = 0;
    for (size_t w = 0; w < copy->count; w++) {
        blocks += tly_bit_count(listed[w] & copy->member[w]);
        listed[w] &= ~copy->member[w];
    }
    listed_add(-(int64_t)(blocks * tly_pool_block_size(pool)));
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
    pool_begin(self, pool);
    pool_copy(&copy, pool);
    copy_give(self, pool, &copy);
    part.pool = NULL;
    return false;
}

// What was put aside is no member any more, and joins the dead: when the lock
// is given back their hooks run.
static void hooked_leave(struct tly_local *self) {
    for (tally_object *next, *object = part.hooked; object; object = next) {
        next = tly_dead_next(object);
        size_t granule = tly_side_at(object);
        tly_side_reset(tly_sides.member, granule);
        tly_side_reset(tly_sides.listed, granule);
        tly_garbage_hooked += tly_pool_block_size(tly_pool_of(object));
        tly_dead_put(self, object);
        part.left++;
    }
    part.hooked = NULL;
}

// What is left of the two parts.
static uint64_t clear_parts(struct tly_local *self, tly_pool_fn clear) {
    struct clearing c = {
        .self = self, .member = tly_sides.member, .cover = tly_sides_cover()};
    uint32_t finishing = self->finishing;
    if (!finishing)
        tly_finishing_begin(self, TLY_FRAME);
    if (!part.settles) {
        part.count = 0;
        tly_pools_looked(clear, &c);
    }
    part.settles = true;
    part.pool = NULL;
    if (part.published && !TLY_BUSTED(NO_GRACE))
        tly_borrow_await(tly_mutator_in(self), tly_grace_next());
    part.published = false;
    hooked_leave(self);
    tly_pools_looked(pool_settle, self);
    self->finishing = finishing;
    part_set(false);
    tly_count(&self->counters.destroyed, part.count - part.left);
    return part.count;
}

uint64_t tly_garbage_clear(struct tly_local *self, bool published) {
    part.published = published;
    part.settles = false;
    part.left = 0;
    part_set(true);
    tly_collector_tell();
    return clear_parts(self, pool_clear);
}

void tly_clear_resume(struct tly_local *self) {
    if (TLY_LIKELY(!tly_clear_is_on()))
        return;
    if (part.pool)
        tly_pool_look_again(part.pool);
    hooked_mark();
    uint64_t cleared = clear_parts(self, pool_clear_again);
    tly_count(&tly_collect_totals.collected, cleared);
}
