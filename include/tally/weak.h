// Weak references: they do not keep an object alive, and say when it is gone.
//
//     tally_weak *weak = tally_weak_new(object, NULL, NULL);    // owned
//     struct node *node = tally_weak_get(weak);    // owned, or NULL
//
// A weak reference is an object of its own: it is counted, stored in fields and
// dropped like any other. All those without a callback that refer to the same
// object are one.
//
// An object that dies by its count has its finalizer first, which still finds
// it by weak references; nobody else does. If nothing brought it back, its weak
// references are dead from then on, their callbacks are called, and it is
// destroyed. Of a garbage cycle, weak references with callbacks die and are
// called first, finalizers come second, and those without callbacks die last,
// with what was not brought back. Those that finalizers made of garbage die
// with it, and are not called.

#ifndef TALLY_WEAK_H
#define TALLY_WEAK_H

#include <tally/object.h>

TALLY_BEGIN

// A weak reference.
typedef struct tally_weak tally_weak;

// Called once, when the object of [weak] is gone: tally_weak_get gives NULL.
// Of several callbacks of an object the one made last is called first. A weak
// reference that nothing refers to any more when its turn comes is not called,
// nor one that is destroyed as garbage. It runs where a finalizer may. [arg] is
// not kept: see docs/weak.md for one that is what holds the weak reference.
typedef void (*tally_weak_hook)(tally_weak *weak, void *arg);

// Makes a weak reference, and publishes the object (see tally_publish).
//
// object:   not NULL; the caller holds a reference.
// callback: called when the object is gone; or NULL.
// arg:      for the callback.
// Returns:  an owned reference to a weak reference, or NULL with errno set.
// Errors:   ENOMEM; EINVAL for an object that is being destroyed.
// Threads:  any; a thread that is not attached is attached.
// Blocks:   no, but for the first one in a part of the heap.
// Cost:     without a callback a lookup and an incref, the object's first one
//           an object of 32 bytes and 8 bytes of a table; with one an object
//           of 64 bytes and a spinlock.
TALLY_API TALLY_MUST_USE tally_weak *tally_weak_new(void *object,
                                                    tally_weak_hook callback,
                                                    void *arg);

// Takes a counted reference to the object of a weak reference.
//
// weak:     not NULL; the caller holds a reference to it.
// Returns:  an owned reference, or NULL when the object is gone, or its last
//           reference was dropped and its finalizer has not returned.
// Threads:  any; a thread that is not attached is attached.
// Blocks:   as TALLY_BORROW. Never waits for a lock.
// Cost:     a borrow section and a tally_try_incref (bench/weak).
TALLY_API TALLY_MUST_USE void *tally_weak_get(const tally_weak *weak);

// Whether the object of a weak reference is gone. It may go right after.
//
// weak:     not NULL; the caller holds a reference to it.
// Returns:  true if tally_weak_get can only give NULL.
// Threads:  any.
// Blocks:   no.
// Cost:     one load.
TALLY_API bool tally_weak_is_dead(const tally_weak *weak);

TALLY_END

#endif
