// Tally as the workloads see it. What a rival defines is listed here; the
// rivals of peers/ define the same for their library.
//
//     RIVAL                     its name
//     node_ref                  an owned reference; zeroed storage is empty
//     rival_begin, rival_end    in each thread that uses nodes
//     rival_pause, rival_resume around waiting
//     rival_poll                now and then; never more than 1 ms apart
//     node_slots, node_slots_free   an array of empty references
//     node_make                 a node whose two fields are empty
//     node_copy                 another reference to the same node
//     node_drop                 empties a reference
//     node_put                  moves one to a place, drops what was there
//     node_give_left, _right    moves a reference into an empty field
//     node_peek, node_left, node_right   look without counting
//     node_link_left, _right    counts a reference into an empty field
//     node_give_up              makes the node nobody's, if it was somebody's
//     shared_field, shared_*    see work/shared.h
//     node_make_hot             makes each thread count the node apart, if the
//                               library can
//     rival_alloc, rival_free   raw memory
//     rival_collect             all garbage; between _hold and _allow only,
//                               where no collection starts by itself
//     rival_walk                visits all objects and counts them
//     rival_os_bytes            what the library got from the OS; 0: unknown
//
// A rival that lacks one of them leaves the questions out that need it.
//
// All of it is small and inline: the workloads are compiled as one would
// write them for the library by hand.

#ifndef BENCH_RIVAL_TALLY_H
#define BENCH_RIVAL_TALLY_H

#include <tally/tally.h>

#include "bench.h"

#define RIVAL "tally"

struct node {
    tally_object head;
    tally_ref left;
    tally_ref right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

typedef struct node *node_ref;

#include "rival_pointers.h"

static inline void rival_begin(void) {
    bench_require(tally_attach("bench") == 0, "cannot attach");
}
static inline void rival_end(void) { tally_detach(); }
static inline void rival_pause(void) { tally_blocking_enter(); }
static inline void rival_resume(void) { tally_blocking_exit(); }
static inline void rival_poll(void) { tally_safepoint(); }

static inline node_ref node_make(void) {
    node_ref made = tally_new(node);
    bench_require(made, "no memory");
    return made;
}
static inline node_ref node_copy(const node_ref *from) {
    tally_incref(*from);
    return (node_ref)bench_opaque(*from);
}
static inline void node_drop(node_ref *reference) {
    tally_decref(*reference);
    *reference = NULL;
}
static inline void node_give_left(node_ref *parent, node_ref *child) {
    tally_set_steal(*parent, left, *child);
    *child = NULL;
}
static inline void node_give_right(node_ref *parent, node_ref *child) {
    tally_set_steal(*parent, right, *child);
    *child = NULL;
}

static inline struct node *node_left(const struct node *of) {
    return (struct node *)tally_get(of, left);
}
static inline struct node *node_right(const struct node *of) {
    return (struct node *)tally_get(of, right);
}

static inline void node_link_left(node_ref *parent, const node_ref *child) {
    tally_set(*parent, left, *child);
}
static inline void node_link_right(node_ref *parent, const node_ref *child) {
    tally_set(*parent, right, *child);
}
static inline void node_give_up(node_ref *node) {
    bench_require(tally_transfer(*node) == 0, "cannot give a node up");
}
static inline void node_make_hot(node_ref *node) {
    bench_require(tally_make_hot(*node) == 0, "cannot make a node hot");
}

typedef tally_aref shared_field;

static inline void shared_put(shared_field *field, node_ref *value) {
    tally_aref_set_steal(NULL, field, *value);
    *value = NULL;
}
static inline uintptr_t shared_word(const shared_field *field) {
    uintptr_t word = 0;
    TALLY_BORROW {
        const struct node *node = (const struct node *)tally_aref_get(field);
        word = (uintptr_t)node_left(node);
    }
    return word;
}
static inline node_ref shared_copy(const shared_field *field) {
    return (node_ref)tally_aref_dup(field);
}

static inline void *rival_alloc(size_t size) { return tally_alloc(size); }
static inline void rival_free(void *block) { tally_free(block); }

// What collects and looks around. Collections do not start by themselves while
// they are held.
static inline void rival_collect_hold(void) { tally_collect_disable(); }
static inline void rival_collect_allow(void) { tally_collect_enable(); }
static inline void rival_collect(void) {
    bench_require(tally_collect_generation(TALLY_FULL, NULL) == 0,
                  "cannot collect");
}

static inline bool rival_count_object(void *object, void *count) {
    (void)object;
    ++*(size_t *)count;
    return true;
}

// Returns how many objects a visit of the whole heap came by.
static inline size_t rival_walk(void) {
    size_t count = 0;
    bench_require(tally_walk(rival_count_object, &count) == 0, "cannot walk");
    return count;
}

// Returns what the library has from the OS, in bytes; 0 if it does not say.
static inline double rival_os_bytes(void) {
    struct tally_stats stats;
    stats.size = sizeof stats;
    bench_require(tally_stats_get(&stats) == 0, "no statistics");
    return (double)stats.os_bytes;
}

#endif
