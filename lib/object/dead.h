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

// Ends the object in a block; returns the half of its header that it had.
TLY_INLINE uint32_t tly_header_end(tally_object *object) {
    tly_header_word *word = (tly_header_word *)object;
    uint32_t half = tly_header_half_of(object);
    if (TLY_POISON || TLY_ASAN)
        tly_poison(object + 1,
                   tly_pool_block_size(tly_pool_of(object)) - sizeof(*object));
    // ORDER[untracked] release: the block is no object any more, after its
    // last use and before it is another's. Pairs with who reads gc_.
    tly_store_release(word, 0);
    return half;
}

#endif
