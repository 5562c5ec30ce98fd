// Stress: a doubly linked list without an end. Each node holds the node before
// it and is held by it. The last 5,000 live; what is cut off behind them is
// garbage that no count ends, and that refers to what lives.
//
// ORACLE  live bytes stay within three times what lives: of nodes that are
//         together as large as young_bytes and more, by the defaults; of small
//         ones within three times young_bytes. At any time in mode:1, where
//         the thread that makes nodes collects them too; beside another one
//         that does, in 99 of 100 looks. Nothing stops threads that make more
//         than one collector keeps up with: of several the figures are only
//         told. A canary in each node says that none ended early, and all end.
// USE     list [--threads N] [--seconds N] [--seed N]; N - 1 threads make
//         nodes, five million of each size for each second, but for no more
//         than four times as long. Options are TALLY_CONF's.
// FAILS   with collect:0; with full_percent:300.

#include "stress.h"

#define LIST 5000u  // nodes that live
#define PART 250u   // nodes that are cut off at once
#define LARGE 1000u // bytes beside the links
#define YOUNG_BYTES ((uint64_t)4 << 20)
#define CANARY 0x5EED5EEDF00DF00Du

struct small {
    tally_object head;
    tally_ref before, after;
};
TALLY_TYPE(small, TALLY_REF(before), TALLY_REF(after));

struct large {
    tally_object head;
    tally_ref before, after;
    uint64_t canary;
    char rest[LARGE - 8];
};

static atomic_ulong destroyed;

static void large_gone(void *object) {
    struct large *node = object;
    expect(node->canary == CANARY, "a node with canary %llx is destroyed",
           (unsigned long long)node->canary);
    node->canary = 0;
    atomic_fetch_add_explicit(&destroyed, 1, memory_order_relaxed);
}
TALLY_TYPE(large, TALLY_REF(before), TALLY_REF(after),
           TALLY_DESTROY(large_gone));

static tally_type *type; // of this run
static uint64_t makers;  // threads
static uint64_t nodes;   // of each
static uint64_t block;   // bytes of a node
static uint64_t until;   // and no longer
static atomic_ulong made;
static atomic_ulong alive;
static atomic_ulong worst;         // live bytes for what is alive, in percent
static atomic_ulong looks, beyond; // and how often it was above 300
static bool strict; // it must never be: who makes them collects, too

static void look(void) {
    uint64_t live = atomic_load(&alive) * block;
    uint64_t most = live > YOUNG_BYTES ? live : YOUNG_BYTES;
    uint64_t percent = stress_stats().live_bytes * 100 / most;
    unsigned long seen = atomic_load(&worst);
    while (percent > seen &&
           !atomic_compare_exchange_weak(&worst, &seen, percent))
        continue;
    atomic_fetch_add_explicit(&looks, 1, memory_order_relaxed);
    if (percent > 300)
        atomic_fetch_add_explicit(&beyond, 1, memory_order_relaxed);
    expect(percent <= 300 || !strict, "%llu %% of the %llu bytes that live",
           (unsigned long long)percent, (unsigned long long)live);
}

// Both kinds of nodes begin alike.
static struct small *node_new(struct small *before) {
    struct small *node = tally_object_new(type, 0);
    must(node);
    if (type == TALLY_TYPE_OF(large))
        ((struct large *)(void *)node)->canary = CANARY;
    atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    if (!before)
        return node;
    tally_set(before, after, node);
    tally_set_steal(node, before, before);
    return node;
}

static void *run(void *arg) {
    // The first node of each part; nobody's references.
    struct small *first[LIST / PART + 1] = {NULL}, *head = NULL;
    must(tally_attach(NULL) == TALLY_OK);
    for (uint64_t n = 0; n < nodes; n++) {
        head = node_new(head);
        if (n % PART == 0)
            first[n / PART % (LIST / PART + 1)] = head;
        if (n % PART == 0 && n >= LIST) {
            // It has as many before it, back to the last cut.
            struct small *cut = first[(n / PART + 2) % (LIST / PART + 1)];
            atomic_fetch_sub(&alive, PART);
            tally_set(cut, before, NULL);
        }
        tally_safepoint();
        if (n % 100 == 0)
            look();
        if (n % 10000 == 0)
            stress_tick();
        if (n % 10000 == 0 && now_ns() > until)
            break;
    }
    tally_decref(head);
    tally_detach();
    return arg;
}

static void run_all(const char *name, tally_type *of, uint64_t bytes) {
    struct tally_stats before = stress_stats();
    uint64_t began = now_ns();
    type = of;
    until = began + stress.seconds * 4000000000u;
    atomic_store(&alive, 0);
    atomic_store(&made, 0);
    atomic_store(&worst, 0);
    atomic_store(&looks, 0);
    atomic_store(&beyond, 0);
    block = bytes;
    pthread_t maker[STRESS_THREADS_MAX];
    for (uint64_t n = 0; n < makers; n++)
        maker[n] = thread_start(run, NULL);
    for (uint64_t n = 0; n < makers; n++)
        thread_join(maker[n]);
    stress_settle();
    struct tally_stats after = stress_stats();
    expect(after.live_objects == 0, "%llu objects are left",
           (unsigned long long)after.live_objects);
    expect(makers > 1 || atomic_load(&beyond) * 100 <= atomic_load(&looks),
           "%lu of %lu looks saw more than 300 %%", atomic_load(&beyond),
           atomic_load(&looks));
    printf("list: %lu %s nodes of %llu bytes: at most %lu %%, %lu of %lu looks "
           "above 300, %llu ns a node, %llu young and %llu full collections\n",
           atomic_load(&made), name, (unsigned long long)block,
           atomic_load(&worst), atomic_load(&beyond), atomic_load(&looks),
           (unsigned long long)((now_ns() - began) / atomic_load(&made)),
           (unsigned long long)(after.collections[0] - before.collections[0]),
           (unsigned long long)(after.collections[1] - before.collections[1]));
}

int main(int argc, char **argv) {
    stress.name = "list";
    stress.threads = 2;
    stress.seconds = 2;
    stress.seed = 1;
    stress_options(argc, argv);
    must(tally_attach("main") == TALLY_OK);
    stress.began_ns = now_ns();
    must(pthread_detach(thread_start(stress_watch, NULL)) == 0);
    const char *conf = getenv("TALLY_CONF");
    makers = stress.threads - 1;
    nodes = stress.seconds * 5000000u / makers;
    strict = makers == 1 && conf && strstr(conf, "collector:0");
    run_all("small", TALLY_TYPE_OF(small), sizeof(struct small));
    run_all("large", TALLY_TYPE_OF(large), sizeof(struct large));
    expect(atomic_load(&destroyed) == atomic_load(&made),
           "%lu of the large nodes were destroyed", atomic_load(&destroyed));
    return stress_end();
}
