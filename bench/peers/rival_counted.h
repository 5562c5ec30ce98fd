// A malloc and a count by hand as the workloads see them; ../rival_tally.h
// lists what a rival defines.
//
// The file that includes this has included one of count_plain.h and
// count_atomic.h, and has defined RIVAL, peer_alloc and peer_free. A node is
// 24 bytes, which every malloc here rounds to 32. It dies as one writes it by
// hand: by recursion on the left, by a loop on the right.

#ifndef PEER_RIVAL_COUNTED_H
#define PEER_RIVAL_COUNTED_H

#include "rival_threads.h"

struct node {
    peer_count count;
    struct node *left;
    struct node *right;
};

typedef struct node *node_ref;

#include "rival_fields.h"
#include "rival_pointers.h"

static inline node_ref node_make(void) {
    node_ref made = (node_ref)peer_alloc(sizeof *made);
    bench_require(made, "no memory");
    made->count = 1;
    made->left = NULL;
    made->right = NULL;
    return made;
}

static void node_die(struct node *node) {
    for (;;) {
        struct node *left = node->left;
        struct node *right = node->right;
        peer_free(node);
        if (left && count_down(&left->count))
            node_die(left);
        if (!right || !count_down(&right->count))
            return;
        node = right;
    }
}

static inline node_ref node_copy(const node_ref *from) {
    count_up(&(*from)->count);
    return (node_ref)bench_opaque(*from);
}
static inline void node_drop(node_ref *reference) {
    if (count_down(&(*reference)->count))
        node_die(*reference);
    *reference = NULL;
}

// Nobody owns these nodes, and all count them in one place.
static inline void node_give_up(node_ref *node) { (void)node; }
static inline void node_make_hot(node_ref *node) { (void)node; }

// No weak references: counted ones instead.
typedef node_ref weak_ref;
static inline weak_ref weak_make(const node_ref *node) { return *node; }
static inline void weak_end(weak_ref *weak) { *weak = NULL; }
static inline node_ref weak_take(const weak_ref *weak) {
    return node_copy(weak);
}

static inline void *rival_alloc(size_t size) { return peer_alloc(size); }
static inline void rival_free(void *block) { peer_free(block); }

#endif
