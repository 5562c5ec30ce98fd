// tally/runtime.h: options limit_bytes and limit_wait_ms; and what bounds
// memory without them, cycles that only a stopped world can be asked about.
// Each in a process of its own.

#include "child_test.h"
#include "threads.h"

#define MIB ((size_t)1 << 20)

struct node {
    tally_object head;
    tally_ref next;
    char room[1000];
};
TALLY_TYPE(node, TALLY_REF(next));

// ---- locks

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static stage blocked_at;

// Attached, and blocked by the lock where nobody says so to the runtime.
static void *blocked_run(void *arg) {
    must(tally_attach("blocked") == TALLY_OK);
    stage_set(&blocked_at, 1);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    tally_detach();
    return arg;
}

static void fill_under_a_lock(const char *conf) {
    setenv("TALLY_CONF", conf, 1);
    must(tally_attach(NULL) == TALLY_OK);
    pthread_mutex_lock(&lock);
    pthread_t blocked = thread_start(blocked_run, NULL);
    stage_spin(&blocked_at, 1);
    struct node *list = NULL, *node;
    for (; (node = tally_new(node)); list = node)
        tally_set_steal(node, next, list);
    must(errno == ENOMEM);
    pthread_mutex_unlock(&lock);
    thread_join(blocked);
    tally_decref(list);
    tally_collect();
    must((node = tally_new(node)));
    tally_decref(node);
}

CHILD_TEST(an_allocation_under_a_lock_that_others_want_fails_at_last) {
    fill_under_a_lock("limit_bytes:2097152,limit_wait_ms:20");
}

CHILD_TEST(it_fails_where_collections_stop_the_world_too) {
    fill_under_a_lock("limit_bytes:2097152,limit_wait_ms:20,mode:1");
}

// ---- threads that do nothing

#define IDLE 8u
#define SIZES 6u
static stage idle_at;
static atomic_uint idle_ready;

static void *idle_run(void *arg) {
    must(tally_attach("idle") == TALLY_OK);
    for (size_t n = 0; n < SIZES; n++) {
        void *block = tally_alloc((size_t)512 << n);
        must(block);
        tally_free(block);
    }
    atomic_fetch_add(&idle_ready, 1);
    stage_wait(&idle_at, 1);
    tally_detach();
    return arg;
}

// What they have leased would be more than is left.
CHILD_TEST(threads_that_hold_nothing_take_nothing_of_the_limit) {
    pthread_t idle[IDLE];
    setenv("TALLY_CONF", "limit_bytes:16777216,collect:0", 1);
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned n = 0; n < IDLE; n++) {
        idle[n] = thread_start(idle_run, NULL);
        while (atomic_load(&idle_ready) <= n)
            sched_yield();
    }
    void *blocks[14];
    for (unsigned n = 0; n < 14; n++) {
        blocks[n] = tally_alloc(MIB);
        must(blocks[n]);
    }
    for (unsigned n = 0; n < 14; n++)
        tally_free(blocks[n]);
    stage_set(&idle_at, 1);
    for (unsigned n = 0; n < IDLE; n++)
        thread_join(idle[n]);
}

// ---- cycles through fields that only a hook knows

static atomic_uint opaque_ended;
struct opaque {
    tally_object head;
    tally_ref next;
    char room[4000];
};
static void opaque_visit(void *object, struct tally_visitor *visitor) {
    struct opaque *opaque = object;
    tally_visit(visitor, &opaque->next);
}
static void opaque_ends(void *object) {
    (void)object;
    atomic_fetch_add(&opaque_ended, 1);
}
TALLY_TYPE(opaque, TALLY_VISIT(opaque_visit), TALLY_DESTROY(opaque_ends));

// Whether there was memory for a cycle, which is garbage then.
static bool ring_drop(void) {
    struct opaque *a = tally_new(opaque), *b = a ? tally_new(opaque) : NULL;
    if (b) {
        tally_ref_set(a, &a->next, b);
        tally_ref_set(b, &b->next, a);
        tally_decref(b);
    }
    if (a)
        tally_decref(a);
    return b;
}

CHILD_TEST(cycles_through_visit_hooks_go_by_themselves) {
    // At safepoints of this thread, so that nothing depends on another's pace.
    setenv("TALLY_CONF", "collector:0", 1);
    must(tally_attach(NULL) == TALLY_OK);
    unsigned count = rounds(20000, 3000);
    for (unsigned n = 0; n < count; n++) { // 160 MB
        must(ring_drop());
        tally_safepoint();
        must(stats_now().live_bytes < 24 * MIB);
    }
    must(atomic_load(&opaque_ended) + 24 * MIB / 4000 > 2 * count);
    // A few stops, not one for each collection.
    struct tally_collect_stats stopped = {.size = sizeof(stopped)};
    must(tally_collect_stats_get(TALLY_STOPPED, TALLY_FULL, &stopped) ==
         TALLY_OK);
    must(stopped.collections > 0 && stopped.collections < 100);
}

CHILD_TEST(cycles_through_visit_hooks_leave_room_below_a_limit) {
    setenv("TALLY_CONF", "collector:0,limit_bytes:8388608", 1);
    must(tally_attach(NULL) == TALLY_OK);
    unsigned count = rounds(5000, 1500);
    for (unsigned n = 0; n < count; n++) {
        bool made = false;
        for (unsigned tries = 0; !made && tries < 1000; tries++) {
            made = ring_drop();
            if (!made)
                sleep_ms(1); // collections have their share of time
            tally_safepoint();
        }
        must(made);
    }
    must(atomic_load(&opaque_ended) + 8 * MIB / 4000 + 2 > 2 * count);
}

// Garbage that is old when it dies: full collections find it.
#define KEPT 1000u

CHILD_TEST(a_heap_without_such_garbage_is_seldom_stopped) {
    setenv("TALLY_CONF", "collector:0,young_bytes:262144", 1);
    must(tally_attach(NULL) == TALLY_OK);
    struct opaque *list = NULL;
    for (unsigned n = 0; n < 250; n++) { // 1 MB that lives
        struct opaque *opaque = tally_new(opaque);
        must(opaque);
        tally_ref_set_steal(opaque, &opaque->next, list);
        list = opaque;
        tally_safepoint();
    }
    struct node *kept[KEPT] = {NULL};
    for (unsigned n = 0; n < 50000; n++) {
        struct node *node = tally_new(node);
        must(node);
        tally_set(node, next, node);
        if (kept[n % KEPT])
            tally_decref(kept[n % KEPT]);
        kept[n % KEPT] = node;
        tally_safepoint();
    }
    struct tally_collect_stats full = {.size = sizeof(full)}, stopped = full;
    must(tally_collect_stats_get(TALLY_CONCURRENT, TALLY_FULL, &full) ==
         TALLY_OK);
    must(tally_collect_stats_get(TALLY_STOPPED, TALLY_FULL, &stopped) ==
         TALLY_OK);
    must(full.collections > 10);
    must(stopped.collections <= 5); // each finds the heap doubled
    for (unsigned n = 0; n < KEPT; n++)
        tally_decref(kept[n]);
    tally_decref(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            an_allocation_under_a_lock_that_others_want_fails_at_last),
        cmocka_unit_test(it_fails_where_collections_stop_the_world_too),
        cmocka_unit_test(threads_that_hold_nothing_take_nothing_of_the_limit),
        cmocka_unit_test(cycles_through_visit_hooks_go_by_themselves),
        cmocka_unit_test(cycles_through_visit_hooks_leave_room_below_a_limit),
        cmocka_unit_test(a_heap_without_such_garbage_is_seldom_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
