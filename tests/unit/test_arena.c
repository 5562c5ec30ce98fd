// arena/arena.h: runs of units, huge blocks.

#include "unit_arena.h"

#define UNIT TLY_UNIT_SIZE
#define HOUR ((uint64_t)3600 * 1000000000u)

static char *take(unsigned count) {
    bool clean;
    return tly_units_take(count, &clean);
}

static bool is_clean(unsigned count) {
    bool clean;
    assert_non_null(tly_units_take(count, &clean));
    return clean;
}

static void the_first_unit_lies_behind_the_metadata(void **state) {
    (void)state;
    char *first = take(1);
    assert_ptr_equal(first, tly_range_base + TLY_META_UNITS * UNIT);
    assert_int_equal(tly_unit_of(first + UNIT - 1), TLY_META_UNITS);
    assert_ptr_equal(tly_arena_of(first), tly_arena_at(0));
    assert_ptr_equal(tly_unit_at(tly_arena_at(0), TLY_META_UNITS), first);
}

static void runs_are_taken_where_they_fit_first(void **state) {
    (void)state;
    char *a = take(2), *b = take(3), *c = take(1);
    assert_ptr_equal(b, a + 2 * UNIT);
    assert_ptr_equal(c, b + 3 * UNIT);
    tly_units_give(a, 2);
    assert_ptr_equal(take(3), c + UNIT);
    assert_ptr_equal(take(1), a);
    assert_ptr_equal(take(1), a + UNIT);
}

static void a_run_does_not_reach_over_used_units(void **state) {
    (void)state;
    char *first = take(120), *hole = take(1), *last = take(120);
    tly_units_give(first, 120);
    tly_units_give(last, 120);
    assert_ptr_equal(take(121), hole + UNIT);
    (void)first;
}

static void an_arena_has_250_units_and_then_comes_the_next(void **state) {
    (void)state;
    for (unsigned n = 0; n < TLY_UNITS_MAX; n++)
        assert_ptr_equal(tly_arena_of(take(1)), tly_range_base);
    char *next = take(1);
    assert_ptr_equal(tly_arena_of(next), tly_arena_at(1));
    assert_int_equal(TLY_UNITS_MAX, 250);
}

static void a_whole_arena_can_be_one_run(void **state) {
    (void)state;
    char *run = take(TLY_UNITS_MAX);
    assert_ptr_equal(run, tly_range_base + TLY_META_UNITS * UNIT);
    memset(run, 1, TLY_UNITS_MAX * UNIT);
    char *next = take(1);
    assert_ptr_equal(tly_arena_of(next), tly_arena_at(1));
    tly_units_give(run, TLY_UNITS_MAX);
    assert_ptr_equal(take(TLY_UNITS_MAX), run);
}

static void a_unit_freed_in_a_full_arena_is_found_again(void **state) {
    (void)state;
    char *run = take(TLY_UNITS_MAX);
    take(TLY_UNITS_MAX);
    take(1);
    tly_units_give(run + 100 * UNIT, 1);
    assert_ptr_equal(take(1), run + 100 * UNIT);
}

static void units_that_nobody_used_are_clean_and_zero(void **state) {
    (void)state;
    bool clean = false;
    char *run = tly_units_take(5, &clean);
    assert_true(clean);
    assert_true(all_bytes_are(run, 5 * UNIT, 0));
}

static void units_that_were_used_are_not_clean(void **state) {
    (void)state;
    tly_units_give(take(2), 2);
    assert_false(is_clean(2));
    assert_true(is_clean(1));
}

static void a_run_is_clean_if_all_its_units_are(void **state) {
    (void)state;
    tly_units_give(take(1), 1);
    assert_false(is_clean(2));
    assert_true(is_clean(2));
}

static void purged_units_are_clean_and_zero(void **state) {
    (void)state;
    char *run = take(3);
    memset(run, 7, 3 * UNIT);
    tly_units_give(run, 3);
    assert_int_equal(tly_arena_purge(), 3 * UNIT);
    bool clean = false;
    assert_ptr_equal(tly_units_take(3, &clean), run);
    assert_true(clean);
    assert_true(all_bytes_are(run, 3 * UNIT, 0));
}

static void units_that_the_system_does_not_purge_stay_dirty(void **state) {
    (void)state;
    tly_units_give(take(1), 1);
    tly_fault_arm(TLY_FAULT_PURGE, 1, true);
    assert_int_equal(tly_arena_purge(), 0);
    tly_fault_disarm(NULL);
    assert_int_equal(tly_arena_bytes().dirty, UNIT);
    assert_false(is_clean(1));
}

static void purging_leaves_units_in_use_alone(void **state) {
    (void)state;
    char *a = take(1), *b = take(1);
    memset(b, 7, UNIT);
    tly_units_give(a, 1);
    assert_int_equal(tly_arena_purge(), UNIT);
    assert_true(all_bytes_are(b, UNIT, 7));
    assert_int_equal(tly_arena_purge(), 0);
}

static void a_tick_purges_after_the_delay_and_not_before(void **state) {
    (void)state;
    tly_arena_set_delay(HOUR);
    tly_units_give(take(1), 1);
    tly_arena_tick();
    assert_int_equal(tly_arena_bytes().dirty, UNIT);
    tly_arena_set_delay(0);
    tly_arena_tick();
    assert_int_equal(tly_arena_bytes().dirty, 0);
}

static void the_delay_is_not_put_off_by_what_is_freed_meanwhile(void **state) {
    (void)state;
    char *first = take(1), *later = take(1);
    tly_arena_set_delay(50000000);
    tly_units_give(first, 1);
    uint64_t begin = tly_os_now_coarse();
    sleep_ms(30);
    tly_units_give(later, 1);
    while (tly_os_now_coarse() - begin < 50000000)
        sleep_ms(1);
    tly_arena_tick();
    assert_int_equal(tly_arena_bytes().dirty, 0);
}

static void bytes_are_accounted_for(void **state) {
    (void)state;
    char *a = take(4);
    struct tly_arena_bytes bytes = tly_arena_bytes();
    assert_int_equal(bytes.used, 4 * UNIT);
    assert_int_equal(bytes.dirty, 0);
    assert_int_equal(bytes.metadata, TLY_META_UNITS * UNIT);
    tly_units_give(a + UNIT, 2);
    bytes = tly_arena_bytes();
    assert_int_equal(bytes.used, 2 * UNIT);
    assert_int_equal(bytes.dirty, 2 * UNIT);
    void *huge = tly_huge_take(5 * TLY_SLOT_SIZE);
    bytes = tly_arena_bytes();
    assert_int_equal(bytes.used, 2 * UNIT + 5 * TLY_SLOT_SIZE);
    tly_huge_give(huge);
    bytes = tly_arena_bytes();
    assert_int_equal(bytes.used, 2 * UNIT);
    assert_int_equal(bytes.dirty, 2 * UNIT + 6 * TLY_SLOT_SIZE);
}

static void without_memory_there_are_no_units_and_nothing_changes(
    void **state) {
    (void)state;
    bool clean;
    tly_fault_arm(TLY_FAULT_COMMIT, 1, false);
    errno = 0;
    assert_null(tly_units_take(1, &clean));
    assert_int_equal(errno, ENOMEM);
    tly_fault_disarm(NULL);
    assert_int_equal(tly_arena_bytes().used, 0);
    assert_non_null(tly_units_take(1, &clean));
}

static void give_twice(void *arg) {
    (void)arg;
    char *run = take(2);
    tly_units_give(run, 2);
    tly_units_give(run + UNIT, 1);
}

static void giving_a_unit_back_twice_aborts(void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(give_twice, NULL, "broken");
}

// ---- huge blocks

static void a_huge_block_is_zero_and_lies_behind_metadata(void **state) {
    (void)state;
    size_t size = 2 * TLY_SLOT_SIZE;
    char *block = tly_huge_take(size);
    assert_ptr_equal(block, tly_range_base + TLY_META_UNITS * UNIT);
    assert_true(all_bytes_are(block, size, 0));
    assert_null(tly_arena_at(0));
    // Whether it holds an object is for the pool to say.
    assert_null(tly_arena_or_huge_at(0));
    tly_slot_set(0, TLY_SLOT_HUGE, true);
    assert_ptr_equal(tly_arena_or_huge_at(0), tly_range_base);
    assert_int_equal(tly_slots_frontier(), 3);
}

static void a_huge_blocks_slots_can_be_used_again(void **state) {
    (void)state;
    size_t size = 3 * TLY_SLOT_SIZE - TLY_META_UNITS * UNIT;
    char *block = tly_huge_take(size);
    memset(block, 7, size);
    assert_int_equal(tly_slots_frontier(), 3);
    tly_huge_give(block);
    assert_ptr_equal(tly_arena_of(take(1)), tly_range_base);
    char *next = tly_huge_take(TLY_SLOT_SIZE);
    assert_ptr_equal(tly_arena_of(next), tly_range_base + TLY_SLOT_SIZE);
    assert_true(all_bytes_are(next, TLY_SLOT_SIZE, 0));
}

static void more_than_the_range_cannot_be_had(void **state) {
    (void)state;
    size_t sizes[] = {tly_range_size, tly_range_size - 1, SIZE_MAX,
                      SIZE_MAX - TLY_SLOT_SIZE, SIZE_MAX / 2};
    for (unsigned n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
        errno = 0;
        assert_null(tly_huge_take(sizes[n]));
        assert_int_equal(errno, ENOMEM);
    }
    assert_int_equal(tly_arena_bytes().used, 0);
    assert_non_null(
        tly_huge_take(tly_range_size - TLY_META_UNITS * TLY_UNIT_SIZE));
}

static void freed_units_do_not_find_a_huge_block_between_them(void **state) {
    (void)state;
    char *all = take(TLY_UNITS_MAX), *huge = tly_huge_take(2 * TLY_SLOT_SIZE);
    memset(huge, 7, 2 * TLY_SLOT_SIZE);
    char *beyond = take(1);
    assert_ptr_equal(tly_arena_of(beyond), tly_arena_at(4));
    tly_units_give(all, TLY_UNITS_MAX);
    tly_units_give(beyond, 1);
    tly_arena_purge();
    assert_true(all_bytes_are(huge, 2 * TLY_SLOT_SIZE, 7));
}

// ---- threads

static void *take_and_give(void *arg) {
    uint64_t random = (uintptr_t)arg;
    uint64_t *runs[16] = {NULL};
    unsigned counts[16];
    for (unsigned n = 0; n < rounds(10000, 1000); n++) {
        unsigned at = unit_random(&random) % 16;
        if (runs[at]) {
            must(*runs[at] == (uintptr_t)runs[at]);
            tly_units_give(runs[at], counts[at]);
            runs[at] = NULL;
            continue;
        }
        counts[at] = 1 + (unsigned)unit_random(&random) % 40;
        bool clean;
        runs[at] = tly_units_take(counts[at], &clean);
        must(runs[at] != NULL);
        // Whoever else has this unit changes the word.
        *runs[at] = (uintptr_t)runs[at];
        if (n % 64 == 0)
            tly_arena_purge();
    }
    for (unsigned at = 0; at < 16; at++)
        if (runs[at])
            tly_units_give(runs[at], counts[at]);
    return NULL;
}

static void no_unit_is_two_threads_at_a_time_and_none_is_lost(void **state) {
    (void)state;
    pthread_t threads[3];
    for (uintptr_t n = 0; n < 3; n++)
        must(pthread_create(&threads[n], NULL, take_and_give, (void *)n) == 0);
    for (unsigned n = 0; n < 3; n++)
        pthread_join(threads[n], NULL);
    assert_int_equal(tly_arena_bytes().used, 0);
    // The hint has found its way back down: all units of each arena are there.
    size_t arenas = tly_slots_frontier();
    for (size_t n = 0; n < arenas; n++) {
        char *all = take(TLY_UNITS_MAX);
        assert_ptr_equal(tly_arena_of(all), tly_arena_at(n));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        arena_test(the_first_unit_lies_behind_the_metadata),
        arena_test(runs_are_taken_where_they_fit_first),
        arena_test(a_run_does_not_reach_over_used_units),
        arena_test(an_arena_has_250_units_and_then_comes_the_next),
        arena_test(a_whole_arena_can_be_one_run),
        arena_test(a_unit_freed_in_a_full_arena_is_found_again),
        arena_test(units_that_nobody_used_are_clean_and_zero),
        arena_test(units_that_were_used_are_not_clean),
        arena_test(a_run_is_clean_if_all_its_units_are),
        arena_test(purged_units_are_clean_and_zero),
        arena_test(units_that_the_system_does_not_purge_stay_dirty),
        arena_test(purging_leaves_units_in_use_alone),
        arena_test(a_tick_purges_after_the_delay_and_not_before),
        arena_test(the_delay_is_not_put_off_by_what_is_freed_meanwhile),
        arena_test(bytes_are_accounted_for),
        arena_test(without_memory_there_are_no_units_and_nothing_changes),
        arena_test(giving_a_unit_back_twice_aborts),
        arena_test(a_huge_block_is_zero_and_lies_behind_metadata),
        arena_test(a_huge_blocks_slots_can_be_used_again),
        arena_test(more_than_the_range_cannot_be_had),
        arena_test(freed_units_do_not_find_a_huge_block_between_them),
        arena_test(no_unit_is_two_threads_at_a_time_and_none_is_lost),
    };
    return cmocka_run_group_tests_name("arena/arena", tests, NULL, NULL);
}
