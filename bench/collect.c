// What do collections cost: by themselves, those who run beside them, and those
// who have a collector that does nothing? In each mode of it.
//
// of=wall, of=cpu: a full collection of 1 M live nodes (work/graph.h), of which
// nothing is garbage; wall time, and all threads' time on cores; an operation
// is one node.
//
// op=churn, op=trees: those questions beside that graph, collector=off and
// collector=on: another thread collects back to back, with 0.1 ms in between.
//
// The rest is with no collection at all. op=pair: the owner's incref and decref
// of 64 objects by turns; op=make: make a node, drop a random one of 1,024;
// op=borrow: a section with a load and a use in it; op=store: a reference
// stored into a field of one's own object, which drops what was there; op=hand:
// the same by hand, a count up, a plain store, a count down.

#include <pthread.h>

#include "modes.h"
#include "rival_tally.h"

#include "work/churn.h"
#include "work/count_pair.h"
#include "work/graph.h"
#include "work/shared.h"
#include "work/trees.h"

#define NODES 1000000u
#define REST_US 100

__attribute__((noinline, aligned(64))) static void store_run(
    struct bench_worker *worker) {
    const node_ref *slots = (const node_ref *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += PAIR_OBJECTS)
        for (unsigned k = 0; k < PAIR_OBJECTS; k++) {
            struct node *value = slots[(i / PAIR_OBJECTS + k) % PAIR_OBJECTS];
            tally_set((struct node *)bench_opaque(slots[k]), left, value);
        }
}

// What a program would write that knew of no collector.
__attribute__((noinline, aligned(64))) static void hand_run(
    struct bench_worker *worker) {
    const node_ref *slots = (const node_ref *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += PAIR_OBJECTS)
        for (unsigned k = 0; k < PAIR_OBJECTS; k++) {
            struct node *value = slots[(i / PAIR_OBJECTS + k) % PAIR_OBJECTS];
            struct node *node = (struct node *)bench_opaque(slots[k]);
            tally_incref(value);
            tally_object *old = node->left.object_;
            node->left.object_ = (tally_object *)value;
            if (old)
                tally_decref(old);
        }
}

// The nodes refer to each other now.
static void store_finish(struct bench_worker *worker) {
    node_ref *slots = (node_ref *)worker->state;
    for (unsigned i = 0; i < PAIR_OBJECTS; i++)
        tally_set(slots[i], left, NULL);
    pair_finish(worker);
}

static void measure(const struct bench_work *work, const char *mode,
                    const char *rest) {
    char label[48];
    snprintf(label, sizeof label, "mode=%s %s", mode, rest);
    team_measure(work, 1, label);
}

static void measure_idle(const void *mode) {
    const struct bench_work pair = {"collect", PAIR_OBJECTS, pair_prepare,
                                    pair_many, pair_finish};
    const struct bench_work make = {"collect", CHURN_POLL, churn_prepare,
                                    churn_make, churn_finish};
    const struct bench_work borrow = {"collect", SHARED_POLL, shared_prepare,
                                      shared_read_run, shared_finish};
    const struct bench_work store = {"collect", PAIR_OBJECTS, pair_prepare,
                                     store_run, store_finish};
    const struct bench_work hand = {"collect", PAIR_OBJECTS, pair_prepare,
                                    hand_run, store_finish};
    rival_begin();
    rival_collect_hold();
    rival_pause();
    measure(&pair, mode, "op=pair");
    measure(&make, mode, "op=make");
    measure(&borrow, mode, "op=borrow");
    measure(&store, mode, "op=store");
    measure(&hand, mode, "op=hand");
}

// ---- what a collection costs

static double now_cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure_cost(const char *mode) {
    struct bench_case wall = bench_case_of("collect", RIVAL, "ns");
    struct bench_case cpu = wall;
    snprintf(wall.label, sizeof wall.label, "mode=%s of=wall", mode);
    snprintf(cpu.label, sizeof cpu.label, "mode=%s of=cpu", mode);
    if (!bench_wanted(0, wall.label) && !bench_wanted(0, cpu.label))
        return;
    while (wall.runs < bench_options.runs) {
        struct bench_span span;
        double began = now_cpu();
        bench_begin(&span);
        rival_collect();
        bench_end(&span);
        bench_add(&wall, (span.end - span.start) / NODES, bench_share(&span));
        bench_add(&cpu, (now_cpu() - began) / NODES, bench_share(&span));
    }
    bench_print(&wall);
    bench_print(&cpu);
}

// ---- who runs beside it

static int collector_done; // (a)

static void *collector_run(void *unused) {
    (void)unused;
    rival_begin();
    // Relaxed: the flag is all that there is to know.
    while (!__atomic_load_n(&collector_done, __ATOMIC_RELAXED)) {
        rival_collect();
        rival_pause();
        usleep(REST_US);
        rival_resume();
    }
    rival_end();
    return NULL;
}

// Long enough for some collections: a sample that fell between two would say
// that there are none.
#define BESIDE_SAMPLES 16

// One thread's work, as team.h has it, for a time instead of a number.
struct beside {
    const struct bench_work *work;
    struct bench_worker worker;
};

static double beside_take(void *arg, double *ret_share) {
    struct beside *beside = (struct beside *)arg;
    double length = BESIDE_SAMPLES * bench_options.sample_ns;
    uint64_t ops = 0;
    struct bench_span span;
    bench_begin(&span);
    do {
        beside->work->run(&beside->worker);
        ops += beside->worker.ops;
    } while (bench_now() - span.start < length);
    bench_end(&span);
    *ret_share = bench_share(&span);
    return (span.end - span.start) / (double)ops;
}

static void beside_measure(const struct bench_work *work, const char *mode,
                           const char *collector, const char *op) {
    struct bench_case result = bench_case_of("collect", RIVAL, "ns");
    snprintf(result.label, sizeof result.label, "mode=%s collector=%s op=%s",
             mode, collector, op);
    if (!bench_wanted(1, result.label))
        return;
    struct beside beside = {.work = work};
    beside.worker.random = 2463534242u;
    beside.worker.ops = work->ops_least;
    if (work->prepare)
        work->prepare(&beside.worker);
    while (result.runs < bench_options.runs)
        bench_sample(&result, beside_take, &beside);
    if (work->finish)
        work->finish(&beside.worker);
    bench_print(&result);
}

static void measure_beside(const char *mode, const char *collector) {
    const struct bench_work churn = {"collect", CHURN_POLL, churn_prepare,
                                     churn_make, churn_finish};
    const struct bench_work trees = {"collect", TREE_NODES, NULL, trees_run,
                                     NULL};
    beside_measure(&churn, mode, collector, "churn");
    beside_measure(&trees, mode, collector, "trees");
}

static void measure_graph(const void *mode) {
    struct graph graph = {NODES, false, NULL};
    rival_begin();
    graph_make(&graph);
    rival_collect(); // the first one looks at what was made as well
    measure_cost(mode);
    measure_beside(mode, "off");
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, collector_run, NULL);
    bench_require(!failed, "cannot make a thread");
    measure_beside(mode, "on");
    // Relaxed: see above.
    __atomic_store_n(&collector_done, 1, __ATOMIC_RELAXED);
    rival_pause();
    pthread_join(thread, NULL);
    rival_resume();
}

static void measure_mode(const char *mode) {
    bench_require(modes_apart(measure_idle, mode) == 0 &&
                      modes_apart(measure_graph, mode) == 0,
                  "collect: a case failed");
}

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    modes_each(measure_mode);
    return 0;
}
