// What does dropping an object cost that leaves a child behind?
//
// op=make_and_drop makes a parent, counts one shared child into it, and drops
// the parent. op=drop does the same for 512 parents at a time and measures
// their drops alone.

#ifndef BENCH_WORK_SURVIVOR_H
#define BENCH_WORK_SURVIVOR_H

#include "../team.h"

#define SURVIVOR_BATCH 512

static void survivor_prepare(struct bench_worker *worker) {
    node_ref *slots = node_slots(SURVIVOR_BATCH + 1);
    slots[SURVIVOR_BATCH] = node_make();
    worker->state = slots;
}

static void survivor_finish(struct bench_worker *worker) {
    node_ref *slots = (node_ref *)worker->state;
    node_drop(&slots[SURVIVOR_BATCH]);
    node_slots_free(slots);
}

static inline node_ref survivor_parent(const node_ref *child) {
    node_ref parent = node_make();
    node_ref counted = node_copy(child);
    node_give_left(&parent, &counted);
    return parent;
}

__attribute__((noinline)) static void survivor_both(
    struct bench_worker *worker) {
    node_ref *child = &((node_ref *)worker->state)[SURVIVOR_BATCH];
    for (uint64_t i = 0; i < worker->ops; i += SURVIVOR_BATCH) {
        for (unsigned k = 0; k < SURVIVOR_BATCH; k++) {
            node_ref parent = survivor_parent(child);
            node_drop(&parent);
        }
        rival_poll();
    }
}

__attribute__((noinline)) static void survivor_make(node_ref *slots) {
    for (unsigned i = 0; i < SURVIVOR_BATCH; i++)
        slots[i] = survivor_parent(&slots[SURVIVOR_BATCH]);
}

__attribute__((noinline)) static void survivor_drop(node_ref *slots) {
    for (unsigned i = 0; i < SURVIVOR_BATCH; i++)
        node_drop(&slots[i]);
}

static void survivor_drops(struct bench_worker *worker) {
    node_ref *slots = (node_ref *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += SURVIVOR_BATCH) {
        double start = bench_now();
        survivor_make(slots);
        rival_poll();
        worker->untimed += bench_now() - start;
        survivor_drop(slots);
    }
}

static void work_survivor(void) {
    const struct bench_work both = {"survivor", SURVIVOR_BATCH,
                                    survivor_prepare, survivor_both,
                                    survivor_finish};
    const struct bench_work drop = {"survivor", SURVIVOR_BATCH,
                                    survivor_prepare, survivor_drops,
                                    survivor_finish};
    team_measure(&both, 1, "op=make_and_drop");
    team_measure(&drop, 1, "op=drop");
}

#endif
