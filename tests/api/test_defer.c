// Deferred calls and frees, buffered drops.

#include "api.h"
#include "child.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
static atomic_int destroyed;
static void node_destroy(void *object) {
    (void)object;
    atomic_fetch_add(&destroyed, 1);
}
TALLY_TYPE(node, TALLY_REF(next), TALLY_DESTROY(node_destroy));

static struct node *node_new(void) {
    struct node *node = tally_new(node);
    must(node);
    return node;
}

static atomic_int calls;
static void count_call(void *arg) {
    atomic_fetch_add(&calls, arg ? *(int *)arg : 1);
}

static void a_deferred_call_is_made_by_a_collection(void **state) {
    (void)state;
    int before = atomic_load(&calls), one = 1, ten = 10;
    assert_int_equal(tally_defer(count_call, &one), TALLY_OK);
    assert_int_equal(tally_defer(count_call, &ten), TALLY_OK);
    assert_int_equal(stats_now().deferred_calls, 2);
    tally_safepoint();
    assert_int_equal(atomic_load(&calls), before);
    tally_collect();
    assert_int_equal(atomic_load(&calls), before + 11);
    tally_collect();
    assert_int_equal(atomic_load(&calls), before + 11);
    assert_int_equal(stats_now().deferred_calls, 0);
    assert_int_equal(stats_now().deferred_bytes, 0);
}

static void what_a_thread_deferred_is_done_when_it_has_waited(void **state) {
    (void)state;
    int before = atomic_load(&calls);
    assert_int_equal(tally_defer(count_call, NULL), TALLY_OK);
    assert_int_equal(tally_synchronize(), TALLY_OK);
    assert_int_equal(atomic_load(&calls), before + 1);
}

static void a_deferral_without_a_function_is_refused(void **state) {
    (void)state;
    assert_int_equal(tally_defer(NULL, NULL), TALLY_INVALID);
    assert_int_equal(tally_defer_free(NULL), TALLY_OK);
    assert_int_equal(stats_now().deferred_calls, 0);
}

struct reader {
    long *block;
    stage at;
};

static void *read_block(void *arg) {
    struct reader *reader = arg;
    TALLY_BORROW {
        stage_set(&reader->at, 1);
        stage_spin(&reader->at, 2);
        must(*reader->block == 77);
    }
    return NULL;
}

static void a_section_keeps_what_is_freed_meanwhile(void **state) {
    (void)state;
    struct reader reader = {.block = tally_alloc(sizeof(long))};
    *reader.block = 77;
    int before = atomic_load(&calls);
    pthread_t thread = thread_start(read_block, &reader);
    stage_wait(&reader.at, 1);
    must(tally_defer_free(reader.block) == TALLY_OK);
    must(tally_defer(count_call, NULL) == TALLY_OK);
    for (int n = 0; n < 100; n++) {
        tally_flush();
        tally_free(tally_alloc(100000));
    }
    assert_int_equal(atomic_load(&calls), before);
    assert_true(stats_now().deferred_bytes >= sizeof(long));
    stage_set(&reader.at, 2);
    thread_join(thread);
    tally_collect();
    assert_int_equal(stats_now().deferred_bytes, 0);
    assert_int_equal(atomic_load(&calls), before + 1);
}

static void *defer_and_sleep(void *arg) {
    struct reader *reader = arg;
    must(tally_defer(count_call, NULL) == TALLY_OK);
    struct node *node = node_new();
    tally_publish(node);
    tally_decref(node);
    stage_set(&reader->at, 1);
    stage_wait(&reader->at, 2);
    return NULL;
}

static void others_do_what_a_sleeping_thread_deferred(void **state) {
    (void)state;
    struct reader reader = {.block = NULL};
    int before = atomic_load(&calls), gone = atomic_load(&destroyed);
    pthread_t thread = thread_start(defer_and_sleep, &reader);
    // It is in its blocking region when what it deferred was left.
    stage_wait(&reader.at, 1);
    while (atomic_load(&calls) == before) {
        must(tally_synchronize() == TALLY_OK);
        tally_flush();
    }
    while (atomic_load(&destroyed) == gone)
        tally_flush();
    stage_set(&reader.at, 2);
    thread_join(thread);
}

static void use_the_heap(void *arg) {
    struct node *node = node_new();
    tally_set(node, next, node);
    tally_decref(node);
    (void)tally_collect();
    TALLY_BLOCKING { sched_yield(); }
    count_call(arg);
    must(tally_defer(count_call, NULL) == TALLY_OK);
    must(tally_shutdown(NULL) == TALLY_BUSY);
    errno = 5;
}

static void a_deferred_call_may_use_the_heap(void **state) {
    (void)state;
    int before = atomic_load(&calls);
    assert_int_equal(tally_defer(use_the_heap, NULL), TALLY_OK);
    errno = 77;
    tally_collect();
    assert_int_equal(errno, 77);
    tally_collect();
    assert_int_equal(atomic_load(&calls), before + 2);
}

static void defer_for_ever(void *arg) {
    ++*(int *)arg;
    must(tally_defer(defer_for_ever, arg) == TALLY_OK);
}

static void in_child_calls_defer_for_ever(void *arg) {
    (void)arg;
    static int times;
    must(tally_defer(defer_for_ever, &times) == TALLY_OK);
    tally_collect();
    must(times > 0);
    must(tally_shutdown(NULL) == TALLY_OK);
}

static void calls_that_defer_themselves_stop_nothing(void **state) {
    (void)state;
    struct child child = child_run(in_child_calls_defer_for_ever, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "1 calls and frees are deferred still"));
}

static void *defer_one(void *arg) {
    must(tally_defer(count_call, arg) == TALLY_OK);
    struct node *node = node_new();
    tally_decref_later(node);
    return NULL;
}

static void in_child_shut_down(void *arg) {
    atomic_store(&calls, 0);
    atomic_store(&destroyed, 0);
    thread_run(defer_one, arg);
    defer_one(arg);
    must(tally_defer_free(tally_alloc(100000)) == TALLY_OK);
    size_t leaked = 1;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
    must(atomic_load(&calls) == 2);
    must(atomic_load(&destroyed) == 2);
    // The next one begins with nothing.
    must(stats_now().deferred_calls == 0 && stats_now().deferred_bytes == 0);
}

static void a_shutdown_does_what_is_left(void **state) {
    (void)state;
    struct child child = child_run(in_child_shut_down, NULL);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "");
}

static void *defer_and_spin(void *arg) {
    must(tally_defer(count_call, NULL) == TALLY_OK);
    tally_decref_later(node_new());
    stage_set(arg, 1);
    stage_poll(arg, 2);
    return NULL;
}

static void in_child_of_deferrer(void *arg) {
    (void)arg;
    int before = atomic_load(&calls), gone = atomic_load(&destroyed);
    tally_collect();
    must(atomic_load(&calls) == before + 1);
    must(atomic_load(&destroyed) <= gone + 1);
    must(tally_verify(2) == TALLY_OK);
}

static void a_forked_child_does_what_others_deferred(void **state) {
    (void)state;
    if (UNDER_TSAN) // does not follow a fork of several threads
        skip();
    stage at = 0;
    pthread_t thread = thread_start(defer_and_spin, &at);
    stage_wait(&at, 1);
    struct child child = child_run(in_child_of_deferrer, NULL);
    assert_true(child_passed(&child));
    stage_set(&at, 2);
    thread_join(thread);
}

static void in_child_with_bounds(void *arg) {
    (void)arg;
    must(tally_shutdown(NULL) == TALLY_OK);
    setenv("TALLY_CONF", "limbo_objects:5,limbo_bytes:100000,later_bytes:0", 1);
    for (int n = 0; n < 100; n++) {
        must(tally_defer(count_call, NULL) == TALLY_OK);
        tally_safepoint();
        must(stats_now().deferred_calls < 5);
    }
    for (int n = 0; n < 100; n++) {
        must(tally_defer_free(tally_alloc(30000)) == TALLY_OK);
        tally_safepoint();
        must(stats_now().deferred_bytes < 100000);
    }
    tally_decref_later(node_new());
    must(stats_now().later_drops == 0);
}

static void the_bounds_are_options(void **state) {
    (void)state;
    struct child child = child_run(in_child_with_bounds, NULL);
    assert_true(child_passed(&child));
}

static void one_large_block_is_enough_for_a_grace_period(void **state) {
    (void)state;
    uint64_t before = stats_now().live_bytes;
    for (int n = 0; n < 60; n++) {
        void *block = tally_alloc((size_t)8 << 20);
        must(tally_defer_free(block) == TALLY_OK);
        tally_safepoint();
        assert_int_equal(stats_now().deferred_bytes, 0);
        assert_true(stats_now().live_bytes < before + (1 << 20));
    }
}

static void a_buffered_drop_is_counted_when_it_is_flushed(void **state) {
    (void)state;
    int before = atomic_load(&destroyed);
    struct node *node = node_new();
    tally_incref(node);
    tally_decref_later(node);
    tally_decref_later(node);
    assert_int_equal(stats_now().later_drops, 2);
    assert_int_equal(stats_now().later_bytes, 64);
    // It is referred to, so it is no garbage.
    assert_int_equal(tally_collect_generation(TALLY_YOUNG, NULL), TALLY_OK);
    tally_flush();
    assert_int_equal(atomic_load(&destroyed), before + 1);
    assert_int_equal(stats_now().later_drops, 0);
    assert_int_equal(stats_now().later_bytes, 0);
}

static void *drop_ring_later(void *arg) {
    struct reader *reader = arg;
    struct node *node = node_new();
    tally_set(node, next, node);
    tally_decref_later(node);
    stage_set(&reader->at, 1);
    stage_poll(&reader->at, 2);
    return NULL;
}

static void a_collection_sees_what_others_have_buffered(void **state) {
    (void)state;
    struct reader reader = {.block = NULL};
    int before = atomic_load(&destroyed);
    pthread_t thread = thread_start(drop_ring_later, &reader);
    stage_wait(&reader.at, 1);
    assert_int_equal(tally_collect(), 1);
    assert_int_equal(atomic_load(&destroyed), before + 1);
    stage_set(&reader.at, 2);
    thread_join(thread);
}

static void *drop_later(void *node) {
    for (int n = 0; n < 100; n++)
        tally_decref_later(node);
    return NULL;
}

static void others_drop_later_what_is_this_threads(void **state) {
    (void)state;
    int before = atomic_load(&destroyed);
    struct node *node = node_new();
    for (int n = 0; n < 300; n++)
        tally_incref(node);
    for (int n = 0; n < 3; n++)
        thread_run(drop_later, node);
    tally_flush();
    tally_collect();
    assert_true(tally_is_unique(node) ||
                tally_counts_of(node).owner_count +
                        tally_counts_of(node).shared_count ==
                    1);
    assert_int_equal(atomic_load(&destroyed), before);
    tally_decref(node);
    tally_collect();
    assert_int_equal(atomic_load(&destroyed), before + 1);
}

// These look at what is put off before it ends: without the runtime's
// thread, which would end it in time (test_due.c).
static int group_begin(void **state) {
    (void)state;
    struct tally_config config = TALLY_CONFIG_INIT;
    config.collector = 0;
    return tally_init(&config) == TALLY_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(a_deferred_call_is_made_by_a_collection),
        quiet_test(what_a_thread_deferred_is_done_when_it_has_waited),
        quiet_test(a_deferral_without_a_function_is_refused),
        quiet_test(a_section_keeps_what_is_freed_meanwhile),
        quiet_test(others_do_what_a_sleeping_thread_deferred),
        quiet_test(a_deferred_call_may_use_the_heap),
        cmocka_unit_test(calls_that_defer_themselves_stop_nothing),
        cmocka_unit_test(a_shutdown_does_what_is_left),
        quiet_test(a_forked_child_does_what_others_deferred),
        cmocka_unit_test(the_bounds_are_options),
        quiet_test(one_large_block_is_enough_for_a_grace_period),
        quiet_test(a_buffered_drop_is_counted_when_it_is_flushed),
        quiet_test(a_collection_sees_what_others_have_buffered),
        quiet_test(others_drop_later_what_is_this_threads),
    };
    return cmocka_run_group_tests(tests, group_begin, NULL);
}
