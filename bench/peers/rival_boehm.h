// Boehm's collector, but for how it collects: see boehm.c.

#ifndef PEER_RIVAL_BOEHM_H
#define PEER_RIVAL_BOEHM_H

#define GC_THREADS
#include <gc.h>
#include <gc/gc_mark.h>

#include "rival_threads.h"

struct node {
    struct node *left;
    struct node *right;
};

typedef struct node *node_ref;

#include "rival_fields.h"

// Arrays of references are roots.
static inline node_ref *node_slots(size_t n) {
    return (node_ref *)GC_MALLOC_UNCOLLECTABLE(n * sizeof(node_ref));
}
static inline void node_slots_free(node_ref *slots) { GC_FREE(slots); }

static inline node_ref node_make(void) {
    node_ref made = (node_ref)GC_MALLOC(sizeof *made);
    bench_require(made, "no memory");
    return made;
}
static inline node_ref node_copy(const node_ref *from) { return *from; }
static inline void node_drop(node_ref *reference) { *reference = NULL; }
static inline void node_put(node_ref *slot, node_ref *value) { *slot = *value; }
static inline struct node *node_peek(const node_ref *from) { return *from; }
static inline void node_link_left(node_ref *parent, const node_ref *child) {
    (*parent)->left = *child;
}
static inline void node_link_right(node_ref *parent, const node_ref *child) {
    (*parent)->right = *child;
}

static inline void rival_collect_hold(void) { GC_disable(); }
static inline void rival_collect_allow(void) { GC_enable(); }

static inline void walk_object(void *object, size_t bytes, void *count) {
    (void)object;
    *(size_t *)count += bytes <= 2 * sizeof(struct node);
}

static inline void *walk_locked(void *count) {
    GC_enumerate_reachable_objects_inner(walk_object, count);
    return NULL;
}

// What the last collection marked.
static inline size_t rival_walk(void) {
    size_t count = 0;
    GC_call_with_alloc_lock(walk_locked, &count);
    return count;
}

#endif
