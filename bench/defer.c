// What does it cost to put something off?
//
// op=free: a block is allocated and freed. op=defer: it is freed after a grace
// period. op=publish: a published object is made and dropped, which waits for
// one too. op=now: one reference of many objects without an owner is dropped,
// in an order in which their counts are in no cache; op=later: the same,
// buffered. Each with a safepoint for each operation.

#include "rival_tally.h"
#include "team.h"

#define NODES ((uint32_t)1 << 21)
#define REFERENCES 64u // that each of them has at most, for drops

static void free_run(struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i++) {
        void *block = bench_opaque(tally_alloc(64));
        tally_free(block);
        tally_safepoint();
    }
}

static void defer_run(struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i++) {
        void *block = bench_opaque(tally_alloc(64));
        bench_require(tally_defer_free(block) == 0, "cannot defer");
        tally_safepoint();
    }
}

static void publish_run(struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i++) {
        node_ref node = node_make();
        tally_publish(node);
        node_drop(&node);
        tally_safepoint();
    }
}

// Objects without an owner in a random order, which [at] walks round.
struct cold {
    struct node **node;
    uint32_t at;
    uint32_t references; // beyond one, that each has at least
};

static void cold_shuffle(struct cold *cold, uint32_t *random) {
    for (uint32_t i = NODES - 1; i > 0; i--) {
        uint32_t j = bench_random(random) % (i + 1);
        struct node *node = cold->node[i];
        cold->node[i] = cold->node[j];
        cold->node[j] = node;
    }
}

static void cold_prepare(struct bench_worker *worker) {
    struct cold *cold = malloc(sizeof *cold);
    bench_require(cold, "no memory");
    cold->node = malloc(NODES * sizeof(*cold->node));
    bench_require(cold->node, "no memory");
    for (uint32_t i = 0; i < NODES; i++) {
        cold->node[i] = node_make();
        node_give_up(&cold->node[i]);
    }
    cold_shuffle(cold, &worker->random);
    cold->at = 0;
    cold->references = 0;
    worker->state = cold;
}

// The next one to be dropped.
static struct node *cold_next(struct bench_worker *worker, struct cold *cold) {
    if (cold->at == 0 && cold->references == 0) {
        double start = bench_now();
        for (uint32_t i = 0; i < NODES; i++)
            for (uint32_t n = 0; n < REFERENCES; n++)
                tally_incref(cold->node[i]);
        cold->references = REFERENCES;
        worker->untimed += bench_now() - start;
    }
    if (cold->at == 0)
        cold->references--;
    struct node *node = cold->node[cold->at];
    cold->at = (cold->at + 1) % NODES;
    return node;
}

static void now_run(struct bench_worker *worker) {
    struct cold *cold = worker->state;
    for (uint64_t i = 0; i < worker->ops; i++) {
        tally_decref(cold_next(worker, cold));
        tally_safepoint();
    }
}

static void later_run(struct bench_worker *worker) {
    struct cold *cold = worker->state;
    for (uint64_t i = 0; i < worker->ops; i++) {
        tally_decref_later(cold_next(worker, cold));
        tally_safepoint();
    }
    tally_flush();
}

// The objects stay until the process ends: their number is what matters.
static void cold_finish(struct bench_worker *worker) {
    struct cold *cold = worker->state;
    free(cold->node);
    free(cold);
}

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    static const struct {
        struct bench_work work;
        const char *label;
    } all[] = {
        {{"defer", 1024, NULL, free_run, NULL}, "op=free"},
        {{"defer", 1024, NULL, defer_run, NULL}, "op=defer"},
        {{"defer", 1024, NULL, publish_run, NULL}, "op=publish"},
        {{"defer", 1024, cold_prepare, now_run, cold_finish}, "op=now"},
        {{"defer", 1024, cold_prepare, later_run, cold_finish}, "op=later"},
    };
    rival_collect_hold();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        team_measure(&all[i].work, 1, all[i].label);
    return 0;
}
