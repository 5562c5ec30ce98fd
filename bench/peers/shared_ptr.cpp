// std::shared_ptr, from std::make_shared: a count beside the object, atomic
// once there is a second thread, as there always is here. A reference is two
// pointers. Long chains die by recursion, so that question is left out.

#include <memory>
#include <utility>

#include "rival_threads.h"

#define RIVAL "shared_ptr"

struct node {
    std::shared_ptr<node> left;
    std::shared_ptr<node> right;
};

typedef std::shared_ptr<node> node_ref;

static inline node_ref *node_slots(size_t n) { return new node_ref[n]; }
static inline void node_slots_free(node_ref *slots) { delete[] slots; }

static inline node_ref node_make() { return std::make_shared<node>(); }
static inline node_ref node_copy(const node_ref *from) {
    return *(const node_ref *)bench_opaque((void *)from);
}
static inline void node_drop(node_ref *reference) { reference->reset(); }
static inline void node_put(node_ref *slot, node_ref *value) {
    *slot = std::move(*value);
}

static inline void node_give_left(node_ref *parent, node_ref *child) {
    (*parent)->left = std::move(*child);
}
static inline void node_give_right(node_ref *parent, node_ref *child) {
    (*parent)->right = std::move(*child);
}

static inline node *node_peek(const node_ref *from) { return from->get(); }
static inline node *node_left(const node *of) { return of->left.get(); }
static inline node *node_right(const node *of) { return of->right.get(); }

typedef std::weak_ptr<node> weak_ref;
static inline weak_ref weak_make(const node_ref *from) { return *from; }
static inline void weak_end(weak_ref *weak) { weak->reset(); }
static inline node_ref weak_take(const weak_ref *weak) { return weak->lock(); }

#include "questions_objects.h"
#include "work/weak.h"

static const struct peer_question questions[] = {
    {"churn", work_churn},
    {"count_pair", work_count_pair},
    {"memory", work_memory},
    {"mutator", work_mutator},
    {"pass", work_pass},
    {"survivor", work_survivor},
    {"trees", work_trees},
    {"weak", work_weak},
    {NULL, NULL}};

int main(int argc, char **argv) { return peer_main(argc, argv, questions); }
