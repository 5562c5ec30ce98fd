// What does one field cost that all threads read while some replace what is in
// it?
//
// op=read: a word of the object that the field refers to, by whatever way is
// the fastest that is safe. op=dup: a counted reference, and its drop. op=mix:
// nine reads, then a new object in the place of the old one; each thread does
// both. What is asked of a rival beside nodes:
//
//     shared_field    the field; zeroed storage is empty
//     shared_put      moves a reference there, drops what was there
//     shared_word     the word left of the node there
//     shared_copy     a counted reference to it

#ifndef BENCH_WORK_SHARED_H
#define BENCH_WORK_SHARED_H

#include "../team.h"

#define SHARED_READS 9  // to one replacement
#define SHARED_ROUND 10 // operations
#define SHARED_POLL 64  // operations

__attribute__((aligned(128))) static shared_field shared_one;

static void shared_prepare(struct bench_worker *worker) {
    if (worker->index != 0)
        return;
    node_ref node = node_make();
    shared_put(&shared_one, &node);
}

static void shared_finish(struct bench_worker *worker) {
    if (worker->index != 0)
        return;
    static node_ref nothing;
    shared_put(&shared_one, &nothing);
}

__attribute__((noinline, aligned(64))) static void shared_read_run(
    struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i++)
        bench_keep(shared_word(&shared_one));
}

__attribute__((noinline, aligned(64))) static void shared_dup_run(
    struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i++) {
        node_ref copy = shared_copy(&shared_one);
        bench_keep((uintptr_t)node_left(node_peek(&copy)));
        node_drop(&copy);
        if (i % SHARED_POLL == 0)
            rival_poll();
    }
}

__attribute__((noinline, aligned(64))) static void shared_mix_run(
    struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i += SHARED_ROUND) {
        for (unsigned k = 0; k < SHARED_READS; k++)
            bench_keep(shared_word(&shared_one));
        node_ref made = node_make();
        shared_put(&shared_one, &made);
        if (i % (SHARED_POLL * SHARED_ROUND) == 0)
            rival_poll();
    }
}

static inline void work_shared(void) {
    const struct bench_work read = {"shared", SHARED_POLL, shared_prepare,
                                    shared_read_run, shared_finish};
    const struct bench_work dup = {"shared", SHARED_POLL, shared_prepare,
                                   shared_dup_run, shared_finish};
    const struct bench_work mix = {"shared", SHARED_ROUND, shared_prepare,
                                   shared_mix_run, shared_finish};
    for (unsigned threads = 1; threads <= 2; threads++) {
        team_measure(&read, threads, "op=read");
        team_measure(&dup, threads, "op=dup");
        team_measure(&mix, threads, "op=mix");
    }
}

#endif
