// The fast paths of counting, storing and polling.
//
// A fast path decides: one compare of the header's owner with the thread's
// number. Whatever else an object can be (another's, merged, watched,
// immortal) fails that compare and goes to the library.

#ifndef TALLY_INLINE_COUNT_H
#define TALLY_INLINE_COUNT_H

#include <tally/inline/atomic.h>
#include <tally/inline/layout.h>

TALLY_BEGIN

// The slow paths. For the fast paths below only; the public functions that
// use them say what they do.
//
// Returns:  nothing.  Errors: none; misuse aborts in debug builds.
// Threads:  any.  Blocks: at attach.  Cost: an RMW.
TALLY_API void tally_incref_slow_(tally_object *object);
// Returns:  nothing.  Threads: any.  Blocks: at attach.  Cost: an RMW.
TALLY_API void tally_incref_spill_(tally_object *object);
// Returns:  nothing.  Threads: any.  Blocks: at attach.  Cost: an RMW.
TALLY_API void tally_decref_slow_(tally_object *object);
// Returns:  nothing.  Threads: owner.  Blocks: no.  Cost: a destruction.
TALLY_API void tally_decref_zero_(tally_object *object);
// Returns:  nothing.  Threads: any.  Blocks: to attach, for a mutator to be
// had.  Cost: two loads; one locked operation where a collection watches.
TALLY_API void tally_touch_slow_(tally_object *container);
// Returns:  nothing.  Threads: attached.  Blocks: may stop.  Cost: the work.
TALLY_API void tally_safepoint_slow_(void);

// Whether the calling thread counts this object plainly.
// Returns:  true for the owner of a biased object that nobody watches.
// Threads:  any.  Blocks: no.  Cost: one load and one compare.
TALLY_INLINE bool tally_owns_(const tally_object *object) {
    TALLY_POINT_(&object->owner_);
    // Relaxed: a thread's own number is in a header only if the thread put it
    // there or took the mutator over, so it reads its own writes; any other
    // value leads to the slow path.
    return __atomic_load_n(&object->owner_, __ATOMIC_RELAXED) == tally_number_;
}

// Returns:  nothing.  Threads: any that holds a reference.  Blocks: no.
// Cost:     a compare and an addition by the owner (bench/count_pair).
TALLY_INLINE void tally_object_incref_(tally_object *object) {
    if (TALLY_LIKELY(tally_owns_(object))) {
        TALLY_COUNTED_();
        if (TALLY_UNLIKELY(tally_count_up_(&object->local_)))
            tally_incref_spill_(object);
    } else {
        tally_incref_slow_(object);
    }
}

// Returns:  nothing.  Threads: any that holds a reference.  Blocks: no.
// Cost:     a compare and an addition by the owner (bench/count_pair).
TALLY_INLINE void tally_object_decref_(tally_object *object) {
    if (TALLY_LIKELY(tally_owns_(object))) {
        TALLY_COUNTED_();
        if (TALLY_UNLIKELY(tally_count_down_(&object->local_)))
            tally_decref_zero_(object);
    } else {
        tally_decref_slow_(object);
    }
}

// Says that a field of [container] is about to change: the collector must
// learn of it first when it watches the container, and a thread that is not
// attached must be, since nobody waits for one when the world is stopped. Of
// an object that this thread counts plainly neither can be the case.
// Returns:  nothing.  Threads: any that may write the field.  Blocks: no, but
// to attach.  Cost: two loads and a compare by the owner, a call by others.
TALLY_INLINE void tally_touch_(tally_object *container) {
    // A store that begins after this thread acknowledged the collector's
    // handshake sees WATCH in the owner; an earlier one ends before it.
    if (TALLY_UNLIKELY(!tally_owns_(container)))
        tally_touch_slow_(container);
}

// Returns:  what the field refers to, borrowed.  Threads: any that may read
// the field.  Blocks: no.  Cost: one load.
TALLY_INLINE tally_object *tally_ref_load_(const tally_ref *field) {
    TALLY_POINT_(field);
    // Relaxed: the program orders its accesses to a private field; only the
    // collector reads it beside them.
    return __atomic_load_n(&field->object_, __ATOMIC_RELAXED);
}

// Returns:  nothing.  Threads: any that may write the field.  Blocks: no.
// Cost:     one store.
TALLY_INLINE void tally_ref_store_(tally_ref *field, tally_object *object) {
    TALLY_POINT_(field);
    // ORDER[field-store] release: a collector that reads the new value sees
    // the DIRTY bit that tally_touch_ set before it, and a complete object.
    // Pairs with the collector's acquire load of the field.
    __atomic_store_n(&field->object_, object, __ATOMIC_RELEASE);
}

TALLY_END

#endif
