#include "check.h"

struct census graph_census(const struct run *run) {
    struct census census = {0};
    const struct links *all = run->catalogue;
    for (uint32_t i = 0; i < all->n; i++) {
        const struct name *name = tally_ref_get(&all->to[i]);
        const struct links *declared = tally_get(name, declared);
        census.real += declared != NULL;
        census.virtual += declared == NULL;
        for (int kind = 0; declared && kind < KINDS; kind++)
            census.edges[kind] +=
                declared->end[kind] - list_begin(declared, (enum kind)kind);
    }
    return census;
}

static bool is_right(const struct name *name) {
    const struct package *package = tally_get(name, package);
    const struct links *needs = tally_get(package, needs);
    const struct links *declared = tally_get(name, declared);
    if (tally_get(package, name) != name)
        return false;
    if (!needs)
        return true;
    if (!declared || needs->n != declared->n)
        return false;
    for (uint32_t i = 0; i < needs->n; i++) {
        const struct name *target = tally_ref_get(&declared->to[i]);
        if (tally_ref_get(&needs->to[i]) != tally_get(target, package))
            return false;
    }
    return true;
}

uint64_t graph_check(const struct run *run) {
    const struct links *all = run->catalogue;
    uint64_t wrong = 0;
    for (uint32_t i = 0; i < all->n; i++) {
        wrong += !is_right(tally_ref_get(&all->to[i]));
        tally_safepoint();
    }
    return wrong;
}

struct leaked {
    tally_type *type[16];
    uint64_t count[16];
    uint64_t all;
};

static bool count_leaked(void *object, void *arg) {
    struct leaked *leaked = arg;
    tally_type *type = tally_type_of(object);
    leaked->all++;
    for (int i = 0; i < 16; i++)
        if (!leaked->type[i] || leaked->type[i] == type) {
            leaked->type[i] = type;
            leaked->count[i]++;
            break;
        }
    return true;
}

uint64_t print_leaked(void) {
    struct leaked leaked = {0};
    tally_status status = tally_walk(count_leaked, &leaked);
    if (status)
        fprintf(stderr, "depgraph: the heap cannot be walked: %s\n",
                tally_strerror(status));
    for (int i = 0; i < 16 && leaked.type[i]; i++)
        fprintf(stderr, "depgraph: not destroyed: %llu of type %s\n",
                (unsigned long long)leaked.count[i], leaked.type[i]->name);
    return leaked.all;
}
