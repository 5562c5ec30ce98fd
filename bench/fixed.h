// Cases of a fixed size: one structure, and one thing that is done with it.
// They run in a thread of their own, whose stack can be small.

#ifndef BENCH_FIXED_H
#define BENCH_FIXED_H

#include <pthread.h>

#include "bench.h"

// [prepare] and [finish] surround all samples and may be NULL.
struct bench_fixed {
    const char *question;
    const char *label;
    size_t stack_bytes; // 0: the system's
    unsigned runs_most; // fewer samples than the options say, where one is long
    void *arg;
    void (*prepare)(void *arg);
    double (*sample)(void *arg); // returns ns an operation
    void (*finish)(void *arg);
};

struct fixed_run {
    const struct bench_fixed *fixed;
    struct bench_case result;
};

static double fixed_sample(void *arg, double *ret_share) {
    const struct bench_fixed *fixed = ((struct fixed_run *)arg)->fixed;
    struct bench_span span;
    bench_begin(&span);
    double value = fixed->sample(fixed->arg);
    bench_end(&span);
    *ret_share = bench_share(&span);
    return value;
}

static void *fixed_thread(void *arg) {
    struct fixed_run *run = (struct fixed_run *)arg;
    const struct bench_fixed *fixed = run->fixed;
    unsigned runs = bench_options.runs;
    if (runs > fixed->runs_most)
        runs = fixed->runs_most;
    rival_begin();
    if (fixed->prepare)
        fixed->prepare(fixed->arg);
    while (run->result.runs < runs)
        bench_sample(&run->result, fixed_sample, run);
    if (fixed->finish)
        fixed->finish(fixed->arg);
    rival_end();
    return NULL;
}

// Measures a case and prints it.
static inline void fixed_measure(const struct bench_fixed *fixed) {
    if (!bench_wanted(0, fixed->label))
        return;
    struct fixed_run run = {fixed, bench_case_of(fixed->question, RIVAL, "ns")};
    snprintf(run.result.label, sizeof run.result.label, "%s", fixed->label);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (fixed->stack_bytes)
        pthread_attr_setstacksize(&attributes, fixed->stack_bytes);
    pthread_t thread;
    int failed = pthread_create(&thread, &attributes, fixed_thread, &run);
    bench_require(!failed, "cannot make a thread");
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    bench_print(&run.result);
}

#endif
