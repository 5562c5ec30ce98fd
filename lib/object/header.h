// The header's words, by name. include/tally/inline/layout.h has its picture.
//
// shared_:  63..29 others' count, signed | 28..7 type index | 6..0 flags
// tf_:      7..3 bin of a small simple object, 0 if it has to be looked up
//           2..0 leading references, 0 .. 6; 7: ask the type
//
// INVARIANT  local_ + count(shared_) == references to the object, those that
//            lie in caches, drop bitmaps and queues included.

#ifndef TLY_OBJECT_HEADER_H
#define TLY_OBJECT_HEADER_H

#include <tally/inline/count.h>

#include "arena/range.h"
#include "base/atomic.h"

#define TLY_ONE ((uint64_t)1 << 29)
#define TLY_COUNT_MASK (~(TLY_ONE - 1))
#define TLY_TYPE_SHIFT 7
#define TLY_TYPE_BITS 22
#define TLY_TYPE_MASK ((((uint64_t)1 << TLY_TYPE_BITS) - 1) << TLY_TYPE_SHIFT)

// Flags of shared_.
#define TLY_PUB 0x01u    // published: other threads may upgrade borrows
#define TLY_QUEUED 0x02u // the owner is asked to merge; the queue holds a unit
#define TLY_MERGED 0x04u // has no owner, or has one that gives it up now
#define TLY_DYING 0x08u  // its count was zero
#define TLY_DIRTY 0x10u  // changed while watched
#define TLY_WEAK 0x20u   // has weak references; published as well
// Its last reference was dropped, and a unit of it is its finalizer's, which
// waits, or runs.
#define TLY_ENDING 0x40u

// gc_.
#define TLY_GC_LIVE 0x01u      // the block holds a complete object
#define TLY_GC_TRACKED 0x02u   // refers to others: collections look at it
#define TLY_GC_FINALIZED 0x04u // its finalizer has been claimed
#define TLY_GC_OLD 0x08u       // has survived a collection
#define TLY_GC_COLOUR 0x30u    // of an object that is not old: see cycle.h
#define TLY_GC_COLOUR_SHIFT 4

// tf_.
#define TLY_TF_REFS 7u
#define TLY_TF_ASK 7u
#define TLY_TF_BIN_SHIFT 3
#define TLY_TF_BIN_MAX 31u

// A count beyond this is wrong or hopeless: the object becomes immortal.
#define TLY_COUNT_SATURATED ((int64_t)1 << 33)

// The first word of a header, for the stores that begin and end an object.
typedef uint64_t __attribute__((may_alias)) tly_header_word;

// The object that a field holds; NULL if that is a value of another kind, whose
// lower three bits say so (tally/value.h).
TLY_INLINE tally_object *tly_object_in(tally_object *held) {
    return (uintptr_t)held & TALLY_TAG_ ? NULL : held;
}

TLY_INLINE int64_t tly_count_of(uint64_t shared) {
    return (int64_t)shared >> 29;
}

TLY_INLINE uint32_t tly_type_index(uint64_t shared) {
    return (uint32_t)((shared & TLY_TYPE_MASK) >> TLY_TYPE_SHIFT);
}

// For good, once it is so.
TLY_INLINE bool tly_is_immortal(const tally_object *object) {
    // Relaxed: nothing is ordered by it.
    return (tly_load_relaxed(&object->owner_) & TALLY_OWNER_MASK_) ==
           TALLY_OWNER_IMMORTAL_;
}

// Whether this thread has the only reference there is, and no other thread has
// any or can come by one; it may be its finalizer's.
TLY_INLINE bool tly_is_sole(const tally_object *object) {
    // Relaxed: the owner's own count.
    // ORDER[last-use] acquire: as tly_count_zero.
    return tally_owns_(object) && tly_load_relaxed(&object->local_) == 1 &&
           !(tly_load_acquire(&object->shared_) &
             ~(TLY_TYPE_MASK | TLY_ENDING));
}

// A dead object's count field links it to the next dead one, in steps of 16
// bytes from the range's begin; type and flags survive. No object lies at the
// begin, so 0 ends a list.
TLY_INLINE void tly_dead_link(tally_object *object, tally_object *next) {
    uint64_t step =
        next ? ((uintptr_t)next - (uintptr_t)tly_range_base) >> 4 : 0;
    // Relaxed: other threads read the flags only, and DYING is final.
    uint64_t shared = tly_load_relaxed(&object->shared_);
    tly_store_relaxed(&object->shared_,
                      (shared & ~TLY_COUNT_MASK) | TLY_DYING | step << 29);
}

// Hides an object that is dead and on no list.
TLY_INLINE void tly_dying_set(tally_object *object) {
    // Relaxed: as above.
    uint64_t shared = tly_load_relaxed(&object->shared_);
    tly_store_relaxed(&object->shared_, shared | TLY_DYING);
}

TLY_INLINE tally_object *tly_dead_next(const tally_object *object) {
    uint64_t step = tly_load_relaxed(&object->shared_) >> 29;
    return step ? (tally_object *)(void *)(tly_range_base + (step << 4)) : NULL;
}

#endif
