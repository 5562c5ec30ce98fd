// Destruction.
//
// A family is an object and what dies of it. The loop takes a child that died
// directly, and links further ones through their count fields: ten million
// nodes need neither stack nor memory. Blocks of this mutator's pools are
// given back by words of their bitmap once a family has more than a few.

#include "base/poison.h"
#include "object/finish.h"
#include "object/type.h"

// Objects of a family that are freed one by one: for small ones a cached
// block is worth more than a word.
#define SMALL_FAMILY 8u

// Blocks of one word of a pool's bitmap that are to be given back together.
struct word {
    struct tly_pool *pool; // NULL: none
    char *base;            // the word's first block
    size_t span;           // bytes of its blocks: of 64, or the pool's last
    uint32_t recip;        // as in the pool
    unsigned number;
    uint64_t mask;
};

struct family {
    struct tly_local *self;
    uint32_t ours;  // the mutator's number
    uint64_t count; // objects freed
    bool hooks;
    struct word word;
};

// owner_, gc_ and tf_ in one load. Not the whole first word: the count beside
// them has just been stored, and a load of both would wait for that store.
typedef uint32_t __attribute__((may_alias)) header_half;
#define HALF_OWNER 0xFFFFu
#define HALF_OLD ((uint32_t)TLY_GC_OLD << 16)
#define HALF_BIN_SHIFT (24 + TLY_TF_BIN_SHIFT)

// Ends the object in a block; returns the half of its header that it had.
TLY_INLINE uint32_t header_end(tally_object *object) {
    tly_header_word *word = (tly_header_word *)object;
    // Relaxed: the object is this thread's alone.
    uint32_t half = tly_load_relaxed((header_half *)&object->owner_);
    if (TLY_POISON || TLY_ASAN)
        tly_poison(object + 1,
                   tly_pool_block_size(tly_pool_of(object)) - sizeof(*object));
    // ORDER[untracked] release: the block is no object any more, after its
    // last use and before it is another's. Pairs with who reads gc_.
    tly_store_release(word, 0);
    return half;
}

// Puts a block of a young object of ours in its bin's cache, if it fits.
TLY_INLINE bool cache_put(struct tly_local *self, uint32_t half,
                          tally_object *object) {
    struct tly_bin *bin = &self->heap.bins[half >> HALF_BIN_SHIFT];
    // bins[0], of those that are not in tf_, stays empty.
    if (bin->lease.cached >= TLY_CACHE_BLOCKS || bin == self->heap.bins)
        return false;
    bin->cache[bin->lease.cached++] = object;
    return true;
}

static TLY_NOINLINE void block_end(struct tly_local *self, uint32_t half,
                                   tally_object *object) {
    struct tly_pool *pool = tly_pool_of(object);
    uint32_t owner = half & HALF_OWNER;
    if (owner == tly_mutator_in(self)->number && pool->size)
        tly_block_give(&self->heap, pool, object);
    else
        tly_block_give_any(&self->heap, object);
}

void tly_object_free(struct tly_local *self, tally_object *object) {
    uint32_t half = header_end(object);
    tly_count(&self->counters.destroyed, 1);
    if (TLY_UNLIKELY((half & (HALF_OWNER | HALF_OLD)) !=
                         tly_mutator_in(self)->number ||
                     !cache_put(self, half, object)))
        block_end(self, half, object);
}

// ---- words

static void word_give(struct family *f) {
    struct word *w = &f->word;
    if (w->pool)
        tly_word_give(&f->self->heap, w->pool, w->number, w->mask);
    w->pool = NULL;
    w->span = 0;
    w->mask = 0;
}

// Begins the word of a block.
static TLY_NOINLINE void word_begin(struct family *f, tally_object *object) {
    struct word *w = &f->word;
    word_give(f);
    struct tly_pool *pool = tly_pool_of(object);
    if (pool->size == 0) {
        tly_block_give_any(&f->self->heap, object);
        return;
    }
    unsigned n = tly_block_of(pool, object);
    w->pool = pool;
    w->number = n / 64;
    w->base = tly_block_at(pool, n & ~63u);
    unsigned blocks = pool->blocks - (n & ~63u);
    w->span = (size_t)(blocks < 64 ? blocks : 64) * pool->size;
    w->recip = pool->recip;
    w->mask = (uint64_t)1 << (n % 64);
}

TLY_INLINE void word_add(struct family *f, tally_object *object) {
    struct word *w = &f->word;
    size_t offset = (size_t)((char *)object - w->base);
    if (TLY_UNLIKELY(offset >= w->span)) {
        word_begin(f, object);
        return;
    }
    uint64_t bit = (uint64_t)1 << (offset * w->recip >> 32);
    tly_check(!(w->mask & bit));
    w->mask |= bit;
}

TLY_INLINE void family_free(struct family *f, tally_object *object) {
    uint32_t half = header_end(object);
    f->count++;
    if (TLY_UNLIKELY((half & HALF_OWNER) != f->ours))
        tly_block_give_any(&f->self->heap, object);
    else if (f->count > SMALL_FAMILY || half & HALF_OLD ||
             !cache_put(f->self, half, object))
        word_add(f, object);
}

// ---- children

static TLY_NOINLINE void child_slow(struct tly_local *self, tally_object *child,
                                    bool owned) {
    enum tly_drop drop =
        owned ? tly_count_zero(self, tly_mutator_in(self)->number, child)
              : tly_count_drop_slow(self, child);
    if (drop != TLY_ALIVE)
        tly_count_act(self, child, drop);
}

// Whether nobody ever counted an object but its owner, whose count is zero
// now, and it has nothing but leading references.
TLY_INLINE bool is_simply_dead(const tally_object *object) {
    // ORDER[last-use] acquire: as tly_count_zero.
    uint64_t shared = tly_load_acquire(&object->shared_);
    return !(shared & ~TLY_TYPE_MASK) &&
           (object->tf_ & TLY_TF_REFS) != TLY_TF_ASK;
}

// Drops one child. Returns the one to go on with: [next], or this child if it
// died and there was none.
TLY_INLINE tally_object *drop_child(struct tly_local *self, uint16_t number,
                                    tally_object *child, tally_object *next) {
    tly_point(&child->owner_);
    // Relaxed: see tally_owns_.
    uint16_t owner = __atomic_load_n(&child->owner_, __ATOMIC_RELAXED);
    if (TLY_UNLIKELY(owner != number)) {
        child_slow(self, child, false);
    } else if (tally_count_down_(&child->local_)) {
        if (TLY_UNLIKELY(!is_simply_dead(child))) {
            child_slow(self, child, true);
        } else if (!next) {
            return child;
        } else {
            tly_dead_link(child, self->dead);
            self->dead = child;
        }
    }
    return next;
}

// Drops the leading references of an object. Returns one that died, which is
// on no list.
TLY_INLINE tally_object *drop_leading(struct tly_local *self,
                                      tally_object *object) {
    uint16_t number = tly_mutator_in(self)->number;
    unsigned refs = object->tf_ & TLY_TF_REFS;
    const tally_ref *field = (const tally_ref *)(const void *)(object + 1);
    tally_object *next = NULL;
    for (unsigned n = 0; n < refs; n++)
        if (field[n].object_)
            next = drop_child(self, number, field[n].object_, next);
    return next;
}

static void drop_run(void *arg, tally_ref *first, size_t count) {
    struct tly_local *self = arg;
    for (size_t n = 0; n < count; n++) {
        tally_object *child = first[n].object_;
        first[n].object_ = NULL;
        if (child)
            tly_count_act(self, child, tly_count_drop(self, child));
    }
}

// ---- objects and families

static TLY_NOINLINE void destroy_typed(struct family *f, tally_object *object) {
    struct tly_local *self = f->self;
    const tally_type *type = tly_type_of(object);
    if (type->destroy_ && !f->hooks) {
        tly_dead_link(object, self->held);
        self->held = object;
        return;
    }
    tly_refs_each(object, type, drop_run, self);
    if (type->destroy_)
        type->destroy_(object);
    family_free(f, object);
}

void tly_destroy_family(struct tly_local *self, tally_object *first,
                        bool hooks) {
    struct family f = {
        .self = self, .ours = tly_mutator_in(self)->number, .hooks = hooks};
    for (tally_object *object = first; object;) {
        tally_object *next = NULL;
        if (TLY_LIKELY((object->tf_ & TLY_TF_REFS) != TLY_TF_ASK)) {
            next = drop_leading(self, object);
            family_free(&f, object);
        } else {
            destroy_typed(&f, object);
        }
        if (!next && (next = self->dead))
            self->dead = tly_dead_next(next);
        object = next;
    }
    word_give(&f);
    tly_count(&self->counters.destroyed, f.count);
}

static TLY_NOINLINE void zero_slow(struct tly_local *self,
                                   tally_object *object) {
    child_slow(self, object, true);
    tly_finish(self, true);
}

// Goes on with an object whose child [n] is not simply dropped: it is
// another's, or it is ours and its count is zero now.
static TLY_NOINLINE void destroy_rest(struct tly_local *self,
                                      tally_object *object, unsigned n,
                                      bool zero) {
    const tally_ref *field = (const tally_ref *)(const void *)(object + 1);
    unsigned refs = object->tf_ & TLY_TF_REFS;
    uint16_t number = tly_mutator_in(self)->number;
    tally_object *child = field[n].object_, *next = NULL;
    if (zero && is_simply_dead(child))
        next = child;
    else
        child_slow(self, child, zero);
    while (++n < refs)
        if (field[n].object_)
            next = drop_child(self, number, field[n].object_, next);
    tly_object_free(self, object);
    if (next) {
        tly_dead_link(next, self->dead);
        self->dead = next;
    }
    if (self->dead || self->finalize)
        tly_finish(self, true);
}

// The end of most objects: no child of theirs dies, and the block goes to the
// cache. A leaf: whatever is not so goes on elsewhere.
void tally_decref_zero_(tally_object *object) {
    struct tly_local *self = tly_local_of(tly_self());
    if (TLY_UNLIKELY(!is_simply_dead(object))) {
        zero_slow(self, object);
        return;
    }
    uint16_t number = tly_mutator_in(self)->number;
    unsigned refs = object->tf_ & TLY_TF_REFS;
    const tally_ref *field = (const tally_ref *)(const void *)(object + 1);
    for (unsigned n = 0; n < refs; n++) {
        tally_object *child = field[n].object_;
        if (!child)
            continue;
        // Relaxed: see tally_owns_.
        bool owned = tly_load_relaxed(&child->owner_) == number;
        if (TLY_LIKELY(owned && !tally_count_down_(&child->local_)))
            continue;
        destroy_rest(self, object, n, owned);
        return;
    }
    tly_object_free(self, object);
}
