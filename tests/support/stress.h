// What the stress programs share: options, random numbers, meeting points, a
// verdict, and a watchdog that shows where the threads stand when nothing goes
// on.
//
// A program is one source file:
//
//     stress_begin(argc, argv, "name", 4);      // 4 threads unless told
//     while (!stress_over()) { ...; stress_tick(); }
//     return stress_end();                      // 0: nothing was found
//
// The seed decides what each thread does, not when: the same seed finds the
// same bug again in most runs, not in all.

#ifndef SUPPORT_STRESS_H
#define SUPPORT_STRESS_H

#include <stdarg.h>
#include <string.h>

#include <tally/tally.h>

#include "stands.h"
#include "threads.h"

#define STRESS_THREADS_MAX 64u
#ifndef STRESS_PATIENCE_S
#define STRESS_PATIENCE_S 120u
#endif

static struct stress {
    const char *name;
    uint64_t threads;
    uint64_t seconds;
    uint64_t seed;
    uint64_t began_ns;
    atomic_ulong progress; // the watchdog's: changes while things go on
} stress;

// Says what is wrong and with which seed, and aborts: a debugger or a core
// file shows the rest.
__attribute__((noreturn, format(printf, 3, 4))) static inline void stress_fail(
    const char *file, int line, const char *format, ...) {
    va_list args;
    flockfile(stderr);
    fprintf(stderr, "%s: FAILED at %s:%d, seed %llu, %u threads: ", stress.name,
            file, line, (unsigned long long)stress.seed,
            (unsigned)stress.threads);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    funlockfile(stderr);
    abort();
}

// The verdict: unless the condition holds, the program has found something.
#define expect(condition, ...)                                                 \
    ((condition) ? (void)0 : stress_fail(__FILE__, __LINE__, __VA_ARGS__))

static inline void stress_tick(void) {
    atomic_fetch_add_explicit(&stress.progress, 1, memory_order_relaxed);
}

static inline bool stress_over(void) {
    return now_ns() - stress.began_ns >= stress.seconds * 1000000000u;
}

static inline void *stress_watch(void *arg) {
    unsigned long seen = 0;
    for (unsigned idle = 0; idle < STRESS_PATIENCE_S; idle++) {
        sleep_ms(1000);
        unsigned long now =
            atomic_load_explicit(&stress.progress, memory_order_relaxed);
        if (now != seen)
            idle = 0;
        seen = now;
    }
    (void)stands_show(getpid());
    stress_fail(__FILE__, __LINE__, "nothing went on for %u s",
                STRESS_PATIENCE_S);
    return arg;
}

// ---- random numbers

// Mixes numbers into the state of a generator of its own (SplitMix64).
static inline uint64_t stress_stream(uint64_t a, uint64_t b) {
    uint64_t x = stress.seed + a * 0x9E3779B97F4A7C15u + (b << 40) + 1;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return (x ^ (x >> 31)) | 1;
}

// Xorshift64*; the upper half, which is the better one.
static inline uint32_t stress_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * 0x2545F4914F6CDD1Du) >> 32);
}

static inline uint32_t stress_below(uint64_t *state, uint32_t n) {
    return (uint32_t)(((uint64_t)stress_random(state) * n) >> 32);
}

// ---- meeting points

typedef pthread_barrier_t meeting;

static inline void meeting_init(meeting *at, uint64_t threads) {
    must(pthread_barrier_init(at, NULL, (unsigned)threads) == 0);
}

// Waits for all the others, in a blocking region.
static inline void meeting_wait(meeting *at) {
    TALLY_BLOCKING { pthread_barrier_wait(at); }
    stress_tick();
}

// ---- a team

// Runs as many threads as were asked for, numbered from 0 on, to their end.
static inline void team_run(thread_fn fn) {
    pthread_t thread[STRESS_THREADS_MAX];
    for (uintptr_t n = 0; n < stress.threads; n++)
        thread[n] = thread_start(fn, (void *)n);
    for (uintptr_t n = 0; n < stress.threads; n++)
        thread_join(thread[n]);
}

// ---- begin and end

static inline void stress_usage(void) {
    fprintf(stderr, "usage: %s [--threads N] [--seconds N] [--seed N]\n",
            stress.name);
    exit(2);
}

static inline void stress_options(int argc, char **argv) {
    for (int i = 1; i < argc; i += 2) {
        char *end = NULL;
        if (i + 1 == argc)
            stress_usage();
        uint64_t value = strtoull(argv[i + 1], &end, 10);
        if (*end || end == argv[i + 1])
            stress_usage();
        if (!strcmp(argv[i], "--threads"))
            stress.threads = value;
        else if (!strcmp(argv[i], "--seconds"))
            stress.seconds = value;
        else if (!strcmp(argv[i], "--seed"))
            stress.seed = value;
        else
            stress_usage();
    }
    if (stress.threads < 2 || stress.threads > STRESS_THREADS_MAX)
        stress_usage();
}

// Starts the runtime with limits that make its work frequent; the seed picks
// them, and every fourth seed has the heap checked after each collection.
static inline void stress_init(void) {
    uint64_t random = stress_stream(1000, 1000);
    struct tally_config config = TALLY_CONFIG_INIT;
    config.young_bytes = 4096u << stress_below(&random, 8);
    config.full_percent = 10 + stress_below(&random, 100);
    config.purge_delay_ms = stress_below(&random, 20);
    config.verify = stress.seed % 4 == 0;
    if (stress.seed % 3 == 0)
        config.destroy_slice = 128u << stress_below(&random, 4);
    must(tally_init(&config) == TALLY_OK);
    must(tally_attach("main") == TALLY_OK);
}

static inline void stress_begin(int argc, char **argv, const char *name,
                                uint64_t threads) {
    stress.name = name;
    stress.threads = threads;
    stress.seconds = 10;
    stress.seed = 1;
    stress_options(argc, argv);
    printf("%s: seed %llu, %llu threads, %llu s\n", name,
           (unsigned long long)stress.seed, (unsigned long long)stress.threads,
           (unsigned long long)stress.seconds);
    fflush(stdout);
    stress_init();
    stress.began_ns = now_ns();
    must(pthread_detach(thread_start(stress_watch, NULL)) == 0);
}

static inline struct tally_stats stress_stats(void) {
    struct tally_stats stats = {.size = sizeof stats};
    must(tally_stats_get(&stats) == TALLY_OK);
    return stats;
}

// A full collection that comes to its end: on a busy machine one gives up, by
// deadline_ms, and has destroyed nothing.
static inline void stress_collect(void) {
    tally_status status;
    do
        status = tally_collect_generation(TALLY_FULL, NULL);
    while (status == TALLY_TIMED_OUT);
    expect(status == TALLY_OK, "collect: %s", tally_strerror(status));
}

// Collects until nothing ends any more: what dies may lead from thread to
// thread, and a collection waits for four steps of those that still run.
static inline void stress_settle(void) {
    uint64_t before;
    do {
        before = stress_stats().counters.destroyed;
        stress_collect();
        stress_tick();
    } while (stress_stats().counters.destroyed != before);
}

// Says what was done, and ends the runtime, which must find nothing alive.
// All threads but this one have ended. Returns the exit status.
static inline int stress_end(void) {
    struct tally_stats stats = stress_stats();
    printf("%s: made %llu; counted %llu by owners, %llu by others; "
           "%llu collections, %llu mutators\n",
           stress.name, (unsigned long long)stats.counters.made,
           (unsigned long long)stats.counters.owner_counts,
           (unsigned long long)(stats.counters.shared_counts +
                                stats.counters.merged_counts),
           (unsigned long long)(stats.collections[0] + stats.collections[1]),
           (unsigned long long)stats.mutators);
    fflush(stdout);
    expect(tally_verify(2) == TALLY_OK, "the heap is corrupt at the end");
    size_t leaked = 0;
    tally_status status;
    do
        status = tally_shutdown(&leaked);
    while (status == TALLY_TIMED_OUT);
    expect(status == TALLY_OK, "shutdown: %s", tally_strerror(status));
    expect(leaked == 0, "%zu objects leaked", leaked);
    return 0;
}

#endif
