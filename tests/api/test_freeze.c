// Freezing: for a fork above all.

#include <sys/mman.h>

#include "api.h"
#include "child.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next, other;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next), TALLY_REF(other));

#define NODES 5000
static struct node *kept[NODES];

static struct node *node_new(long key) {
    struct node *node = tally_new(node);
    must(node);
    node->key = key;
    return node;
}

static void ring_drop(void) {
    struct node *node = node_new(1);
    tally_set(node, next, node);
    tally_decref(node);
}

// A ring that is kept, with holes in its memory; all of it is young.
static void heap_make(void) {
    for (long n = 0; n < NODES; n++)
        kept[n] = node_new(n);
    for (long n = 0; n < NODES; n++)
        tally_set(kept[n], next, kept[(n + 2) % NODES]);
    for (long n = 1; n < NODES; n += 10)
        tally_set(kept[n - 1], other, kept[n]);
}

static void heap_drop(void) {
    for (long n = 0; n < NODES; n++)
        tally_decref(kept[n]);
}

static size_t frozen(void) {
    size_t count;
    must(tally_freeze_count(&count) == TALLY_OK);
    return count;
}

static void what_is_frozen_is_counted_and_thawed(void **state) {
    (void)state;
    heap_make();
    size_t before = frozen();
    assert_int_equal(tally_freeze(), TALLY_OK);
    assert_true(frozen() >= before + NODES);
    heap_drop();
    // A ring of what is frozen is not found.
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(tally_unfreeze(), TALLY_OK);
    assert_int_equal(frozen(), 0);
    assert_int_equal(tally_collect(), NODES);
}

static unsigned ended;

static void hot_ended(void *object) {
    (void)object;
    ended++;
}

struct hot {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(hot, TALLY_REF(next), TALLY_DESTROY(hot_ended));

// Frozen in another way.
struct large {
    tally_object head;
    tally_ref next;
    char bytes[300000];
};
TALLY_TYPE(large, TALLY_REF(next), TALLY_DESTROY(hot_ended));

static void a_frozen_hot_object_ends_with_the_next_collection(void **state) {
    (void)state;
    for (int mode = TALLY_CONCURRENT; mode <= TALLY_STOPPED; mode++) {
        ended = 0;
        struct hot *lives = tally_new(hot), *dies = tally_new(hot);
        assert_int_equal(tally_make_hot(lives), TALLY_OK);
        struct large *large = tally_new(large);
        assert_int_equal(tally_make_hot(dies), TALLY_OK);
        assert_int_equal(tally_make_hot(large), TALLY_OK);
        assert_int_equal(tally_freeze(), TALLY_OK);
        tally_decref(dies);
        tally_decref(large);
        assert_int_equal(
            tally_collect_with((tally_collect_mode)mode, TALLY_FULL, NULL),
            TALLY_OK);
        assert_int_equal(ended, 2);
        assert_int_equal(stats_now().hot_objects, 1);
        assert_int_equal(tally_unfreeze(), TALLY_OK);
        tally_decref(lives);
        tally_collect();
        assert_int_equal(ended, 3);
    }
}

static bool count_nodes(void *object, void *arg) {
    (void)object;
    ++*(unsigned *)arg;
    return true;
}

static void frozen_objects_are_found_as_such(void **state) {
    (void)state;
    heap_make();
    unsigned count = 0;
    assert_int_equal(tally_freeze(), TALLY_OK);
    assert_int_equal(tally_objects_each(TALLY_TYPE_OF(node),
                                        TALLY_OBJECTS_FROZEN, count_nodes,
                                        &count),
                     TALLY_OK);
    assert_int_equal(count, NODES);
    count = 0;
    assert_int_equal(tally_objects_each(TALLY_TYPE_OF(node),
                                        TALLY_OBJECTS_TRACKED, count_nodes,
                                        &count),
                     TALLY_OK);
    assert_int_equal(count, 0);
    assert_int_equal(tally_unfreeze(), TALLY_OK);
    heap_drop();
    assert_int_equal(tally_collect(), NODES);
}

static void *thread_works(void *arg) {
    (void)arg;
    for (unsigned n = 0; n < 3000; n++)
        ring_drop();
    return NULL;
}

// Works and collects in both modes, where no page of the nodes may be written.
static void child_works(void *arg) {
    (void)arg;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (long n = 0; n < NODES; n++)
        must(mprotect((void *)((uintptr_t)kept[n] & ~(page - 1)), page,
                      PROT_READ) == 0);
    for (unsigned n = 0; n < 20000; n++)
        ring_drop();
    must(tally_collect_with(TALLY_STOPPED, TALLY_YOUNG, NULL) == TALLY_OK);
    must(tally_collect_with(TALLY_STOPPED, TALLY_FULL, NULL) == TALLY_OK);
    must(tally_collect_with(TALLY_CONCURRENT, TALLY_FULL, NULL) == TALLY_OK);
    thread_run(thread_works, NULL);
    must(tally_collect() > 0);
    must(tally_verify(2) == TALLY_OK);
    (void)tally_trim();
}

static void a_child_does_not_write_what_is_frozen(void **state) {
    (void)state;
    heap_make();
    for (long n = 5; n < NODES; n += 4) { // holes: pools have free blocks
        tally_set(kept[n], next, NULL);
        tally_set(kept[(n + NODES - 2) % NODES], next, NULL);
        tally_decref(kept[n]);
        kept[n] = kept[0];
        tally_incref(kept[0]);
    }
    assert_int_equal(tally_freeze(), TALLY_OK);
    struct child child = child_run(child_works, NULL);
    assert_true(child_passed(&child));
    assert_int_equal(tally_unfreeze(), TALLY_OK);
    heap_drop();
    tally_collect();
}

// Otherwise it does: the test above can fail.
static void a_child_writes_what_is_not_frozen(void **state) {
    (void)state;
    if (UNDER_TSAN || UNDER_ASAN)
        skip();
    heap_make();
    struct child child = child_run(child_works, NULL);
    assert_true(WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGSEGV);
    heap_drop();
    tally_collect();
}

// Rounds of the main thread, each of which lets the others take so many steps:
// none of their rings is found before the end, however long a round takes.
#define ROUNDS rounds(60, 15)
#define STEPS 1000u
static stage round_begun;

static void churn_step(struct node **mine, unsigned n) {
    if (mine[n])
        tally_decref(mine[n]);
    mine[n] = node_new(n);
    tally_set(mine[n], other, mine[(n + 1) % 100]);
    ring_drop();
    tally_safepoint();
}

static void *churn(void *arg) {
    struct node *mine[100] = {NULL};
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (unsigned n = 1; n <= ROUNDS; n++) {
        stage_wait(&round_begun, n);
        for (unsigned step = 0; step < STEPS; step++) {
            seed = seed * 1103515245u + 12345u;
            churn_step(mine, seed / 65536 % 100);
        }
    }
    for (unsigned n = 0; n < 100; n++)
        if (mine[n])
            tally_decref(mine[n]);
    return NULL;
}

static void the_heap_is_frozen_and_thawed_while_threads_work(void **state) {
    (void)state;
    pthread_t thread[3];
    stage_set(&round_begun, 0);
    for (unsigned n = 0; n < 3; n++)
        thread[n] = thread_start(churn, (void *)(uintptr_t)(n + 1));
    for (unsigned n = 0; n < ROUNDS; n++) {
        stage_set(&round_begun, n + 1);
        assert_int_equal(tally_freeze(), TALLY_OK);
        (void)frozen();
        assert_int_equal(
            tally_collect_with(n % 2 ? TALLY_STOPPED : TALLY_CONCURRENT,
                               n % 3 ? TALLY_FULL : TALLY_YOUNG, NULL),
            TALLY_OK);
        if (n % 5 == 0)
            assert_int_equal(tally_verify(2), TALLY_OK);
        assert_int_equal(tally_unfreeze(), TALLY_OK);
    }
    for (unsigned n = 0; n < 3; n++)
        thread_join(thread[n]);
    assert_int_equal(tally_unfreeze(), TALLY_OK);
    assert_int_equal(frozen(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(what_is_frozen_is_counted_and_thawed),
        quiet_test(a_frozen_hot_object_ends_with_the_next_collection),
        quiet_test(frozen_objects_are_found_as_such),
        quiet_test(a_child_does_not_write_what_is_frozen),
        quiet_test(a_child_writes_what_is_not_frozen),
        quiet_test(the_heap_is_frozen_and_thawed_while_threads_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
