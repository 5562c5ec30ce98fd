// What does a look-up in a map cost, beside others, and how large is it?
//
// 1 million keys of text, of 8 to 16 letters, and integers for values. op=get:
// looks one of them up at random, by another object with the same letters. op=
// mix: of ten operations one sets a key's value, the others look up. op=miss:
// looks for what is not there. Who has no map for several threads locks, where
// there are two or some write. What is asked of a rival:
//
//     map_fill(n)       makes the map with keys 0 .. n - 1; key_text has them
//     map_drop()
//     map_probe(n)      what this thread has to look key n up with; a pointer
//     map_get(p), map_put(p, v)    v is a small integer
//     map_shared        whether threads may read beside a writer

#ifndef BENCH_WORK_MAP_H
#define BENCH_WORK_MAP_H

#include "../team.h"

#define MAP_KEYS 1000000u
#define MAP_PROBES 65536u // of the keys, a thread's
#define MAP_POLL 64

// A key's letters: in no order, and not of one length.
static inline size_t key_text(char *at, uint32_t number) {
    uint64_t mixed = (number + 1) * 0x9E3779B97F4A7C15u;
    return (size_t)sprintf(at, "%u:%llx", number,
                           (unsigned long long)(mixed >> (24 + mixed % 13)));
}

#ifdef MAP_RIVAL // else it is defined by who includes this
#include MAP_RIVAL
#endif

static int map_users;
static int map_ready;

struct map_state {
    map_probe_ref probe[MAP_PROBES];
};

static inline void map_prepare_from(struct bench_worker *worker,
                                    uint32_t first) {
    struct map_state *state = (struct map_state *)malloc(sizeof *state);
    bench_require(state, "no memory");
    worker->state = state;
    if (worker->index == 0) {
        map_fill(MAP_KEYS);
        // ORDER[ready] release: the map, before others use it. Pairs with the
        // load below.
        __atomic_store_n(&map_ready, 1, __ATOMIC_RELEASE);
    }
    rival_pause();
    // ORDER[ready] acquire: see above.
    while (!__atomic_load_n(&map_ready, __ATOMIC_ACQUIRE))
        sched_yield();
    rival_resume();
    for (uint32_t n = 0; n < MAP_PROBES; n++)
        state->probe[n] =
            map_probe(first + bench_random(&worker->random) % MAP_KEYS);
    __atomic_fetch_add(&map_users, 1, __ATOMIC_RELAXED);
}

static void map_prepare(struct bench_worker *worker) {
    map_prepare_from(worker, 0);
}
static void map_prepare_miss(struct bench_worker *worker) {
    map_prepare_from(worker, MAP_KEYS);
}

static void map_finish(struct bench_worker *worker) {
    struct map_state *state = (struct map_state *)worker->state;
    for (uint32_t n = 0; n < MAP_PROBES; n++)
        map_probe_end(state->probe[n]);
    free(state);
    // The last one, when nobody uses it any more.
    if (__atomic_sub_fetch(&map_users, 1, __ATOMIC_ACQ_REL) == 0) {
        map_ready = 0;
        map_drop();
    }
}

__attribute__((noinline, aligned(64))) static void map_get_run(
    struct bench_worker *worker) {
    struct map_state *state = (struct map_state *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += MAP_POLL) {
        for (unsigned k = 0; k < MAP_POLL; k++)
            bench_keep(map_get(
                state->probe[bench_random(&worker->random) % MAP_PROBES]));
        rival_poll();
    }
}

__attribute__((noinline, aligned(64))) static void map_mix_run(
    struct bench_worker *worker) {
    struct map_state *state = (struct map_state *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += MAP_POLL) {
        for (unsigned k = 0; k < MAP_POLL; k++) {
            uint32_t n = bench_random(&worker->random);
            map_probe_ref probe = state->probe[n % MAP_PROBES];
            if ((n >> 16) % 10 == 0)
                map_put(probe, n >> 4);
            else
                bench_keep(map_get_beside(probe));
        }
        rival_poll();
    }
}

static inline void work_map(void) {
    const struct bench_work get = {"map", MAP_POLL, map_prepare, map_get_run,
                                   map_finish};
    const struct bench_work miss = {"map", MAP_POLL, map_prepare_miss,
                                    map_get_run, map_finish};
    const struct bench_work mix = {"map", MAP_POLL, map_prepare, map_mix_run,
                                   map_finish};
    team_measure(&get, 1, "op=get");
    team_measure(&miss, 1, "op=miss");
    if (map_shared) {
        team_measure(&get, 2, "op=get");
        team_measure(&mix, 2, "op=mix");
    }
}

#endif
