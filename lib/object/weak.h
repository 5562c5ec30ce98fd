// Weak references, for who ends objects.

#ifndef TLY_OBJECT_WEAK_H
#define TLY_OBJECT_WEAK_H

#include <tally/weak.h>

#include "object/local.h"

// An object has died by its count and has flag WEAK: its weak references are
// dead, and their callbacks are put on the list of [self]. True if there are
// any: the last of them retires the object.
bool tly_weak_died(struct tly_local *self, tally_object *object);

// Of a garbage object, while the world is stopped. _call: the references that
// have callbacks are dead; those that live, as [is_garbage] says, are put on
// the list of [self], with a unit of the object. Returns how many. _null: all
// are dead, and not called.
typedef bool (*tly_weak_is_garbage)(const tally_object *object);
size_t tly_weak_call(struct tly_local *self, tally_object *object,
                     tly_weak_is_garbage is_garbage);
void tly_weak_null(tally_object *object);

// Of garbage that is about to be cleared: if it is a weak reference with a
// callback, it dies, and is not called.
void tly_weak_silence(tally_object *object);

// After that: lets the object's control block go, in a running world.
void tly_weak_let_go(struct tly_local *self, tally_object *object);

// Lets go what deaths have left on the list of [self], and with [hooks] calls
// callbacks. Returns whether it did anything.
bool tly_weak_finish(struct tly_local *self, bool hooks);

// The thread has left the callback of a weak reference for good.
void tly_weak_unwound(struct tly_local *self, tally_object *call);

// Takes over what waits for that on the lists of a mutator whose thread is not
// there.
void tly_weak_rescue(struct tly_local *self, struct tly_local *of);

// Whether anything waits for that.
TLY_INLINE bool tly_weak_waits(const struct tly_local *self) {
    return self->weak_controls || self->weak_calls;
}

// Objects that have weak references.
uint64_t tly_weak_count(void);

void tly_weak_end(void);
// Around fork.
void tly_weak_hold(bool hold);

// ---- beside a concurrent collection (tests/model/commit.pml)

// How far it is with what it has found to be garbage, for those who take
// references from weak ones meanwhile.
enum tly_weak_phase {
    TLY_WEAK_OPEN,      // who takes one sets DIRTY before, and it sees that
    TLY_WEAK_CLOSING,   // it looks for DIRTY a last time; who takes one ends
                        // that
    TLY_WEAK_COMMITTED, // what is watched is dead
    TLY_WEAK_HELD       // so are its references with callbacks; others not yet
};
extern uint32_t tly_weak_phase; // (a)

// Whether a reference may be taken to an object that a collection watches: then
// that knows of it before.
bool tly_weak_keeps(tally_object *object);

// A weak reference with a callback whose argument is an object that it holds,
// and which does not lead back to it; with a number for the callback. As
// tally_weak_new.
tally_weak *tly_weak_new_kept(tally_object *object, tally_weak_hook callback,
                              void *kept, uint64_t note);
uint64_t tly_weak_note(const tally_weak *weak);

// The object, uncounted, to be compared only; NULL when it is gone.
const tally_object *tly_weak_target(const tally_weak *weak);

// Whether an object with flag WEAK has references with callbacks.
bool tly_weak_has_calls(const tally_object *object);

#endif
