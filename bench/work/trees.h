// What does a node of a large structure cost, from its making to its end?
//
// Each thread builds a binary tree of depth 16 (131,071 nodes) from its leaves
// up, counts the nodes, and drops the root. An operation is one node's share.

#ifndef BENCH_WORK_TREES_H
#define BENCH_WORK_TREES_H

#include "../team.h"

#define TREE_DEPTH 16
#define TREE_NODES ((UINT64_C(2) << TREE_DEPTH) - 1)

static node_ref tree_build(unsigned depth) {
    node_ref root = node_make();
    if (depth) {
        node_ref child = tree_build(depth - 1);
        node_give_left(&root, &child);
        child = tree_build(depth - 1);
        node_give_right(&root, &child);
    }
    return root;
}

static uint64_t tree_count(const struct node *root) {
    const struct node *left = node_left(root);
    const struct node *right = node_right(root);
    return 1 + (left ? tree_count(left) : 0) + (right ? tree_count(right) : 0);
}

static void trees_run(struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i += TREE_NODES) {
        node_ref root = tree_build(TREE_DEPTH);
        bench_require(tree_count(node_peek(&root)) == TREE_NODES,
                      "trees: nodes are missing");
        node_drop(&root);
        rival_poll();
    }
}

static inline void work_trees(void) {
    const struct bench_work work = {"trees", TREE_NODES, NULL, trees_run, NULL};
    team_measure(&work, 1, "");
    team_measure(&work, 2, "");
}

#endif
