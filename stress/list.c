// Stress: a doubly linked list without an end. Each node holds the node before
// it and is held by it. The last 5,000 live; what is cut off behind them is
// garbage that no count ends, and that refers to what lives.
//
// ORACLE  live bytes stay within three times what lives: of nodes that are
//         together as large as young_bytes and more, by the defaults; of small
//         ones within three times young_bytes. At any time where the thread
//         that makes nodes collects them too (collector:0). Beside another one
//         that does, but for what was made while a collection was due or ran:
//         how long that takes is the scheduler's, and judged by unit.pacer on a
//         clock of its own. And one is due, or runs, wherever the heap is late.
//         Nothing stops threads that make more than one collector keeps up
//         with: of several the figures are only told. A canary in each node
//         says that none ended early, and all end.
// USE     list [--threads N] [--seconds N] [--seed N]; N - 1 threads make
//         nodes, five million of each size for each second, but for no more
//         than four times as long. Options are TALLY_CONF's.
// FAILS   with collect:0; with full_percent:300; when what destroy hooks are
//         yet to free counts as live (collector/pace.c).

#include "stress.h"

#include "collector/pace.h"

#define LIST 5000u  // nodes that live
#define PART 250u   // nodes that are cut off at once
#define LOOK 100u   // nodes between two looks
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
static bool beside;      // another thread collects
static atomic_ulong made;
static atomic_ulong alive;
static atomic_ulong worst;         // live bytes for what is alive, in percent
static atomic_ulong looks, beyond; // and how often it was above 300

// What one maker has made while a collection was due or ran, or was put off
// after one that was given up; since the last full one ended, and while the two
// before it were waited for. How long a collector that has been asked takes is
// the scheduler's and the machine's.
#define PHASES 3u
static struct {
    uint64_t ended; // full collections
    uint64_t abandoned;
    uint64_t bytes[PHASES];
} asked;

static uint64_t abandoned(void) {
    uint64_t count = 0;
    for (unsigned n = 0; n < 4; n++) {
        struct tally_collect_stats stats = {.size = sizeof stats};
        must(tally_collect_stats_get((tally_collect_mode)(n / 2),
                                     (tally_generation)(n % 2),
                                     &stats) == TALLY_OK);
        count += stats.abandoned;
    }
    return count;
}

// Whether pacing has nothing in hand, before and after the statistics are read.
static bool is_idle(struct tally_stats *ret_stats) {
    bool idle = !tly_pace_is_asked();
    *ret_stats = stress_stats();
    uint64_t *ended = ret_stats->collections;
    uint64_t before = ended[TALLY_YOUNG] + ended[TALLY_FULL];
    idle &= !tly_pace_is_asked();
    struct tally_stats after = stress_stats();
    ended = after.collections;
    return idle && before == ended[TALLY_YOUNG] + ended[TALLY_FULL] &&
           abandoned() == asked.abandoned;
}

// After so many bytes more, of which it is not known when between two looks
// each phase began and ended. Returns what was made while it was asked.
static uint64_t asked_add(const struct tally_stats *stats, bool idle,
                          uint64_t bytes) {
    uint64_t sum = 0;
    if (stats->collections[TALLY_FULL] != asked.ended) {
        asked.ended = stats->collections[TALLY_FULL];
        asked.abandoned = abandoned();
        memmove(asked.bytes + 1, asked.bytes, (PHASES - 1) * sizeof(uint64_t));
        asked.bytes[0] = 0;
    }
    if (!idle)
        asked.bytes[0] += bytes;
    for (unsigned n = 0; n < PHASES; n++)
        sum += asked.bytes[n] + 2 * bytes;
    return sum;
}

static uint64_t note(uint64_t heap, uint64_t most) {
    uint64_t percent = heap * 100 / most;
    unsigned long seen = atomic_load(&worst);
    while (percent > seen &&
           !atomic_compare_exchange_weak(&worst, &seen, percent))
        continue;
    atomic_fetch_add_explicit(&looks, 1, memory_order_relaxed);
    if (percent > 300)
        atomic_fetch_add_explicit(&beyond, 1, memory_order_relaxed);
    return percent;
}

// The only maker's, after each LOOK nodes.
static void judge(void) {
    uint64_t live = atomic_load(&alive) * block;
    uint64_t most = live > YOUNG_BYTES ? live : YOUNG_BYTES;
    struct tally_stats stats;
    bool late = tly_pace_is_late();
    bool idle = is_idle(&stats);
    late &= tly_pace_is_late();
    uint64_t heap = stats.live_bytes, made_meanwhile = 0;
    uint64_t percent = note(heap, most);
    if (beside)
        made_meanwhile = asked_add(&stats, idle, LOOK * block);
    uint64_t own = heap > made_meanwhile ? heap - made_meanwhile : 0;
    expect(own <= 3 * most,
           "%llu %% of the %llu bytes that live, and %llu bytes were made "
           "while a collection was due or ran",
           (unsigned long long)percent, (unsigned long long)live,
           (unsigned long long)made_meanwhile);
    // All but what the last one has left in vain is to be collected.
    expect(!late || !idle || asked.bytes[0] + asked.bytes[1] > most,
           "the heap is late, at %llu %%, and no collection is due or runs",
           (unsigned long long)percent);
}

static void look(void) {
    if (makers == 1) {
        judge();
        return;
    }
    uint64_t live = atomic_load(&alive) * block;
    note(stress_stats().live_bytes, live > YOUNG_BYTES ? live : YOUNG_BYTES);
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
        if (n % LOOK == 0)
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
    beside = !conf || !strstr(conf, "collector:0");
    run_all("small", TALLY_TYPE_OF(small), sizeof(struct small));
    run_all("large", TALLY_TYPE_OF(large), sizeof(struct large));
    expect(atomic_load(&destroyed) == atomic_load(&made),
           "%lu of the large nodes were destroyed", atomic_load(&destroyed));
    return stress_end();
}
