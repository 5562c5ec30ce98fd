// collector/pace.c: when a collection is due.

#include "unit_collector.h"

#define MIB ((int64_t)1 << 20)

// Young after 1 MiB, full after 100 % and at least 16 MiB.
static struct tly_heap *begin(void) {
    collector_configure(true, 1 << 20, 100);
    struct tly_heap *heap = heap_make();
    act_as(heap);
    return heap;
}

static void nothing_is_due_in_a_small_heap(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    assert_int_equal(tly_pace_due(), -1);
    tly_heap_account(heap, MIB - 1);
    assert_int_equal(tly_pace_due(), -1);
}

static void growth_makes_a_young_collection_due_and_then_a_full_one(
    void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, MIB);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
    tly_heap_account(heap, 15 * MIB);
    assert_int_equal(tly_pace_due(), TALLY_FULL);
}

static void after_a_collection_growth_counts_from_there(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, 3 * MIB);
    tly_pace_done(TALLY_YOUNG, 100, 50);
    assert_int_equal(tly_pace_due(), -1);
    tly_heap_account(heap, MIB - 1);
    assert_int_equal(tly_pace_due(), -1);
    tly_heap_account(heap, 65536);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
}

static void collections_that_free_nothing_come_rarer_to_an_eighth(
    void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    int64_t waits[] = {2, 4, 8, 8, 8};
    for (unsigned n = 0; n < 5; n++) {
        tly_pace_done(TALLY_YOUNG, 1000, 9);
        tly_heap_account(heap, (waits[n] - 1) * MIB);
        assert_int_equal(tly_pace_due(), -1);
        tly_heap_account(heap, MIB);
        assert_int_not_equal(tly_pace_due(), -1);
        // Out of the full one's way.
        tly_heap_account(heap, -waits[n] * MIB);
    }
    tly_pace_done(TALLY_YOUNG, 1000, 10);
    tly_heap_account(heap, MIB);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
}

static void a_full_collection_waits_for_its_percentage(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, 100 * MIB);
    tly_pace_done(TALLY_FULL, 100, 50);
    tly_pace_done(TALLY_YOUNG, 100, 50);
    tly_heap_account(heap, 98 * MIB);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
    tly_heap_account(heap, 2 * MIB);
    assert_int_equal(tly_pace_due(), TALLY_FULL);
}

static void nothing_is_due_while_collections_are_disabled(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, 100 * MIB);
    tally_collect_disable();
    tally_collect_disable();
    assert_int_equal(tly_pace_due(), -1);
    tally_collect_enable();
    assert_int_equal(tly_pace_due(), -1);
    tally_collect_enable();
    assert_int_equal(tly_pace_due(), TALLY_FULL);
}

static void nothing_is_due_where_it_was_turned_off(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, 100 * MIB);
    collector_configure(false, 1 << 20, 100);
    assert_int_equal(tly_pace_due(), -1);
}

static void enable(void *arg) {
    (void)arg;
    tally_collect_enable();
}

static void enabling_what_is_enabled_aborts_in_debug_builds(void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(enable, NULL, "misuse");
}

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

static void a_growing_heap_collects_at_a_safepoint_by_itself(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    collector_configure(true, 1 << 20, 100);
    uint64_t before = tly_collect_totals.collections[TALLY_YOUNG];
    for (unsigned n = 0; n < 200000; n++) {
        struct node *node = tally_new(node);
        tally_set(node, next, node);
        tally_decref(node);
        tally_safepoint();
    }
    // 200,000 of 32 bytes are 6 MiB.
    assert_true(tly_collect_totals.collections[TALLY_YOUNG] - before >= 4);
    assert_true(self->counters.destroyed > 100000);
    assert_true(tly_pool_live_bytes() < 3 * MIB);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(nothing_is_due_in_a_small_heap),
        collector_test(growth_makes_a_young_collection_due_and_then_a_full_one),
        collector_test(after_a_collection_growth_counts_from_there),
        collector_test(collections_that_free_nothing_come_rarer_to_an_eighth),
        collector_test(a_full_collection_waits_for_its_percentage),
        collector_test(nothing_is_due_while_collections_are_disabled),
        collector_test(nothing_is_due_where_it_was_turned_off),
        collector_test(enabling_what_is_enabled_aborts_in_debug_builds),
        collector_test(a_growing_heap_collects_at_a_safepoint_by_itself),
    };
    return cmocka_run_group_tests_name("collector/pace", tests, NULL, NULL);
}
