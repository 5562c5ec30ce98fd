// Memory from the system: given back at once, after a delay, and used again.

#include "api.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
    long key[5];
};
TALLY_TYPE(node, TALLY_REF(next));

#define MB ((size_t)1 << 20)

static size_t rss(void) {
    unsigned long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    must(file);
    must(fscanf(file, "%lu %lu", &pages, &resident) == 2);
    fclose(file);
    return resident * 4096;
}

static void *fill_and_drop(void *arg) {
    (void)arg;
    enum { COUNT = 500000 };
    static struct node *node[COUNT];
    for (int n = 0; n < COUNT; n++)
        must((node[n] = tally_new(node)));
    for (int n = 0; n < COUNT; n++)
        tally_decref(node[n]);
    return NULL;
}

static void trim_gives_free_memory_back_at_once(void **state) {
    (void)state;
    fill_and_drop(NULL);
    uint64_t before = stats_now().os_bytes;
    size_t resident = rss();
    assert_true(tally_trim() >= 20 * MB);
    assert_true(stats_now().os_bytes + 20 * MB <= before);
    if (!UNDER_ASAN && !UNDER_TSAN)
        assert_true(rss() + 20 * MB <= resident);
    assert_true(stats_now().os_bytes < 10 * MB);
}

static void trim_empties_what_exited_threads_left(void **state) {
    (void)state;
    thread_run(fill_and_drop, NULL);
    tally_trim();
    assert_true(stats_now().os_bytes < 10 * MB);
}

static void *fill_and_poll(void *arg) {
    fill_and_drop(NULL);
    stage_set(arg, 1);
    stage_poll(arg, 2);
    return NULL;
}

static void trim_reaches_threads_that_run(void **state) {
    (void)state;
    stage at = 0;
    pthread_t thread = thread_start(fill_and_poll, &at);
    stage_wait(&at, 1);
    tally_trim();
    tally_trim();
    uint64_t bytes = stats_now().os_bytes;
    stage_set(&at, 2);
    thread_join(thread);
    assert_true(bytes < 10 * MB);
}

static void large_blocks_go_back_too(void **state) {
    (void)state;
    char *block = tally_alloc(200 * MB);
    assert_non_null(block);
    memset(block, 1, 200 * MB);
    assert_true(stats_now().os_bytes >= 200 * MB);
    tally_free(block);
    assert_true(tally_trim() >= 200 * MB);
    assert_true(stats_now().os_bytes < 10 * MB);
}

static void memory_that_was_given_back_is_used_again(void **state) {
    (void)state;
    for (int n = 0; n < 5; n++) {
        fill_and_drop(NULL);
        tally_trim();
    }
    assert_true(stats_now().os_bytes < 10 * MB);
    assert_int_equal(tally_verify(2), TALLY_OK);
}

static void free_memory_goes_back_after_the_delay(void **state) {
    (void)state;
    fill_and_drop(NULL);
    char *large = tally_alloc(20 * MB);
    memset(large, 1, 20 * MB);
    tally_free(large);
    assert_true(stats_now().os_bytes >= 30 * MB);
    // The delay is 200 ms here; what notices its end is some use of the heap.
    sleep_ms(400);
    for (int n = 0; n < 3; n++)
        tally_free(tally_alloc(100000));
    assert_true(stats_now().os_bytes < 10 * MB);
}

static void memory_of_garbage_goes_back(void **state) {
    (void)state;
    for (int n = 0; n < 300000; n++) {
        struct node *node = tally_new(node);
        tally_set(node, next, node);
        tally_decref(node);
    }
    assert_true(stats_now().os_bytes >= 15 * MB);
    assert_int_equal(tally_collect(), 300000);
    tally_trim();
    assert_true(stats_now().os_bytes < 10 * MB);
}

static void *churn(void *arg) {
    (void)arg;
    static atomic_uint seed;
    unsigned r = atomic_fetch_add(&seed, 1) + 1;
    void *block[64] = {NULL};
    int div = UNDER_TSAN ? 10 : 1;
    for (int n = 0; n < 20000 / div; n++) {
        r = r * 1103515245u + 12345u;
        unsigned slot = r >> 16 & 63;
        tally_free(block[slot]);
        block[slot] = tally_alloc((r >> 8) % (r & 7 ? 2000 : 200000));
        must(block[slot]);
    }
    for (int n = 0; n < 64; n++)
        tally_free(block[n]);
    return NULL;
}

static void memory_does_not_grow_with_the_threads_that_came(void **state) {
    (void)state;
    uint64_t bytes = 0;
    for (int n = 0; n < 40; n++) {
        thread_run(churn, NULL);
        if (n == 9)
            bytes = stats_now().os_bytes;
    }
    assert_true(stats_now().os_bytes <= bytes + 4 * MB);
}

static int group_begin(void **state) {
    (void)state;
    struct tally_config config = TALLY_CONFIG_INIT;
    config.purge_delay_ms = 200;
    return tally_init(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(trim_gives_free_memory_back_at_once),
        quiet_test(trim_empties_what_exited_threads_left),
        quiet_test(trim_reaches_threads_that_run),
        quiet_test(large_blocks_go_back_too),
        quiet_test(memory_that_was_given_back_is_used_again),
        quiet_test(free_memory_goes_back_after_the_delay),
        quiet_test(memory_of_garbage_goes_back),
        quiet_test(memory_does_not_grow_with_the_threads_that_came),
    };
    return cmocka_run_group_tests(tests, group_begin, NULL);
}
