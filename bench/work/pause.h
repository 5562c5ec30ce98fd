// For how long is a thread held up while another collects, back to back?
//
// A graph at random of 10 k, 1 M or 10 M live nodes (graph.h). A thread churns:
// an operation makes a node in the place of a random one of 1,024, rewires a
// random edge of the graph, polls, and reads the clock; one made node in 64
// refers to itself, so that only a collection ends it. Another thread does
// nothing but collect, and sleeps for 0.1 ms in between: locks are not asked
// how fair they are.
//
// of=gap is the largest time between two operations; collect=off is the same
// without the other thread: what the machine does by itself. of=stall is what
// the library itself says that it held threads for, if it says so. Each size
// has a process of its own. A sample takes as long as asked for, and for at
// least two collections.

#ifndef BENCH_WORK_PAUSE_H
#define BENCH_WORK_PAUSE_H

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../bench.h"
#include "graph.h"

#define PAUSE_WINDOW 1024u // nodes; edges that are rewired
#define PAUSE_ALONE 64u    // one in so many refers to itself
#define PAUSE_LEAST 2u     // collections
#define PAUSE_REST_US 100  // from one to the next
#define PAUSE_LONGEST 60e9 // ns that a sample waits for them
#define PAUSE_QUANTILES 4

static const struct pause_quantile {
    const char *name;
    double share;
} pause_quantiles[PAUSE_QUANTILES] = {
    {"p50", 0.5}, {"p99", 0.99}, {"p99.99", 0.9999}, {"max", 1}};

// What a library can say of its stalls, since the last call, in ns.
typedef void (*pause_stalls_fn)(double ret_ns[PAUSE_QUANTILES]);

struct pause {
    struct graph graph;
    const char *who;
    pause_stalls_fn stalls; // NULL: it does not say
    node_ref *window;
    node_ref *edges; // nodes whose left one is replaced
    uint32_t random;
    bool collecting;      // whether the other thread is there
    int done;             // (a) the other thread is to end
    unsigned collections; // (a)
    double gap, share;    // of the last sample
    struct bench_case off, on, count, stall[PAUSE_QUANTILES];
};

// A leaf of the tree that the graph hangs by. Its fields may be replaced.
static node_ref pause_leaf(struct pause *pause) {
    node_ref at = (node_ref)node_peek(&pause->graph.held[0]);
    unsigned place = 0;
    while (2 * place + 2 < pause->graph.nodes) {
        unsigned right = bench_random(&pause->random) & 1;
        place = 2 * place + 1 + right;
        at = (node_ref)(right ? node_right(at) : node_left(at));
    }
    return node_copy(&at);
}

static void pause_prepare(struct pause *pause) {
    graph_make(&pause->graph);
    pause->random = 2463534242u;
    pause->window = node_slots(PAUSE_WINDOW);
    pause->edges = node_slots(PAUSE_WINDOW);
    for (unsigned i = 0; i < PAUSE_WINDOW; i++) {
        pause->window[i] = node_make();
        pause->edges[i] = pause_leaf(pause);
    }
}

static inline void pause_operation(struct pause *pause, uint64_t i) {
    uint32_t random = bench_random(&pause->random);
    node_ref made = node_make();
    if (i % PAUSE_ALONE == 0)
        node_link_left(&made, &made);
    node_put(&pause->window[random % PAUSE_WINDOW], &made);
    node_ref *from = &pause->edges[(random >> 10) % PAUSE_WINDOW];
    node_link_left(from, &pause->edges[(random >> 20) % PAUSE_WINDOW]);
    rival_poll();
}

static unsigned pause_collections(struct pause *pause) {
    // Relaxed: a statistic.
    return __atomic_load_n(&pause->collections, __ATOMIC_RELAXED);
}

// Churns until the sample's time is over. Returns the largest gap, in ns.
static double pause_churn(struct pause *pause) {
    unsigned least = pause_collections(pause) + PAUSE_LEAST;
    double start = bench_now(), last = start, gap = 0;
    for (uint64_t i = 0;; i++) {
        pause_operation(pause, i);
        double now = bench_now();
        gap = now - last > gap ? now - last : gap;
        last = now;
        if (now - start < bench_options.sample_ns)
            continue;
        if (!pause->collecting || pause_collections(pause) >= least)
            return gap;
        bench_require(now - start < PAUSE_LONGEST, "pause: nothing collects");
    }
}

static void *pause_collect(void *arg) {
    struct pause *pause = (struct pause *)arg;
    rival_begin();
    // Relaxed: the flag is all that there is to know.
    while (!__atomic_load_n(&pause->done, __ATOMIC_RELAXED)) {
        rival_collect();
        __atomic_fetch_add(&pause->collections, 1, __ATOMIC_RELAXED);
        rival_pause();
        usleep(PAUSE_REST_US);
        rival_resume();
    }
    rival_end();
    return NULL;
}

static pthread_t pause_start(struct pause *pause) {
    pthread_t thread;
    pause->collecting = true;
    int failed = pthread_create(&thread, NULL, pause_collect, pause);
    bench_require(!failed, "cannot make a thread");
    return thread;
}

static void pause_stop(struct pause *pause, pthread_t thread) {
    __atomic_store_n(&pause->done, 1, __ATOMIC_RELAXED); // see above
    rival_pause();
    pthread_join(thread, NULL);
    rival_resume();
}

static double pause_take(void *arg, double *ret_share) {
    struct pause *pause = (struct pause *)arg;
    struct bench_span span;
    bench_begin(&span);
    double gap = pause_churn(pause);
    bench_end(&span);
    *ret_share = pause->share = bench_share(&span);
    return gap / 1e3;
}

static void pause_sample(struct pause *pause) {
    double ns[PAUSE_QUANTILES], share;
    if (pause->stalls)
        pause->stalls(ns);
    unsigned before = pause_collections(pause);
    double gap = pause_take(pause, &share);
    bench_add(&pause->on, gap, share);
    bench_add(&pause->count, pause_collections(pause) - before, share);
    if (!pause->stalls)
        return;
    pause->stalls(ns);
    for (unsigned i = 0; i < PAUSE_QUANTILES; i++)
        bench_add(&pause->stall[i], ns[i] / 1e3, share);
}

static void pause_name(struct bench_case *result, const struct pause *pause,
                       const char *unit, const char *rest) {
    *result = bench_case_of("pause", pause->who, unit);
    snprintf(result->label, sizeof result->label, "nodes=%u %s",
             pause->graph.nodes, rest);
}

static void pause_measure(struct pause *pause) {
    char rest[32];
    pause_name(&pause->off, pause, "us", "of=gap collect=off");
    pause_name(&pause->on, pause, "us", "of=gap collect=on");
    pause_name(&pause->count, pause, "count", "of=collections collect=on");
    for (unsigned i = 0; i < PAUSE_QUANTILES; i++) {
        snprintf(rest, sizeof rest, "of=stall q=%s", pause_quantiles[i].name);
        pause_name(&pause->stall[i], pause, "us", rest);
    }
    rival_begin();
    pause_prepare(pause);
    while (pause->off.runs < bench_options.runs)
        bench_sample(&pause->off, pause_take, pause);
    rival_collect(); // what that has left
    pthread_t thread = pause_start(pause);
    while (pause->on.runs < bench_options.runs)
        pause_sample(pause);
    pause_stop(pause, thread);
    rival_end();
    bench_print(&pause->off);
    bench_print(&pause->on);
    bench_print(&pause->count);
    for (unsigned i = 0; pause->stalls && i < PAUSE_QUANTILES; i++)
        bench_print(&pause->stall[i]);
}

static void pause_case(const char *who, unsigned nodes,
                       pause_stalls_fn stalls) {
    static struct pause pause;
    char label[32];
    snprintf(label, sizeof label, "nodes=%u ", nodes);
    if (!bench_wanted(2, label))
        return;
    fflush(stdout);
    pid_t child = fork();
    bench_require(child >= 0, "cannot fork");
    if (child == 0) {
        pause.graph.nodes = nodes;
        pause.stalls = stalls;
        pause.who = who;
        pause_measure(&pause);
        _exit(0);
    }
    int status;
    bench_require(waitpid(child, &status, 0) == child && status == 0,
                  "pause: a case failed");
}

static void work_pause(const char *who, pause_stalls_fn stalls) {
    pause_case(who, 10000, stalls);
    pause_case(who, 1000000, stalls);
    pause_case(who, 10000000, stalls);
}

#endif
