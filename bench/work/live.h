// What does a collection cost that finds nothing to free?
//
// A graph at random of 1 or 5 million nodes (graph.h), one full collection. An
// operation is one node.

#ifndef BENCH_WORK_LIVE_H
#define BENCH_WORK_LIVE_H

#include "../fixed.h"
#include "graph.h"

static void live_prepare(void *arg) { graph_make((struct graph *)arg); }

static double live_sample(void *arg) {
    struct graph *graph = (struct graph *)arg;
    double start = bench_now();
    rival_collect();
    double took = bench_now() - start;
    size_t seen = rival_walk(); // which some know roughly only
    bench_require(seen + seen / 100 > graph->nodes, "live: nodes are lost");
    return took / graph->nodes;
}

static void live_finish(void *arg) {
    struct graph *graph = (struct graph *)arg;
    for (unsigned i = 0; i < (graph->hold_all ? graph->nodes : 1); i++)
        node_drop(&graph->held[i]);
    node_slots_free(graph->held);
    rival_collect();
    rival_collect_allow();
}

static void live_case(const char *label, unsigned nodes, bool hold_all) {
    struct graph graph = {nodes, hold_all, NULL};
    const struct bench_fixed fixed = {
        "live", label, 0, 9, &graph, live_prepare, live_sample, live_finish};
    fixed_measure(&fixed);
}

static void work_live(void) {
    live_case("nodes=1000000 hold=root", 1000000, false);
    live_case("nodes=1000000 hold=all", 1000000, true);
    live_case("nodes=5000000 hold=root", 5000000, false);
}

#endif
