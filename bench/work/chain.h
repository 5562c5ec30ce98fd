// Does a list of 10 million nodes go away on a stack of 64 KiB, and at what
// price?
//
// The list is destroyed by dropping its head, in a thread with that stack. A
// recursion of 8 bytes a node would need 80 MB. owner=none: the maker has
// given each node up, so that nobody counts plainly.

#ifndef BENCH_WORK_CHAIN_H
#define BENCH_WORK_CHAIN_H

#include "../fixed.h"

#define CHAIN_NODES 10000000u
#define CHAIN_STACK 65536u

static double chain_sample(void *give_up) {
    node_ref *head = node_slots(1);
    *head = node_make();
    for (unsigned i = 1; i < CHAIN_NODES; i++) {
        node_ref before = node_make();
        node_give_right(&before, head);
        if (give_up)
            node_give_up(&before);
        *head = before;
    }
    double start = bench_now();
    node_drop(head);
    double took = bench_now() - start;
    node_slots_free(head);
    return took / CHAIN_NODES;
}

static void chain_case(const char *label, bool give_up) {
    static char yes;
    const struct bench_fixed fixed = {
        "chain", label,        CHAIN_STACK, 5, give_up ? &yes : NULL,
        NULL,    chain_sample, NULL};
    fixed_measure(&fixed);
}

#endif
