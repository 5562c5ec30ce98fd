// What does it cost to take a reference through a weak one, and to drop it?
//
// who=owner: the thread that made the object. threads=2: two threads, one of
// them the owner, on the same object. A rival without weak references counts
// the object up and down instead, which is what it would at least cost.

#ifndef BENCH_WORK_WEAK_H
#define BENCH_WORK_WEAK_H

#include "../team.h"

#define WEAK_POLL 64

static node_ref weak_node;
static weak_ref weak_shared;
static int weak_ready;

static void weak_prepare(struct bench_worker *worker) {
    if (worker->index == 0) {
        weak_node = node_make();
        weak_shared = weak_make(&weak_node);
        // ORDER[ready] release: the node, before the other thread uses it.
        // Pairs with the load below.
        __atomic_store_n(&weak_ready, 1, __ATOMIC_RELEASE);
        return;
    }
    rival_pause();
    // ORDER[ready] acquire: see above.
    while (!__atomic_load_n(&weak_ready, __ATOMIC_ACQUIRE))
        sched_yield();
    rival_resume();
}

static void weak_finish(struct bench_worker *worker) {
    if (worker->index != 0)
        return;
    weak_ready = 0;
    weak_end(&weak_shared);
    node_drop(&weak_node);
}

__attribute__((noinline, aligned(64))) static void weak_run(
    struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i += WEAK_POLL) {
        for (unsigned k = 0; k < WEAK_POLL; k++) {
            node_ref taken = weak_take(&weak_shared);
            node_drop(&taken);
        }
        rival_poll();
    }
}

static void work_weak(void) {
    const struct bench_work work = {"weak", WEAK_POLL, weak_prepare, weak_run,
                                    weak_finish};
    team_measure(&work, 1, "");
    team_measure(&work, 2, "");
}

#endif
