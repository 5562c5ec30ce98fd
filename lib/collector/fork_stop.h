// What a fork stops: collections and the world.

#ifndef TLY_COLLECTOR_FORK_STOP_H
#define TLY_COLLECTOR_FORK_STOP_H

#include "epoch/mutator.h"

// What a fork has stopped, by a thread that is not attached or has stopped the
// world itself.
struct tly_fork_stop {
    struct tly_mutator *mine; // of the thread that forks; or NULL
    bool locked;              // it has taken the lock
    bool own;                 // it had the lock before
    bool world;               // it has stopped the world
    uint32_t late;            // who was waited for in vain; 0: a collection
};

// Stops collections and the world: with the lock, or beside a collection that
// stands still while it clears garbage. TALLY_DEADLOCK where the caller waited
// for itself, TALLY_TIMED_OUT at the deadline (0: none).
tally_status tly_fork_stop_begin(struct tly_fork_stop *stop, uint64_t deadline);
void tly_fork_stop_end(struct tly_fork_stop *stop);

// In the child, before the end: those who collected or waited are not there. A
// clear that one of them was at is gone on with by who collects next.
void tly_fork_stop_forked(const struct tly_fork_stop *stop);

#endif
