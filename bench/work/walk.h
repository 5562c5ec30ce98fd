// What does visiting each live object of a fragmented heap cost?
//
// 2 million nodes, half of them dropped at random. An operation is one live
// node.

#ifndef BENCH_WORK_WALK_H
#define BENCH_WORK_WALK_H

#include "../fixed.h"

#define WALK_NODES 2000000u

struct walk {
    node_ref *held;
    size_t live;
};

static void walk_prepare(void *arg) {
    struct walk *walk = (struct walk *)arg;
    uint32_t random = 362436069u;
    rival_collect_hold();
    walk->held = node_slots(WALK_NODES);
    for (unsigned i = 0; i < WALK_NODES; i++)
        walk->held[i] = node_make();
    walk->live = WALK_NODES;
    for (unsigned i = 0; i < WALK_NODES; i++) {
        if (bench_random(&random) & 1024) {
            node_drop(&walk->held[i]);
            walk->live--;
        }
    }
    rival_collect(); // some know what lives only after that
}

static double walk_sample(void *arg) {
    struct walk *walk = (struct walk *)arg;
    double start = bench_now();
    size_t seen = rival_walk();
    double took = bench_now() - start;
    // Some know it roughly only; that we do is for the tests to show.
    size_t slack = walk->live / 100;
    bench_require(seen + slack > walk->live, "walk: nodes were not visited");
    bench_require(seen < walk->live + slack, "walk: free blocks were visited");
    return took / (double)walk->live;
}

static void walk_finish(void *arg) {
    struct walk *walk = (struct walk *)arg;
    for (unsigned i = 0; i < WALK_NODES; i++)
        if (node_peek(&walk->held[i]))
            node_drop(&walk->held[i]);
    node_slots_free(walk->held);
    rival_collect_allow();
}

static void work_walk(void) {
    struct walk walk = {NULL, 0};
    const struct bench_fixed fixed = {
        "walk", "nodes=2000000", 0,           9,
        &walk,  walk_prepare,    walk_sample, walk_finish};
    fixed_measure(&fixed);
}

#endif
