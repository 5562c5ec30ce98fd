// A bounded ring between one thread that fills and one that empties it, in
// batches. It holds the positions only; the workload has the slots.
//
// The positions are on lines of their own. A side that waits polls, and after a
// while lets others have its core.

#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <sched.h>

#include "bench.h"

#define RING_SLOTS_MAX 4096
#define RING_BATCH 64
#define RING_SPINS 2000

struct ring {
    uint64_t slots; // a multiple of RING_BATCH, up to RING_SLOTS_MAX
    __attribute__((aligned(128))) uint64_t filled;
    __attribute__((aligned(128))) uint64_t emptied;
};

// Waits until [*position] is at least [wanted].
static inline void ring_wait(const uint64_t *position, uint64_t wanted) {
    // ORDER[ring] acquire: see what the other side did with the slots before
    // it moved on. Pairs with ring_move on that side.
    for (unsigned spins = 0;
         __atomic_load_n(position, __ATOMIC_ACQUIRE) < wanted; spins++) {
        rival_poll();
        if (spins > RING_SPINS)
            sched_yield();
    }
}

// The filling side: returns the first of RING_BATCH slots that are free.
static inline unsigned ring_room(const struct ring *ring) {
    uint64_t end = ring->filled + RING_BATCH;
    if (end > ring->slots)
        ring_wait(&ring->emptied, end - ring->slots);
    return (unsigned)(ring->filled % ring->slots);
}

// The emptying side: returns the first of RING_BATCH slots that are full.
static inline unsigned ring_ready(const struct ring *ring) {
    ring_wait(&ring->filled, ring->emptied + RING_BATCH);
    return (unsigned)(ring->emptied % ring->slots);
}

// Hands a batch over to the other side: [position] is one's own.
static inline void ring_move(uint64_t *position) {
    // ORDER[ring] release: the slots are done with before the other side may
    // have them. Pairs with ring_wait on that side.
    __atomic_store_n(position, *position + RING_BATCH, __ATOMIC_RELEASE);
}

static inline void ring_reset(struct ring *ring, uint64_t slots) {
    ring->slots = slots;
    ring->filled = 0;
    ring->emptied = 0;
}

// Lets the other side's last batch come through.
static inline void ring_settle(const struct ring *ring) {
    ring_wait(&ring->emptied, ring->filled);
}

#endif
