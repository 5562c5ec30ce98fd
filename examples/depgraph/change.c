// A change is prepared in full under the locks, then committed by exchanging
// references, which cannot fail. What the vectors hold afterwards is dropped
// in both cases: the old objects, or the new ones that did not come to be.
//
//   names    the group, marked with their places; never changed here
//   fresh    for each of the group its new package, then its old one
//   changed  the packages whose lists are replaced
//   lists    for each of them its new list, then its old one

#include "change.h"

// What the graph has now, or will have after the change.
static struct package *future_package(const struct worker *worker,
                                      const struct name *name) {
    if (is_marked(worker, name)) {
        uint32_t place = worker->marks.value_of[name->id];
        if (place < worker->fresh.n)
            return worker->fresh.item[place];
    }
    return tally_get(name, package);
}

static bool make_packages(struct worker *worker, enum change change) {
    for (size_t i = 0; i < worker->names.n; i++) {
        struct name *name = worker->names.item[i];
        struct string *version = tally_get(name, version);
        struct package *package =
            package_new(name, change == INSTALL ? version : NULL);
        if (!package)
            return false;
        if (!vector_push(&worker->fresh, package)) {
            drop(package);
            return false;
        }
    }
    return true;
}

// Makes the list of what a package of these names needs.
static struct links *resolve(const struct worker *worker,
                             const struct links *declared) {
    struct links *needs = list_new(declared->n);
    if (!needs)
        return NULL;
    memcpy(needs->end, declared->end, sizeof needs->end);
    for (uint32_t i = 0; i < declared->n; i++) {
        const struct name *name = tally_ref_get(&declared->to[i]);
        tally_set(needs, to[i], future_package(worker, name));
    }
    return needs;
}

// Makes the list of an old package anew, with the new packages in it.
static struct links *repoint(const struct worker *worker,
                             const struct links *old) {
    struct links *needs = list_new(old->n);
    if (!needs)
        return NULL;
    memcpy(needs->end, old->end, sizeof needs->end);
    for (uint32_t i = 0; i < old->n; i++) {
        struct package *package = tally_ref_get(&old->to[i]);
        const struct name *name = tally_get(package, name);
        if (is_marked(worker, name))
            package = future_package(worker, name);
        tally_set(needs, to[i], package);
    }
    return needs;
}

static bool replace_list(struct worker *worker, struct package *package,
                         struct links *needs) {
    if (needs && vector_push(&worker->changed, package)) {
        if (vector_push(&worker->lists, needs))
            return true;
        worker->changed.n--;
    }
    drop(needs);
    return false;
}

static bool give_needs(struct worker *worker) {
    for (size_t i = 0; i < worker->names.n; i++) {
        const struct name *name = worker->names.item[i];
        struct links *needs = resolve(worker, tally_get(name, declared));
        if (!replace_list(worker, worker->fresh.item[i], needs))
            return false;
    }
    return true;
}

// Makes new lists for those outside of the group who need a member of it.
static bool repoint_users(struct worker *worker) {
    for (size_t i = 0; i < worker->names.n; i++) {
        const struct links *users =
            tally_get((struct name *)worker->names.item[i], users);
        for (uint32_t j = 0; users && j < users->n; j++) {
            const struct name *user = tally_ref_get(&users->to[j]);
            struct package *package = tally_get(user, package);
            const struct links *needs = tally_get(package, needs);
            // Marked: in the group itself, or its turn has been.
            if (needs && mark(worker, user, UINT32_MAX) &&
                !replace_list(worker, package, repoint(worker, needs)))
                return false;
        }
    }
    return true;
}

static void commit(struct worker *worker) {
    for (size_t i = 0; i < worker->lists.n; i++) {
        struct package *package = worker->changed.item[i];
        worker->lists.item[i] =
            tally_exchange(package, needs, worker->lists.item[i]);
    }
    for (size_t i = 0; i < worker->fresh.n; i++) {
        struct name *name = worker->names.item[i];
        worker->fresh.item[i] =
            tally_exchange(name, package, worker->fresh.item[i]);
    }
}

bool change_graph(struct worker *worker, enum change change) {
    struct table *table = &worker->run->table;
    lockset_lock(table, &worker->locks);
    bool whole = make_packages(worker, change) &&
                 (change == REMOVE || give_needs(worker)) &&
                 repoint_users(worker);
    if (whole)
        commit(worker);
    lockset_unlock(table, &worker->locks);

    worker->changed.n = 0;
    vector_drop(&worker->lists);
    vector_drop(&worker->fresh);
    return whole;
}
