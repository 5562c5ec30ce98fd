// What does an object cost that one thread makes and another drops?
//
// Thread 0 makes nodes and hands them over through a ring in batches of 64;
// thread 1 drops them. The sample ends when the maker has done what the drops
// left to it. An operation is one node. The shorter the ring, the more often
// one side waits for the other, and the closer together they work.

#ifndef BENCH_WORK_PASS_H
#define BENCH_WORK_PASS_H

#include "../ring.h"
#include "../team.h"

static struct ring pass_ring;
static node_ref pass_slots[RING_SLOTS_MAX];

static void pass_make(uint64_t nodes) {
    for (uint64_t i = 0; i < nodes; i += RING_BATCH) {
        unsigned first = ring_room(&pass_ring);
        for (unsigned k = 0; k < RING_BATCH; k++)
            pass_slots[first + k] = node_make();
        ring_move(&pass_ring.filled);
        rival_poll();
    }
    ring_settle(&pass_ring);
    rival_poll();
}

static void pass_drop(uint64_t nodes) {
    for (uint64_t i = 0; i < nodes; i += RING_BATCH) {
        unsigned first = ring_ready(&pass_ring);
        for (unsigned k = 0; k < RING_BATCH; k++)
            node_drop(&pass_slots[first + k]);
        ring_move(&pass_ring.emptied);
        rival_poll();
    }
}

static void pass_run(struct bench_worker *worker) {
    if (worker->index == 0)
        pass_make(worker->ops);
    else
        pass_drop(worker->ops);
}

static void work_pass(void) {
    const struct bench_work work = {"pass", RING_BATCH, NULL, pass_run, NULL};
    ring_reset(&pass_ring, 1024);
    team_measure(&work, 2, "ring=1024");
    ring_reset(&pass_ring, 4096);
    team_measure(&work, 2, "ring=4096");
}

#endif
