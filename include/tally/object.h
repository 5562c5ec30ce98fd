// Objects: making them, counting references to them, asking about them.
//
// Every reference that a program keeps is counted. The thread that made an
// object is its owner and counts without atomics; other threads count on a
// word of their own. The runtime destroys an object, and what only it refers
// to, when its last reference is dropped.
//
// Memory ordering: incref orders nothing (its caller holds a reference, and
// whoever handed that over ordered it). All that any thread did with an
// object before its last decref happens before the object's destruction.

#ifndef TALLY_OBJECT_H
#define TALLY_OBJECT_H

#include <tally/inline/count.h>
#include <tally/type.h>

TALLY_BEGIN

// What a count is made of. A single number would mislead: the owner counts
// apart from the others, and an object without an owner has only one of both.
struct tally_counts {
    uint32_t owner_count; // references counted by the owner
    int64_t shared_count; // references counted by others; may be negative
    uint32_t owner;       // number of the owning mutator, 0 for none
    uint32_t flags;       // TALLY_COUNT_...
};
#define TALLY_COUNT_MERGED 0x1u     // has no owner any more
#define TALLY_COUNT_QUEUED 0x2u     // the owner has been asked to merge
#define TALLY_COUNT_PUBLISHED 0x4u  // other threads may upgrade borrows of it
#define TALLY_COUNT_IMMORTAL 0x8u   // is not counted
#define TALLY_COUNT_WATCHED 0x10u   // a collection looks at it
#define TALLY_COUNT_FINALIZED 0x20u // its finalizer has been called
#define TALLY_COUNT_HOT 0x40u       // is counted by each thread apart

// Makes an object of struct T, whose type TALLY_TYPE(T, ...) defines.
#define tally_new(T)                                                           \
    ((struct T *)tally_object_new_sized(TALLY_TYPE_OF(T), sizeof(struct T)))

// Makes an object of struct T with n items.
#define tally_new_items(T, n)                                                  \
    ((struct T *)tally_object_new_items_sized(TALLY_TYPE_OF(T), n,             \
                                              sizeof(struct T)))

// Makes an object and gives the caller the only reference to it. Its payload
// is zero, but for the field that holds the number of items. The calling
// thread becomes the owner; a thread that is not attached is attached first.
//
// type:     registers itself here if need be.
// items:    how many items, 0 .. 2^40 / item size; 0 for a type without.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   ENOMEM, EINVAL (a bad type; items of a type without; the first use,
//           with a TALLY_CONF that makes no sense, which is told on stderr),
//           EAGAIN (too many mutators or types).
// Threads:  any.
// Blocks:   no; the first call of a thread attaches it; at limit_bytes up to
//           limit_wait_ms for a collection of another thread.
// Cost:     some instructions for a small object (bench/churn).
TALLY_API TALLY_MUST_USE void *tally_object_new(tally_type *type, size_t items);

// The same for the caller's structure of a type: a type of another size is one
// of another structure that is called the same, and nothing is made of it.
//
// size:     of the structure, as its type says.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   as tally_object_new; EINVAL for another size, which is told on
//           stderr.
// Threads:  any.
// Blocks:   as tally_object_new.
// Cost:     as tally_object_new.
TALLY_API TALLY_MUST_USE void *tally_object_new_sized(tally_type *type,
                                                      size_t size);

// The same with items.
//
// items:    as in tally_object_new; size: as in tally_object_new_sized.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   as tally_object_new_sized.
// Threads:  any.
// Blocks:   as tally_object_new.
// Cost:     as tally_object_new.
TALLY_API TALLY_MUST_USE void *tally_object_new_items_sized(tally_type *type,
                                                            size_t items,
                                                            size_t size);

// Counts one more reference to an object.
//
// object:   not NULL; the caller holds a reference that lasts over the call.
// Returns:  nothing; cannot fail. A count beyond 2^33 makes the object
//           immortal, and is reported once.
// Threads:  any.
// Blocks:   no.
// Cost:     a compare and an addition by the owner (bench/count_pair), one
//           locked operation by others.
TALLY_INLINE void tally_incref(void *object) {
    tally_object_incref_((tally_object *)object);
}

// Drops a reference, and destroys what nothing refers to any more.
//
// object:   not NULL; the caller's reference is gone afterwards.
// Returns:  nothing; cannot fail, allocates nothing.
// Threads:  any; one that is not attached is so inside only, which takes it
//           some microseconds.
// Blocks:   no. Finalizers and destroy hooks may run inside, but not in a world
//           that the caller has stopped: there they wait. Keeps errno.
// Cost:     a compare and a subtraction by the owner (bench/count_pair); of
//           the last reference, the work for each object destroyed, without
//           recursion (bench/chain).
TALLY_INLINE void tally_decref(void *object) {
    tally_object_decref_((tally_object *)object);
}

// Takes a counted reference to an object that may be dying: from a borrow
// that a borrow section protects, or from a table of uncounted pointers, under
// a lock under which the object's destroy hook takes it out.
//
// object:   not NULL, its memory valid.
// Returns:  true with one more reference counted; false when the object's last
//           reference was dropped and its finalizer, if it has one, has not
//           brought it back and returned; or when another thread owns it and
//           it was never published. Inside its finalizer, true.
//           False in a thread that is not attached, on which debug builds
//           abort: no collection waits for it.
// Threads:  any attached thread.
// Blocks:   no.
// Cost:     two compares and an addition by the owner, one locked operation
//           by others.
TALLY_API TALLY_MUST_USE bool tally_try_incref(void *object);

// Whether the caller's reference is the only one: then it may change the
// object, or use its memory again, as if it were new.
//
// object:   not NULL; the caller holds a reference.
// Returns:  true only if it is the only one; false may mean "not known".
// Threads:  any.
// Blocks:   no.
// Cost:     two loads.
TALLY_API bool tally_is_unique(const void *object);

// Reads an object's counts. They may be stale by the time they are read.
//
// object:   not NULL; the caller holds a reference.
// Returns:  the parts of the count.
// Threads:  any.
// Blocks:   no.
// Cost:     three loads.
TALLY_API struct tally_counts tally_counts_of(const void *object);

// Returns:  the type of an object (not NULL, a reference held).
// Threads:  any.
// Blocks:   no.
// Cost:     two loads.
TALLY_API tally_type *tally_type_of(const void *object);

// Whether an object is of [type] or of a type that has it as a base.
//
// Returns:  true if so; false for NULL.
// Threads:  any.
// Blocks:   no.
// Cost:     a load for each base.
TALLY_API bool tally_is_instance(const void *object, const tally_type *type);

// Keeps an object alive by a reference of the runtime, which can be undone.
//
// object:   not NULL; the caller holds a reference.
// Returns:  nothing. Pins nest: each wants its tally_unpin.
// Threads:  any.
// Blocks:   no.
// Cost:     an incref and a counter.
TALLY_API void tally_pin(void *object);

// Undoes a tally_pin.
//
// object:   not NULL, pinned.
// Returns:  nothing.
// Threads:  any.
// Blocks:   as tally_decref.
// Cost:     a decref and a counter.
TALLY_API void tally_unpin(void *object);

// Whether an object's finalizer has been claimed: it has run, runs, or is about
// to, and will not run again.
//
// object:   not NULL; the caller holds a reference.
// Returns:  true if so; false for good for a type without a finalizer.
// Threads:  any.
// Blocks:   no.
// Cost:     a load.
TALLY_API bool tally_is_finalized(const void *object);

// Makes an object live until the process ends; from now on counting it is
// free. This cannot be undone: what is counted meanwhile is lost.
//
// object:   not NULL; the caller holds a counted reference.
// Returns:  nothing.
// Threads:  any.
// Blocks:   no.
// Cost:     one locked operation.
TALLY_API void tally_immortalize(void *object);

// Gives up ownership, so that all threads count an object alike. For objects
// that are handed to other threads and never come back.
//
// object:   not NULL; the caller holds a reference.
// Returns:  0 if the object has no owner now.
// Errors:   TALLY_NOT_OWNER when another thread owns it.
// Threads:  the owner.
// Blocks:   no.
// Cost:     two locked operations.
TALLY_API tally_status tally_transfer(void *object);

// Publishes an object: from now on other threads may take references from
// borrows of it (tally_try_incref), and its memory waits for a grace period
// when it dies. Storing it in a shared field does this too.
//
// object:   not NULL; the caller holds a reference.
// Returns:  nothing.
// Threads:  any.
// Blocks:   no.
// Cost:     one locked operation.
TALLY_API void tally_publish(void *object);

TALLY_END

#endif
