// container/hashed.c: a table, and the lock of those who change it.

#include "unit_object.h"

#include <tally/mutator.h>

#include "container/hashed.h"

struct box {
    struct tly_hashed hashed;
};
TALLY_TYPE(box, TALLY_AREF(hashed.table));

static struct tly_hashed *hashed_new(void) {
    must(tally_attach(NULL) == TALLY_OK);
    struct box *box = tally_new(box);
    must(box);
    box->hashed.shift = 1;
    return &box->hashed;
}

static void hashed_end(struct tly_hashed *hashed) {
    tally_decref(hashed);
    tally_detach();
}

// What was there; the status must be as given.
static tally_value change(struct tly_hashed *hashed, int64_t key,
                          struct tly_change change, tally_status expected) {
    struct tly_probe probe = {.key = tally_small(key),
                              .hash = (uint32_t)key + 1};
    tally_value before = tally_nil();
    must(tly_hashed_change(hashed, &probe, &change, &before) == expected);
    tly_probe_end(&probe);
    return before;
}

static tally_value set(struct tly_hashed *hashed, int64_t key, int64_t value) {
    return change(hashed, key,
                  (struct tly_change){.key = tally_small(key),
                                      .value = tally_small(value)},
                  TALLY_OK);
}

static int64_t get(struct tly_hashed *hashed, int64_t key) {
    struct tly_probe probe = {.key = tally_small(key),
                              .hash = (uint32_t)key + 1};
    tally_value value;
    tally_status status = tly_hashed_get(hashed, &probe, &value);
    must(status == TALLY_OK || status == TALLY_NOT_FOUND);
    return status == TALLY_OK ? tally_small_of(value) : -1;
}

static void a_change_tells_what_was_there(void **state) {
    (void)state;
    struct tly_hashed *hashed = hashed_new();
    assert_true(tally_is_absent(set(hashed, 1, 10)));
    assert_int_equal(tally_small_of(set(hashed, 1, 11)), 10);
    struct tly_change none = {.expects = false};
    assert_int_equal(tally_small_of(change(hashed, 1, none, TALLY_OK)), 11);
    assert_true(tally_is_absent(change(hashed, 1, none, TALLY_OK)));
    assert_int_equal(tly_hashed_count(hashed), 0);
    hashed_end(hashed);
}

static void a_change_is_made_only_of_what_it_expects(void **state) {
    (void)state;
    struct tly_hashed *hashed = hashed_new();
    struct tly_change one = {.key = tally_small(1),
                             .value = tally_small(2),
                             .expects = true,
                             .expected = tally_small(7)};
    assert_true(tally_is_absent(change(hashed, 1, one, TALLY_OK)));
    assert_int_equal(get(hashed, 1), -1);
    set(hashed, 1, 6);
    assert_int_equal(tally_small_of(change(hashed, 1, one, TALLY_OK)), 6);
    assert_int_equal(get(hashed, 1), 6);
    set(hashed, 1, 7);
    assert_int_equal(tally_small_of(change(hashed, 1, one, TALLY_OK)), 7);
    assert_int_equal(get(hashed, 1), 2);
    hashed_end(hashed);
}

static void without_a_key_to_store_the_entry_must_be_there(void **state) {
    (void)state;
    struct tly_hashed *hashed = hashed_new();
    struct tly_change one = {.value = tally_small(2)};
    assert_true(tally_is_nil(change(hashed, 1, one, TALLY_NOT_FOUND)));
    set(hashed, 1, 6);
    assert_int_equal(tally_small_of(change(hashed, 1, one, TALLY_OK)), 6);
    assert_int_equal(get(hashed, 1), 2);
    hashed_end(hashed);
}

static void an_entry_is_forgotten_by_its_word_only(void **state) {
    (void)state;
    struct tly_hashed *hashed = hashed_new();
    tly_hashed_forget(hashed, 2, 1, tally_small(5));
    set(hashed, 1, 5);
    tly_hashed_forget(hashed, 2, 1, tally_small(6));
    tly_hashed_forget(hashed, 3, 1, tally_small(5));
    assert_int_equal(get(hashed, 1), 5);
    tly_hashed_forget(hashed, 2, 1, tally_small(5));
    assert_int_equal(get(hashed, 1), -1);
    assert_int_equal(tly_hashed_count(hashed), 0);
    hashed_end(hashed);
}

static void a_table_that_is_held_stays_as_it_is(void **state) {
    (void)state;
    struct tly_hashed *hashed = hashed_new();
    assert_null(tly_hashed_hold(hashed));
    for (int64_t n = 0; n < 6; n++)
        set(hashed, n, n);
    struct tly_table *held = tly_hashed_hold(hashed);
    for (int64_t n = 0; n < 100; n++)
        set(hashed, n, n + 1000);
    assert_int_equal(held->length, held->capacity);
    tally_value key, value;
    uint32_t at = 0;
    while (tly_table_next(held, &at, &key, &value))
        assert_int_equal(tally_small_of(value), tally_small_of(key) + 1000);
    assert_int_equal(at, held->length);
    tly_hashed_let_go(held);
    hashed_end(hashed);
}

static void a_table_that_nobody_holds_is_moved(void **state) {
    (void)state;
    struct tly_hashed *hashed = hashed_new();
    for (int64_t n = 0; n < 6; n++)
        set(hashed, n, n);
    struct tly_table *table = tally_aref_dup(&hashed->table);
    for (int64_t n = 6; n < 100; n++)
        set(hashed, n, n);
    assert_int_equal(table->length, 0);
    tally_decref(table);
    hashed_end(hashed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(a_change_tells_what_was_there),
        object_test(a_change_is_made_only_of_what_it_expects),
        object_test(without_a_key_to_store_the_entry_must_be_there),
        object_test(an_entry_is_forgotten_by_its_word_only),
        object_test(a_table_that_is_held_stays_as_it_is),
        object_test(a_table_that_nobody_holds_is_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
