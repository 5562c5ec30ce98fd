// What does finding and freeing garbage that refers to itself cost?
//
// 1 million nodes in rings of 10, nothing else alive; one collection of all,
// on one thread. An operation is one node.

#ifndef BENCH_WORK_CYCLES_H
#define BENCH_WORK_CYCLES_H

#include "../fixed.h"

#define CYCLE_NODES 1000000u
#define CYCLE_RING 10u

static void cycle_ring(void) {
    node_ref first = node_make();
    node_ref last = node_copy(&first);
    for (unsigned i = 1; i < CYCLE_RING; i++) {
        node_ref next = node_make();
        node_link_left(&last, &next);
        node_drop(&last);
        last = next;
    }
    node_link_left(&last, &first);
    node_drop(&first);
    node_drop(&last);
}

static double cycles_sample(void *unused) {
    (void)unused;
    rival_collect_hold();
    for (unsigned i = 0; i < CYCLE_NODES; i += CYCLE_RING)
        cycle_ring();
    double start = bench_now();
    rival_collect();
    double took = bench_now() - start;
    rival_collect_allow();
    bench_require(rival_walk() < CYCLE_NODES / 100, "cycles: garbage is left");
    return took / CYCLE_NODES;
}

static void work_cycles(void) {
    const struct bench_fixed fixed = {"cycles", "nodes=1000000", 0,   9, NULL,
                                      NULL,     cycles_sample,   NULL};
    fixed_measure(&fixed);
}

#endif
