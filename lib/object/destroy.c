// Destruction.
//
// A family is an object and what dies of it. The loop keeps dead objects on a
// small stack and links the rest through their count fields: ten million nodes
// need neither stack nor memory. Blocks of this mutator's pools are given back
// by words of their bitmap once a family has more than a few.
//
// A family may be destroyed in slices (option destroy_slice): when a slice is
// used up, what is on the stack is linked as well, the word is given back, and
// a later safepoint goes on with the list.
//
// INVARIANT  While a hook runs, and from one slice to the next, every dead
//            object is linked, so that its flag DYING hides it from
//            collections and walks, or its header is zero; the object whose
//            hook runs has that flag as well (tests/model/dying.pml).

#include "object/dead.h"
#include "object/finalize.h"
#include "object/finish.h"
#include "object/levels.h"
#include "object/made.h"
#include "object/type.h"
#include "object/weak.h"
#include "sync/rank.h"

// Objects of a family that are freed one by one: for small ones a cached
// block is worth more than a word.
#define SMALL_FAMILY 8u

// By so many objects a family may be larger than what is left of a slice.
#define SLACK (64u + SMALL_FAMILY)

// Dead objects that the loop knows by itself.
#define STACK 32u

// Blocks of one word of a pool's bitmap that are to be given back together.
struct word {
    struct tly_pool *pool; // NULL: none
    char *base;            // the word's first block
    size_t span;           // bytes of its blocks: of 64, or the pool's last
    uint64_t mask;
    uint32_t recip; // as in the pool
    uint32_t number;
};
static const struct word word_none;

uint64_t tly_destroy_slice = UINT64_MAX;

void tly_destroy_configure(uint64_t slice) {
    // Beyond that a family may have one word, and what it began with.
    tly_destroy_slice = slice ? slice - SLACK : UINT64_MAX;
}

// Puts a block of a fresh object in the cache of bin [n], if it fits. bins[0],
// of those that are not in tf_, stays empty.
TLY_INLINE bool cache_put(struct tly_local *self, uint32_t n,
                          tally_object *object) {
    struct tly_bin *bin = &self->heap.bins[n];
    uint32_t cached = bin->lease.cached;
    if (TLY_UNLIKELY(n == 0 || cached >= TLY_CACHE_BLOCKS))
        return false;
    bin->cache[cached] = object;
    bin->lease.cached = cached + 1;
    return true;
}

static TLY_NOINLINE void block_end(struct tly_local *self, uint32_t half,
                                   tally_object *object) {
    struct tly_pool *pool = tly_pool_of(object);
    uint32_t owner = half & TLY_HALF_OWNER;
    if (owner == tly_mutator_in(self)->number && pool->size)
        tly_block_give(&self->heap, pool, object);
    else
        tly_block_give_any(&self->heap, object);
}

// The same of a fresh object, whose bin only the pool knows.
static TLY_NOINLINE void block_end_unknown(struct tly_local *self,
                                           uint32_t half,
                                           tally_object *object) {
    const struct tly_pool *pool = tly_pool_of(object);
    if (!pool->size || !cache_put(self, pool->class + 1u, object))
        block_end(self, half, object);
}

// The same of one that is not fresh.
static TLY_NOINLINE void end_slow(struct tly_local *self, uint32_t half,
                                  tally_object *object) {
    if (tly_is_held(self, object, half))
        return;
    tly_header_end(object);
    block_end(self, half, object);
}

// Ends an object and gives its block back.
TLY_INLINE void object_end(struct tly_local *self, tally_object *object) {
    uint32_t half = tly_header_half_last(object);
    if (TLY_UNLIKELY(!tly_is_fresh(self, half))) {
        end_slow(self, half, object);
        return;
    }
    tly_header_end(object);
    if (TLY_LIKELY(cache_put(self, TLY_HALF_BIN(half), object)))
        return;
    if (TLY_LIKELY(TLY_HALF_BIN(half)))
        block_end(self, half, object);
    else
        block_end_unknown(self, half, object);
}

void tly_object_free(struct tly_local *self, tally_object *object) {
    tly_count(&self->counters.destroyed, 1);
    object_end(self, object);
}

// ---- words

static void word_give(struct tly_local *self, struct word w) {
    if (w.pool)
        tly_word_give(&self->heap, w.pool, w.number, w.mask);
}

// Gives a word back and begins that of a block. A block that is in no word of
// ours is given back by itself.
static TLY_NOINLINE struct word word_turn(struct tly_local *self, struct word w,
                                          tally_object *object) {
    struct tly_pool *pool = tly_pool_of(object);
    // Relaxed: a thread's own number is there only if it put it there, or took
    // the mutator over.
    uint16_t owner = tly_load_relaxed(&pool->owner);
    if (pool->size == 0 || owner != tly_mutator_in(self)->number) {
        tly_block_give_any(&self->heap, object);
        return w;
    }
    word_give(self, w);
    unsigned n = tly_block_of(pool, object);
    unsigned blocks = pool->blocks - (n & ~63u);
    return (struct word){
        .pool = pool,
        .base = tly_block_at(pool, n & ~63u),
        .span = (size_t)(blocks < 64 ? blocks : 64) * pool->size,
        .mask = (uint64_t)1 << (n % 64),
        .recip = pool->recip,
        .number = n / 64,
    };
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

static TLY_NOINLINE void dead_put(struct tly_local *self,
                                  tally_object *object) {
    tly_dead_put(self, object);
}

// The end of a slice: the next goes on with the top.
static TLY_NOINLINE void stack_leave(struct tly_local *self,
                                     tally_object **stack, unsigned top) {
    for (unsigned n = 0; n < top; n++)
        tly_dead_put(self, stack[n]);
}

static void drop_run(void *arg, tally_ref *first, size_t count) {
    struct tly_local *self = arg;
    for (size_t n = 0; n < count; n++) {
        tally_object *child = tly_object_in(first[n].object_);
        if (!child)
            continue;
        // Relaxed: a collection may look at the object, which is dying.
        tly_store_relaxed(&first[n].object_, NULL);
        tly_count_act(self, child, tly_count_drop(self, child));
    }
}

// ---- objects and families

// Ends an object whose references have been dropped, and whose hook has run.
static void typed_free(struct tly_local *self, tally_object *object) {
    const tally_type *type = tly_type_of(object);
    if (type->made_)
        tly_made_count(type->made_, tly_mutator_in(self)->number, -1);
    tly_object_free(self, object);
}

// Calls an object's destroy hook; nothing else does. The hook may block,
// collect and walk the heap, so the object is hidden from all that first. It
// may be left: then tly_destroy_unwound does what comes after.
static void hook_call(struct tly_local *self, tally_object *object,
                      const tally_type *type) {
    struct tly_cold *cold = tly_cold(self);
    // Relaxed: the flag is final, and the object is this thread's.
    tly_require(tly_load_relaxed(&object->shared_) & TLY_DYING);
    struct tly_hook call TLY_HOOK = tly_hook_begin(self, TLY_FRAME);
    tally_object *outer = cold->destroys;
    tly_store_relaxed(&cold->destroys, object); // as tly_inside_set
    tly_program_next(self, "a destroy hook");
    type->destroy_(object);
    tly_store_relaxed(&cold->destroys, outer);
    tly_hook_end(&call);
}

void tly_destroy_unwound(struct tly_local *self) {
    tally_object *object = tly_cold(self)->destroys;
    tly_store_relaxed(&tly_cold(self)->destroys, NULL); // as above
    if (object)
        typed_free(self, object);
}

static void typed_drop(struct tly_local *self, tally_object *object,
                       const tally_type *type) {
    if (TLY_LIKELY(!type->shape_))
        drop_run(self, (tally_ref *)(void *)((char *)object + type->refs_at_),
                 type->refs_);
    else
        tly_refs_each(object, type, drop_run, self);
}

// Whether an object has ended, up to its block; or ends where hooks run; or
// has a hook that is to run now.
enum ended { ENDED, LATER, HOOKED };

// Objects whose type says how they end.
static TLY_NOINLINE enum ended end_typed(struct tly_local *self,
                                         tally_object *object, bool hooks) {
    const tally_type *type = tly_type_of(object);
    if (type->destroy_ && hooks)
        return HOOKED;
    if (type->destroy_) {
        tly_dead_link(object, self->held);
        self->held = object;
        tly_count(&self->dying, 1);
        self->slice -= self->slice > 0;
        return LATER;
    }
    typed_drop(self, object, type);
    if (type->made_)
        tly_made_count(type->made_, tly_mutator_in(self)->number, -1);
    return ENDED;
}

// Drops a run of references, the last first: what was made first is destroyed
// first, in the order of addresses. What dies is put on the stack from [top]
// on, or linked; returns the new top.
TLY_INLINE unsigned drop_leading(struct tly_local *self, uint32_t ours,
                                 const tally_ref *field, const tally_ref *end,
                                 tally_object **stack, unsigned top) {
    while (end != field) {
        tally_object *child = (--end)->object_;
        if (!child)
            continue;
        tly_point(&child->owner_);
        uint32_t half = tly_header_half_of(child);
        if (TLY_UNLIKELY((half & TLY_HALF_OWNER) != ours))
            child_slow(self, child, false);
        else if (!tally_count_down_(&child->local_))
            continue;
        else if (TLY_UNLIKELY(!tly_is_simply_dead(child, half)))
            child_slow(self, child, true);
        else if (TLY_LIKELY(top < STACK))
            stack[top++] = child;
        else
            dead_put(self, child);
    }
    return top;
}

// Drops what an object refers to; those that die of it are put on the stack or
// linked.
TLY_INLINE enum ended references_end(struct tly_local *self, uint32_t ours,
                                     tally_object *object, tally_object **stack,
                                     unsigned *top, bool hooks) {
    unsigned refs = TLY_HALF_REFS(tly_header_half_of(object));
    const tally_ref *field = (const tally_ref *)(const void *)(object + 1);
    if (TLY_UNLIKELY(refs == TLY_TF_ASK))
        return end_typed(self, object, hooks);
    *top = drop_leading(self, ours, field, field + refs, stack, *top);
    return ENDED;
}

// Tells what this slice has ended, which is counted from zero again.
static void count_tell(struct tly_local *self, uint64_t *count) {
    tly_count(&self->counters.destroyed, *count);
    self->slice -= *count < self->slice ? *count : self->slice;
    *count = 0;
}

// An object whose hook runs now. The hook may be left, with this frame and its
// callers': what they have done is told first.
static TLY_NOINLINE void end_hooked(struct tly_local *self,
                                    tally_object *object, uint64_t *count) {
    count_tell(self, count);
    bool goes_on = tly_levels_go_on(self, self->levels);
    tly_destroy_one(self, object);
    if (!goes_on || tly_hooks_end(self))
        self->slice = 0;
}

// What is left of a family that turned out large: [object], and [top] more.
// The end of the slice is looked for from word to word, so that it costs
// nothing where there is none.
static TLY_NOINLINE uint64_t destroy_large(struct tly_local *self,
                                           tally_object *object,
                                           tally_object **stack, unsigned top,
                                           bool hooks) {
    uint32_t ours = tly_mutator_in(self)->number;
    struct word w = word_none;
    uint64_t count = 0;
    do {
        enum ended ended =
            references_end(self, ours, object, stack, &top, hooks);
        if (TLY_UNLIKELY(ended != ENDED)) {
            if (ended == HOOKED) {
                word_give(self, w);
                w = word_none;
                end_hooked(self, object, &count);
            }
            if (count >= self->slice)
                break;
            continue;
        }
        count++;
        if (tly_is_held(self, object, tly_header_half_last(object))) {
            if (count >= self->slice)
                break;
            continue;
        }
        tly_header_end(object);
        // Whoever counted it: a merged object may lie in a pool of ours.
        size_t offset = (size_t)((char *)object - w.base);
        if (TLY_UNLIKELY(offset >= w.span)) {
            w = word_turn(self, w, object);
            if (count >= self->slice)
                break;
        } else {
            uint64_t bit = (uint64_t)1 << (offset * w.recip >> 32);
            tly_check(!(w.mask & bit));
            w.mask |= bit;
        }
    } while ((object = top ? stack[--top] : tly_dead_take(self)));
    word_give(self, w);
    if (top > 0)
        stack_leave(self, stack, top);
    return count;
}

void tly_destroy_one(struct tly_local *self, tally_object *object) {
    const tally_type *type = tly_type_of(object);
    // What came from a list has the flag.
    if (type->destroy_)
        tly_dying_set(object);
    typed_drop(self, object, type);
    if (type->destroy_)
        hook_call(self, object, type);
    typed_free(self, object);
    self->slice -= self->slice > 0;
}

void tly_destroy_family(struct tly_local *self, tally_object *object,
                        bool hooks) {
    uint32_t ours = tly_mutator_in(self)->number;
    tally_object *stack[STACK];
    unsigned top = 0;
    uint64_t count = 0;
    tly_locks_none("the end of an object");
    do {
        if (count == SMALL_FAMILY) {
            count_tell(self, &count);
            count = destroy_large(self, object, stack, top, hooks);
            break;
        }
        enum ended ended =
            references_end(self, ours, object, stack, &top, hooks);
        if (TLY_UNLIKELY(ended != ENDED)) {
            if (ended == HOOKED)
                end_hooked(self, object, &count);
            if (count >= self->slice)
                break;
            continue;
        }
        object_end(self, object);
        count++;
    } while ((object = top ? stack[--top] : tly_dead_take(self)));
    count_tell(self, &count);
}

// Takes a whole list over.
static void list_rescue(struct tly_local *self, tally_object **list) {
    for (tally_object *next, *object = *list; object; object = next) {
        next = tly_dead_next(object);
        tly_dead_put(self, object);
    }
    *list = NULL;
}

void tly_destroy_rescue(struct tly_local *self, struct tly_local *of) {
    list_rescue(self, &of->dead);
    list_rescue(self, &of->held);
    tly_finalize_rescue(self, of);
    tly_weak_rescue(self, of);
    // Relaxed: a statistic, and a hint.
    tly_store_relaxed(&of->dying, 0);
    tly_store_relaxed(&of->lost, 0);
}

static TLY_NOINLINE void zero_slow(struct tly_local *self,
                                   tally_object *object) {
    (void)tly_is_finishing(self); // no more, maybe
    enum tly_drop drop =
        tly_count_zero(self, tly_mutator_in(self)->number, object);
    if (drop == TLY_FINALIZE) {
        tly_finish_claimed(self, object);
        return;
    }
    if (drop != TLY_ALIVE)
        tly_count_act(self, object, drop);
    tly_finish(self, true);
}

// Goes on with an object of ours whose child [n] is not simply counted down:
// it is another's, or it is ours and its count is zero now.
static TLY_NOINLINE void destroy_rest(struct tly_local *self,
                                      tally_object *object, unsigned n,
                                      bool zero) {
    tally_object *stack[STACK];
    const tally_ref *field = (const tally_ref *)(const void *)(object + 1);
    tally_object *child = field[n].object_;
    uint32_t half = tly_header_half_of(object);
    unsigned top = 0;
    if (zero && tly_is_simply_dead(child, tly_header_half_of(child)))
        stack[top++] = child;
    else
        child_slow(self, child, zero);
    top = drop_leading(self, half & TLY_HALF_OWNER, field + n + 1,
                       field + TLY_HALF_REFS(half), stack, top);
    tly_object_free(self, object);
    while (top > 0)
        tly_dead_put(self, stack[--top]);
    if (self->dead || self->finalize)
        tly_finish(self, true);
}

// The end of most objects: no child of theirs dies, and the block goes to the
// cache. A leaf: whatever is not so goes on elsewhere.
void tally_decref_zero_(tally_object *object) {
    tly_locks_none("the end of an object");
    struct tly_local *self = tly_local_of(tly_self());
    uint32_t half = tly_header_half_of(object);
    if (TLY_UNLIKELY(!tly_is_simply_dead(object, half))) {
        zero_slow(self, object);
        return;
    }
    unsigned refs = TLY_HALF_REFS(half);
    const tally_ref *field = (const tally_ref *)(const void *)(object + 1);
    for (unsigned n = 0; n < refs; n++) {
        tally_object *child = field[n].object_;
        if (!child)
            continue;
        // The caller is the owner, so [half] has its number.
        bool owned = (tly_header_half_of(child) & TLY_HALF_OWNER) ==
                     (half & TLY_HALF_OWNER);
        if (TLY_LIKELY(owned && !tally_count_down_(&child->local_)))
            continue;
        destroy_rest(self, object, n, owned);
        return;
    }
    tly_count(&self->counters.destroyed, 1);
    object_end(self, object);
}
