// Both plans walk breadth first from a name along what it declares, and
// worker->names is the queue.

#include "plan.h"

#define REMOVAL_MAX 64u
#define SHARED_USERS 16u // more than so many: surely somebody else needs it

static uint32_t count_users(const struct name *name) {
    const struct links *users = tally_get(name, users);
    return users ? users->n : 0;
}

static bool add(struct worker *worker, struct name *name) {
    return !mark(worker, name, (uint32_t)worker->names.n) ||
           vector_push(&worker->names, name);
}

// Locks all that a change of a name reads or writes: the name, those who
// declare it, and what a new version will need. Returns false, and changes
// nothing, if that makes too many.
static bool add_locks(struct worker *worker, const struct name *name) {
    struct lockset set = worker->locks;
    const struct links *users = tally_get(name, users);
    const struct links *declared = tally_get(name, declared);
    lockset_add(&set, name);
    for (uint32_t i = 0; users && i < users->n; i++)
        lockset_add(&set, tally_ref_get(&users->to[i]));
    for (uint32_t i = 0; i < declared->n; i++)
        lockset_add(&set, tally_ref_get(&declared->to[i]));
    if (lockset_count(&set) > PLAN_LOCKS_MAX)
        return false;
    worker->locks = set;
    return true;
}

static bool begin(struct worker *worker) {
    worker->names.n = 0;
    worker->locks = (struct lockset){0};
    return marks_clear(worker);
}

bool plan_upgrade(struct worker *worker, struct name *start) {
    struct vector *names = &worker->names;
    if (!begin(worker))
        return false;
    if (!add_locks(worker, start))
        return true;
    if (!add(worker, start))
        return false;
    for (size_t i = 0; start->cycle && i < names->n; i++) {
        const struct name *name = names->item[i];
        const struct links *declared = tally_get(name, declared);
        for (uint32_t j = 0; j < declared->n; j++) {
            struct name *next = tally_ref_get(&declared->to[j]);
            if (next->cycle == start->cycle && !is_marked(worker, next) &&
                add_locks(worker, next) && !add(worker, next))
                return false;
        }
    }
    return true;
}

// Whether somebody declares a name without being marked.
static bool has_other_users(const struct worker *worker,
                            const struct name *name) {
    const struct links *users = tally_get(name, users);
    for (uint32_t i = 0; users && i < users->n; i++)
        if (!is_marked(worker, tally_ref_get(&users->to[i])))
            return true;
    return false;
}

// Keeps the candidates that pass, marked anew; the first one always does.
// Sets *ret_kept to whether all of them did.
static bool sift(struct worker *worker, bool *ret_all) {
    struct vector *names = &worker->names;
    size_t kept = 1;
    for (size_t i = 1; i < names->n; i++)
        if (!has_other_users(worker, names->item[i]))
            names->item[kept++] = names->item[i];
    *ret_all = kept == names->n;
    names->n = kept;
    if (!marks_clear(worker))
        return false;
    for (size_t i = 0; i < kept; i++)
        mark(worker, names->item[i], (uint32_t)i);
    return true;
}

// Collects what the name leads to, but for what has many users.
static bool collect_candidates(struct worker *worker, struct name *start) {
    struct vector *names = &worker->names;
    if (!begin(worker) || !add(worker, start))
        return false;
    for (size_t i = 0; i < names->n; i++) {
        const struct name *name = names->item[i];
        const struct links *declared = tally_get(name, declared);
        uint32_t end = declared ? declared->end[RECOMMENDS] : 0;
        for (uint32_t j = 0; j < end && names->n < REMOVAL_MAX; j++) {
            struct name *next = tally_ref_get(&declared->to[j]);
            bool real = tally_get(next, declared) != NULL;
            if (real && count_users(next) <= SHARED_USERS && !add(worker, next))
                return false;
        }
    }
    return true;
}

// The candidates are taken for removed, and those that somebody else needs
// taken back, until nothing changes: what is left may need itself in circles.
bool plan_removal(struct worker *worker, struct name *start) {
    if (!collect_candidates(worker, start))
        return false;
    for (bool all = false; !all;)
        if (!sift(worker, &all))
            return false;
    struct vector *names = &worker->names;
    for (size_t i = 0; i < names->n; i++)
        if (!add_locks(worker, names->item[i]))
            names->n = 0;
    return true;
}
