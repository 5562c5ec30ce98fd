// observe/stats.c: sums of what mutators count, and quantiles.

#include "unit_collector.h"

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

static struct tally_stats stats_now(void) {
    struct tally_stats stats = {.size = sizeof(stats)};
    assert_int_equal(tally_stats_get(&stats), TALLY_OK);
    return stats;
}

static void a_later_versions_structure_is_refused(void **state) {
    (void)state;
    struct tally_stats stats = {.size = sizeof(stats) + 8, .mutators = 77};
    assert_int_equal(tally_stats_get(&stats), TALLY_INVALID);
    assert_int_equal(tally_stats_get(NULL), TALLY_INVALID);
    assert_int_equal(stats.mutators, 77);
}

static void of_an_earlier_versions_structure_no_more_is_written(void **state) {
    (void)state;
    struct tally_stats stats = {.size = offsetof(struct tally_stats, pauses),
                                .pauses = {.count = 77}};
    assert_int_equal(tally_stats_get(&stats), TALLY_OK);
    assert_int_equal(stats.size, offsetof(struct tally_stats, pauses));
    assert_int_equal(stats.mutators, 1);
    assert_int_equal(stats.pauses.count, 77);
}

static void what_all_mutators_made_is_added_up(void **state) {
    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        local_make();
        for (unsigned i = 0; i <= n; i++)
            assert_non_null(tally_new(node));
    }
    tally_decref(tally_new(node));
    struct tally_stats stats = stats_now();
    assert_int_equal(stats.counters.made, 7);
    assert_int_equal(stats.counters.destroyed, 1);
    assert_int_equal(stats.live_objects, 6);
    assert_int_equal(stats.mutators, 4);
    assert_int_equal(stats.attached, 3);
}

static void a_mutators_own_counters_can_be_read(void **state) {
    (void)state;
    struct tally_counters counters = {.made = 99};
    local_make();
    tally_decref(tally_new(node));
    assert_int_equal(tally_mutator_counters(2, &counters), TALLY_OK);
    assert_int_equal(counters.made, 1);
    assert_int_equal(counters.destroyed, 1);
    counters.made = 99;
    assert_int_equal(tally_mutator_counters(0, &counters), TALLY_INVALID);
    assert_int_equal(tally_mutator_counters(3, &counters), TALLY_INVALID);
    assert_int_equal(tally_mutator_counters(2, NULL), TALLY_INVALID);
    assert_int_equal(counters.made, 99);
}

static void memory_is_told_in_bytes(void **state) {
    (void)state;
    bool clean;
    struct tly_local *self = local_make();
    struct tally_stats before = stats_now();
    assert_int_equal(before.reserved_bytes, TLY_RANGE_MIN);
    tly_heap_take_large(&self->heap, TLY_POOL_RAW, 1000000, &clean);
    struct tally_stats after = stats_now();
    assert_int_equal(after.live_bytes - before.live_bytes, 1000000);
    assert_int_equal(after.heap_bytes - before.heap_bytes,
                     TLY_ROUND_UP(1000000, TLY_UNIT_SIZE));
    assert_true(after.os_bytes >= after.heap_bytes + after.metadata_bytes);
    assert_true(after.metadata_bytes >= 2 * TLY_RECORD_SIZE);
}

static void collections_are_told_by_generation(void **state) {
    (void)state;
    local_make();
    struct node *node = tally_new(node);
    tally_set(node, next, node);
    tally_decref(node);
    tally_collect_generation(TALLY_YOUNG, NULL);
    tally_collect_generation(TALLY_FULL, NULL);
    tally_collect_generation(TALLY_FULL, NULL);
    struct tally_stats stats = stats_now();
    assert_int_equal(stats.collections[TALLY_YOUNG], 1);
    assert_int_equal(stats.collections[TALLY_FULL], 2);
    assert_int_equal(stats.collected, 1);
    assert_int_equal(stats.pauses.count, 3);
    assert_true(stats.pauses.max_ns <= stats.pauses.sum_ns);
    uint64_t sum = 0;
    for (unsigned n = 0; n < TALLY_HISTOGRAM_BUCKETS; n++)
        sum += stats.pauses.bucket[n];
    assert_int_equal(sum, 3);
}

static void immortal_and_pinned_objects_are_told(void **state) {
    (void)state;
    local_make();
    struct node *node = tally_new(node);
    tally_pin(node);
    tally_immortalize(node);
    struct tally_stats stats = stats_now();
    assert_int_equal(stats.immortal_objects, 1);
    assert_int_equal(stats.pinned, 1);
    assert_int_equal(stats.saturated, 0);
}

// ---- quantiles

// As collections record it: a quarter of a power of two.
static void record(struct tally_histogram *h, uint64_t ns) {
    unsigned bucket = 0;
    if (ns >= 4) {
        unsigned high = tly_bit_highest(ns);
        bucket = high * 4 + (unsigned)(ns >> (high - 2) & 3);
    }
    h->bucket[bucket]++;
    h->count++;
    h->sum_ns += ns;
    if (ns > h->max_ns)
        h->max_ns = ns;
}

static void an_empty_histogram_has_no_quantiles(void **state) {
    (void)state;
    struct tally_histogram h = {0};
    assert_int_equal(tally_histogram_quantile(&h, 0.5), 0);
    assert_int_equal(tally_histogram_quantile(&h, 1.0), 0);
}

static void a_quantile_is_above_its_share_by_a_quarter_at_most(void **state) {
    (void)state;
    struct tally_histogram h = {0};
    for (uint64_t ns = 1; ns <= 10000; ns++)
        record(&h, ns * 100);
    double shares[] = {0.01, 0.1, 0.5, 0.9, 0.99, 0.999};
    for (unsigned n = 0; n < 6; n++) {
        double exact = shares[n] * 1e6;
        double got = (double)tally_histogram_quantile(&h, shares[n]);
        assert_true(got >= exact * 0.999 && got <= exact * 1.26);
    }
}

static void quantiles_do_not_fall_and_end_at_the_longest(void **state) {
    (void)state;
    struct tally_histogram h = {0};
    uint64_t random = 9, last = 0;
    for (unsigned n = 0; n < 1000; n++)
        record(&h, unit_random(&random) >> (24 + n % 40));
    for (unsigned n = 0; n <= 100; n++) {
        uint64_t got = tally_histogram_quantile(&h, n / 100.0);
        assert_true(got >= last);
        last = got;
    }
    assert_true(last == h.max_ns);
}

static void one_duration_is_every_quantile(void **state) {
    (void)state;
    uint64_t durations[] = {0, 1, 3, 4, 5, 1000, 123456789, UINT64_MAX >> 25};
    for (unsigned n = 0; n < 8; n++) {
        struct tally_histogram h = {0};
        record(&h, durations[n]);
        assert_true(tally_histogram_quantile(&h, 0.0) == durations[n]);
        assert_true(tally_histogram_quantile(&h, 1.0) == durations[n]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(a_later_versions_structure_is_refused),
        collector_test(of_an_earlier_versions_structure_no_more_is_written),
        collector_test(what_all_mutators_made_is_added_up),
        collector_test(a_mutators_own_counters_can_be_read),
        collector_test(memory_is_told_in_bytes),
        collector_test(collections_are_told_by_generation),
        collector_test(immortal_and_pinned_objects_are_told),
        collector_test(an_empty_histogram_has_no_quantiles),
        collector_test(a_quantile_is_above_its_share_by_a_quarter_at_most),
        collector_test(quantiles_do_not_fall_and_end_at_the_longest),
        collector_test(one_duration_is_every_quantile),
    };
    return cmocka_run_group_tests_name("observe/stats", tests, NULL, NULL);
}
