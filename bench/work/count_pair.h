// What does counting a reference once more and dropping it again cost whoever
// owns the object?
//
// The pair's two halves must not be joined: node_copy hides from the compiler
// which node it counted. objects=1 hits the same count again and again;
// objects=64 takes turns, as programs do.

#ifndef BENCH_WORK_COUNT_PAIR_H
#define BENCH_WORK_COUNT_PAIR_H

#include "../team.h"

#define PAIR_OBJECTS 64

static void pair_prepare(struct bench_worker *worker) {
    node_ref *slots = node_slots(PAIR_OBJECTS);
    for (unsigned i = 0; i < PAIR_OBJECTS; i++)
        slots[i] = node_make();
    worker->state = slots;
}

static void pair_finish(struct bench_worker *worker) {
    node_ref *slots = (node_ref *)worker->state;
    for (unsigned i = 0; i < PAIR_OBJECTS; i++)
        node_drop(&slots[i]);
    node_slots_free(slots);
}

static inline void pair_once(const node_ref *slot) {
    node_ref extra = node_copy(slot);
    node_drop(&extra);
}

__attribute__((noinline, aligned(64))) static void pair_one(
    struct bench_worker *worker) {
    const node_ref *slots = (const node_ref *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i++)
        pair_once(slots);
}

__attribute__((noinline, aligned(64))) static void pair_many(
    struct bench_worker *worker) {
    const node_ref *slots = (const node_ref *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += PAIR_OBJECTS)
        for (unsigned k = 0; k < PAIR_OBJECTS; k++)
            pair_once(&slots[k]);
}

static inline void work_count_pair(void) {
    const struct bench_work one = {"count_pair", PAIR_OBJECTS, pair_prepare,
                                   pair_one, pair_finish};
    const struct bench_work many = {"count_pair", PAIR_OBJECTS, pair_prepare,
                                    pair_many, pair_finish};
    team_measure(&many, 1, "objects=64");
    team_measure(&one, 1, "objects=1");
}

#endif
