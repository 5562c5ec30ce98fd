#include "work.h"

#include "change.h"
#include "interrupt.h"
#include "plan.h"
#include "query.h"

#define ABSENT_MAX 1000u // how much a thread may have dropped

static struct name *any_name(struct worker *worker) {
    const struct links *all = worker->run->catalogue;
    return tally_ref_get(&all->to[random_below(worker, all->n)]);
}

// Chooses a name that has a stanza: every second time one that is part of a
// cycle, so that there is work for the collector. NULL if none was found.
static struct name *choose(struct worker *worker) {
    const struct cycles *cycles = &worker->run->cycles;
    const struct links *all = worker->run->catalogue;
    for (int tries = 0; tries < 64; tries++) {
        struct name *name = any_name(worker);
        if (cycles->members && random_below(worker, 2))
            name = tally_ref_get(
                &all->to[cycles->ids[random_below(worker, cycles->members)]]);
        if (tally_get(name, declared))
            return name;
    }
    return NULL;
}

static bool query(struct worker *worker) {
    struct name *name = any_name(worker);
    count(worker, USERS_SEEN, query_users(worker, name));
    count(worker, QUERIES, 1);
    return true;
}

// Chooses what some package needs: the more often others do, the likelier.
static struct name *choose_target(struct worker *worker) {
    const struct name *name = any_name(worker);
    const struct links *declared = tally_get(name, declared);
    if (!declared || !declared->n)
        return NULL;
    return tally_ref_get(&declared->to[random_below(worker, declared->n)]);
}

static bool find_path(struct worker *worker) {
    struct name *from = choose(worker);
    struct name *to = choose_target(worker);
    if (!from || !to)
        return true;
    uint32_t steps = 0;
    if (!query_path(worker, from, to, &steps))
        return false;
    count(worker, PATHS, 1);
    count(worker, PATHS_FOUND, steps > 0);
    count(worker, PATH_STEPS, steps);
    return true;
}

static bool replace(struct worker *worker) {
    struct name *name = choose(worker);
    if (!name)
        return true;
    if (!plan_upgrade(worker, name) || !change_graph(worker, INSTALL))
        return false;
    count(worker, REPLACEMENTS, worker->names.n > 0);
    count(worker, REPLACED, worker->names.n);
    return true;
}

static bool drop_some(struct worker *worker) {
    struct name *name = choose(worker);
    if (!name)
        return true;
    if (!plan_removal(worker, name) || !change_graph(worker, REMOVE))
        return false;
    if (!worker->names.n)
        return true;
    count(worker, DROPS, 1);
    count(worker, DROPPED, worker->names.n);
    return vector_push(&worker->absent, name);
}

// Brings back a random one of those that this thread dropped.
static bool bring_back(struct worker *worker) {
    struct vector *absent = &worker->absent;
    if (!absent->n)
        return true;
    void **chosen = &absent->item[random_below(worker, absent->n)];
    struct name *name = *chosen;
    *chosen = absent->item[--absent->n];
    if (!plan_removal(worker, name) || !change_graph(worker, INSTALL))
        return false;
    count(worker, RETURNS, 1);
    return true;
}

// Of 100 turns, 45 ask who needs a name, 5 look for a path, 30 replace, and
// 10 each drop and bring back.
static bool turn(struct worker *worker) {
    uint64_t dice = random_below(worker, 100);
    if (dice < 45)
        return query(worker);
    if (dice < 50)
        return find_path(worker);
    if (dice < 80)
        return replace(worker);
    if (dice < 90 && worker->absent.n < ABSENT_MAX)
        return drop_some(worker);
    return bring_back(worker);
}

void work(struct worker *worker) {
    struct run *run = worker->run;
    while (!atomic_load_explicit(&run->enough, memory_order_relaxed) &&
           !failure_is_set(&run->failure) && !is_interrupted()) {
        if (!turn(worker))
            failure_no_memory(&run->failure);
        tally_safepoint();
    }
}
