// Statistics, durations and walks.

#include "api.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next));

static struct node *node_new(long key) {
    struct node *node = tally_new(node);
    must(node);
    node->key = key;
    return node;
}

static void a_size_that_no_version_has_is_refused(void **state) {
    (void)state;
    struct tally_stats stats = {.size = sizeof(stats) + 8};
    assert_int_equal(tally_stats_get(&stats), TALLY_INVALID);
    assert_int_equal(tally_stats_get(NULL), TALLY_INVALID);
    stats.size = 0;
    assert_int_equal(tally_stats_get(&stats), TALLY_INVALID);
}

static void objects_made_and_destroyed_are_counted(void **state) {
    (void)state;
    struct tally_stats before = stats_now();
    for (int n = 0; n < 1000; n++)
        tally_decref(node_new(n));
    struct node *held = node_new(1);
    struct tally_stats after = stats_now();
    assert_int_equal(after.counters.made - before.counters.made, 1001);
    assert_int_equal(after.counters.destroyed - before.counters.destroyed,
                     1000);
    assert_int_equal(after.live_objects, before.live_objects + 1);
    tally_decref(held);
}

static void reading_statistics_changes_none(void **state) {
    (void)state;
    struct tally_stats before = stats_now(), after = stats_now();
    assert_memory_equal(&before, &after, sizeof(before));
}

static void *stats_unattached(void *arg) {
    (void)arg;
    struct tally_stats stats = stats_now();
    must(stats.mutators > 0);
    must(tally_mutator_number() == 0);
    return NULL;
}

static void a_thread_that_is_not_attached_reads_statistics(void **state) {
    (void)state;
    thread_run(stats_unattached, NULL);
}

static void live_bytes_follow_the_heap(void **state) {
    (void)state;
    uint64_t before = stats_now().live_bytes;
    void *block[100];
    for (int n = 0; n < 100; n++)
        must((block[n] = tally_alloc(100000)));
    uint64_t with = stats_now().live_bytes;
    assert_in_range(with - before, 10000000 - 200000, 12000000);
    for (int n = 0; n < 100; n++)
        tally_free(block[n]);
    assert_true(stats_now().live_bytes < before + 200000);
}

static void what_is_got_is_at_least_what_is_used(void **state) {
    (void)state;
    struct tally_stats stats = stats_now();
    assert_true(stats.os_bytes >= stats.heap_bytes + stats.metadata_bytes);
    assert_true(stats.reserved_bytes >= stats.os_bytes);
    assert_true(stats.metadata_bytes > 0);
}

static void collections_are_counted_by_generation(void **state) {
    (void)state;
    struct tally_stats before = stats_now();
    tally_collect_with(TALLY_STOPPED, TALLY_FULL, NULL);
    struct node *node = node_new(1);
    tally_set(node, next, node);
    tally_decref(node);
    assert_int_equal(tally_collect_with(TALLY_STOPPED, TALLY_YOUNG, NULL),
                     TALLY_OK);
    struct tally_stats after = stats_now();
    assert_int_equal(after.collections[TALLY_FULL],
                     before.collections[TALLY_FULL] + 1);
    assert_int_equal(after.collections[TALLY_YOUNG],
                     before.collections[TALLY_YOUNG] + 1);
    assert_int_equal(after.collected, before.collected + 1);
    assert_int_equal(after.pauses.count, before.pauses.count + 2);
    assert_true(after.pauses.max_ns > 0);
    assert_true(after.pauses.sum_ns >= after.pauses.max_ns);
}

struct foreign {
    struct node *node;
    struct tally_counters delta;
};

static void *count_as_other(void *arg) {
    struct foreign *foreign = arg;
    must(tally_attach(NULL) == TALLY_OK);
    struct tally_counters before, after;
    must(tally_mutator_counters(tally_mutator_number(), &before) == TALLY_OK);
    for (int n = 0; n < 10; n++)
        tally_incref(foreign->node);
    for (int n = 0; n < 10; n++)
        tally_decref(foreign->node);
    must(tally_mutator_counters(tally_mutator_number(), &after) == TALLY_OK);
    foreign->delta.shared_counts = after.shared_counts - before.shared_counts;
    return NULL;
}

static void counting_by_others_is_counted(void **state) {
    (void)state;
    struct foreign foreign = {.node = node_new(1)};
    thread_run(count_as_other, &foreign);
    assert_int_equal(foreign.delta.shared_counts, 20);
    tally_decref(foreign.node);
}

static void merged_counting_is_counted(void **state) {
    (void)state;
    struct node *node = node_new(1);
    tally_transfer(node);
    struct tally_stats before = stats_now();
    for (int n = 0; n < 10; n++) {
        tally_incref(node);
        tally_decref(node);
    }
    struct tally_stats after = stats_now();
    assert_int_equal(after.counters.merged_counts,
                     before.counters.merged_counts + 20);
    tally_decref(node);
}

static void counters_of_no_mutator_are_refused(void **state) {
    (void)state;
    struct tally_counters counters;
    assert_int_equal(tally_mutator_counters(0, &counters), TALLY_INVALID);
    assert_int_equal(tally_mutator_counters(TALLY_MUTATORS_MAX, &counters),
                     TALLY_INVALID);
    assert_int_equal(tally_mutator_counters(UINT32_MAX, &counters),
                     TALLY_INVALID);
    assert_int_equal(tally_mutator_counters(1, NULL), TALLY_INVALID);
}

static void quantiles_rise_and_end_at_the_maximum(void **state) {
    (void)state;
    struct tally_histogram empty = {0};
    assert_int_equal(tally_histogram_quantile(&empty, 0.5), 0);
    for (int n = 0; n < 20; n++)
        tally_collect_with(TALLY_STOPPED, TALLY_FULL, NULL);
    struct tally_histogram h = stats_now().pauses;
    uint64_t last = 0;
    for (double q = 0.0; q <= 1.0; q += 0.05) {
        uint64_t ns = tally_histogram_quantile(&h, q);
        assert_true(ns >= last);
        last = ns;
    }
    assert_int_equal(tally_histogram_quantile(&h, 1.0), h.max_ns);
    assert_true(tally_histogram_quantile(&h, 0.0) > 0);
}

struct waiter {
    stage at;
    atomic_bool end;
};

static void *wait_to_end(void *arg) {
    struct waiter *waiter = arg;
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&waiter->at, 1);
    while (!atomic_load(&waiter->end))
        tally_safepoint();
    return NULL;
}

// What this thread asks for itself holds the other one only.
static void who_is_held_by_collections_of_others_is_told(void **state) {
    (void)state;
    struct waiter waiter = {.end = false};
    struct tally_histogram alone = stats_now().stalls;
    for (int n = 0; n < 5; n++)
        tally_collect();
    assert_int_equal(stats_now().stalls.count, alone.count);
    pthread_t thread = thread_start(wait_to_end, &waiter);
    stage_wait(&waiter.at, 1);
    for (int n = 0; n < 5; n++)
        tally_collect();
    atomic_store(&waiter.end, true);
    thread_join(thread);
    struct tally_histogram h = stats_now().stalls;
    assert_true(h.count >= alone.count + 5);
    assert_true(h.max_ns > 0);
    assert_true(h.sum_ns >= h.max_ns);
    uint64_t sum = 0;
    for (int n = 0; n < TALLY_HISTOGRAM_BUCKETS; n++)
        sum += h.bucket[n];
    assert_int_equal(sum, h.count);
}

struct seen {
    unsigned nodes, stop_at;
    uintptr_t last;
    bool sorted;
};

static bool see(void *object, void *arg) {
    struct seen *seen = arg;
    if (!tally_is_instance(object, TALLY_TYPE_OF(node)))
        return true;
    seen->sorted = seen->sorted && (uintptr_t)object > seen->last;
    seen->last = (uintptr_t)object;
    return ++seen->nodes != seen->stop_at;
}

static void a_walk_sees_each_live_object_once_by_address(void **state) {
    (void)state;
    static struct node *node[5000];
    for (int n = 0; n < 5000; n++)
        node[n] = node_new(n);
    for (int n = 0; n < 5000; n += 2)
        tally_decref(node[n]);
    struct seen seen = {.sorted = true};
    assert_int_equal(tally_walk(see, &seen), TALLY_OK);
    assert_int_equal(seen.nodes, 2500);
    assert_true(seen.sorted);
    for (int n = 1; n < 5000; n += 2)
        tally_decref(node[n]);
}

static void a_walk_ends_when_it_is_told_to(void **state) {
    (void)state;
    struct node *node[10];
    for (int n = 0; n < 10; n++)
        node[n] = node_new(n);
    struct seen seen = {.stop_at = 3, .sorted = true};
    assert_int_equal(tally_walk(see, &seen), TALLY_OK);
    assert_int_equal(seen.nodes, 3);
    for (int n = 0; n < 10; n++)
        tally_decref(node[n]);
}

static void every_status_has_a_sentence(void **state) {
    (void)state;
    const tally_status known[] = {TALLY_OK,    TALLY_NO_MEMORY, TALLY_INVALID,
                                  TALLY_LIMIT, TALLY_DEADLOCK,  TALLY_NOT_OWNER,
                                  TALLY_BUSY,  TALLY_TIMED_OUT, TALLY_CORRUPT};
    const char *unknown = tally_strerror(-12345);
    assert_non_null(unknown);
    for (size_t n = 0; n < sizeof(known) / sizeof(known[0]); n++) {
        assert_non_null(tally_strerror(known[n]));
        assert_string_not_equal(tally_strerror(known[n]), unknown);
    }
    assert_non_null(tally_strerror(12345));
    assert_non_null(tally_strerror(INT32_MIN));
}

static bool note_immortal(void *object, void *arg) {
    struct node *node = object;
    *(long *)arg += node->key;
    return true;
}

static bool note_first(void *object, void *arg) {
    (void)note_immortal(object, arg);
    return false;
}

static void immortal_objects_are_listed(void **state) {
    (void)state;
    long sum = 0;
    assert_int_equal(tally_each_immortal(note_immortal, &sum), TALLY_OK);
    assert_int_equal(sum, 0);
    struct node *mortal = node_new(1);
    for (long key = 10; key <= 1000; key *= 10)
        tally_immortalize(node_new(key));
    assert_int_equal(tally_each_immortal(note_immortal, &sum), TALLY_OK);
    assert_int_equal(sum, 1110);
    sum = 0;
    assert_int_equal(tally_each_immortal(note_first, &sum), TALLY_OK);
    assert_true(sum == 10 || sum == 100 || sum == 1000);
    tally_decref(mortal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(a_size_that_no_version_has_is_refused),
        quiet_test(objects_made_and_destroyed_are_counted),
        quiet_test(reading_statistics_changes_none),
        quiet_test(a_thread_that_is_not_attached_reads_statistics),
        quiet_test(live_bytes_follow_the_heap),
        quiet_test(what_is_got_is_at_least_what_is_used),
        quiet_test(collections_are_counted_by_generation),
        quiet_test(counting_by_others_is_counted),
        quiet_test(merged_counting_is_counted),
        quiet_test(counters_of_no_mutator_are_refused),
        quiet_test(who_is_held_by_collections_of_others_is_told),
        quiet_test(quantiles_rise_and_end_at_the_maximum),
        quiet_test(a_walk_sees_each_live_object_once_by_address),
        quiet_test(a_walk_ends_when_it_is_told_to),
        quiet_test(every_status_has_a_sentence),
        quiet_test(immortal_objects_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
