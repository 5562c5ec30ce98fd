// What is the same for all rivals whose references are plain pointers.

#ifndef BENCH_RIVAL_POINTERS_H
#define BENCH_RIVAL_POINTERS_H

#include <stdlib.h>

static inline node_ref *node_slots(size_t n) {
    return (node_ref *)calloc(n, sizeof(node_ref));
}
static inline void node_slots_free(node_ref *slots) { free(slots); }

static inline struct node *node_peek(const node_ref *from) { return *from; }

static inline void node_drop(node_ref *reference);

static inline void node_put(node_ref *slot, node_ref *value) {
    node_ref old = *slot;
    *slot = *value;
    node_drop(&old);
}

#endif
