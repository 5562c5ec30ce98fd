// tally/collect.h: collections in a stopped world and beside the threads, by
// turns. What one leaves waiting for finalizers is looked at by the other.

#include "api.h"
#include "threads.h"

static atomic_uint ended, finalized;
static void count_end(void *object) {
    (void)object;
    atomic_fetch_add(&ended, 1);
}
static void count_finalizer(void *object) {
    (void)object;
    atomic_fetch_add(&finalized, 1);
}

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next), TALLY_DESTROY(count_end));

struct pumped {
    struct node node;
};
TALLY_TYPE(pumped, TALLY_BASE(node), TALLY_FINALIZE(count_finalizer),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));

struct threaded {
    struct node node;
};
TALLY_TYPE(threaded, TALLY_BASE(node), TALLY_FINALIZE(count_finalizer),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

struct inlined {
    struct node node;
};
TALLY_TYPE(inlined, TALLY_BASE(node), TALLY_FINALIZE(count_finalizer));

// ---- an object whose finalizer collects, so that no second look follows

static tally_collect_mode collector_mode;
static unsigned collector_waits; // for so many finalizers
static struct tally_collection collector_found;
static void collects(void *object) {
    (void)object;
    must(tally_collect_with(collector_mode, TALLY_FULL, &collector_found) ==
         TALLY_OK);
    while (atomic_load(&finalized) < collector_waits) {
        tally_safepoint();
        TALLY_BLOCKING { sched_yield(); }
    }
}
struct collector {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(collector, TALLY_REF(next), TALLY_FINALIZE(collects));

static void collect_in_a_finalizer(tally_collect_mode mode, unsigned waits) {
    collector_mode = mode;
    collector_waits = waits;
    void *object = tally_new(collector);
    must(object);
    tally_decref(object);
}

static void drop_ring(void *first, void *second) {
    struct node *a = first, *b = second;
    must(a && b);
    tally_set(a, next, b);
    tally_set(b, next, a);
    tally_decref(a);
    tally_decref(b);
}

static struct node *dead_hot(void) {
    struct node *node = tally_new(node);
    must(node && tally_make_hot(node) == TALLY_OK);
    ended = finalized = 0;
    return node;
}

// ---- tests

static void hot_garbage_that_waits_for_finalizers_is_right_at_any_time(
    void **state) {
    (void)state;
    for (int mode = TALLY_CONCURRENT; mode <= TALLY_STOPPED; mode++) {
        struct node *node = dead_hot();
        tally_weak *weak = tally_weak_new(node, NULL, NULL);
        tally_decref(node);
        drop_ring(tally_new(pumped), tally_new(pumped));
        collect_in_a_finalizer((tally_collect_mode)mode, 0);
        assert_int_equal(collector_found.garbage, 3);
        assert_int_equal(collector_found.freed, 0);
        assert_int_equal(ended, 0);
        assert_int_equal(tally_verify(2), TALLY_OK);
        // It lives, so it can be had.
        assert_ptr_equal(tally_weak_get(weak), node);
        assert_int_equal(tally_verify(2), TALLY_OK);
        tally_decref(node);
        while (tally_finalize_pending(100))
            continue;
        tally_collect();
        assert_int_equal(ended, 3);
        assert_null(tally_weak_get(weak));
        tally_decref(weak);
    }
}

static void an_idle_one_is_right_too(void **state) {
    (void)state;
    struct node *node = dead_hot();
    tally_decref(node);
    drop_ring(tally_new(pumped), tally_new(pumped));
    for (unsigned n = 0; n < 4; n++) {
        collect_in_a_finalizer(n % 2 ? TALLY_CONCURRENT : TALLY_STOPPED, 0);
        assert_int_equal(ended, 0);
        assert_int_equal(tally_verify(2), TALLY_OK);
    }
    while (tally_finalize_pending(100))
        continue;
    tally_collect();
    assert_int_equal(ended, 3);
}

static void a_collection_ends_beside_garbage_that_the_other_mode_left(
    void **state) {
    (void)state;
    struct node *node = dead_hot();
    tally_weak *weak = tally_weak_new(node, NULL, NULL);
    tally_decref(node);
    drop_ring(tally_new(threaded), tally_new(threaded));
    // What waited has run, and nobody has looked at it again.
    collect_in_a_finalizer(TALLY_STOPPED, 2);
    drop_ring(tally_new(inlined), tally_new(inlined));
    assert_int_equal(
        tally_collect_with(TALLY_CONCURRENT, TALLY_FULL, &collector_found),
        TALLY_OK);
    tally_collect();
    assert_int_equal(ended, 5);
    assert_null(tally_weak_get(weak));
    tally_decref(weak);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(hot_garbage_that_waits_for_finalizers_is_right_at_any_time),
        quiet_test(an_idle_one_is_right_too),
        quiet_test(a_collection_ends_beside_garbage_that_the_other_mode_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
