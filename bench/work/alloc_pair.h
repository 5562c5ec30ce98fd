// What does allocating raw memory and freeing some cost, by size?
//
// A window of 1,024 blocks; an operation allocates one and frees a random one,
// whose place it takes. They are of one size, or of 16 to 512 bytes at random.
// One word of each new block is written.

#ifndef BENCH_WORK_ALLOC_PAIR_H
#define BENCH_WORK_ALLOC_PAIR_H

#include "../team.h"

#define PAIR_WINDOW 1024
#define PAIR_POLL 4096

static size_t alloc_bytes; // 0: at random

static inline uint64_t *alloc_block(uint32_t random) {
    size_t size = alloc_bytes ? alloc_bytes : 16 + (random >> 10) % 497;
    uint64_t *block = (uint64_t *)rival_alloc(size);
    bench_require(block, "no memory");
    *block = random;
    return block;
}

static void alloc_prepare(struct bench_worker *worker) {
    uint64_t **window = (uint64_t **)calloc(PAIR_WINDOW, sizeof *window);
    bench_require(window, "no memory");
    for (unsigned i = 0; i < PAIR_WINDOW; i++)
        window[i] = alloc_block(bench_random(&worker->random));
    worker->state = window;
}

static void alloc_finish(struct bench_worker *worker) {
    uint64_t **window = (uint64_t **)worker->state;
    for (unsigned i = 0; i < PAIR_WINDOW; i++)
        rival_free(window[i]);
    free(window);
}

__attribute__((noinline)) static void alloc_run(struct bench_worker *worker) {
    uint64_t **window = (uint64_t **)worker->state;
    uint32_t random = worker->random;
    for (uint64_t i = 0; i < worker->ops; i += PAIR_POLL) {
        for (unsigned k = 0; k < PAIR_POLL; k++) {
            uint32_t now = bench_random(&random);
            uint64_t **slot = &window[now % PAIR_WINDOW];
            uint64_t *old = *slot;
            *slot = alloc_block(now);
            rival_free(old);
        }
        rival_poll();
    }
    worker->random = random;
}

static void work_alloc_pair(void) {
    const struct bench_work work = {"alloc_pair", PAIR_POLL, alloc_prepare,
                                    alloc_run, alloc_finish};
    static const size_t sizes[] = {16, 64, 256, 512};
    char label[32];
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        alloc_bytes = sizes[i];
        snprintf(label, sizeof label, "bytes=%zu", alloc_bytes);
        team_measure(&work, 1, label);
    }
    alloc_bytes = 0;
    team_measure(&work, 1, "bytes=mixed");
}

#endif
