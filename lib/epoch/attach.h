// Threads and their mutators: attach, detach, blocking regions, safepoints.

#ifndef TLY_EPOCH_ATTACH_H
#define TLY_EPOCH_ATTACH_H

#include "epoch/mutator.h"

// The calling thread's mutator, attached if it was not; NULL with errno when
// it cannot be.
struct tly_mutator *tly_self_attached(void);

// Attaches the calling thread if it is not. Where memory is too short for a
// mutator, waits for one that another thread gives up. Keeps errno.
void tly_attach_surely(void);

// For what cannot fail and may have to wait: the one mutator that the runtime
// keeps back, for a thread that is not to be attached.
struct tly_mutator *tly_reserve_take(void);
void tly_reserve_leave(struct tly_mutator *self);

// The rest of a function is a visit, if the thread is not attached: as
// tly_self_attached, or with the reserve when there is no other mutator. It
// ends with the function, however that is left but by longjmp; then the thread
// is as it was before, so that one of some pool that drops a reference keeps
// nobody waiting afterwards.
struct tly_guest {
    struct tly_mutator *self; // NULL: no visit
    uint32_t outer, regions;  // of the visit around
};
#define TLY_GUEST                                                              \
    struct tly_guest guest __attribute__((cleanup(tly_guest_end), unused)) =   \
        tly_guest_begin()
TLY_COLD struct tly_guest tly_guest_enter(void);
TLY_COLD void tly_guest_leave(const struct tly_guest *guest);
TLY_INLINE bool tly_is_nobody(void) {
    return tally_number_ == TALLY_OWNER_NOBODY_;
}
TLY_INLINE struct tly_guest tly_guest_begin(void) {
    if (TLY_LIKELY(!tly_is_nobody()))
        return (struct tly_guest){.self = NULL};
    return tly_guest_enter();
}
TLY_INLINE void tly_guest_end(const struct tly_guest *guest) {
    if (TLY_UNLIKELY(guest->self != NULL))
        tly_guest_leave(guest);
}

// Does what is asked of [self], which is at a safepoint. Not [open]: inside an
// allocation, where the program's code must not run and nothing may collect.
void tly_poll(struct tly_mutator *self, bool open);

// Makes [self] DETACHED, and ATTACHED again: around a wait inside the library.
void tly_mutator_detach(struct tly_mutator *self);
void tly_mutator_attach(struct tly_mutator *self);

// The same around a blocking region of the program's, before which all is done:
// what there is to do after it, somebody has asked for.
void tly_mutator_block(struct tly_mutator *self);
void tly_mutator_unblock(struct tly_mutator *self);

// The same for a thread that stands still while the world is stopped: nothing
// is flushed, nothing is polled.
void tly_mutator_park(struct tly_mutator *self);
void tly_mutator_unpark(struct tly_mutator *self);

// Parks [self], attached and outside of sections, for a wait inside the library
// in which no code of the program's may run; and attaches it again. As at a
// closed safepoint, also where a hook of the program's waits in between.
void tly_mutator_rest(struct tly_mutator *self);
void tly_mutator_rouse(struct tly_mutator *self);

// Acts for a mutator that does not run: true makes it SUSPENDED. *ret_idle is
// the state to give back.
bool tly_mutator_suspend(struct tly_mutator *mutator, uint32_t *ret_idle);
void tly_mutator_resume(struct tly_mutator *mutator, uint32_t idle);

// The mutator that the calling thread has, attached or in a blocking region.
struct tly_mutator *tly_mine(void);

// Tells what is wrong and breaks nothing, once a thread.
TLY_COLD void tly_ignored(bool *once, const char *what);

// Between the handlers of fork the thread does not attach: that aborts, with a
// sentence.
void tly_attach_fork(bool begins);

// Whether a mutator is the calling thread's: the one that it has, or the one
// that it had before it took the reserve.
bool tly_attach_has(const struct tly_mutator *mutator);

// In a forked child that may only exec: the thread has no mutator any more.
void tly_attach_forget(void);

// In a forked child, of a VACANT mutator: takes it, and does what its thread
// had yet to do (the hook orphan). No code of the program's runs.
void tly_attach_orphan(struct tly_mutator *orphan);

// Creates the key whose destructor gives mutators up, and opens the gate: from
// now on threads may come. The end is their end.
tally_status tly_attach_start(void);
void tly_attach_end(void);

#endif
