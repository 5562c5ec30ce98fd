// What does a block of raw memory cost that another thread frees?
//
// As pass with a ring of 4,096, with blocks of 64 bytes of which each side
// writes one word.

#ifndef BENCH_WORK_REMOTE_FREE_H
#define BENCH_WORK_REMOTE_FREE_H

#include "../ring.h"
#include "../team.h"

#define REMOTE_BYTES 64

static struct ring remote_ring;
static void *remote_slots[RING_SLOTS_MAX];

static void remote_alloc(uint64_t blocks) {
    for (uint64_t i = 0; i < blocks; i += RING_BATCH) {
        unsigned first = ring_room(&remote_ring);
        for (unsigned k = 0; k < RING_BATCH; k++) {
            uint64_t *block = (uint64_t *)rival_alloc(REMOTE_BYTES);
            bench_require(block, "no memory");
            *block = i;
            remote_slots[first + k] = block;
        }
        ring_move(&remote_ring.filled);
        rival_poll();
    }
    ring_settle(&remote_ring);
}

static void remote_free(uint64_t blocks) {
    for (uint64_t i = 0; i < blocks; i += RING_BATCH) {
        unsigned first = ring_ready(&remote_ring);
        for (unsigned k = 0; k < RING_BATCH; k++) {
            ++*(uint64_t *)remote_slots[first + k];
            rival_free(remote_slots[first + k]);
        }
        ring_move(&remote_ring.emptied);
        rival_poll();
    }
}

static void remote_run(struct bench_worker *worker) {
    if (worker->index == 0)
        remote_alloc(worker->ops);
    else
        remote_free(worker->ops);
}

static void work_remote_free(void) {
    const struct bench_work work = {"remote_free", RING_BATCH, NULL, remote_run,
                                    NULL};
    ring_reset(&remote_ring, 4096);
    team_measure(&work, 2, "bytes=64");
}

#endif
