// arena/range.h

#include "unit_arena.h"

#define SLOTS (TLY_RANGE_MIN / TLY_SLOT_SIZE)

static char *slot_at(size_t n) { return tly_range_base + n * TLY_SLOT_SIZE; }

static void the_range_is_as_large_as_asked_for_and_aligned(void **state) {
    (void)state;
    assert_int_equal(tly_range_size, TLY_RANGE_MIN);
    assert_int_equal((uintptr_t)tly_range_base % TLY_SLOT_SIZE, 0);
}

static void addresses_outside_of_the_range_are_not_ours(void **state) {
    (void)state;
    assert_true(tly_range_has(tly_range_base));
    assert_true(tly_range_has(tly_range_base + tly_range_size - 1));
    assert_false(tly_range_has(tly_range_base - 1));
    assert_false(tly_range_has(tly_range_base + tly_range_size));
    assert_false(tly_range_has(NULL));
    assert_false(tly_range_has(&state));
}

static void two_blocks_never_begin_in_one_granule(void **state) {
    (void)state;
    assert_int_equal(tly_granule_of(tly_range_base), 0);
    assert_int_equal(tly_granule_of(tly_range_base + 31), 0);
    assert_int_equal(tly_granule_of(tly_range_base + 32), 1);
}

static void without_a_size_it_has_at_least_64_gib(void **state) {
    tly_range_end();
    assert_int_equal(tly_range_start(0), TALLY_OK);
    assert_true(tly_range_size >= (size_t)64 << 30);
    assert_true(tly_range_size <= TLY_RANGE_MAX);
    arena_end(state);
    assert_int_equal(arena_begin(state), 0);
}

static void where_there_is_less_it_takes_a_half_or_less(void **state) {
    tly_range_end();
    tly_fault_arm(TLY_FAULT_RESERVE, 1, false);
    assert_int_equal(tly_range_start(4 * TLY_RANGE_MIN), TALLY_OK);
    assert_int_equal(tly_fault_disarm(NULL), 1);
    assert_int_equal(tly_range_size, 2 * TLY_RANGE_MIN);
    arena_end(state);
    assert_int_equal(arena_begin(state), 0);
}

static void below_the_least_it_fails(void **state) {
    uint64_t seen;
    tly_range_end();
    tly_fault_arm(TLY_FAULT_RESERVE, 1, true);
    assert_int_equal(tly_range_start(4 * TLY_RANGE_MIN), TALLY_NO_MEMORY);
    tly_fault_disarm(&seen);
    assert_int_equal(seen, 3);
    assert_null(tly_range_base);
    assert_int_equal(arena_begin(state), 0);
}

static void slots_are_taken_lowest_first(void **state) {
    (void)state;
    assert_ptr_equal(tly_slots_take(1), slot_at(0));
    assert_ptr_equal(tly_slots_take(3), slot_at(1));
    assert_ptr_equal(tly_slots_take(1), slot_at(4));
    tly_slots_give(slot_at(1), 3);
    assert_ptr_equal(tly_slots_take(4), slot_at(5));
    assert_ptr_equal(tly_slots_take(2), slot_at(1));
    assert_ptr_equal(tly_slots_take(1), slot_at(3));
    assert_ptr_equal(tly_slots_take(1), slot_at(9));
}

static void the_frontier_is_past_the_highest_slot_ever_taken(void **state) {
    (void)state;
    assert_int_equal(tly_slots_frontier(), 0);
    tly_slots_take(3);
    assert_int_equal(tly_slots_frontier(), 3);
    tly_slots_give(slot_at(0), 3);
    assert_int_equal(tly_slots_frontier(), 3);
    tly_slots_take(1);
    assert_int_equal(tly_slots_frontier(), 3);
}

static void a_full_range_has_no_slot_until_one_is_given_back(void **state) {
    (void)state;
    assert_non_null(tly_slots_take(SLOTS));
    errno = 0;
    assert_null(tly_slots_take(1));
    assert_int_equal(errno, ENOMEM);
    tly_slots_give(slot_at(7), 1);
    assert_null(tly_slots_take(2));
    assert_ptr_equal(tly_slots_take(1), slot_at(7));
}

static void more_slots_than_there_are_cannot_be_had(void **state) {
    (void)state;
    assert_null(tly_slots_take(SLOTS + 1));
    assert_null(tly_slots_take(SIZE_MAX));
    assert_ptr_equal(tly_slots_take(SLOTS), slot_at(0));
}

static void a_slot_that_is_used_again_is_zero(void **state) {
    (void)state;
    memset(tly_slots_take(1), 7, TLY_SLOT_SIZE);
    tly_slots_give(slot_at(0), 1);
    assert_true(all_bytes_are(tly_slots_take(1), TLY_SLOT_SIZE, 0));
}

static void it_is_zero_where_the_system_does_not_purge(void **state) {
    (void)state;
    memset(tly_slots_take(1), 7, TLY_SLOT_SIZE);
    tly_slots_give(slot_at(0), 1);
    tly_fault_arm(TLY_FAULT_PURGE, 1, true);
    char *slot = tly_slots_take(1);
    assert_int_equal(tly_fault_disarm(NULL), 1);
    assert_true(all_bytes_are(slot, TLY_SLOT_SIZE, 0));
}

static void without_memory_no_slot_is_taken(void **state) {
    (void)state;
    tly_fault_arm(TLY_FAULT_COMMIT, 2, false);
    assert_null(tly_slots_take(3));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(tly_fault_disarm(NULL), 1);
    assert_int_equal(tly_slots_frontier(), 0);
    assert_ptr_equal(tly_slots_take(3), slot_at(0));
}

static void slots_that_were_given_back_are_dirty_until_purged(void **state) {
    (void)state;
    tly_slots_take(3);
    assert_int_equal(tly_slots_dirty_bytes(), 0);
    tly_slots_give(slot_at(0), 2);
    assert_int_equal(tly_slots_dirty_bytes(), 2 * TLY_SLOT_SIZE);
    assert_int_equal(tly_slots_purge(), 2 * TLY_SLOT_SIZE);
    assert_int_equal(tly_slots_dirty_bytes(), 0);
    assert_int_equal(tly_slots_purge(), 0);
}

static void a_slot_that_the_system_does_not_purge_stays_dirty(void **state) {
    (void)state;
    tly_slots_take(1);
    tly_slots_give(slot_at(0), 1);
    tly_fault_arm(TLY_FAULT_PURGE, 1, false);
    assert_int_equal(tly_slots_purge(), 0);
    tly_fault_disarm(NULL);
    assert_int_equal(tly_slots_dirty_bytes(), TLY_SLOT_SIZE);
    assert_int_equal(tly_slots_purge(), TLY_SLOT_SIZE);
}

static void give_twice(void *arg) {
    (void)arg;
    tly_slots_take(2);
    tly_slots_give(slot_at(1), 1);
    tly_slots_give(slot_at(1), 1);
}

static void giving_a_slot_back_twice_aborts(void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(give_twice, NULL, "broken");
}

static void a_slot_begins_what_it_is_said_to(void **state) {
    (void)state;
    tly_slot_set(3, TLY_SLOT_HUGE, true);
    assert_true(tly_slot_is(3, TLY_SLOT_HUGE));
    assert_false(tly_slot_is(3, TLY_SLOT_ARENA));
    assert_false(tly_slot_is(2, TLY_SLOT_HUGE));
    tly_slot_set(3, TLY_SLOT_HUGE, false);
    assert_false(tly_slot_is(3, TLY_SLOT_HUGE));
}

static void *take_and_give(void *arg) {
    for (unsigned n = 0; n < rounds(300, 100); n++) {
        size_t count = 1 + n % 3;
        char *slots = tly_slots_take(count);
        if (!slots)
            continue;
        for (size_t i = 0; i < count; i++) {
            uint64_t *first = (uint64_t *)(void *)(slots + i * TLY_SLOT_SIZE);
            must(*first == 0);
            *first = 1;
        }
        tly_slots_give(slots, count);
    }
    return arg;
}

static void no_slot_is_two_threads_at_a_time(void **state) {
    (void)state;
    pthread_t threads[3];
    for (unsigned n = 0; n < 3; n++)
        must(pthread_create(&threads[n], NULL, take_and_give, NULL) == 0);
    for (unsigned n = 0; n < 3; n++)
        pthread_join(threads[n], NULL);
    assert_ptr_equal(tly_slots_take(SLOTS), slot_at(0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        arena_test(the_range_is_as_large_as_asked_for_and_aligned),
        arena_test(addresses_outside_of_the_range_are_not_ours),
        arena_test(two_blocks_never_begin_in_one_granule),
        arena_test(without_a_size_it_has_at_least_64_gib),
        arena_test(where_there_is_less_it_takes_a_half_or_less),
        arena_test(below_the_least_it_fails),
        arena_test(slots_are_taken_lowest_first),
        arena_test(the_frontier_is_past_the_highest_slot_ever_taken),
        arena_test(a_full_range_has_no_slot_until_one_is_given_back),
        arena_test(more_slots_than_there_are_cannot_be_had),
        arena_test(a_slot_that_is_used_again_is_zero),
        arena_test(it_is_zero_where_the_system_does_not_purge),
        arena_test(without_memory_no_slot_is_taken),
        arena_test(slots_that_were_given_back_are_dirty_until_purged),
        arena_test(a_slot_that_the_system_does_not_purge_stays_dirty),
        arena_test(giving_a_slot_back_twice_aborts),
        arena_test(a_slot_begins_what_it_is_said_to),
        arena_test(no_slot_is_two_threads_at_a_time),
    };
    return cmocka_run_group_tests_name("arena/range", tests, NULL, NULL);
}
