// Shared fields: any thread may read one while others change it, without a
// lock.
//
//     struct server { tally_object head; tally_aref routes; };
//     TALLY_TYPE(server, TALLY_AREF(routes));
//
//     TALLY_BORROW {                               // a reader: counts nothing
//         struct table *t = tally_aref_get(&server->routes);
//         use(t);
//     }
//     tally_aref_set_steal(server, &server->routes, table_new());  // a writer
//
// A field may also lie outside of objects, in a static variable say: then its
// container is NULL, and the program empties it before the memory goes.
// Storing an object publishes it: from then on its memory waits for a grace
// period when it dies. Whoever stores into the field of an object holds a
// reference to that object.
//
// Memory ordering: what a thread did before it stored an object happens before
// what others do with it after they read it here.

#ifndef TALLY_AREF_H
#define TALLY_AREF_H

#include <tally/inline/borrow.h>
#include <tally/object.h>

TALLY_BEGIN

// An empty field outside of objects, which are made with empty fields.
#define TALLY_AREF_INIT                                                        \
    {                                                                          \
        { NULL }                                                               \
    }

// Reads a field without counting.
//
// Returns:  what it refers to, borrowed: good until the borrow section ends
//           that the caller is in; or NULL.
// Threads:  any, inside a borrow section.
// Blocks:   no.
// Cost:     one load.
TALLY_INLINE void *tally_aref_get(const tally_aref *field) {
    TALLY_POINT_(field);
    // ORDER[aref] acquire: the object as it was stored, and what it leads to.
    // Pairs with the exchange of the stores.
    return __atomic_load_n(&field->ref_.object_, __ATOMIC_ACQUIRE);
}

// Reads a field and counts what it refers to. An object whose last reference
// has been dropped is not given out, unless its finalizer has put it there.
//
// Returns:  an owned reference, or NULL.
// Threads:  any; a thread that is not attached is attached.
// Blocks:   as TALLY_BORROW.
// Cost:     a borrow section, and one locked operation by who is not the
//           object's owner.
TALLY_API TALLY_MUST_USE void *tally_aref_dup(const tally_aref *field);

// Turns a borrowed reference into a counted one.
//
// borrowed: read in the borrow section that the caller is in; or NULL.
// Returns:  the same, owned; NULL when tally_try_incref refuses it.
// Threads:  any, inside that borrow section.
// Blocks:   no.
// Cost:     as tally_try_incref.
TALLY_API TALLY_MUST_USE void *tally_upgrade(void *borrowed);

// Stores a reference that the caller owns, publishes the object, and drops
// what the field held.
//
// container: the object that the field lies in; NULL outside of objects.
// value:    an owned reference, or NULL; the caller's no longer.
// Returns:  nothing.
// Threads:  any; as tally_decref.
// Blocks:   as tally_decref of what the field held.
// Cost:     two locked operations (one for what is published already), and a
//           decref.
TALLY_API void tally_aref_set_steal(void *container, tally_aref *field,
                                    void *value);

// Stores a reference, counts it, and otherwise as tally_aref_set_steal.
//
// value:    a reference that lasts over the call, or NULL; still the caller's.
// Returns:  nothing.
// Threads:  any.
// Blocks:   as tally_decref of what the field held.
// Cost:     as tally_aref_set_steal and an incref.
TALLY_API void tally_aref_set(void *container, tally_aref *field, void *value);

// Stores a reference that the caller owns and returns what the field held.
//
// value:    an owned reference, or NULL; the caller's no longer.
// Returns:  an owned reference, or NULL.
// Threads:  any.
// Blocks:   no.
// Cost:     two locked operations (one for what is published already).
TALLY_API TALLY_MUST_USE void *tally_aref_exchange(void *container,
                                                   tally_aref *field,
                                                   void *value);

// Takes a field's reference out and leaves it empty. Of threads that do so at
// once, one gets it.
//
// Returns:  an owned reference, or NULL.
// Threads:  any.
// Blocks:   no.
// Cost:     one locked operation.
TALLY_API TALLY_MUST_USE void *tally_aref_take(void *container,
                                               tally_aref *field);

// Stores a reference if the field holds what is expected: counts it, publishes
// it, and drops what the field held.
//
// expected: what the field is to hold, or NULL; a reference that the caller
//           holds, or has borrowed in the section that it is in.
// value:    a reference that lasts over the call, or NULL; still the caller's.
// Returns:  true when it was stored; else nothing is changed but that [value]
//           may be published.
// Threads:  any.
// Blocks:   as tally_decref of what the field held.
// Cost:     an incref and two locked operations.
TALLY_API bool tally_aref_compare_set(void *container, tally_aref *field,
                                      void *expected, void *value);

TALLY_END

#endif
