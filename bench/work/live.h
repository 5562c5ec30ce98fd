// What does a collection cost that finds nothing to free?
//
// A graph at random of 1 or 5 million nodes of two references. hold=root: all
// are reachable from one node, the only one that the program refers to.
// hold=all: the program has an array that refers to each. An operation is one
// node.

#ifndef BENCH_WORK_LIVE_H
#define BENCH_WORK_LIVE_H

#include "../fixed.h"

struct live {
    unsigned nodes;
    bool hold_all;
    node_ref *held;
};

// A random order, so that neighbours in the graph are none in memory.
static unsigned *live_order(unsigned nodes, uint32_t *random) {
    unsigned *order = (unsigned *)malloc(nodes * sizeof *order);
    bench_require(order, "no memory");
    for (unsigned i = 0; i < nodes; i++) {
        unsigned k = bench_random(random) % (i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    return order;
}

// The nodes hang below each other as in a binary heap, in a random order; the
// lower half, whose fields that leaves empty, refers to nodes at random.
static void live_link(node_ref *slots, unsigned nodes) {
    uint32_t random = 88172645u;
    unsigned *order = live_order(nodes, &random);
    for (unsigned i = 0; i < nodes; i++) {
        unsigned left = 2 * i + 1;
        unsigned right = 2 * i + 2;
        if (left >= nodes)
            left = bench_random(&random) % nodes;
        if (right >= nodes)
            right = bench_random(&random) % nodes;
        node_link_left(&slots[order[i]], &slots[order[left]]);
        node_link_right(&slots[order[i]], &slots[order[right]]);
    }
    node_ref root = slots[order[0]];
    slots[order[0]] = slots[0];
    slots[0] = root;
    free(order);
}

// Keeps the first reference only. The array goes too: some would look into it.
static void live_keep_root(struct live *live) {
    node_ref *root = node_slots(1);
    *root = node_copy(&live->held[0]);
    for (unsigned i = 0; i < live->nodes; i++)
        node_drop(&live->held[i]);
    node_slots_free(live->held);
    live->held = root;
}

static void live_prepare(void *arg) {
    struct live *live = (struct live *)arg;
    rival_collect_hold();
    live->held = node_slots(live->nodes);
    for (unsigned i = 0; i < live->nodes; i++)
        live->held[i] = node_make();
    live_link(live->held, live->nodes);
    if (!live->hold_all)
        live_keep_root(live);
}

static double live_sample(void *arg) {
    struct live *live = (struct live *)arg;
    double start = bench_now();
    rival_collect();
    double took = bench_now() - start;
    size_t seen = rival_walk(); // which some know roughly only
    bench_require(seen + seen / 100 > live->nodes, "live: nodes are lost");
    return took / live->nodes;
}

static void live_finish(void *arg) {
    struct live *live = (struct live *)arg;
    for (unsigned i = 0; i < (live->hold_all ? live->nodes : 1); i++)
        node_drop(&live->held[i]);
    node_slots_free(live->held);
    rival_collect();
    rival_collect_allow();
}

static void live_case(const char *label, unsigned nodes, bool hold_all) {
    struct live live = {nodes, hold_all, NULL};
    const struct bench_fixed fixed = {
        "live", label, 0, 9, &live, live_prepare, live_sample, live_finish};
    fixed_measure(&fixed);
}

static void work_live(void) {
    live_case("nodes=1000000 hold=root", 1000000, false);
    live_case("nodes=1000000 hold=all", 1000000, true);
    live_case("nodes=5000000 hold=root", 5000000, false);
}

#endif
