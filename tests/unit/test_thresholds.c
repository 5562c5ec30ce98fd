// collector/thresholds.c: when collections are due, read and set.

#include "unit_collector.h"

#include "collector/control.h"

#define MIB ((int64_t)1 << 20)

static struct tally_thresholds now(void) {
    struct tally_thresholds thresholds;
    tally_thresholds_get(&thresholds);
    return thresholds;
}

static void options_are_what_is_read(void **state) {
    (void)state;
    collector_configure(true, 123456, 77);
    assert_int_equal(now().young_bytes, 123456);
    assert_int_equal(now().full_percent, 77);
}

static void what_is_set_is_read_and_goes(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    collector_configure(true, 1 << 20, 100);
    struct tally_thresholds set = {3 << 20, 50};
    assert_int_equal(tally_thresholds_set(&set), TALLY_OK);
    assert_int_equal(now().young_bytes, 3 << 20);
    assert_int_equal(now().full_percent, 50);
    tly_heap_account(&self->heap, 2 * MIB);
    assert_int_equal(tly_pace_due(), -1);
    tly_heap_account(&self->heap, MIB);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
    tly_heap_account(&self->heap, -3 * MIB);
}

static void what_is_out_of_range_is_refused_and_changes_nothing(void **state) {
    (void)state;
    local_make();
    collector_configure(true, 1 << 20, 100);
    const struct tally_thresholds bad[] = {{4095, 100},
                                           {((uint64_t)1 << 39) + 1, 100},
                                           {1 << 20, 0},
                                           {1 << 20, 10001}};
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(tally_thresholds_set(&bad[n]), TALLY_INVALID);
    assert_int_equal(now().young_bytes, 1 << 20);
    assert_int_equal(now().full_percent, 100);
}

static void enabled_is_what_the_option_says_and_nobody_holds_off(void **state) {
    (void)state;
    collector_configure(true, 1 << 20, 100);
    assert_true(tally_collect_is_enabled());
    tally_collect_disable();
    assert_false(tally_collect_is_enabled());
    tally_collect_enable();
    assert_true(tally_collect_is_enabled());
    collector_configure(false, 1 << 20, 100);
    assert_false(tally_collect_is_enabled());
}

static void growth_counts_from_the_last_collection(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    assert_int_equal(tally_collect_growth(TALLY_FULL), 0);
    tly_heap_account(&self->heap, 2 * MIB);
    tly_growth_done(TALLY_YOUNG);
    assert_int_equal(tally_collect_growth(TALLY_YOUNG), 0);
    assert_int_equal(tally_collect_growth(TALLY_FULL), 2 * MIB);
    tly_heap_account(&self->heap, MIB);
    assert_int_equal(tally_collect_growth(TALLY_YOUNG), MIB);
    assert_int_equal(tally_collect_growth(TALLY_FULL), 3 * MIB);
    tly_growth_done(TALLY_FULL);
    assert_int_equal(tally_collect_growth(TALLY_YOUNG), 0);
    assert_int_equal(tally_collect_growth(TALLY_FULL), 0);
    tly_heap_account(&self->heap, -3 * MIB);
    assert_int_equal(tally_collect_growth(TALLY_YOUNG), 0);
    assert_int_equal(tally_collect_growth((tally_generation)2), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(options_are_what_is_read),
        collector_test(what_is_set_is_read_and_goes),
        collector_test(what_is_out_of_range_is_refused_and_changes_nothing),
        collector_test(enabled_is_what_the_option_says_and_nobody_holds_off),
        collector_test(growth_counts_from_the_last_collection),
    };
    return cmocka_run_group_tests_name("collector/thresholds", tests, NULL,
                                       NULL);
}
