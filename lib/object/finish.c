// Destruction.
//
// A loop over a list that runs through the dead objects themselves: their
// count fields link them. Ten million nodes need neither stack nor memory.

#include "object/finish.h"

#include "base/poison.h"
#include "object/type.h"

TLY_INLINE void object_free(struct tly_local *self, tally_object *object) {
    unsigned bin = object->tf_ >> TLY_TF_BIN_SHIFT;
    // Relaxed: the object is this thread's alone.
    uint16_t owner = tly_load_relaxed(&object->owner_);
    uint8_t gc = tly_load_relaxed(&object->gc_);
    struct tly_pool *pool = tly_pool_of(object);
    if (TLY_POISON || TLY_ASAN)
        tly_poison(object + 1, tly_pool_block_size(pool) - sizeof(*object));
    // ORDER[untracked] release: the block is no object any more, after its
    // last use and before it is another's. Pairs with who reads gc_.
    tly_store_release((tly_header_word *)object, 0);
    tly_count(&self->counters.destroyed, 1);
    struct tly_bin *b = &self->heap.bins[bin];
    bool ours = owner == tly_mutator_in(self)->number;
    // A block whose pool collections do not know to be young is not cached;
    // one whose bin is not in tf_ finds bins[0], which stays empty.
    if (TLY_LIKELY(ours && !(gc & TLY_GC_OLD) && bin &&
                   b->lease.cached < TLY_CACHE_BLOCKS))
        b->cache[b->lease.cached++] = object;
    else if (ours && pool->size)
        tly_block_give(&self->heap, pool, object);
    else
        tly_block_give_any(&self->heap, object);
}

// A count of this thread's has become zero: for most objects nobody else ever
// counted them, and they have no finalizer.
TLY_INLINE enum tly_drop count_zero(struct tly_local *self,
                                    tally_object *object) {
    // ORDER[last-use] acquire: as tly_count_zero.
    uint64_t shared = tly_load_acquire(&object->shared_);
    if (TLY_LIKELY(!(shared & ~TLY_TYPE_MASK) &&
                   (object->tf_ & TLY_TF_REFS) != TLY_TF_ASK))
        return TLY_DEAD;
    return tly_count_zero(self, tly_mutator_in(self)->number, object);
}

static TLY_NOINLINE void child_act(struct tly_local *self, tally_object *child,
                                   enum tly_drop drop) {
    if (drop != TLY_ALIVE)
        tly_count_act(self, child, drop);
}

TLY_INLINE void drop_child(struct tly_local *self, tally_object *child) {
    if (TLY_UNLIKELY(!tally_owns_(child))) {
        child_act(self, child, tly_count_drop_slow(self, child));
    } else if (tally_count_down_(&child->local_)) {
        enum tly_drop drop = count_zero(self, child);
        // Published ones wait; their flags are not zero.
        if (TLY_LIKELY(drop == TLY_DEAD &&
                       !(tly_load_relaxed(&child->shared_) & TLY_PUB))) {
            tly_dead_link(child, self->dead);
            self->dead = child;
        } else {
            child_act(self, child, drop);
        }
    }
}

void tly_object_free(struct tly_local *self, tally_object *object) {
    object_free(self, object);
}

static void drop_run(void *arg, tally_ref *first, size_t count) {
    struct tly_local *self = arg;
    for (size_t n = 0; n < count; n++) {
        tally_object *child = first[n].object_;
        first[n].object_ = NULL;
        if (child)
            drop_child(self, child);
    }
}

static void destroy_typed(struct tly_local *self, tally_object *object,
                          bool hooks) {
    const tally_type *type = tly_type_of(object);
    if (type->destroy_ && !hooks) {
        tly_dead_link(object, self->held);
        self->held = object;
        return;
    }
    tly_refs_each(object, type, drop_run, self);
    if (type->destroy_)
        type->destroy_(object);
    tly_object_free(self, object);
}

// Destroys an object that has nothing but leading references.
TLY_INLINE void destroy_simple(struct tly_local *self, tally_object *object) {
    unsigned refs = object->tf_ & TLY_TF_REFS;
    const tally_ref *field = (const tally_ref *)(const void *)(object + 1);
    for (unsigned n = 0; n < refs; n++)
        if (field[n].object_)
            drop_child(self, field[n].object_);
    object_free(self, object);
}

TLY_INLINE void destroy(struct tly_local *self, tally_object *object,
                        bool hooks) {
    if (TLY_LIKELY((object->tf_ & TLY_TF_REFS) != TLY_TF_ASK))
        destroy_simple(self, object);
    else
        destroy_typed(self, object, hooks);
}

void tly_object_finalize(struct tly_local *self, tally_object *object) {
    int error = errno;
    tly_count(&self->counters.finalized, 1);
    tly_type_of(object)->finalize_(object);
    errno = error;
}

static void finalize_next(struct tly_local *self) {
    tally_object *object = self->finalize;
    tally_object **link = tly_finalize_link(object, tly_type_of(object));
    self->finalize = *link;
    *link = NULL;
    tly_object_finalize(self, object);
    drop_child(self, object);
}

static void destroy_all(struct tly_local *self, bool hooks) {
    tally_object *object;
    while ((object = self->dead)) {
        self->dead = tly_dead_next(object);
        if (self->dead)
            TLY_PREFETCH_WRITE(self->dead);
        destroy(self, object, hooks);
    }
}

void tly_finish(struct tly_local *self, bool hooks) {
    if (self->finishing)
        return;
    self->finishing = 1;
    for (;;) {
        destroy_all(self, hooks);
        if (!hooks)
            break;
        if (self->held) {
            self->dead = self->held;
            self->held = NULL;
        } else if (self->finalize) {
            finalize_next(self);
        } else if (!self->dead) {
            break;
        }
    }
    self->finishing = 0;
    if (self->held || self->finalize)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

// The end of most objects: no list, no loop, unless a child dies too.
void tally_decref_zero_(tally_object *object) {
    struct tly_local *self = tly_local_of(tly_self());
    enum tly_drop drop = count_zero(self, object);
    if (TLY_LIKELY(drop == TLY_DEAD &&
                   (object->tf_ & TLY_TF_REFS) != TLY_TF_ASK &&
                   !(tly_load_relaxed(&object->shared_) & TLY_PUB))) {
        destroy_simple(self, object);
        if (TLY_LIKELY(!self->dead))
            return;
        tly_finish(self, true);
    } else if (drop != TLY_ALIVE) {
        tly_finish_one(self, object, drop);
    }
}

void tly_finish_one(struct tly_local *self, tally_object *object,
                    enum tly_drop drop) {
    tly_count_act(self, object, drop);
    tly_finish(self, true);
}
