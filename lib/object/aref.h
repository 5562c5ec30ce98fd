// Shared fields, of references and of values: what their stores have in common.

#ifndef TLY_OBJECT_AREF_H
#define TLY_OBJECT_AREF_H

#include <tally/aref.h>
#include <tally/value.h>

#include "object/count.h"

// From now on the object's memory waits for a grace period when it dies.
void tly_publish(tally_object *object);

// Stores what is an owned reference to a published object, or a word that
// stands for none. Returns what the field held.
tally_object *tly_shared_exchange(tally_object *container, tally_ref *field,
                                  tally_object *held);

// The same if the field holds what is expected; whether it did.
bool tly_shared_compare_set(tally_object *container, tally_ref *field,
                            tally_object *expected, tally_object *held);

// Counts a value that was read in the section which the caller is in, as
// tly_count_take does; most readers need not call that: what the thread owns is
// alive if it counts it.
TLY_INLINE bool tly_value_take_seen(tally_value value,
                                    const tally_object **seen) {
    if (!tally_is_object(value))
        return true;
    tally_object *object = tally_object_of(value);
    // Relaxed: the owner's own word.
    if (TLY_LIKELY(tally_owns_(object) && tly_load_relaxed(&object->local_))) {
        tally_object_incref_(object);
        return true;
    }
    return tly_count_take(object, seen);
}

// The same once. False: the value is dying, or at its end; so what held it has
// changed, or has to be read again by who can.
TLY_INLINE bool tly_value_take(tally_value value) {
    return tly_value_take_seen(value, NULL);
}

// Counts a value, if that takes neither an atomic operation nor a call.
TLY_INLINE bool tly_value_take_mine(tally_value value) {
    if (!tally_is_object(value))
        return !tally_is_absent(value);
    tally_object *object = tally_object_of(value);
    // Relaxed: the owner's own word. Neither is it 0, nor will it be.
    uint32_t count = tly_load_relaxed(&object->local_);
    if (TLY_UNLIKELY(!tally_owns_(object) || count - 1 >= UINT32_MAX - 1))
        return false;
    TALLY_COUNTED_();
    tly_store_relaxed(&object->local_, count + 1); // Relaxed: as above.
    return true;
}

#endif
