// The C library's mutex, with ranks.

#include "sync/mutex.h"

#include "base/check.h"
#include "base/point.h"

void tly_mutex_lock(struct tly_mutex *mutex) {
    if (TLY_SCHED == 2) {
        while (pthread_mutex_trylock(&mutex->mutex) != 0)
            tly_point_yield();
        return;
    }
    tly_rank_enter(mutex->rank);
    int status = pthread_mutex_lock(&mutex->mutex);
    tly_require(status == 0);
}

bool tly_mutex_try(struct tly_mutex *mutex) {
    if (pthread_mutex_trylock(&mutex->mutex) != 0)
        return false;
    if (TLY_SCHED != 2)
        tly_rank_enter(mutex->rank);
    return true;
}

void tly_mutex_unlock(struct tly_mutex *mutex) {
    int status = pthread_mutex_unlock(&mutex->mutex);
    tly_require(status == 0);
    if (TLY_SCHED != 2)
        tly_rank_leave(mutex->rank);
}

void tly_mutex_hold(struct tly_mutex *mutex, bool hold) {
    int status = hold ? pthread_mutex_lock(&mutex->mutex)
                      : pthread_mutex_unlock(&mutex->mutex);
    tly_require(status == 0);
}

void tly_mutex_reset(struct tly_mutex *mutex) {
    enum tly_rank rank = mutex->rank;
    *mutex = (struct tly_mutex)TLY_MUTEX_INIT(rank);
}
