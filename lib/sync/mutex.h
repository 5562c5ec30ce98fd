// A lock that parks its waiters. Slow paths only; never taken inside a pause,
// by a free, or by a decref.

#ifndef TLY_SYNC_MUTEX_H
#define TLY_SYNC_MUTEX_H

#include <pthread.h>

#include "sync/rank.h"

struct tly_mutex {
    pthread_mutex_t mutex;
    enum tly_rank rank;
};
#define TLY_MUTEX_INIT(rank)                                                   \
    { PTHREAD_MUTEX_INITIALIZER, rank }

void tly_mutex_lock(struct tly_mutex *mutex);
// Takes the lock if nobody has it.
bool tly_mutex_try(struct tly_mutex *mutex);
void tly_mutex_unlock(struct tly_mutex *mutex);

// Locks, or unlocks, for fork: without a rank, since fork holds every lock, and
// several of some ranks. The child unlocks like the parent.
void tly_mutex_hold(struct tly_mutex *mutex, bool hold);

// For a forked child, in which the lock's holder may not exist.
void tly_mutex_reset(struct tly_mutex *mutex);

#endif
