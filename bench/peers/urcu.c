// PEER pkg-config: liburcu-memb debian: liburcu-dev
// liburcu by hand, inlined: a read-side section around a read; what was
// replaced waits in a bag of 64 for a grace period, and is dropped after it.
// Nodes are of glibc's malloc with an atomic count.

#define _LGPL_SOURCE
#include <stdlib.h>
#include <urcu/urcu-memb.h>

#include "bench.h"
#include "count_atomic.h"

#define RIVAL "urcu"
#define BAG 64

struct node {
    peer_count count;
    struct node *left;
    struct node *right;
};

typedef struct node *node_ref;
typedef struct shared_field {
    node_ref node;
} shared_field;

static __thread node_ref bag[BAG];
static __thread unsigned bag_used;

static inline node_ref node_make(void) {
    node_ref made = (node_ref)malloc(sizeof *made);
    bench_require(made, "no memory");
    made->count = 1;
    made->left = NULL;
    made->right = NULL;
    return made;
}
static inline void node_drop(node_ref *reference) {
    if (count_down(&(*reference)->count))
        free(*reference);
    *reference = NULL;
}
static inline struct node *node_peek(const node_ref *from) { return *from; }
static inline struct node *node_left(const struct node *of) { return of->left; }

static void bag_empty(void) {
    urcu_memb_synchronize_rcu();
    while (bag_used)
        node_drop(&bag[--bag_used]);
}

static inline void shared_put(shared_field *field, node_ref *value) {
    // ORDER[aref] acq_rel: the object is complete before it is read, and the
    // old one is the caller's. Pairs with the sections below.
    node_ref old = __atomic_exchange_n(&field->node, *value, __ATOMIC_ACQ_REL);
    if (old)
        bag[bag_used++] = old;
    if (bag_used == BAG)
        bag_empty();
}

static inline uintptr_t shared_word(const shared_field *field) {
    urcu_memb_read_lock();
    // ORDER[aref] acquire: pairs with the exchange above.
    const struct node *node = __atomic_load_n(&field->node, __ATOMIC_ACQUIRE);
    uintptr_t word = (uintptr_t)node->left;
    urcu_memb_read_unlock();
    return word;
}

static inline node_ref shared_copy(const shared_field *field) {
    urcu_memb_read_lock();
    // ORDER[aref] acquire: pairs with the exchange above. The field's unit
    // stays for as long as the section.
    node_ref node = __atomic_load_n(&field->node, __ATOMIC_ACQUIRE);
    count_up(&node->count);
    urcu_memb_read_unlock();
    return node;
}

static inline void rival_begin(void) { urcu_memb_register_thread(); }
static inline void rival_end(void) {
    bag_empty();
    urcu_memb_unregister_thread();
}
static inline void rival_pause(void) {}
static inline void rival_resume(void) {}
static inline void rival_poll(void) {}

#include "peer.h"
#include "work/shared.h"

int main(int argc, char **argv) {
    static const struct peer_question questions[] = {{"shared", work_shared},
                                                     {NULL, NULL}};
    return peer_main(argc, argv, questions);
}
