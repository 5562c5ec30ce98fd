// What all benchmark programs share: options, the clock, samples, and the one
// line that a case prints.
//
//     churn threads=1 who=tally ns=3.21 min=3.17 spread=1.2% runs=9 cpu=99%
//
// The first word is the question, then come the case and who answers it, then
// the median and the least of the samples, in the unit that the median's name
// tells, and the spread: the distance between the quartiles in percent of the
// median. cpu is the share of the time in which the threads had a core when
// they wanted one, and all of them had begun, in the worst sample: below 95 %
// others took it. Such a sample is taken again once, and counts only if all
// are like that.
//
// Valid in C17 and in C++17.

#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_RUNS_MAX 64

struct bench_options {
    unsigned threads;   // only cases of so many threads; 0: all
    const char *only;   // only cases whose label has this in it; NULL: all
    unsigned runs;      // samples of a case
    double sample_ns;   // how long a sample takes, where that is free
    bool print_samples; // each of them, for bench/report
};
static struct bench_options bench_options = {0, NULL, 9, 40e6, false};

static inline double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

// How long the thread was ready to run and waited for a core, in ns; 0 where
// the kernel does not say.
static inline double bench_waited(void) {
    double waited = 0;
    FILE *file = fopen("/proc/thread-self/schedstat", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%*s %lf", &waited) != 1)
        waited = 0;
    fclose(file);
    return waited;
}

// A stretch of one thread's time, in ns.
struct bench_span {
    double start;
    double end;
    double waited; // of it, for a core
};

static inline void bench_begin(struct bench_span *span) {
    span->waited = bench_waited();
    span->start = bench_now();
}
static inline void bench_end(struct bench_span *span) {
    span->end = bench_now();
    span->waited = bench_waited() - span->waited;
}

// The share of the time in which the thread had a core if it wanted one.
static inline double bench_share(const struct bench_span *span) {
    double share = 1 - span->waited / (span->end - span->start);
    return share > 0 ? share : 0; // it may have waited just before its start
}

// A benchmark that measured something else than it says must not print.
static inline void bench_require(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

// Marsaglia's xorshift: one number for a random place costs 1 ns.
static inline uint32_t bench_random(uint32_t *state) {
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

// The compiler must not know which object this is from here on, so that it can
// neither join two operations on it nor leave them out.
static inline void *bench_opaque(void *pointer) {
    __asm__ volatile("" : "+r"(pointer));
    return pointer;
}

// The compiler must work out a result though nobody reads it.
static inline void bench_keep(uint64_t result) {
    __asm__ volatile("" : : "r"(result));
}

// One sample.
struct bench_value {
    double value;
    double share; // of the time, that the threads had cores
};

struct bench_case {
    const char *question;
    const char *who;
    const char *unit; // "ns", "bytes", "count"
    char label[64];   // "threads=1 bytes=16"
    unsigned runs;
    struct bench_value sample[BENCH_RUNS_MAX];
};

#define BENCH_SHARE 0.95
#define BENCH_TRIES 2

static inline void bench_add(struct bench_case *c, double value, double share) {
    c->sample[c->runs].value = value;
    c->sample[c->runs++].share = share;
}

// Takes one sample: [take] returns its value and says what share of the time
// the threads had cores. Of some tries the least disturbed one counts.
static inline void bench_sample(struct bench_case *c,
                                double (*take)(void *arg, double *ret_share),
                                void *arg) {
    double best = 0;
    double best_share = -1;
    for (unsigned i = 0; i < BENCH_TRIES && best_share < BENCH_SHARE; i++) {
        double share = 1;
        double value = take(arg, &share);
        if (share > best_share) {
            best = value;
            best_share = share;
        }
    }
    bench_add(c, best, best_share);
}

static inline struct bench_case bench_case_of(const char *question,
                                              const char *who,
                                              const char *unit) {
    struct bench_case result;
    memset(&result, 0, sizeof result);
    result.question = question;
    result.who = who;
    result.unit = unit;
    return result;
}

// Whether the options want the case.
static inline bool bench_wanted(unsigned threads, const char *label) {
    if (bench_options.threads && threads && bench_options.threads != threads)
        return false;
    return !bench_options.only || strstr(label, bench_options.only);
}

static inline int bench_order(const void *a, const void *b) {
    double x = ((const struct bench_value *)a)->value;
    double y = ((const struct bench_value *)b)->value;
    return (x > y) - (x < y);
}

// Leaves disturbed samples out if there are others, and sorts the rest.
// Returns the least share of those that are left.
static inline double bench_sift(struct bench_case *c) {
    unsigned kept = 0;
    for (unsigned i = 0; i < c->runs; i++)
        if (c->sample[i].share >= BENCH_SHARE)
            c->sample[kept++] = c->sample[i];
    c->runs = kept ? kept : c->runs;
    double share = 1;
    for (unsigned i = 0; i < c->runs; i++)
        share = c->sample[i].share < share ? c->sample[i].share : share;
    qsort(c->sample, c->runs, sizeof *c->sample, bench_order);
    return share;
}

// Prints the line of a case whose samples are taken.
static inline void bench_print(struct bench_case *c) {
    double share = bench_sift(c);
    const struct bench_value *sorted = c->sample;
    double median = sorted[c->runs / 2].value;
    double box = sorted[c->runs * 3 / 4].value - sorted[c->runs / 4].value;
    printf("%s %s who=%s %s=%.3f min=%.3f spread=%.1f%% runs=%u cpu=%.0f%%",
           c->question, c->label, c->who, c->unit, median, sorted[0].value,
           median > 0 ? 100 * box / median : 0.0, c->runs, 100 * share);
    for (unsigned i = 0; bench_options.print_samples && i < c->runs; i++)
        printf("%s%.3f", i ? "," : " samples=", sorted[i].value);
    printf("\n");
    fflush(stdout);
}

static inline void bench_usage(const char *program) {
    fprintf(stderr,
            "use: %s [--threads N] [--only TEXT] [--runs N] [--ms N]"
            " [--samples]\n",
            program);
    exit(2);
}

// Reads the options that argv[first] and what follows gives.
static inline void bench_parse(int argc, char **argv, int first) {
    for (int i = first; i < argc; i++) {
        if (!strcmp(argv[i], "--samples")) {
            bench_options.print_samples = true;
            continue;
        }
        if (i + 1 == argc)
            bench_usage(argv[0]);
        const char *name = argv[i++];
        unsigned value = (unsigned)strtoul(argv[i], NULL, 10);
        if (!strcmp(name, "--only"))
            bench_options.only = argv[i];
        else if (!strcmp(name, "--threads"))
            bench_options.threads = value;
        else if (!strcmp(name, "--runs") && value && value <= BENCH_RUNS_MAX)
            bench_options.runs = value;
        else if (!strcmp(name, "--ms") && value)
            bench_options.sample_ns = value * 1e6;
        else
            bench_usage(argv[0]);
    }
}

#endif
