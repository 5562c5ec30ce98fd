// collector/sides.h: flat tables over the heap.

#include "unit_collector.h"

#include "platform/fault.h"

static void a_granule_leads_back_to_its_block_in_every_class(void **state) {
    (void)state;
    local_make();
    for (unsigned class = 0; class < TLY_CLASSES; class ++) {
        struct tly_pool *pool = tly_pool_carve(TLY_POOL_OBJECT, class, 2);
        must(tly_sides_prepare(false) == TALLY_OK);
        size_t count, first = tly_side_words(pool, &count);
        for (unsigned n = 0; n < pool->blocks; n++) {
            void *block = tly_block_at(pool, n);
            size_t granule = tly_granule_of(block);
            assert_ptr_equal(tly_side_object(pool, granule), block);
            assert_in_range(granule / 64, first, first + count - 1);
        }
    }
}

static void a_large_block_has_one_word_of_the_tables(void **state) {
    (void)state;
    bool clean;
    char *block = tly_large_take(TLY_POOL_OBJECT, 1000000, 2, &clean);
    struct tly_pool *pool = tly_pool_of(block);
    must(tly_sides_prepare(false) == TALLY_OK);
    size_t count, first = tly_side_words(pool, &count);
    assert_int_equal(count, 1);
    assert_int_equal(first, tly_granule_of(block) / 64);
    assert_ptr_equal(tly_side_object(pool, tly_granule_of(block)), block);
}

static void bits_of_neighbours_do_not_disturb_each_other(void **state) {
    (void)state;
    uint64_t bits[2] = {0, 0};
    tly_side_set(bits, 63);
    tly_side_set(bits, 64);
    assert_true(tly_side_get(bits, 63) && tly_side_get(bits, 64));
    assert_false(tly_side_get(bits, 62) || tly_side_get(bits, 65));
    tly_side_reset(bits, 63);
    assert_false(tly_side_get(bits, 63));
    assert_true(tly_side_get(bits, 64));
}

static void the_tables_have_no_place_for_what_lies_beyond_them(void **state) {
    (void)state;
    bool clean;
    size_t granule, slot = TLY_SLOT_SIZE;
    char *near = tly_units_take(1, &clean);
    must(tly_sides_prepare(false) == TALLY_OK);
    struct tly_cover cover = tly_sides_cover();
    assert_true(tly_side_of(cover, near, &granule));
    assert_int_equal(granule, tly_granule_of(near));
    assert_false(tly_side_of(cover, NULL, &granule));
    assert_false(tly_side_of(cover, near + 1, &granule)); // a value
    char *end = tly_range_base + tly_sides.committed * slot;
    assert_true(tly_side_of(cover, end - 32, &granule));
    assert_false(tly_side_of(cover, end, &granule));
    assert_false(tly_side_of(cover, tly_range_base - 32, &granule));
    assert_false(tly_is_member((tally_object *)(void *)end));
}

static void preparing_covers_what_the_heap_has(void **state) {
    (void)state;
    bool clean;
    assert_int_equal(tly_sides_prepare(true), TALLY_OK);
    size_t before = tly_sides.committed;
    tly_huge_take(10 * TLY_SLOT_SIZE);
    tly_units_take(1, &clean);
    assert_int_equal(tly_sides_prepare(true), TALLY_OK);
    assert_true(tly_sides.committed >= tly_slots_frontier());
    assert_true(tly_sides.committed > before);
    assert_true(tly_sides.queue_size > 0);
    assert_true(tables_are_clear());
}

static void without_memory_the_tables_stay_as_they_are(void **state) {
    (void)state;
    bool clean;
    tly_units_take(1, &clean);
    for (uint64_t nth = 1; nth <= 4; nth++) {
        tly_fault_arm(TLY_FAULT_COMMIT, nth, false);
        assert_int_equal(tly_sides_prepare(false), TALLY_NO_MEMORY);
        assert_int_equal(tly_fault_disarm(NULL), 1);
        assert_int_equal(tly_sides.committed, 0);
    }
    assert_int_equal(tly_sides_prepare(false), TALLY_OK);
}

static void without_memory_for_own_tables_fewer_can_work(void **state) {
    (void)state;
    bool clean;
    tly_units_take(1, &clean);
    assert_int_equal(tly_sides_prepare(false), TALLY_OK);
    tly_fault_arm(TLY_FAULT_RESERVE, 3, true); // the third's first
    assert_int_equal(tly_sides_prepare_own(4), 2);
    tly_fault_arm(TLY_FAULT_COMMIT, 2, true); // the second half of the third's
    assert_int_equal(tly_sides_prepare_own(4), 2);
    tly_fault_disarm(NULL);
    assert_int_equal(tly_sides_prepare_own(4), 4);
    for (unsigned n = 0; n < 4; n++) {
        assert_int_equal(tly_sides.own[n].committed, tly_sides.committed);
        tly_sides_populate_own(n);
        tly_sides.own[n].trial[99] = 1;
        tly_side_set(tly_sides.own[n].marked, 99);
    }
    tly_sides.tables = 4;
    tly_sides_drop();
    assert_true(tables_are_clear());
}

static void tables_are_zero_after_they_are_dropped(void **state) {
    (void)state;
    bool clean;
    tly_units_take(1, &clean);
    for (unsigned fails = 0; fails < 2; fails++) {
        assert_int_equal(tly_sides_prepare(true), TALLY_OK);
        tly_sides.trial[77] = 1;
        tly_side_set(tly_sides.member, 78);
        tly_side_set(tly_sides.listed, 79);
        assert_false(tables_are_clear());
        if (fails) // the system may refuse
            tly_fault_arm(TLY_FAULT_PURGE, 1, true);
        tly_sides_drop();
        // What is listed is another's business.
        assert_true(tly_side_get(tly_sides.listed, 79));
        tly_sides_unlist();
        tly_fault_disarm(NULL);
        assert_true(tables_are_clear());
    }
}

static void clearing_a_pools_part_leaves_others(void **state) {
    (void)state;
    local_make();
    struct tly_pool *a = tly_pool_carve(TLY_POOL_OBJECT, 20, 2);
    struct tly_pool *b = tly_pool_carve(TLY_POOL_OBJECT, 20, 2);
    assert_int_equal(tly_sides_prepare(false), TALLY_OK);
    size_t in_a = tly_granule_of(tly_block_at(a, a->blocks - 1u));
    size_t in_b = tly_granule_of(tly_block_at(b, 0));
    tly_side_set(tly_sides.member, in_a);
    tly_side_set(tly_sides.member, in_b);
    tly_sides.trial[in_a] = tly_sides.trial[in_b] = 1;
    tly_sides_clear(a);
    assert_false(tly_side_get(tly_sides.member, in_a));
    assert_int_equal(tly_sides.trial[in_a], 0);
    assert_true(tly_side_get(tly_sides.member, in_b));
    assert_int_equal(tly_sides.trial[in_b], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(a_granule_leads_back_to_its_block_in_every_class),
        collector_test(a_large_block_has_one_word_of_the_tables),
        collector_test(bits_of_neighbours_do_not_disturb_each_other),
        collector_test(the_tables_have_no_place_for_what_lies_beyond_them),
        collector_test(preparing_covers_what_the_heap_has),
        collector_test(without_memory_the_tables_stay_as_they_are),
        collector_test(without_memory_for_own_tables_fewer_can_work),
        collector_test(tables_are_zero_after_they_are_dropped),
        collector_test(clearing_a_pools_part_leaves_others),
    };
    return cmocka_run_group_tests_name("collector/sides", tests, NULL, NULL);
}
