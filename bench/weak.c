// Take a reference through a weak one, and drop it. See work/weak.h.

#include "rival_tally.h"

typedef tally_weak *weak_ref;

static inline weak_ref weak_make(const node_ref *node) {
    weak_ref made = tally_weak_new(*node, NULL, NULL);
    bench_require(made, "no memory");
    return made;
}
static inline void weak_end(weak_ref *weak) { tally_decref(*weak); }
static inline node_ref weak_take(const weak_ref *weak) {
    return (node_ref)tally_weak_get(*weak);
}

#include "work/weak.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_weak();
    return 0;
}
