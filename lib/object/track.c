// Whether collections look at an object: a flag of its header.
//
// The flag shares its byte with others that collections and finalizers set, so
// that it changes by read-modify-writes only. A collection that has begun goes
// by what it read, which is sound either way: whoever clears the flag holds a
// reference, and that keeps the object.

#include <tally/track.h>

#include "object/count.h"
#include "object/type.h"

bool tally_is_tracked(const void *reference) {
    const tally_object *object = reference;
    // Relaxed: a snapshot for a reader who knows that it may be stale.
    return tly_load_relaxed(&object->gc_) & TLY_GC_TRACKED &&
           !tly_is_immortal(object);
}

tally_status tally_track(void *reference) {
    tally_object *object = reference;
    tly_object_check(object, "track");
    const tally_type *type = tly_type_of(object);
    if ((!type->refs_ && !type->shape_) || tly_is_immortal(object))
        return TALLY_INVALID;
    // Relaxed: the object has been complete since it was made; who reads the
    // flag reads the same word that said so.
    tly_or_relaxed(&object->gc_, TLY_GC_TRACKED);
    return TALLY_OK;
}

void tally_untrack(void *reference) {
    tally_object *object = reference;
    tly_object_check(object, "untrack");
    // Relaxed: see above; nothing is handed on by it.
    tly_and_relaxed(&object->gc_, (uint8_t)~TLY_GC_TRACKED);
}
