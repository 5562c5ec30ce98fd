// A graph at random that lives: nodes of two references, all reachable from one
// of them. hold=root: the program refers to that one only; hold=all: it has an
// array that refers to each. No collection starts by itself while it lives.

#ifndef BENCH_WORK_GRAPH_H
#define BENCH_WORK_GRAPH_H

struct graph {
    unsigned nodes;
    bool hold_all;
    node_ref *held;
};

// A random order, so that neighbours in the graph are none in memory.
static unsigned *graph_order(unsigned nodes, uint32_t *random) {
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
static void graph_link(node_ref *slots, unsigned nodes) {
    uint32_t random = 88172645u;
    unsigned *order = graph_order(nodes, &random);
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
static void graph_keep_root(struct graph *graph) {
    node_ref *root = node_slots(1);
    *root = node_copy(&graph->held[0]);
    for (unsigned i = 0; i < graph->nodes; i++)
        node_drop(&graph->held[i]);
    node_slots_free(graph->held);
    graph->held = root;
}

static void graph_make(struct graph *graph) {
    rival_collect_hold();
    graph->held = node_slots(graph->nodes);
    for (unsigned i = 0; i < graph->nodes; i++)
        graph->held[i] = node_make();
    graph_link(graph->held, graph->nodes);
    if (!graph->hold_all)
        graph_keep_root(graph);
}

#endif
