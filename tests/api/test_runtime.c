// Start, options and end: each in a process of its own.

#include "child_test.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next));

static struct node *node_new(void) {
    struct node *node = tally_new(node);
    must(node);
    return node;
}

CHILD_TEST(the_runtime_starts_itself) {
    must(stats_now().reserved_bytes == 0);
    tally_decref(node_new());
    must(stats_now().reserved_bytes >= (uint64_t)64 << 30);
}

CHILD_TEST(everything_may_be_the_first_call) {
    tally_safepoint();
    tally_free(NULL);
    tally_detach();
    tally_blocking_enter();
    tally_blocking_exit();
    must(tally_usable_size(NULL) == 0);
    must(tally_mutator_number() == 0);
    must(tally_collect() == 0);
}

CHILD_TEST(a_verification_may_be_the_first_call) {
    must(tally_verify(2) == TALLY_OK);
}

CHILD_TEST(a_borrow_may_be_the_first_call) {
    must(tally_borrow_enter() == TALLY_OK);
    tally_borrow_leave();
    must(tally_synchronize() == TALLY_OK);
}

CHILD_TEST(a_stop_may_be_the_first_call) {
    must(tally_stop_world() == TALLY_OK);
    tally_start_world();
}

CHILD_TEST(a_trim_may_be_the_first_call) { must(tally_trim() < SIZE_MAX); }

CHILD_TEST(options_are_taken_once) {
    struct tally_config config = TALLY_CONFIG_INIT;
    config.reserve_bytes = (uint64_t)128 << 20;
    must(tally_init(&config) == TALLY_OK);
    must(tally_init(&config) == TALLY_BUSY);
    must(tally_init(NULL) == TALLY_BUSY);
    must(stats_now().reserved_bytes == (uint64_t)128 << 20);
}

CHILD_TEST(a_small_reserve_ends_in_enomem_and_not_before) {
    struct tally_config config = TALLY_CONFIG_INIT;
    config.reserve_bytes = (uint64_t)64 << 20;
    must(tally_init(&config) == TALLY_OK);
    static void *block[1000];
    size_t count = 0;
    while (count < 1000 && (block[count] = tally_alloc(100000)))
        count++;
    must(errno == ENOMEM);
    must(count > 550 && count < 671);
    must(tally_object_new(TALLY_TYPE_OF(node), 0) == NULL || count < 671);
    while (count > 0)
        tally_free(block[--count]);
    must(tally_alloc(100000));
    must(tally_verify(2) == TALLY_OK);
}

#define BAD(member, value)                                                     \
    { offsetof(struct tally_config, member), value }

CHILD_TEST(options_out_of_range_are_refused) {
    static const struct {
        size_t at;
        uint64_t value;
    } bad[] = {
        BAD(size, sizeof(struct tally_config) + 8),
        BAD(reserve_bytes, 1),
        BAD(reserve_bytes, (uint64_t)1 << 50),
        BAD(purge_delay_ms, UINT64_MAX),
        BAD(collect, 2),
        BAD(young_bytes, 0),
        BAD(full_percent, 0),
        BAD(verify, 7),
        BAD(finalizers, 3),
        BAD(destroy_slice, 127),
        BAD(report, 2),
        BAD(hot, 2),
        BAD(limbo_objects, 0),
        BAD(limbo_objects, (1 << 20) + 1),
        BAD(limbo_bytes, 0),
        BAD(later_bytes, UINT64_MAX),
        BAD(collect_share, 0),
        BAD(collect_share, 101),
        BAD(limit_bytes, 1),
        BAD(limit_wait_ms, 60001),
        BAD(zeal, (1 << 20) + 1),
        BAD(workers, 17),
    };
    unsetenv("TALLY_CONF"); // it would win
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        struct tally_config config = TALLY_CONFIG_INIT;
        *(uint64_t *)(void *)((char *)&config + bad[n].at) = bad[n].value;
        must(tally_init(&config) == TALLY_INVALID);
    }
    must(tally_init(NULL) == TALLY_OK);
}

// Rings of one, until there is no memory.
static unsigned rings_make(void) {
    unsigned made = 0;
    struct node *node;
    errno = 0;
    while ((node = tally_new(node))) {
        tally_set(node, next, node);
        tally_decref(node);
        must(++made < 1000000);
    }
    must(errno == ENOMEM);
    return made;
}

CHILD_TEST(live_bytes_stay_below_their_limit) {
    setenv("TALLY_CONF", "limit_bytes:4194304,limit_wait_ms:60000,collector:0",
           1);
    must(tally_attach(NULL) == TALLY_OK);
    for (int n = 0; n < 10; n++) {
        // Nobody else collects: no wait. The next safepoint makes room.
        unsigned made = rings_make();
        must(made * sizeof(struct node) > 4194304 * 3 / 4);
        must(stats_now().live_bytes <= 4194304 + 65536);
        must(!tally_alloc(100000) && errno == ENOMEM);
        tally_safepoint();
        tally_free(tally_alloc(100000));
    }
    tally_collect();
    must(stats_now().live_objects == 0);
    void *block = tally_alloc(4000000);
    must(block && !tally_alloc(4000000) && errno == ENOMEM);
    tally_free(block);
    must(tally_verify(2) == TALLY_OK);
}

CHILD_TEST(the_environments_options_win) {
    setenv("TALLY_CONF", "collect:0,reserve_bytes:134217728", 1);
    struct tally_config config = TALLY_CONFIG_INIT;
    config.reserve_bytes = (uint64_t)64 << 20;
    must(tally_init(&config) == TALLY_OK);
    must(stats_now().reserved_bytes == (uint64_t)128 << 20);
    for (int n = 0; n < 500000; n++) {
        struct node *node = node_new();
        tally_set(node, next, node);
        tally_decref(node);
        tally_safepoint();
    }
    must(stats_now().collections[0] + stats_now().collections[1] == 0);
    must(tally_collect() == 500000);
}

CHILD_TEST(the_environment_is_read_on_first_use_too) {
    setenv("TALLY_CONF", "reserve_bytes:67108864", 1);
    tally_decref(node_new());
    must(stats_now().reserved_bytes == (uint64_t)64 << 20);
}

static void bad_environment(void *arg) {
    setenv("TALLY_CONF", arg, 1);
    must(tally_init(NULL) == TALLY_INVALID);
    errno = 0;
    must(tally_new(node) == NULL);
    must(errno == EINVAL);
    must(tally_alloc(10) == NULL);
    unsetenv("TALLY_CONF");
    must(tally_init(NULL) == TALLY_OK);
    tally_decref(node_new());
}

static void an_environment_that_makes_no_sense_is_refused_and_named(
    void **state) {
    (void)state;
    char *bad[] = {"nonsense",
                   "collect",
                   "collect:",
                   "collect:-1",
                   "collect:x",
                   "collect:1x",
                   "collect:1;",
                   "unknown:1",
                   ":1",
                   "collect:2",
                   "verify:1,young_bytes:1",
                   "young_bytes:99999999999999999999999"};
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        struct child child = child_run(bad_environment, bad[n]);
        assert_true(child_passed(&child));
        assert_non_null(strstr(child.text, "tally: "));
    }
}

CHILD_TEST(verification_after_each_collection_is_an_option) {
    setenv("TALLY_CONF", "verify:1,collector:0,young_bytes:65536", 1);
    for (int n = 0; n < 20000; n++) {
        struct node *node = node_new();
        tally_set(node, next, node);
        tally_decref(node);
        tally_safepoint();
    }
    must(stats_now().collections[0] + stats_now().collections[1] > 0);
}

CHILD_TEST(a_shutdown_says_what_is_left) {
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
    for (int round = 0; round < 3; round++) {
        struct node *ring = node_new();
        tally_set(ring, next, ring);
        tally_decref(ring);
        must(tally_shutdown(&leaked) == TALLY_OK);
        must(leaked == 0);
        for (int n = 0; n < 3; n++)
            (void)node_new();
        tally_immortalize(node_new());
        must(tally_shutdown(&leaked) == TALLY_OK);
        must(leaked == 3);
        must(tally_mutator_number() == 0);
        must(stats_now().immortal_objects == 0);
    }
}

static void child_reports(void *arg) {
    struct tally_config config = TALLY_CONFIG_INIT;
    config.report = *(uint64_t *)arg;
    must(tally_init(&config) == TALLY_OK);
    for (int n = 0; n < 3; n++)
        tally_immortalize(node_new());
    tally_pin(node_new());
    must(tally_shutdown(NULL) == TALLY_OK);
}

static void a_shutdown_reports_what_lives_on_if_asked(void **state) {
    (void)state;
    uint64_t report = 1;
    struct child child = child_run(child_reports, &report);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "3 immortal objects of type node"));
    assert_non_null(strstr(child.text, "1 pins are not undone"));
    report = 0;
    child = child_run(child_reports, &report);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "");
}

CHILD_TEST(memory_is_not_short_while_the_dead_wait) {
    struct tally_config config = TALLY_CONFIG_INIT;
    config.reserve_bytes = (uint64_t)64 << 20;
    config.destroy_slice = 128;
    config.collect = 0;
    must(tally_init(&config) == TALLY_OK);
    struct node *list = NULL, *node;
    while ((node = tally_new(node))) {
        tally_set_steal(node, next, list);
        list = node;
    }
    must(errno == ENOMEM && list);
    tally_decref(list);
    must(stats_now().dying_objects > 0);
    void *large = tally_alloc(3 << 20);
    must(large);
    tally_free(large);
    must(stats_now().live_objects == 0);
    must(tally_verify(2) == TALLY_OK);
}

CHILD_TEST(published_lists_are_not_left_by_a_shutdown) {
    for (int round = 0; round < 3; round++) {
        struct node *list = NULL;
        for (int n = 0; n < 50; n++) {
            struct node *node = node_new();
            tally_publish(node);
            tally_set_steal(node, next, list);
            list = node;
        }
        tally_decref(list);
        size_t leaked = 77;
        must(tally_shutdown(&leaked) == TALLY_OK);
        must(leaked == 0);
        must(tally_collect() == 0);
    }
}

static void *stay(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(arg, 1);
    stage_poll(arg, 2);
    return NULL;
}

CHILD_TEST(a_shutdown_beside_attached_threads_is_refused) {
    stage at = 0;
    struct node *node = node_new();
    pthread_t thread = thread_start(stay, &at);
    stage_wait(&at, 1);
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_BUSY);
    must(leaked == 77);
    must(tally_counts_of(node).owner == tally_mutator_number());
    stage_set(&at, 2);
    thread_join(thread);
    tally_decref(node);
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
}

CHILD_TEST(the_runtime_starts_again_with_other_options) {
    for (unsigned n = 0; n < 5; n++) {
        struct tally_config config = TALLY_CONFIG_INIT;
        config.reserve_bytes = (uint64_t)(64 + 64 * n) << 20;
        must(tally_init(&config) == TALLY_OK);
        must(stats_now().reserved_bytes == config.reserve_bytes);
        struct node *node = node_new();
        void *block = tally_alloc(10 << 20);
        must(block);
        tally_free(block);
        tally_decref(node);
        must(tally_verify(2) == TALLY_OK);
        must(tally_shutdown(NULL) == TALLY_OK);
    }
}

static void *start_and_use(void *arg) {
    stage_spin(arg, 1);
    struct node *node = node_new();
    tally_decref(node);
    return NULL;
}

CHILD_TEST(threads_that_come_first_together_start_it_once) {
    stage at = 0;
    pthread_t thread[8];
    for (int n = 0; n < 8; n++)
        thread[n] = thread_start(start_and_use, &at);
    stage_set(&at, 1);
    for (int n = 0; n < 8; n++)
        must(pthread_join(thread[n], NULL) == 0);
    must(stats_now().live_objects == 0);
    must(tally_verify(2) == TALLY_OK);
}

static void a_level_that_is_none_is_refused(void **state) {
    (void)state;
    assert_int_equal(tally_verify(0), TALLY_INVALID);
    assert_int_equal(tally_verify(3), TALLY_INVALID);
    assert_int_equal(tally_verify(-1), TALLY_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_runtime_starts_itself),
        cmocka_unit_test(everything_may_be_the_first_call),
        cmocka_unit_test(a_verification_may_be_the_first_call),
        cmocka_unit_test(a_borrow_may_be_the_first_call),
        cmocka_unit_test(a_stop_may_be_the_first_call),
        cmocka_unit_test(a_trim_may_be_the_first_call),
        cmocka_unit_test(options_are_taken_once),
        cmocka_unit_test(a_small_reserve_ends_in_enomem_and_not_before),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(live_bytes_stay_below_their_limit),
        cmocka_unit_test(the_environments_options_win),
        cmocka_unit_test(the_environment_is_read_on_first_use_too),
        cmocka_unit_test(
            an_environment_that_makes_no_sense_is_refused_and_named),
        cmocka_unit_test(verification_after_each_collection_is_an_option),
        cmocka_unit_test(a_shutdown_says_what_is_left),
        cmocka_unit_test(a_shutdown_reports_what_lives_on_if_asked),
        cmocka_unit_test(memory_is_not_short_while_the_dead_wait),
        cmocka_unit_test(published_lists_are_not_left_by_a_shutdown),
        cmocka_unit_test(a_shutdown_beside_attached_threads_is_refused),
        cmocka_unit_test(the_runtime_starts_again_with_other_options),
        cmocka_unit_test(threads_that_come_first_together_start_it_once),
        cmocka_unit_test(a_level_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
