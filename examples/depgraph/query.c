// A query sees each package as it is at that moment: it takes the lock of one
// name, counts a reference to what it wants to look at, and gives the lock
// back. Safepoints are passed between the locks.

#include "query.h"

// Returns an owned reference to what the name's package needs; NULL for a
// virtual package.
static struct links *current_needs(struct worker *worker,
                                   const struct name *name) {
    table_lock(&worker->run->table, name);
    struct links *needs =
        tally_dup((struct package *)tally_get(name, package), needs);
    table_unlock(&worker->run->table, name);
    return needs;
}

uint32_t query_users(struct worker *worker, struct name *name) {
    const struct links *users = tally_get(name, users);
    uint32_t n = 0;
    for (uint32_t i = 0; users && i < users->end[RECOMMENDS]; i++) {
        const struct name *user = tally_ref_get(&users->to[i]);
        struct links *needs = current_needs(worker, user);
        n += needs != NULL;
        drop(needs);
        tally_safepoint();
    }
    return n;
}

// Adds a name to the queue, if it was not there before.
static bool reach(struct worker *worker, struct name *name, uint32_t steps) {
    return !mark(worker, name, steps) || vector_push(&worker->names, name);
}

// Adds what a package needs. Its list does not change, so no lock is held
// while it is read.
static bool reach_needs(struct worker *worker, const struct name *name,
                        uint32_t steps) {
    struct links *needs = current_needs(worker, name);
    bool whole = true;
    for (uint32_t i = 0; needs && whole && i < needs->end[RECOMMENDS]; i++) {
        struct package *package = tally_ref_get(&needs->to[i]);
        whole = reach(worker, tally_get(package, name), steps);
    }
    drop(needs);
    return whole;
}

// Adds the packages that provide a name.
static bool reach_providers(struct worker *worker, const struct name *name,
                            uint32_t steps) {
    const struct links *users = tally_get(name, users);
    bool whole = true;
    for (uint32_t i = users ? users->end[RECOMMENDS] : 0;
         users && whole && i < users->n; i++)
        whole = reach(worker, tally_ref_get(&users->to[i]), steps);
    return whole;
}

bool query_path(struct worker *worker, struct name *from, struct name *to,
                uint32_t *ret_steps) {
    struct vector *queue = &worker->names;
    queue->n = 0;
    if (!marks_clear(worker) || !reach(worker, from, 0))
        return false;
    for (size_t i = 0; i < queue->n && !is_marked(worker, to); i++) {
        const struct name *name = queue->item[i];
        uint32_t steps = worker->marks.value_of[name->id] + 1;
        if (!reach_needs(worker, name, steps) ||
            !reach_providers(worker, name, steps))
            return false;
        tally_safepoint();
    }
    *ret_steps = is_marked(worker, to) ? worker->marks.value_of[to->id] : 0;
    return true;
}
