// Threads that do the same work at the same time, again and again.
//
// A rival is included first; it says what a thread does when it begins and
// ends (rival_begin, rival_end), before and after it waits (rival_pause,
// rival_resume), and now and then (rival_poll). Each sample starts at a
// barrier and is as long as the last thread takes. Threads are not pinned.

#ifndef BENCH_TEAM_H
#define BENCH_TEAM_H

#include <pthread.h>
#include <sched.h>

#include "bench.h"

#define BENCH_TEAM_MAX 2

struct bench_worker {
    unsigned index;
    uint32_t random; // state for bench_random
    uint64_t ops;    // of this sample
    void *state;     // the work's own
    double untimed;  // ns of the sample that the work does not want counted
    struct bench_span span;
    struct bench_team *team;
};

// What is asked. [prepare] and [finish] are not timed and may be NULL.
struct bench_work {
    const char *question;
    uint64_t ops_least; // of a sample, and what their number is a multiple of
    void (*prepare)(struct bench_worker *worker);
    void (*run)(struct bench_worker *worker);
    void (*finish)(struct bench_worker *worker);
};

struct bench_team {
    const struct bench_work *work;
    unsigned threads;
    uint64_t ops; // of the next sample; 0 ends the team
    pthread_barrier_t barrier;
    pthread_t thread[BENCH_TEAM_MAX];
    struct bench_worker worker[BENCH_TEAM_MAX];
};

static inline void team_wait(struct bench_team *team) {
    rival_pause();
    pthread_barrier_wait(&team->barrier);
    rival_resume();
}

static inline void *team_thread(void *arg) {
    struct bench_worker *worker = (struct bench_worker *)arg;
    const struct bench_work *work = worker->team->work;
    rival_begin();
    if (work->prepare)
        work->prepare(worker);
    for (;;) {
        team_wait(worker->team);
        worker->ops = worker->team->ops;
        if (!worker->ops)
            break;
        worker->untimed = 0;
        bench_begin(&worker->span);
        work->run(worker);
        bench_end(&worker->span);
        team_wait(worker->team);
    }
    if (work->finish)
        work->finish(worker);
    rival_end();
    return NULL;
}

static inline void team_start(struct bench_team *team) {
    pthread_barrier_init(&team->barrier, NULL, team->threads + 1);
    for (unsigned i = 0; i < team->threads; i++) {
        struct bench_worker *worker = &team->worker[i];
        worker->index = i;
        worker->random = 2463534242u + i;
        worker->team = team;
        int failed =
            pthread_create(&team->thread[i], NULL, team_thread, worker);
        bench_require(!failed, "cannot make a thread");
    }
}

// Returns how long the team took for [team->ops] operations in each thread, in
// ns, and the least of the threads' shares: of the time that a thread had a
// core when it wanted one, and that all had begun. Threads that work one after
// the other never wait for each other's cache lines.
static double team_sample(void *arg, double *ret_share) {
    struct bench_team *team = (struct bench_team *)arg;
    pthread_barrier_wait(&team->barrier);
    pthread_barrier_wait(&team->barrier);
    struct bench_span all = team->worker[0].span;
    double last_start = all.start;
    *ret_share = bench_share(&all);
    for (unsigned i = 1; i < team->threads; i++) {
        const struct bench_span *span = &team->worker[i].span;
        last_start = span->start > last_start ? span->start : last_start;
        all.start = span->start < all.start ? span->start : all.start;
        all.end = span->end > all.end ? span->end : all.end;
        if (bench_share(span) < *ret_share)
            *ret_share = bench_share(span);
    }
    double together = (all.end - last_start) / (all.end - all.start);
    *ret_share = together < *ret_share ? together : *ret_share;
    return all.end - all.start - team->worker[0].untimed;
}

static double team_sample_op(void *arg, double *ret_share) {
    double took = team_sample(arg, ret_share);
    return took / (double)((struct bench_team *)arg)->ops;
}

static inline void team_end(struct bench_team *team) {
    team->ops = 0;
    pthread_barrier_wait(&team->barrier);
    for (unsigned i = 0; i < team->threads; i++)
        pthread_join(team->thread[i], NULL);
    pthread_barrier_destroy(&team->barrier);
}

// Finds a number of operations that takes about as long as the options say,
// and warms the caches up by that.
static inline void team_calibrate(struct bench_team *team) {
    uint64_t least = team->work->ops_least;
    double unused;
    team->ops = least;
    double took = team_sample(team, &unused);
    while (took < bench_options.sample_ns / 4) {
        team->ops *= took < bench_options.sample_ns / 64 ? 8 : 2;
        took = team_sample(team, &unused);
    }
    double ops = (double)team->ops * bench_options.sample_ns / took;
    team->ops = ops < (double)least ? least : (uint64_t)ops / least * least;
}

// Measures one case and prints it: ns for an operation of each thread.
static inline void team_measure(const struct bench_work *work, unsigned threads,
                                const char *label) {
    if (!bench_wanted(threads, label))
        return;
    struct bench_case result = bench_case_of(work->question, RIVAL, "ns");
    snprintf(result.label, sizeof result.label, "threads=%u%s%s", threads,
             *label ? " " : "", label);
    struct bench_team team;
    memset(&team, 0, sizeof team);
    team.work = work;
    team.threads = threads;
    team_start(&team);
    team_calibrate(&team);
    while (result.runs < bench_options.runs)
        bench_sample(&result, team_sample_op, &team);
    team_end(&team);
    bench_print(&result);
}

#endif
