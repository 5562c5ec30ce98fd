// The collector's lock: one collection, walk, fork, or stop by the program at a
// time.

#ifndef TLY_COLLECTOR_LOCK_H
#define TLY_COLLECTOR_LOCK_H

#include "epoch/wait.h"
#include "object/local.h"
#include "sync/spin.h"

// What a thread has the lock for (struct tly_local).
enum tly_collector {
    TLY_COLLECTS_NOT,
    TLY_COLLECTS,
    TLY_STANDS_STILL // the thread has stopped the world, and nobody collects
};

extern struct tly_collector_lock {
    uint32_t busy;          // (a) number of the mutator that collects, or 0
    uint32_t turns;         // (a) how often it was given back
    struct tly_event freed; // nobody collects any more, or it clears
    // Who waits for it, in the order in which they came.
    struct tly_spin spin;
    struct tly_collector_waiter *first; // (a) written under the spin
    struct tly_collector_waiter *last;  // under the spin
} tly_collector_lock;                   // for fork_stop.c

// Of a thread that waits, on its stack.
struct tly_collector_waiter {
    struct tly_event *event; // it waits at; outlasts its stay
    struct tly_collector_waiter *prev, *next;
};

// Whether the thread would wait for itself, or be waited for by what it waits
// for: inside a borrow section, a stopped world, or with the lock held.
bool tly_collector_refuses(const struct tly_mutator *self);

// Takes the lock, with which no hook runs in this thread. _try does so if
// nobody has it or waits for it. _take waits, detached, and has its turn after
// those that came before: nobody who comes later is first, also who has just
// given it back. False: the patience is at its end, and who has the lock is
// named on stderr.
bool tly_collector_try(struct tly_mutator *self);
bool tly_collector_take(struct tly_mutator *self,
                        struct tly_patience *patience);
void tly_collector_give(struct tly_mutator *self);

// Whether anybody has it, or waits for it: a hint.
bool tly_collector_is_taken(void);

// How often it was given back: a hint.
uint32_t tly_collector_turns(void);

// A place among those that wait, for a thread that is not attached and is told
// at [event] when its turn comes; and whether it is the first. Gives the place
// up, with the lock [taken] or without. However many wait, each looks at its
// neighbours only, and wakes one thread.
void tly_collector_queue(struct tly_collector_waiter *waiter,
                         struct tly_event *event);
bool tly_collector_is_first(const struct tly_collector_waiter *waiter);
void tly_collector_leave(struct tly_collector_waiter *waiter, bool taken);

// Around fork: nobody comes or goes. In the child nobody waits.
void tly_collector_hold(bool hold);
void tly_collector_queue_forked(void);

// Tells those who wait for the lock to look again: who has it clears garbage
// from now on.
void tly_collector_tell(void);

// Waits until the lock was given back once, or nobody has it or waits for it.
// False: not in time.
bool tly_collector_wait(struct tly_mutator *self,
                        struct tly_patience *patience);

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

// One more, or less, who does not want the lock but the end of a collection.
void tly_collector_hurry(bool more);

// Whether the collection that begins now heeds them.
void tly_collector_heed(bool heeds);

// Frees it for who has no mutator.
void tly_collector_free(void);

void tly_collector_lock_start(void);

// Stops the world with no collection under way: TALLY_DEADLOCK where the
// caller is inside one, TALLY_TIMED_OUT. resume ends it.
tally_status tly_collector_stop(struct tly_mutator *self,
                                struct tly_patience *patience);
void tly_collector_resume(struct tly_mutator *self);

// The same around a stop of the program's (hooks): a collection's thread is
// DETACHED while it reads the heap, and would not stand still with the others.
// Nothing where the caller is inside a collection. False: not in time, which is
// said on stderr.
bool tly_collector_still(struct tly_mutator *self,
                         struct tly_patience *patience);
void tly_collector_go_on(struct tly_mutator *self);

// For what wants a heap that stands still: as tly_collector_stop, or the
// caller's own stop. TALLY_DEADLOCK inside a collection, also if its hook has
// stopped the world. *ret_ours: to be resumed.
tally_status tly_collector_quiet(struct tly_mutator *self,
                                 struct tly_patience *patience, bool *ret_ours);

#endif
