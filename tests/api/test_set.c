// include/tally/set.h: sets.

#include "api.h"
#include "containers.h"

static tally_set *set_new(size_t expected) {
    tally_set *set = tally_set_new(expected);
    must(set);
    return set;
}

static bool add(tally_set *set, int64_t n) {
    bool added = false;
    must(tally_set_add(set, tally_small(n), &added) == TALLY_OK);
    return added;
}

static bool has(const tally_set *set, int64_t n) {
    bool found = false;
    must(tally_set_contains(set, tally_small(n), &found) == TALLY_OK);
    return found;
}

static void an_element_is_in_a_set_once(void **state) {
    (void)state;
    tally_set *set = set_new(0);
    assert_false(has(set, 1));
    for (int64_t n = 0; n < 1000; n++)
        assert_true(add(set, n));
    for (int64_t n = 0; n < 1000; n++)
        assert_false(add(set, n));
    assert_int_equal(tally_set_length(set), 1000);
    for (int64_t n = 0; n < 1000; n++)
        assert_true(has(set, n));
    assert_false(has(set, 1000));
    assert_int_equal(tally_set_add(set, tally_small(0), NULL), TALLY_OK);
    assert_ptr_equal(tally_type_of(set), &tally_type_set);
    tally_decref(set);
}

static void the_element_that_came_first_stays(void **state) {
    (void)state;
    tally_set *set = set_new(10);
    tally_text *one = text("fig"), *two = text("fig");
    tally_value element = tally_nil();
    bool added = true;
    assert_int_equal(tally_set_find(set, tally_of(one), &element),
                     TALLY_NOT_FOUND);
    assert_true(tally_is_nil(element));
    must(tally_set_add(set, tally_of(one), NULL) == 0);
    must(tally_set_add(set, tally_of(two), &added) == 0);
    assert_false(added);
    assert_int_equal(tally_set_find(set, tally_of(two), &element), 0);
    assert_ptr_equal(tally_object_of(element), one);
    tally_value_decref(element);
    tally_decref(one);
    tally_decref(two);
    tally_decref(set);
}

static void removing_takes_out(void **state) {
    (void)state;
    tally_set *set = set_new(0);
    struct thing *thing = thing_new(1);
    assert_int_equal(tally_set_remove(set, tally_of(thing)), TALLY_NOT_FOUND);
    must(tally_set_add(set, tally_of(thing), NULL) == 0);
    assert_int_equal(tally_counts_of(thing).owner_count, 2);
    assert_int_equal(tally_set_remove(set, tally_of(thing)), TALLY_OK);
    assert_int_equal(tally_counts_of(thing).owner_count, 1);
    assert_int_equal(tally_set_length(set), 0);
    assert_int_equal(tally_set_remove(set, tally_absent()), TALLY_INVALID);
    assert_int_equal(tally_set_add(set, tally_absent(), NULL), TALLY_INVALID);
    bool found = true;
    assert_int_equal(tally_set_contains(set, tally_absent(), &found),
                     TALLY_INVALID);
    assert_true(found);
    tally_decref(thing);
    tally_decref(set);
}

static void too_many_are_refused(void **state) {
    (void)state;
    errno = 0;
    assert_null(tally_set_new(SIZE_MAX));
    assert_int_equal(errno, EAGAIN);
}

static void iteration_is_in_order(void **state) {
    (void)state;
    tally_set *set = set_new(0);
    struct tally_set_iterator it;
    tally_value element;
    struct thing *thing[100];
    for (uint64_t n = 0; n < 100; n++) {
        thing[n] = thing_new(n);
        must(tally_set_add(set, tally_of(thing[n]), NULL) == 0);
    }
    for (uint64_t n = 0; n < 100; n += 2)
        must(tally_set_remove(set, tally_of(thing[n])) == 0);
    tally_set_begin(set, &it);
    uint64_t next = 1;
    for (; tally_set_next(&it, &element); next += 2) {
        assert_ptr_equal(tally_object_of(element), thing[next]);
        tally_value_decref(element);
        // Grows under it.
        must(tally_set_add(set, tally_small((int64_t)next), NULL) == 0);
        must(tally_set_remove(set, tally_small((int64_t)next)) == 0);
    }
    tally_set_end(&it);
    tally_set_end(&it);
    assert_int_equal(next, 101);
    tally_decref(set);
    tally_collect();
    for (uint64_t n = 0; n < 100; n++) {
        assert_int_equal(tally_counts_of(thing[n]).owner_count, 1);
        tally_decref(thing[n]);
    }
}

static void copies_are_apart_and_merge(void **state) {
    (void)state;
    tally_set *set = set_new(0);
    for (int64_t n = 0; n < 100; n++)
        add(set, n);
    tally_set *copy = tally_set_copy(set);
    must(copy);
    tally_set_clear(set);
    assert_int_equal(tally_set_length(set), 0);
    assert_int_equal(tally_set_length(copy), 100);
    for (int64_t n = 50; n < 200; n++)
        add(set, n);
    assert_int_equal(tally_set_merge(copy, copy), TALLY_OK);
    assert_int_equal(tally_set_merge(copy, set), TALLY_OK);
    assert_int_equal(tally_set_length(copy), 200);
    assert_int_equal(tally_set_length(set), 150);
    tally_decref(copy);
    tally_decref(set);
}

static void hooks_decide(void **state) {
    (void)state;
    for (point_hashes = 1; point_hashes < 9; point_hashes += 7) {
        tally_set *set = set_new(0);
        for (int64_t n = 0; n < 200; n++) {
            struct point *point = point_new(n / 2);
            bool added;
            must(tally_set_add(set, tally_of(point), &added) == 0);
            assert_int_equal(added, n % 2 == 0);
            tally_decref(point);
        }
        assert_int_equal(tally_set_length(set), 100);
        tally_decref(set);
    }
    point_hashes = UINT64_MAX;
}

static void cycles_through_sets_are_collected(void **state) {
    (void)state;
    tally_collect();
    int before = things_destroyed;
    tally_set *set = set_new(0);
    struct thing *thing = thing_new(1);
    tally_aref_set(thing, &thing->other, set);
    must(tally_set_add(set, tally_of(thing), NULL) == 0);
    tally_decref(thing);
    tally_decref(set);
    tally_collect();
    assert_int_equal(things_destroyed, before + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(an_element_is_in_a_set_once),
        lively_test(the_element_that_came_first_stays),
        lively_test(removing_takes_out),
        lively_test(too_many_are_refused),
        lively_test(iteration_is_in_order),
        lively_test(copies_are_apart_and_merge),
        lively_test(hooks_decide),
        quiet_test(cycles_through_sets_are_collected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
