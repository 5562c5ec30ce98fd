// Counted fields of objects.
//
// A field is private: its object's owner writes it, or whoever holds the lock
// that the program has for it. Each function names the container, so that a
// collector that looks at it hears of the change first.
//
//     tally_set(parent, left, child);           // counts child
//     struct node *left = tally_get(parent, left);      // borrowed
//     struct node *mine = tally_take(parent, left);     // owned, now empty

#ifndef TALLY_REF_H
#define TALLY_REF_H

#include <tally/inline/count.h>

TALLY_BEGIN

#define tally_get(container, field) tally_ref_get(&(container)->field)
#define tally_dup(container, field) tally_ref_dup(&(container)->field)
#define tally_set(container, field, value)                                     \
    tally_ref_set((container), &(container)->field, (value))
#define tally_set_steal(container, field, value)                               \
    tally_ref_set_steal((container), &(container)->field, (value))
#define tally_take(container, field)                                           \
    tally_ref_take((container), &(container)->field)
#define tally_exchange(container, field, value)                                \
    tally_ref_exchange((container), &(container)->field, (value))
#define tally_move(to, to_field, from, from_field)                             \
    tally_ref_move((to), &(to)->to_field, (from), &(from)->from_field)
#define tally_swap(a, a_field, b, b_field)                                     \
    tally_ref_swap((a), &(a)->a_field, (b), &(b)->b_field)

// Reads a field.
//
// Returns:  what it refers to, borrowed: good until the field changes; or
//           NULL.
// Threads:  any that may read the field.
// Blocks:   no.
// Cost:     one load.
TALLY_INLINE void *tally_ref_get(const tally_ref *field) {
    return tally_ref_load_(field);
}

// Reads a field and counts what it refers to.
//
// Returns:  an owned reference, or NULL.
// Threads:  any that may read the field.
// Blocks:   no.
// Cost:     a load and an incref.
TALLY_INLINE void *tally_ref_dup(const tally_ref *field) {
    tally_object *object = tally_ref_load_(field);
    if (object)
        tally_object_incref_(object);
    return object;
}

// Two threads have stored into one field at the same time.
// Returns:  never: aborts.  Threads: any.  Blocks: no.  Cost: none.
TALLY_API void tally_ref_raced_(const void *container, const tally_ref *field);

// Stores into a field that was seen to hold [old].
// Returns:  nothing.  Threads: any that may write the field.  Blocks: no.
// Cost: one store; with TALLY_CHECKED a locked instruction.
TALLY_INLINE void tally_ref_put_(const void *container, tally_ref *field,
                                 tally_object *old, tally_object *value) {
    if (!TALLY_CHECKED) {
        tally_ref_store_(field, value);
        return;
    }
    // ORDER[field-store] acq_rel: at least as tally_ref_store_.
    if (__atomic_exchange_n(&field->object_, value, __ATOMIC_ACQ_REL) != old)
        tally_ref_raced_(container, field);
}

// Stores a reference that the caller owns, and takes it over.
//
// value:    an owned reference, or NULL; the caller's no longer.
// Returns:  what the field held: an owned reference, or NULL.
// Threads:  any that may write the field.
// Blocks:   no.
// Cost:     a load, a store and one predicted branch.
TALLY_INLINE void *tally_ref_exchange(void *container, tally_ref *field,
                                      void *value) {
    tally_touch_((tally_object *)container);
    tally_object *old = tally_ref_load_(field);
    tally_ref_put_(container, field, old, (tally_object *)value);
    return old;
}

// Takes a field's reference out and leaves it empty.
//
// Returns:  an owned reference, or NULL.
// Threads:  any that may write the field.
// Blocks:   no.
// Cost:     as tally_ref_exchange.
TALLY_INLINE void *tally_ref_take(void *container, tally_ref *field) {
    return tally_ref_exchange(container, field, NULL);
}

// Stores a reference that the caller owns, and drops what the field held.
//
// value:    an owned reference, or NULL; the caller's no longer.
// Returns:  nothing.
// Threads:  any that may write the field.
// Blocks:   as tally_decref of what the field held.
// Cost:     as tally_ref_exchange and a decref.
TALLY_INLINE void tally_ref_set_steal(void *container, tally_ref *field,
                                      void *value) {
    void *old = tally_ref_exchange(container, field, value);
    if (old)
        tally_object_decref_((tally_object *)old);
}

// Stores a reference, counts it, and drops what the field held.
//
// value:    a reference that lasts over the call, or NULL; still the caller's.
// Returns:  nothing.
// Threads:  any that may write the field.
// Blocks:   as tally_decref of what the field held.
// Cost:     an incref, a store, and a decref.
TALLY_INLINE void tally_ref_set(void *container, tally_ref *field,
                                void *value) {
    if (value)
        tally_object_incref_((tally_object *)value);
    tally_ref_set_steal(container, field, value);
}

// Moves a reference from one field to another; no count changes, but that
// what [to] held is dropped.
//
// Returns:  nothing; moving a field onto itself changes nothing.
// Threads:  any that may write both fields.
// Blocks:   as tally_decref of what [to] held.
// Cost:     two stores and a decref.
TALLY_INLINE void tally_ref_move(void *to_container, tally_ref *to,
                                 void *from_container, tally_ref *from) {
    if (to != from)
        tally_ref_set_steal(to_container, to,
                            tally_ref_take(from_container, from));
}

// Exchanges what two fields hold; no count changes.
//
// Returns:  nothing.
// Threads:  any that may write both fields.
// Blocks:   no.
// Cost:     two loads, two stores.
TALLY_INLINE void tally_ref_swap(void *a_container, tally_ref *a,
                                 void *b_container, tally_ref *b) {
    tally_touch_((tally_object *)a_container);
    tally_touch_((tally_object *)b_container);
    tally_object *of_a = tally_ref_load_(a), *of_b = tally_ref_load_(b);
    tally_ref_put_(a_container, a, of_a, of_b);
    tally_ref_put_(b_container, b, of_b, of_a);
}

TALLY_END

#endif
