// std::atomic<std::shared_ptr>, as C++20 has it: whoever reads takes a bit of
// the pointer for a lock, counts, and drops.

#include <atomic>
#include <memory>
#include <utility>

#include "rival_threads.h"

#define RIVAL "atomic_shared_ptr"

struct node {
    node *left = nullptr;
    node *right = nullptr;
};

typedef std::shared_ptr<node> node_ref;
typedef std::atomic<node_ref> shared_field;

static inline node_ref node_make() { return std::make_shared<node>(); }
static inline void node_drop(node_ref *reference) { reference->reset(); }
static inline node *node_peek(const node_ref *from) { return from->get(); }
static inline node *node_left(const node *of) { return of->left; }

// ORDER[aref] both, here and below: the object as it was stored. A store pairs
// with the loads that read it.
static inline void shared_put(shared_field *field, node_ref *value) {
    field->exchange(std::move(*value), std::memory_order_acq_rel);
}
static inline node_ref shared_copy(shared_field *field) {
    return field->load(std::memory_order_acquire);
}
static inline uintptr_t shared_word(shared_field *field) {
    return (uintptr_t)shared_copy(field)->left;
}

#include "peer.h"
#include "work/shared.h"

int main(int argc, char **argv) {
    static const peer_question questions[] = {{"shared", work_shared},
                                              {NULL, NULL}};
    return peer_main(argc, argv, questions);
}
