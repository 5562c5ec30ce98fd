// Deferring: calls and frees until a grace period has passed, and drops of
// references until they are counted together.
//
// A program's own structures can be read inside borrow sections (borrow.h)
// like shared objects. What is taken out of them may go when the sections that
// may have found it have ended:
//
//     old = atomic_exchange(&config, new);      // readers borrow config
//     if (tally_defer_free(old) != TALLY_OK) {  // no memory: wait instead
//         tally_synchronize();
//         tally_free(old);
//     }
//
// What is deferred is done at a safepoint: of the thread that deferred it, or
// of another, if that one has gone or blocks. It waits until the thread's
// deferrals and dead published objects come to the options limbo_objects or
// limbo_bytes, until others have waited for a grace period, for a collection,
// or some 10 ms for the runtime's own thread (option collector), which waits
// for one then; tally_shutdown does what is left. A process that ends without
// it leaves it undone.

#ifndef TALLY_DEFER_H
#define TALLY_DEFER_H

#include <tally/status.h>

TALLY_BEGIN

typedef void (*tally_deferred_fn)(void *arg);

// Defers a call until every borrow section that is open now has ended.
//
// fn:       is called once with [arg], at a safepoint of some attached thread,
//           with no lock of the runtime held and outside of sections. It may
//           use the heap, block in a blocking region, and defer more; other
//           deferred calls and finalizers of that thread wait for its return.
//           Locks that the program holds across safepoints it must not take.
// arg:      what is in it is visible to fn.
// Returns:  0.
// Errors:   TALLY_NO_MEMORY, and as tally_attach: nothing is deferred.
//           TALLY_INVALID without a function.
// Threads:  any, in a borrow section too; one that is not attached is.
// Blocks:   no.
// Cost:     some stores; a small block for each 127 of them (bench/defer).
TALLY_API tally_status tally_defer(tally_deferred_fn fn, void *arg);

// Defers a tally_free until every borrow section that is open now has ended.
//
// block:    from tally_alloc and its family; the runtime's from now on. NULL
//           does nothing.
// Returns:  0.
// Errors:   as tally_defer; then the block is still the caller's.
// Threads:  any, in a borrow section too; one that is not attached is.
// Blocks:   no.
// Cost:     as tally_defer. The block counts in limbo_bytes.
TALLY_API tally_status tally_defer_free(void *block);

// Drops a reference later: it is put into a buffer of the thread's, and dropped
// with the others there. For objects whose count is not in this core's caches:
// headers are fetched side by side. Until then the object lives, and its count
// includes the reference.
//
// object:   not NULL; the caller's reference is gone afterwards.
// Returns:  nothing; cannot fail, allocates nothing.
// Threads:  any, in a borrow section too.
// Blocks:   as tally_decref. The buffer is emptied at a safepoint when it has
//           32 references; inside this call when it has 64, or keeps blocks of
//           later_bytes (an option); before the thread blocks, stops or ends;
//           for a full collection; by tally_flush; and, some 10 ms after its
//           first, at a safepoint that the runtime's own thread asks for
//           (option collector).
// Cost:     some stores, and its share of the drops (bench/defer).
TALLY_API void tally_decref_later(void *object);

// Does what the thread has put off for others: counts the drops that it has
// buffered, hands over what waits to be told, and passes a safepoint. What
// waits for a grace period goes on waiting (tally_synchronize, tally_collect).
//
// Returns:  nothing; does nothing for a thread that is not attached. Keeps
//           errno.
// Threads:  any. In a borrow section no safepoint is passed.
// Blocks:   as tally_safepoint. Finalizers may run inside.
// Cost:     what waits.
TALLY_API void tally_flush(void);

TALLY_END

#endif
