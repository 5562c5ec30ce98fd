// An object's last moments, for the loops that end many.

#ifndef TLY_OBJECT_DEAD_H
#define TLY_OBJECT_DEAD_H

#include "base/poison.h"
#include "object/local.h"

// owner_, gc_ and tf_ in one load. Not the whole first word: the count beside
// them has just been stored, and a load of both would wait for that store.
typedef uint32_t __attribute__((may_alias)) tly_header_half;
#define TLY_HALF_OWNER 0xFFFFu
#define TLY_HALF_OLD ((uint32_t)TLY_GC_OLD << 16)
#define TLY_HALF_REFS(half) ((half) >> 24 & TLY_TF_REFS)
#define TLY_HALF_BIN(half) ((half) >> (24 + TLY_TF_BIN_SHIFT))

// The same of an object that ends.
TLY_INLINE uint32_t tly_header_half_last(const tally_object *object) {
    // ORDER[watch] acquire: what a collection that watched the object has read
    // of it comes before its block is written anew.
    return tly_load_acquire((const tly_header_half *)&object->owner_);
}

TLY_INLINE uint32_t tly_header_half_of(const tally_object *object) {
    // Relaxed: see tally_owns_; the rest of it changes with the object only.
    return tly_load_relaxed((const tly_header_half *)&object->owner_);
}

// Whether nobody ever counted an object but its owner, whose count is zero
// now, and it has nothing but leading references.
TLY_INLINE bool tly_is_simply_dead(const tally_object *object, uint32_t half) {
    // ORDER[last-use] acquire: as tly_count_zero.
    uint64_t shared = tly_load_acquire(&object->shared_);
    return !(shared & ~TLY_TYPE_MASK) && TLY_HALF_REFS(half) != TLY_TF_ASK;
}

// What a mutator's header template is made of: the upper half is what
// tly_header_half_of reads of an object of that colour which is not old.
TLY_INLINE uint64_t tly_header_of(uint64_t number, uint64_t colour) {
    return number << 32 | colour << (48 + TLY_GC_COLOUR_SHIFT);
}

// Whether an object is its mutator's own, of the colour that the mutator makes
// now, and nobody watches it: then its block is the next object's at once.
#define TLY_HALF_FRESH                                                         \
    (TLY_HALF_OWNER | (uint32_t)(TLY_GC_OLD | TLY_GC_COLOUR) << 16)
TLY_INLINE bool tly_is_fresh(struct tly_local *self, uint32_t half) {
    return (half & TLY_HALF_FRESH) ==
           (uint32_t)(tly_mutator_in(self)->header >> 32);
}

// Whether an object is not old and of a colour.
TLY_INLINE bool tly_half_is_of(uint32_t half, unsigned colour) {
    return (half >> 16 & (TLY_GC_OLD | TLY_GC_COLOUR)) ==
           colour << TLY_GC_COLOUR_SHIFT;
}

// Fills a block with poison, behind its header.
TLY_INLINE void tly_block_poison(tally_object *object) {
    if (TLY_POISON || TLY_ASAN)
        tly_poison(object + 1,
                   tly_pool_block_size(tly_pool_of(object)) - sizeof(*object));
}

// Ends the object in a block, which nobody holds or watches.
TLY_INLINE void tly_header_end(tally_object *object) {
    tly_block_poison(object);
    // ORDER[untracked] release: the block is no object any more, after its
    // last use and before it is another's. Pairs with who reads gc_.
    tly_store_release((tly_header_word *)object, 0);
}

// An object that is not fresh ends: true if its block is not the caller's to
// give back, but the collector's, or held for it (cycle.c).
bool tly_end_is_held(struct tly_local *self, tally_object *object,
                     uint32_t half);
TLY_INLINE bool tly_is_held(struct tly_local *self, tally_object *object,
                            uint32_t half) {
    // A flag that is not seen is of a collection that this thread has yet to
    // answer, and in which it holds.
    return TLY_UNLIKELY(self->hold | (half & TALLY_OWNER_WATCH_)) &&
           tly_end_is_held(self, object, half);
}

#endif
