// PEER pkg-config: bdw-gc debian: libgc-dev
// Boehm's collector: no counts, dropping a reference is forgetting it. It
// marks with one thread, as we do, where its default is one for each core.

#define GC_THREADS
#include <gc.h>
#include <gc/gc_mark.h>

#include "rival_threads.h"

#define RIVAL "boehm"

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

static void rival_collect_hold(void) { GC_disable(); }
static void rival_collect_allow(void) { GC_enable(); }
static void rival_collect(void) {
    GC_enable();
    GC_gcollect();
    GC_disable();
}

static void walk_object(void *object, size_t bytes, void *count) {
    (void)object;
    *(size_t *)count += bytes <= 2 * sizeof(struct node);
}

static void *walk_locked(void *count) {
    GC_enumerate_reachable_objects_inner(walk_object, count);
    return NULL;
}

// What the last collection marked.
static size_t rival_walk(void) {
    size_t count = 0;
    GC_call_with_alloc_lock(walk_locked, &count);
    return count;
}

#include "peer.h"
#include "work/churn.h"
#include "work/cycles.h"
#include "work/live.h"
#include "work/memory.h"
#include "work/mutator.h"
#include "work/pass.h"
#include "work/trees.h"
#include "work/walk.h"

int main(int argc, char **argv) {
    static const struct peer_question questions[] = {
        {"churn", work_churn},   {"cycles", work_cycles},   {"live", work_live},
        {"memory", work_memory}, {"mutator", work_mutator}, {"pass", work_pass},
        {"trees", work_trees},   {"walk", work_walk},       {NULL, NULL}};
    GC_set_markers_count(1);
    GC_INIT();
    return peer_main(argc, argv, questions);
}
