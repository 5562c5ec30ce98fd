// What does making a small object and dropping one cost?
//
// Each thread keeps 1,024 nodes of two empty references; an operation makes one
// and drops a random one, whose place it takes.
//
// order=drop_first drops before it makes, so that never more than 1,024 nodes
// are alive. That number is a multiple of the 128 by which mimalloc 2.0 lets a
// page of such blocks grow: it then has one free block at a time and takes its
// slow path for each. With 1,000 or 1,025 nodes it does not.

#ifndef BENCH_WORK_CHURN_H
#define BENCH_WORK_CHURN_H

#include "../team.h"

#define CHURN_WINDOW 1024
#define CHURN_POLL 4096 // operations, some 10 us

static void churn_prepare(struct bench_worker *worker) {
    node_ref *window = node_slots(CHURN_WINDOW);
    for (unsigned i = 0; i < CHURN_WINDOW; i++)
        window[i] = node_make();
    worker->state = window;
}

static void churn_finish(struct bench_worker *worker) {
    node_ref *window = (node_ref *)worker->state;
    for (unsigned i = 0; i < CHURN_WINDOW; i++)
        node_drop(&window[i]);
    node_slots_free(window);
}

static inline void churn_make_first(node_ref *slot) {
    node_ref made = node_make();
    node_put(slot, &made);
}

static inline void churn_drop_first(node_ref *slot) {
    node_drop(slot);
    *slot = node_make();
}

static inline void churn_loop(struct bench_worker *worker,
                              void (*once)(node_ref *slot)) {
    node_ref *window = (node_ref *)worker->state;
    uint32_t random = worker->random;
    for (uint64_t i = 0; i < worker->ops; i += CHURN_POLL) {
        for (unsigned k = 0; k < CHURN_POLL; k++)
            once(&window[bench_random(&random) % CHURN_WINDOW]);
        rival_poll();
    }
    worker->random = random;
}

__attribute__((noinline)) static void churn_make(struct bench_worker *worker) {
    churn_loop(worker, churn_make_first);
}

__attribute__((noinline)) static void churn_drop(struct bench_worker *worker) {
    churn_loop(worker, churn_drop_first);
}

static inline void work_churn(void) {
    const struct bench_work make = {"churn", CHURN_POLL, churn_prepare,
                                    churn_make, churn_finish};
    const struct bench_work drop = {"churn", CHURN_POLL, churn_prepare,
                                    churn_drop, churn_finish};
    team_measure(&make, 1, "order=make_first");
    team_measure(&make, 2, "order=make_first");
    team_measure(&drop, 1, "order=drop_first");
    team_measure(&drop, 2, "order=drop_first");
}

#endif
