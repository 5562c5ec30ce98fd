// How a fork stops what its child could not go on with.
//
// The order is that of all who stop the world: the collector's lock, then the
// turn. A collection that looks gives up where it sees that somebody is in a
// hurry (lock.h). One that clears keeps the lock, and stands still before the
// next pool.

#include "collector/fork_stop.h"

#include "collector/clear.h"
#include "collector/lock.h"
#include "collector/pace.h"
#include "collector/workers.h"
#include "epoch/world.h"

// Of the lock while a fork has it: no mutator's number.
#define FORK UINT32_MAX

static bool is_own(const struct tly_mutator *mine) {
    // Relaxed: the thread's own number is there only if it has the lock.
    return mine && tly_load_relaxed(&tly_collector_lock.busy) == mine->number;
}

static bool fork_try(struct tly_fork_stop *stop) {
    uint32_t nobody = 0;
    // ORDER[collector] acq_rel: as tly_collector_try.
    stop->locked = tly_cas_acq_rel(&tly_collector_lock.busy, &nobody, FORK);
    return stop->locked;
}

// Whether the lock is had, or not needed, since who has it clears.
static bool fork_may(struct tly_fork_stop *stop) {
    return stop->locked || stop->own || fork_try(stop) || tly_clear_is_on();
}

// Its turn comes after those that wait already; nobody has to wait for who
// clears.
static bool fork_wait(struct tly_fork_stop *stop, uint64_t deadline) {
    struct tly_collector_waiter waiter;
    bool may = stop->locked || stop->own || tly_clear_is_on(), late = false;
    if (may)
        return true;
    // Relaxed: a hint.
    tly_add_relaxed(&tly_collector_urgent, 1);
    tly_collector_queue(&waiter, &tly_collector_lock.freed);
    do {
        uint32_t seen = tly_event_value(&tly_collector_lock.freed);
        may = tly_collector_is_first(&waiter) ? fork_may(stop)
                                              : tly_clear_is_on();
        late =
            !may && !tly_event_wait(&tly_collector_lock.freed, seen, deadline);
    } while (!may && !late);
    tly_collector_leave(&waiter, stop->locked);
    tly_add_relaxed(&tly_collector_urgent, (uint32_t)-1);
    return may;
}

tally_status tly_fork_stop_begin(struct tly_fork_stop *stop,
                                 uint64_t deadline) {
    tally_status status = TALLY_TIMED_OUT;
    stop->own = is_own(stop->mine);
    stop->late = 0;
    // Parts of the work are other threads', which the child does not have.
    if (stop->own && tly_workers_at_work())
        return TALLY_DEADLOCK;
    // Who has stopped the world has the lock.
    if (stop->mine && stop->mine->stopped_world)
        return stop->own ? TALLY_OK : TALLY_DEADLOCK;
    while (fork_wait(stop, deadline)) {
        status = tly_world_stop_forking(deadline, &stop->late);
        stop->world = status == TALLY_OK;
        if (!stop->world || fork_may(stop))
            break;
        // What cleared has ended, and the next has begun.
        tly_world_start_forking();
        stop->world = false;
        status = TALLY_TIMED_OUT;
    }
    if (status != TALLY_OK && stop->locked) {
        stop->locked = false;
        tly_collector_free();
    }
    return status;
}

void tly_fork_stop_end(struct tly_fork_stop *stop) {
    if (stop->world)
        tly_world_start_forking();
    if (stop->locked)
        tly_collector_free();
}

void tly_fork_stop_forked(const struct tly_fork_stop *stop) {
    // Relaxed, all: the child has one thread.
    tly_store_relaxed(&tly_collector_urgent, 0);
    tly_collector_queue_forked();
    tly_workers_forked();
    if (!stop->own && !stop->locked) {
        tly_store_relaxed(&tly_collector_lock.busy, 0);
        tly_pace_forked();
    }
    tly_world_forked();
}
