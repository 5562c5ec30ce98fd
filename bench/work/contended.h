// What does counting a reference once more and dropping it again cost, where
// two threads do so to one object at the same time?
//
// The first thread makes the object. Of a rival whose objects have owners it
// is the owner's (state=biased), nobody's (state=merged), or counted by each
// thread apart (state=hot).

#ifndef BENCH_WORK_CONTENDED_H
#define BENCH_WORK_CONTENDED_H

#include "../team.h"

#define CONTENDED_STEP 1024

static node_ref contended_node;
static bool contended_ready; // atomically
static void (*contended_state)(node_ref *node);

static void contended_prepare(struct bench_worker *worker) {
    if (worker->index == 0) {
        contended_node = node_make();
        contended_state(&contended_node);
        __atomic_store_n(&contended_ready, true, __ATOMIC_RELEASE);
    }
    while (!__atomic_load_n(&contended_ready, __ATOMIC_ACQUIRE))
        rival_poll(), sched_yield();
}

static void contended_finish(struct bench_worker *worker) {
    if (worker->index == 0)
        node_drop(&contended_node);
}

__attribute__((noinline, aligned(64))) static void contended_run(
    struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i += CONTENDED_STEP) {
        for (unsigned k = 0; k < CONTENDED_STEP; k++) {
            node_ref extra = node_copy(&contended_node);
            node_drop(&extra);
        }
        rival_poll();
    }
}

static void contended_case(const char *question, const char *label,
                           void (*state)(node_ref *node)) {
    const struct bench_work work = {question, CONTENDED_STEP, contended_prepare,
                                    contended_run, contended_finish};
    for (unsigned threads = 1; threads <= 2; threads++) {
        contended_state = state;
        contended_ready = false;
        team_measure(&work, threads, label);
    }
}

static void state_biased(node_ref *node) { (void)node; }

static inline void work_contended(void) {
    contended_case("contended", "state=biased", state_biased);
    contended_case("contended", "state=merged", node_give_up);
}

static inline void work_hot(void) {
    contended_case("hot", "state=hot", node_make_hot);
    contended_case("hot", "state=by_itself", node_give_up);
}

#endif
