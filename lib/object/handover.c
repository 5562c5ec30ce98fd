// Foreign drops, handed over to the owner.
//
// A non-owner whose drop finds nothing of others' to take sets the object's
// bit for its pool's owner: the reference now belongs to the owner's inbox,
// and the owner drops it at its next safepoint like any of its own. No RMW on
// the header, and the object stays biased. If the bit is set already, here or
// there, the object is QUEUED instead. Nobody waits for an owner that does not
// run: its inbox is emptied by whoever filled it.

#include "epoch/registry.h"
#include "object/count.h"
#include "object/dead.h"
#include "object/hot.h"

// Asks the owner to merge; the queue holds the reference.
static void queue(tally_object *object) {
    struct tly_pool *pool = tly_pool_of(object);
    unsigned n = tly_block_of(pool, object);
    // ORDER[merge-request] acq_rel: what this thread did with the object
    // happens before the merge. Pairs with the exchange in the drain.
    tly_or_acq_rel(&pool->merge[n / 64], (uint64_t)1 << (n % 64));
    tly_inbox_send(pool);
}

void tly_handover_ask(tally_object *object) {
    uint64_t shared = tly_load_relaxed(&object->shared_);
    do {
        if (shared & (TLY_MERGED | TLY_QUEUED))
            return;
        // ORDER[last-use] acq_rel: as drop_counted.
    } while (!tly_cas_acq_rel(&object->shared_, &shared,
                              (shared + TLY_ONE) | TLY_QUEUED));
    queue(object);
}

// The way with an RMW on the header: takes from the others' count, or QUEUED.
static enum tly_drop drop_counted(struct tly_local *self, tally_object *object,
                                  uint64_t shared) {
    uint64_t next;
    bool last, asks;
    do {
        last = shared & TLY_MERGED && tly_count_of(shared) == 1;
        asks =
            !(shared & (TLY_MERGED | TLY_QUEUED)) && tly_count_of(shared) <= 0;
        if (last)
            // A finalizer may want the last unit: as for merged objects.
            return tly_count_drop_shared(object);
        next = asks ? shared | TLY_QUEUED : shared - TLY_ONE;
        // ORDER[last-use] acq_rel: as every decrement.
    } while (!tly_cas_acq_rel(&object->shared_, &shared, next));
    tly_count(&self->counters.shared_counts, 1);
    if (asks)
        queue(object);
    return TLY_ALIVE;
}

// Sets the object's bit in this thread's cache. False: it is set already.
TLY_INLINE bool hand_over(struct tly_local *self, tally_object *object) {
    struct tly_pool *pool = tly_pool_of(object);
    unsigned n = tly_block_of(pool, object);
    // The descriptor of a huge block goes with it, so that nobody may come
    // late with a push; a QUEUED object has one sender, who comes in time.
    if (TLY_UNLIKELY(pool->units == 0))
        return false;
    // Relaxed: an owner that stops running after this is served at the next
    // flush, which looks again.
    struct tly_mutator *owner = tly_mutator_of(tly_load_relaxed(&pool->owner));
    bool runs = tly_load_relaxed(&owner->state) == TLY_ATTACHED;
    if (!tly_pending_add(&self->heap, pool, &pool->drop[n / 64],
                         (uint64_t)1 << (n % 64)))
        return false;
    tly_count(&self->counters.handed_over, 1);
    if (TLY_UNLIKELY(!runs))
        tly_pending_flush(&self->heap);
    return true;
}

enum tly_drop tly_count_drop_slow(struct tly_local *self,
                                  tally_object *object) {
    // ORDER[hot] acquire: the column's number is read after.
    uint16_t owner = tly_load_acquire(&object->owner_);
    unsigned number = owner & TALLY_OWNER_MASK_;
    if (number == TALLY_OWNER_IMMORTAL_ ||
        (owner == TALLY_OWNER_HOT_ && tly_hot_down(self, object)))
        return TLY_ALIVE;
    if (owner == TALLY_OWNER_HOT_)
        tly_hot_meet(self);
    if (number == TALLY_OWNER_NONE_ || number == tly_mutator_in(self)->number)
        return tly_count_drop_for(self, tly_mutator_in(self)->number, object);
    tly_count_touch(object, owner);
    // Relaxed: who gave this thread its reference ordered the count that has
    // it; the RMWs of the other way look again.
    uint64_t shared = tly_load_relaxed(&object->shared_);
    if (!(shared & TLY_MERGED) && tly_count_of(shared) <= 0 &&
        hand_over(self, object))
        return TLY_ALIVE;
    return drop_counted(self, object, shared);
}

void tly_handover_collide(struct tly_heap *self, struct tly_pool *pool,
                          unsigned word, uint64_t bits) {
    struct tly_local *local = tly_local_of(&self->mutator);
    for (; bits; bits &= bits - 1) {
        unsigned n = word * 64 + tly_bit_lowest(bits);
        tally_object *object = tly_block_at(pool, n);
        uint64_t shared = tly_load_relaxed(&object->shared_);
        enum tly_drop drop = drop_counted(local, object, shared);
        tly_count_act(local, object, drop);
    }
}

// What others did to the objects of one word.
struct word {
    uint64_t drops, merges;
};

static struct word word_take(struct tly_pool *pool, unsigned w) {
    struct word word = {0, 0};
    // Relaxed: an empty word is not worth an RMW; what comes later is in the
    // inbox again.
    if (tly_load_relaxed(&pool->drop[w]))
        // ORDER[drop] acq_rel: what the threads that dropped did with the
        // objects happens before their end.
        word.drops = tly_exchange_acq_rel(&pool->drop[w], 0);
    if (tly_load_relaxed(&pool->merge[w]))
        // ORDER[merge-request] acq_rel: as above.
        word.merges = tly_exchange_acq_rel(&pool->merge[w], 0);
    return word;
}

static void drain_one(struct tly_local *self, unsigned number,
                      tally_object *object, bool drop, bool merge) {
    if (drop)
        tly_count_act(self, object, tly_count_drop_for(self, number, object));
    if (merge)
        tly_count_act(self, object, tly_count_merge(self, number, object));
}

// Whether this thread counts all that an object refers to. What others count
// would be handed over, and a drain may be part of a handover: that must
// neither nest nor change what is just being told (pending.c).
TLY_INLINE bool refers_to_ours(const tally_ref *field, unsigned refs) {
    for (unsigned n = 0; n < refs; n++)
        if (field[n].object_ && !tally_owns_(field[n].object_))
            return false;
    return true;
}

// Drops a reference of an object that ends simply, if that was the last; then
// the block is the caller's to give back. False: nothing is done.
TLY_INLINE bool drain_simply(struct tly_local *self, unsigned number,
                             tally_object *object) {
    uint32_t half = tly_header_half_last(object);
    const tally_ref *field = (const tally_ref *)(const void *)(object + 1);
    unsigned refs = TLY_HALF_REFS(half);
    // Relaxed: the owner's count, and the caller acts for the owner.
    if (self->hold || (half & TLY_HALF_OWNER) != number ||
        tly_load_relaxed(&object->local_) != 1 ||
        !tly_is_simply_dead(object, half) || !refers_to_ours(field, refs))
        return false;
    for (unsigned n = 0; n < refs; n++)
        if (field[n].object_)
            tly_count_act(self, field[n].object_,
                          tly_count_drop(self, field[n].object_));
    tly_header_end(object);
    return true;
}

// The objects of a word are fetched while those of the word before are
// drained: their headers may be on their way from other cores.
static struct word word_fetch(struct tly_pool *pool, unsigned w) {
    struct word word = word_take(pool, w);
    uint64_t bits = word.drops | word.merges;
    for (; bits; bits &= bits - 1)
        TLY_PREFETCH_WRITE(tly_block_at(pool, w * 64 + tly_bit_lowest(bits)));
    return word;
}

static void word_drain(struct tly_local *self, unsigned number,
                       struct tly_pool *pool, unsigned w, struct word word) {
    uint64_t freed = 0;
    for (uint64_t bits = word.drops | word.merges; bits; bits &= bits - 1) {
        uint64_t bit = bits & -bits;
        tally_object *object =
            tly_block_at(pool, w * 64 + tly_bit_lowest(bits));
        // A large block is given back as a whole.
        if (word.drops & ~word.merges & bit && pool->size &&
            drain_simply(self, number, object))
            freed |= bit;
        else
            drain_one(self, number, object, word.drops & bit,
                      word.merges & bit);
    }
    // The pool may be emptied by that, and is settled when all is drained.
    tly_free_add(pool, w, freed);
    pool->used -= (int32_t)tly_bit_count(freed);
    tly_count(&self->counters.destroyed, tly_bit_count(freed));
}

void tly_handover_drain(struct tly_heap *heap, struct tly_pool *pool) {
    struct tly_local *self = tly_local_of(tly_self());
    unsigned number = heap->mutator.number;
    struct word word = word_fetch(pool, 0);
    for (unsigned w = 0; w * 64 < pool->blocks; w++) {
        struct word next = {0, 0};
        if ((w + 1) * 64 < pool->blocks)
            next = word_fetch(pool, w + 1);
        word_drain(self, number, pool, w, word);
        word = next;
    }
}
