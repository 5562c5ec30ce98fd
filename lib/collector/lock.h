// The collector's lock: one collection, walk, or fork at a time.

#ifndef TLY_COLLECTOR_LOCK_H
#define TLY_COLLECTOR_LOCK_H

#include "object/local.h"

// Whether the thread would wait for itself, or be waited for by what it waits
// for: inside a borrow section, a stopped world, or with the lock held.
bool tly_collector_refuses(const struct tly_mutator *self);

// Takes the lock, with which no hook runs in this thread. _take waits,
// detached; false at the deadline (0: none).
bool tly_collector_try(struct tly_mutator *self);
bool tly_collector_take(struct tly_mutator *self, uint64_t deadline);
void tly_collector_give(struct tly_mutator *self);

// Whether anybody has it: a hint.
bool tly_collector_is_taken(void);

// Waits until the lock was free once. False at the deadline.
bool tly_collector_wait(struct tly_mutator *self, uint64_t deadline);

// How many wait for the lock who cannot wait for the heap's size (fork, a world
// to be stopped): a collection that heeds them gives up as soon as it sees
// that, and begins again later. Set by who has the lock.
// Once it has been seen by any worker it stays so for this collection: somebody
// has left something undone.
extern uint32_t tly_collector_urgent; // (a)
extern bool tly_collector_heeds;
extern uint32_t tly_collector_hurries; // (a) has been seen
TLY_INLINE bool tly_collector_is_urgent(void) {
    // Relaxed: a hint; and what a worker has seen is ordered by its end.
    if (!tly_collector_heeds || (!tly_load_relaxed(&tly_collector_urgent) &&
                                 !tly_load_relaxed(&tly_collector_hurries)))
        return false;
    tly_store_relaxed(&tly_collector_hurries, 1);
    return true;
}

// Whether the collection that begins now heeds them.
void tly_collector_heed(bool heeds);

// Waits until nobody does; for a thread that has given up.
void tly_collector_yield(struct tly_mutator *self);

void tly_collector_lock_start(void);

// In a forked child: those who waited are not there.
void tly_collector_forked(void);

// Stops the world with no collection under way: TALLY_DEADLOCK where the
// caller is inside one, TALLY_TIMED_OUT at the deadline (0: none). resume ends
// it, also in the child of a fork.
tally_status tly_collector_stop(struct tly_mutator *self, uint64_t deadline);
void tly_collector_resume(struct tly_mutator *self);

#endif
