// What an allocation does that would go beyond the limit.
//
//   dead      what is dead and waits is destroyed (pool/take.c)
//   idle      what threads that do not run have in leases and caches is free
//   ask       a full collection is due from now on
//   wait      for one that begins after that, if somebody else runs it:
//             DETACHED, and for limit_wait_ms at most; for another, if it was
//             abandoned, or others have taken the room that it made
//   ENOMEM    if that made no room
//
// Nothing collects inside an allocation. A thread that nobody else collects
// for gets ENOMEM at once, and collects at its next safepoint.
//
// In a stopped world the wait may end in a stop that somebody asks for. One
// that nobody asked for is given up as soon (collect.c, stop_deadline), one for
// tally_collect at deadline_ms.
//
// Waiting is safe, and still may be in vain. The program may hold a lock that
// another attached thread blocks on; that one passes no safepoint, the
// collection waits for it, and this allocation for the collection. The ring has
// one link that gives: this wait ends at its deadline, the allocation fails,
// and the program goes on to where it gives its lock back. After a wait that
// ended so no other begins until some collection has ended: the ring costs one
// wait, not one for each allocation.
//
// The thread is parked, not detached: of what others see it is at a closed
// safepoint, where the program's code does not run. It does not wait where it
// may not be at one: in a borrow section, a world that it has stopped, the end
// of objects, and a collection of its own.

#include "collector/limit.h"

#include "collector/collect.h"
#include "collector/pace.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "epoch/world.h"
#include "object/finish.h"
#include "platform/os.h"

bool (*tly_limit_wake)(void);

static struct {
    uint64_t wait_ns;
    uint32_t wanted;        // (a) a full collection
    uint64_t begun;         // (a) full collections
    uint64_t ended;         // (a) collections
    uint64_t ended_full;    // (a)
    uint64_t last;          // full one that is done; under the collector's lock
    uint64_t abandoned;     // (a) the last full one that was
    int64_t room;           // (a) bytes, when the last full one had ended
    uint64_t gave_up;       // (a) [ended] + 1 when a wait was in vain
    uint32_t late;          // (a) threads that wait because the heap is late
    struct tly_event event; // one has ended
} limit;

void tly_limit_configure(uint64_t bytes, uint64_t wait_ms) {
    tly_pool_limit_set((int64_t)bytes);
    limit.wait_ns = wait_ms * 1000000;
    // Relaxed, both: before threads come.
    tly_store_relaxed(&limit.wanted, 0);
    tly_store_relaxed(&limit.gave_up, 0);
}

uint64_t tly_limit_wait(void) { return tly_pool_limit() ? limit.wait_ns : 0; }

bool tly_limit_wants(void) {
    // Relaxed: a hint.
    return tly_load_relaxed(&limit.wanted);
}

void tly_limit_began(tally_generation generation) {
    if (generation != TALLY_FULL)
        return;
    // Relaxed: who asks from now on waits for the next one.
    tly_store_relaxed(&limit.wanted, 0);
    tly_add_relaxed(&limit.begun, 1);
}

static void told(uint64_t number) {
    if (number)
        // Relaxed: a hint.
        tly_store_relaxed(&limit.room,
                          tly_pool_limit() - tly_pool_live_bytes());
    // Relaxed, both: read again after the event, and below.
    tly_add_relaxed(&limit.ended, 1);
    uint64_t last = tly_load_relaxed(&limit.ended_full);
    // ORDER[limit] acq_rel: what it freed is counted. Pairs with has_ended.
    while (last < number && !tly_cas_acq_rel(&limit.ended_full, &last, number))
        continue;
    tly_event_signal(&limit.event);
}

void tly_limit_done(tally_generation generation, bool abandoned, bool waits) {
    // Relaxed, all: written under the collector's lock.
    uint64_t begun = tly_load_relaxed(&limit.begun);
    if (abandoned && generation == TALLY_FULL)
        tly_store_relaxed(&limit.abandoned, begun);
    limit.last = generation == TALLY_FULL && !abandoned ? begun : 0;
    if (!waits)
        told(limit.last);
}

uint64_t tly_limit_last(void) { return limit.last; }

void tly_limit_freed(uint64_t number, bool waits) {
    if (waits)
        told(number);
    else
        tly_event_signal(&limit.event);
}

// ---- waiting

static bool may_wait(struct tly_local *self) {
    if (tly_rcu_ongoing() || tly_mutator_in(self)->stopped_world)
        return false;
    // Relaxed, both: hints.
    return !self->finishing && !self->collector && !tly_is_collecting(self) &&
           limit.wait_ns > 0 &&
           tly_load_relaxed(&limit.gave_up) !=
               tly_load_relaxed(&limit.ended) + 1;
}

static bool has_ended(uint64_t number) {
    // ORDER[limit] acquire: see told.
    return tly_load_acquire(&limit.ended_full) >= number;
}

// What an allocation waits for.
struct request {
    size_t bytes;
    uint64_t number; // of a full collection that it has asked for; 0: none yet
};

static void ask(struct request *request) {
    // Relaxed, both: hints; one that begins meanwhile may do as well.
    request->number = tly_load_relaxed(&limit.begun) + 1;
    tly_store_relaxed(&limit.wanted, 1);
}

// Whether it will not be ended: it was given up.
static bool was_abandoned(const struct request *request) {
    // Relaxed: looked at again.
    return tly_load_relaxed(&limit.abandoned) >= request->number;
}

// Whether the one that was asked for has made room, which others have taken.
static bool was_room(const struct request *request) {
    // Relaxed: a hint.
    return !request->number ||
           tly_load_relaxed(&limit.room) >= (int64_t)request->bytes;
}

// Whether there is room, or has been none after a full collection that was
// asked for, with nothing to be had by another, or nobody would run it. One
// that is under way may make room, whoever asked for it; where others were
// first to take it, another one is asked for.
static bool is_over(struct request *request) {
    if (tly_pool_fits(request->bytes))
        return true;
    if (!tly_pace_is_running()) {
        bool ended = !request->number || has_ended(request->number);
        if (ended && !(tly_pace_may() && was_room(request)))
            return true;
        if (ended || was_abandoned(request))
            ask(request);
    }
    return !tly_pace_is_running() && !(tly_limit_wake && tly_limit_wake());
}

// One that cannot begin yet is asked for again so often.
#define AGAIN_NS 5000000u

// Waits, DETACHED. False: in vain.
static bool wait_parked(struct request *request) {
    uint64_t deadline = tly_os_now() + limit.wait_ns;
    for (;;) {
        uint32_t seen = tly_event_value(&limit.event);
        if (is_over(request))
            return true;
        uint64_t now = tly_os_now();
        if (now >= deadline)
            return tly_pool_fits(request->bytes);
        (void)tly_event_wait(&limit.event, seen,
                             now + AGAIN_NS < deadline ? now + AGAIN_NS
                                                       : deadline);
    }
}

static void wait_for(struct tly_mutator *self, struct request *request) {
    tly_mutator_rest(self);
    bool ended = wait_parked(request);
    tly_mutator_rouse(self);
    if (!ended)
        // Relaxed: a hint.
        tly_store_relaxed(&limit.gave_up, tly_load_relaxed(&limit.ended) + 1);
}

// How long such a thread is held at most, for each 64 KiB that it makes; and as
// long again for each other that is held, so that many outgrow the heap no
// faster than one.
#define LATE_NS 20000000u
#define LATE_MAX 10u

void tly_limit_wait_late(struct tly_local *self) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    // Relaxed: read again after the event.
    uint64_t ended = tly_load_relaxed(&limit.ended);
    // Where the last one has left more than it kept up with, the next is not
    // due at once: nobody would wake this thread.
    if (!may_wait(self) || !tly_pace_is_asked())
        return;
    uint64_t wait_ns = limit.wait_ns < LATE_NS ? limit.wait_ns : LATE_NS;
    bool over = false, woken = true;
    // What is due is another's.
    struct tly_collects collects TLY_COLLECTS_END =
        tly_collects_begin(self, TLY_FRAME);
    tly_mutator_detach(mutator); // hooks may run, and be left
    // Relaxed: a hint.
    uint32_t others = tly_add_relaxed(&limit.late, 1);
    others = others < LATE_MAX ? others : LATE_MAX - 1;
    uint64_t deadline = tly_os_now() + wait_ns * (others + 1);
    while (!over && woken) {
        uint32_t seen = tly_event_value(&limit.event);
        over = tly_load_relaxed(&limit.ended) != ended || !tly_pace_is_late() ||
               !tly_pace_is_asked();
        woken = over || tly_event_wait(&limit.event, seen, deadline);
    }
    tly_add_relaxed(&limit.late, (uint32_t)-1);
    tly_mutator_attach(mutator);
}

void tly_limit_forked(void) {
    // Relaxed: the child has one thread, which waits for nothing.
    tly_store_relaxed(&limit.late, 0);
}

bool tly_limit_room(struct tly_local *self, size_t bytes) {
    int error = errno;
    tly_idle_tell();
    errno = error;
    struct request request = {.bytes = bytes};
    bool may = tly_pace_may(), open = tly_pace_is_open();
    if (tly_pool_fits(bytes) || !open || !(may || tly_pace_is_running()))
        return tly_pool_fits(bytes);
    if (may) {
        ask(&request);
        tly_collector_grew(&self->heap);
    }
    if (may_wait(self) && !is_over(&request))
        wait_for(tly_mutator_in(self), &request);
    errno = error;
    return tly_pool_fits(bytes);
}
