// Finalizers: claimed once for each object, and run by the executor of the
// object's type.
//
// Whoever claims one takes a unit of the object, or keeps its own, and puts it
// where its executor finds it: on the thread's own list (inline), or in a
// queue of all threads' (the runtime's thread, the program's pumping). Who
// runs it drops the unit.

#ifndef TLY_OBJECT_FINALIZE_H
#define TLY_OBJECT_FINALIZE_H

#include "object/count.h"
#include "sync/event.h"

// Executors as bits of a set.
#define TLY_BY_THREAD (1u << TALLY_EXECUTOR_THREAD)
#define TLY_BY_ANY                                                             \
    (1u << TALLY_EXECUTOR_INLINE | TLY_BY_THREAD | 1u << TALLY_EXECUTOR_PUMPED)
#define TLY_EXECUTORS 3u

// Who runs finalizers of types that do not say it: enum tally_executor.
void tly_finalize_configure(unsigned executor);

// A finalizer of an object has been claimed, and a unit of the object is the
// caller's: hands both over. Allocates nothing, runs nothing.
void tly_finalize_add(struct tly_local *self, tally_object *object);

// Objects whose finalizers a collection has claimed, the first first; zero
// when empty.
struct tly_claims {
    tally_object *first[TLY_EXECUTORS];
    tally_object *last[TLY_EXECUTORS];
    uint64_t count;
};

// Claims the finalizer of an object, if it has one that has not run, and takes
// a unit of it; the world is stopped.
void tly_claims_add(struct tly_claims *claims, tally_object *object);

// Hands them over; in a running world.
void tly_claims_give(struct tly_claims *claims, struct tly_local *self);

// An object that waits for one of these executors, the longest waiting of its
// queue; NULL when none does. The caller runs it.
tally_object *tly_finalize_take(struct tly_local *self, unsigned by);

// Calls the finalizer of an object that was taken, and drops its unit; what
// dies of that is on the caller's lists. The caller has raised [finishing].
void tly_finalize_run(struct tly_local *self, tally_object *object);

// The same, but that the caller acts on what has come of the drop.
enum tly_drop tly_finalize_call(struct tly_local *self, tally_object *object);

// Whether the thread is inside of an object's finalizer.
TLY_INLINE bool tly_is_finalizing(const struct tly_local *self,
                                  const tally_object *object) {
    return self->running == TLY_RUNS_FINALIZER && self->inside == object;
}

// The finalizer or callback that the thread was inside of does not come back:
// it has ended. Its unit is dropped, unless it was lost by a fork in its midst.
void tly_finalize_unwound(struct tly_local *self, bool drop);

// Takes over what is on the list of a mutator whose thread is not there.
void tly_finalize_rescue(struct tly_local *self, struct tly_local *of);

// Whether finalizers of a type are run by the thread that finds that it is
// time.
bool tly_finalize_is_inline(const tally_type *type);

// How many wait in the queue of the runtime's thread.
bool tly_finalize_has_thread(void);

// A finalizer, or a callback of a weak reference, has come to its end: if a
// collection waits for it, the next safepoint looks.
void tly_finalize_ended(struct tly_local *self);

// How many have been claimed and have not come to their end, of all threads;
// exact in a stopped world.
uint64_t tly_finalize_waiting(void);

// Signalled when something comes into the queue of the runtime's thread.
extern struct tly_event tly_finalize_work;

// (a) Whether that thread runs; else the next safepoint looks after it.
extern uint32_t tly_finalize_served;

// (a) Whether a collection waits for finalizers: who has run one looks, at a
// safepoint, whether it is time for the second look.
extern uint32_t tly_finalize_awaited;

// (a) Number of the garbage that is waited for: the next, when all is done.
extern uint32_t tly_finalize_batch;

// Forgets what waits, with the heap it lies in.
void tly_finalize_end(void);

// Around fork. In the child what waits does so still.
void tly_finalize_hold(bool hold);

#endif
