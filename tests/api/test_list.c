// Lists, beside nobody: each element, the errors, and what is counted.

#include "lists.h"

static void a_new_list_is_empty(void **state) {
    (void)state;
    tally_list *list = list_new();
    assert_int_equal(tally_list_length(list), 0);
    errno = 0;
    assert_true(tally_is_absent(tally_list_get(list, 0)));
    assert_int_equal(errno, ERANGE);
    assert_ptr_equal(tally_type_of(list), &tally_type_list);
    assert_true(tally_is_tracked(list));
    tally_decref(list);
}

static void what_is_appended_is_found_at_its_index(void **state) {
    (void)state;
    tally_list *list = list_new();
    for (int64_t n = 0; n < 5000; n++) {
        assert_int_equal(tally_list_append(list, tally_small(n * n)), TALLY_OK);
        assert_int_equal(tally_list_length(list), n + 1);
    }
    for (int64_t n = 0; n < 5000; n++)
        assert_int_equal(tally_small_of(tally_list_get(list, (size_t)n)),
                         n * n);
    tally_decref(list);
}

static void a_capacity_is_room_not_length(void **state) {
    (void)state;
    tally_list *list = tally_list_new_sized(100);
    must(list);
    assert_int_equal(tally_list_length(list), 0);
    tally_collect_disable();
    uint64_t before = live_objects();
    for (int64_t n = 0; n < 100; n++)
        assert_int_equal(tally_list_append(list, tally_small(n)), TALLY_OK);
    assert_int_equal(live_objects(), before);
    tally_collect_enable();
    tally_decref(list);
}

static void no_memory_holds_more_than_there_is(void **state) {
    (void)state;
    const size_t all[] = {SIZE_MAX,     SIZE_MAX - 1,      SIZE_MAX / 8,
                          SIZE_MAX / 2, SIZE_MAX / 16 + 1, (size_t)1 << 45};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        errno = 0;
        assert_null(tally_list_new_sized(all[n]));
        assert_int_equal(errno, ENOMEM);
    }
    tally_list *list = tally_list_new_sized(0);
    assert_non_null(list);
    tally_decref(list);
}

static const size_t beyond[] = {
    3, 4, SIZE_MAX / 8, SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX - 1, SIZE_MAX};
#define BEYOND (sizeof(beyond) / sizeof(beyond[0]))

static void what_is_out_of_range_is_refused(void **state) {
    (void)state;
    tally_list *list = list_of("123");
    struct bead *bead = bead_new(0);
    for (size_t n = 0; n < BEYOND; n++) {
        errno = 0;
        assert_true(tally_is_absent(tally_list_get(list, beyond[n])));
        assert_int_equal(errno, ERANGE);
        errno = 0;
        assert_true(tally_is_absent(tally_list_remove(list, beyond[n])));
        assert_int_equal(errno, ERANGE);
        assert_int_equal(tally_list_set(list, beyond[n], tally_of(bead)),
                         TALLY_RANGE);
        if (beyond[n] != 3)
            assert_int_equal(tally_list_insert(list, beyond[n], tally_of(bead)),
                             TALLY_RANGE);
        assert_list(list, "123");
        assert_int_equal(tally_counts_of(bead).owner_count, 1);
    }
    tally_decref(bead);
    tally_decref(list);
}

static void what_is_absent_is_no_element(void **state) {
    (void)state;
    tally_list *list = list_of("1");
    assert_int_equal(tally_list_append(list, tally_absent()), TALLY_INVALID);
    assert_int_equal(tally_list_append_steal(list, tally_absent()),
                     TALLY_INVALID);
    assert_int_equal(tally_list_push_front(list, tally_absent()),
                     TALLY_INVALID);
    assert_int_equal(tally_list_insert(list, 0, tally_absent()), TALLY_INVALID);
    assert_int_equal(tally_list_set(list, 0, tally_absent()), TALLY_INVALID);
    assert_list(list, "1");
    tally_decref(list);
}

static void elements_are_counted(void **state) {
    (void)state;
    int before = beads_destroyed;
    tally_list *list = list_new();
    struct bead *bead = bead_new(1);
    assert_int_equal(tally_list_append(list, tally_of(bead)), TALLY_OK);
    assert_int_equal(tally_list_push_front(list, tally_of(bead)), TALLY_OK);
    assert_int_equal(tally_list_insert(list, 1, tally_of(bead)), TALLY_OK);
    assert_int_equal(tally_counts_of(bead).owner_count, 4);
    assert_true(tally_counts_of(bead).flags & TALLY_COUNT_PUBLISHED);
    tally_value held = tally_list_get(list, 1);
    assert_ptr_equal(tally_object_of(held), bead);
    assert_int_equal(tally_counts_of(bead).owner_count, 5);
    tally_value_decref(held);
    assert_int_equal(tally_list_set(list, 1, tally_nil()), TALLY_OK);
    assert_int_equal(tally_counts_of(bead).owner_count, 3);
    tally_value_decref(tally_list_pop(list));
    assert_int_equal(tally_counts_of(bead).owner_count, 2);
    tally_decref(bead);
    tally_decref(list);
    tally_collect();
    assert_int_equal(beads_destroyed, before + 1);
}

static void a_stolen_value_is_consumed(void **state) {
    (void)state;
    int before = beads_destroyed;
    tally_list *list = list_new();
    assert_int_equal(tally_list_append_steal(list, tally_of(bead_new(1))),
                     TALLY_OK);
    tally_list_clear(list);
    tally_collect();
    assert_int_equal(beads_destroyed, before + 1);
    tally_decref(list);
}

static void set_replaces_one(void **state) {
    (void)state;
    tally_list *list = list_of("123");
    assert_int_equal(tally_list_set(list, 0, tally_small(7)), TALLY_OK);
    assert_int_equal(tally_list_set(list, 2, tally_small(9)), TALLY_OK);
    assert_list(list, "729");
    tally_decref(list);
}

static void both_ends_give_and_take(void **state) {
    (void)state;
    tally_list *list = list_of("45");
    for (int64_t n = 3; n >= 0; n--)
        assert_int_equal(tally_list_push_front(list, tally_small(n)), TALLY_OK);
    assert_list(list, "012345");
    assert_int_equal(tally_small_of(tally_list_pop(list)), 5);
    assert_int_equal(tally_small_of(tally_list_pop_front(list)), 0);
    assert_int_equal(tally_small_of(tally_list_pop_front(list)), 1);
    assert_list(list, "234");
    while (tally_list_length(list))
        assert_false(tally_is_absent(tally_list_pop(list)));
    errno = 0;
    assert_true(tally_is_absent(tally_list_pop(list)));
    assert_int_equal(errno, ERANGE);
    errno = 0;
    assert_true(tally_is_absent(tally_list_pop_front(list)));
    assert_int_equal(errno, ERANGE);
    tally_decref(list);
}

static void a_queue_runs_around_its_ring(void **state) {
    (void)state;
    tally_list *list = list_new();
    int64_t in = 0, out = 0;
    for (int round = 0; round < 3000; round++) {
        for (int n = 0; n < 1 + round % 7; n++)
            must(tally_list_append(list, tally_small(in++)) == TALLY_OK);
        while (out < in - round % 13)
            assert_int_equal(tally_small_of(tally_list_pop_front(list)), out++);
        for (int64_t n = out; n < in; n++)
            assert_int_equal(
                tally_small_of(tally_list_get(list, (size_t)(n - out))), n);
    }
    tally_decref(list);
}

static void insert_makes_room_at_any_index(void **state) {
    (void)state;
    char wanted[12] = "";
    for (size_t at = 0; at <= 9; at++) {
        tally_list *list = list_of("012345678");
        assert_int_equal(tally_list_insert(list, at, tally_small(9)), TALLY_OK);
        memcpy(wanted, "012345678", at);
        wanted[at] = '9';
        strcpy(wanted + at + 1, &"012345678"[at]);
        assert_list(list, wanted);
        tally_decref(list);
    }
}

static void remove_closes_the_gap_at_any_index(void **state) {
    (void)state;
    char wanted[12] = "";
    for (size_t at = 0; at < 9; at++) {
        tally_list *list = list_of("012345678");
        assert_int_equal(tally_small_of(tally_list_remove(list, at)), at);
        memcpy(wanted, "012345678", at);
        strcpy(wanted + at, &"012345678"[at + 1]);
        assert_list(list, wanted);
        tally_decref(list);
    }
}

static void a_list_that_was_long_gives_its_room_back(void **state) {
    (void)state;
    tally_list *list = list_new();
    for (int64_t n = 0; n < 100000; n++)
        must(tally_list_append(list, tally_small(n)) == TALLY_OK);
    uint64_t before = stats_now().live_bytes;
    while (tally_list_length(list) > 10)
        tally_value_decref(tally_list_pop(list));
    must(tally_synchronize() == TALLY_OK);
    tally_collect();
    assert_true(stats_now().live_bytes + 500000 < before);
    assert_list(list, "0123456789");
    tally_decref(list);
}

static void clear_drops_all(void **state) {
    (void)state;
    int before = beads_destroyed;
    tally_list *list = list_new();
    for (int64_t n = 0; n < 100; n++)
        must(tally_list_append_steal(list, tally_of(bead_new(n))) == TALLY_OK);
    tally_list_clear(list);
    tally_list_clear(list);
    tally_collect();
    assert_int_equal(beads_destroyed, before + 100);
    assert_int_equal(tally_list_length(list), 0);
    assert_int_equal(tally_list_append(list, tally_small(1)), TALLY_OK);
    assert_list(list, "1");
    tally_decref(list);
}

static void *fill(void *arg) {
    tally_list *list = arg;
    for (int64_t n = 0; n < 2000; n++) {
        must(tally_list_append(list, tally_small(n)) == TALLY_OK);
        tally_safepoint();
    }
    tally_decref(list);
    return NULL;
}

static void a_list_is_used_by_threads_that_are_not_attached(void **state) {
    (void)state;
    tally_list *list = list_new();
    pthread_t thread[3];
    for (int n = 0; n < 3; n++) {
        tally_incref(list);
        thread[n] = thread_start(fill, list);
    }
    for (int n = 0; n < 3; n++)
        thread_join(thread[n]);
    assert_int_equal(tally_list_length(list), 6000);
    int64_t sum = 0;
    while (tally_list_length(list))
        sum += tally_small_of(tally_list_pop_front(list));
    assert_int_equal(sum, 3 * 1999 * 1000);
    tally_decref(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(a_new_list_is_empty),
        lively_test(what_is_appended_is_found_at_its_index),
        quiet_test(a_capacity_is_room_not_length),
        lively_test(no_memory_holds_more_than_there_is),
        lively_test(what_is_out_of_range_is_refused),
        lively_test(what_is_absent_is_no_element),
        quiet_test(elements_are_counted),
        lively_test(a_stolen_value_is_consumed),
        lively_test(set_replaces_one),
        lively_test(both_ends_give_and_take),
        lively_test(a_queue_runs_around_its_ring),
        lively_test(insert_makes_room_at_any_index),
        lively_test(remove_closes_the_gap_at_any_index),
        quiet_test(a_list_that_was_long_gives_its_room_back),
        lively_test(clear_drops_all),
        lively_test(a_list_is_used_by_threads_that_are_not_attached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
