// Lists as a whole: slices, two lists, sorting, looking for values, iterating,
// collections.

#include "lists.h"

static void assert_slice(tally_list *list, size_t begin, size_t end,
                         size_t step, const char *digits) {
    tally_list *slice = tally_list_slice(list, begin, end, step);
    assert_non_null(slice);
    assert_list(slice, digits);
    tally_decref(slice);
}

static void slices_take_every_nth(void **state) {
    (void)state;
    tally_list *list = list_of("0123456789");
    assert_slice(list, 0, SIZE_MAX, 1, "0123456789");
    assert_slice(list, 2, 5, 1, "234");
    assert_slice(list, 0, 10, 3, "0369");
    assert_slice(list, 1, SIZE_MAX, 4, "159");
    assert_slice(list, 3, 4, SIZE_MAX, "3");
    assert_slice(list, 0, 10, SIZE_MAX - 1, "0");
    assert_slice(list, 10, 10, 1, "");
    assert_slice(list, 4, 4, 2, "");
    assert_list(list, "0123456789");
    tally_decref(list);
}

static void a_slice_is_a_list_of_its_own(void **state) {
    (void)state;
    tally_list *list = list_of("012345");
    tally_value_decref(tally_list_pop_front(list));
    must(tally_list_append(list, tally_small(6)) == TALLY_OK);
    tally_list *slice = tally_list_slice(list, 1, 5, 1);
    must(slice);
    for (int64_t n = 0; n < 4; n++)
        must(tally_list_append(slice, tally_small(n)) == TALLY_OK);
    must(tally_list_set(list, 1, tally_small(9)) == TALLY_OK);
    assert_list(slice, "23450123");
    assert_list(list, "193456");
    tally_decref(slice);
    tally_decref(list);
}

static void a_slice_that_is_none_is_refused(void **state) {
    (void)state;
    tally_list *list = list_of("012");
    static const size_t bad[][2] = {{0, 4},
                                    {4, 4},
                                    {4, SIZE_MAX},
                                    {2, 1},
                                    {SIZE_MAX - 1, SIZE_MAX},
                                    {SIZE_MAX, SIZE_MAX},
                                    {0, SIZE_MAX - 1}};
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        errno = 0;
        assert_null(tally_list_slice(list, bad[n][0], bad[n][1], 1));
        assert_int_equal(errno, ERANGE);
    }
    errno = 0;
    assert_null(tally_list_slice(list, 0, 1, 0));
    assert_int_equal(errno, EINVAL);
    assert_list(list, "012");
    tally_decref(list);
}

static void extend_adds_another_list(void **state) {
    (void)state;
    tally_list *list = list_of("012"), *other = list_of("34"),
               *none = list_new();
    assert_int_equal(tally_list_extend(list, other), TALLY_OK);
    assert_int_equal(tally_list_extend(list, none), TALLY_OK);
    assert_int_equal(tally_list_extend(none, none), TALLY_OK);
    assert_list(list, "01234");
    assert_list(other, "34");
    assert_int_equal(tally_list_extend(list, list), TALLY_OK);
    assert_list(list, "0123401234");
    assert_int_equal(tally_list_extend(none, other), TALLY_OK);
    assert_list(none, "34");
    tally_decref(none);
    tally_decref(other);
    tally_decref(list);
}

static void extend_counts_what_it_adds(void **state) {
    (void)state;
    int before = beads_destroyed;
    tally_list *list = list_new(), *other = list_new();
    for (int64_t n = 0; n < 10; n++)
        must(tally_list_append_steal(other, tally_of(bead_new(n))) == TALLY_OK);
    assert_int_equal(tally_list_extend(list, other), TALLY_OK);
    assert_int_equal(tally_list_extend(list, list), TALLY_OK);
    tally_decref(other);
    tally_collect();
    assert_int_equal(beads_destroyed, before);
    tally_decref(list);
    tally_collect();
    assert_int_equal(beads_destroyed, before + 10);
}

// ---- sorting

static tally_status by_key(void *arg, tally_value a, tally_value b,
                           int *ret_order) {
    const struct bead *first = tally_object_of(a), *second = tally_object_of(b);
    ++*(unsigned long *)arg;
    *ret_order = (int)(first->key / 100) - (int)(second->key / 100);
    return TALLY_OK;
}

static void sort_is_stable(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    tally_list *list = list_new();
    for (int64_t n = 0; n < COUNT; n++) // by hundreds, in them by time
        must(tally_list_append_steal(
                 list, tally_of(bead_new(n * 37 % 13 * 100))) == TALLY_OK);
    for (size_t n = 0; n < COUNT; n++) {
        tally_value v = tally_list_get(list, n);
        ((struct bead *)tally_object_of(v))->key += (int64_t)n / 13;
        tally_value_decref(v);
    }
    unsigned long asked = 0;
    assert_int_equal(tally_list_sort(list, by_key, &asked), TALLY_OK);
    assert_true(asked < COUNT * 12);
    int64_t last = -1;
    for (size_t n = 0; n < COUNT; n++) {
        tally_value v = tally_list_get(list, n);
        int64_t key = ((struct bead *)tally_object_of(v))->key;
        assert_true(key >= last);
        last = key;
        tally_value_decref(v);
    }
    tally_decref(list);
}

static void without_an_order_values_are_compared(void **state) {
    (void)state;
    tally_list *list = list_of("31415926535");
    assert_int_equal(tally_list_sort(list, NULL, NULL), TALLY_OK);
    assert_list(list, "11233455569");
    must(tally_list_append(list, tally_nil()) == TALLY_OK);
    assert_int_equal(tally_list_sort(list, NULL, NULL), TALLY_WRONG_TYPE);
    tally_value_decref(tally_list_pop(list));
    assert_list(list, "11233455569");
    tally_list *none = list_new();
    assert_int_equal(tally_list_sort(none, NULL, NULL), TALLY_OK);
    tally_decref(none);
    tally_decref(list);
}

// Changes the list that it sorts, at its third call.
struct meddler {
    tally_list *list;
    void (*meddle)(tally_list *list);
    int calls;
};

static tally_status meddle(void *arg, tally_value a, tally_value b,
                           int *ret_order) {
    struct meddler *meddler = arg;
    if (++meddler->calls == 3)
        meddler->meddle(meddler->list);
    return tally_value_compare(a, b, ret_order);
}

static void meddle_append(tally_list *list) {
    must(tally_list_append(list, tally_small(0)) == TALLY_OK);
}
static void meddle_set(tally_list *list) {
    must(tally_list_set(list, 4, tally_small(9)) == TALLY_OK);
}
static void meddle_clear(tally_list *list) { tally_list_clear(list); }
static void meddle_back(tally_list *list) {
    tally_value last = tally_list_pop(list);
    must(tally_list_append(list, last) == TALLY_OK);
}

static void a_list_that_changes_is_not_sorted(void **state) {
    (void)state;
    static const struct {
        void (*meddle)(tally_list *list);
        tally_status status;
        const char *after;
    } all[] = {{meddle_append, TALLY_BUSY, "543210"},
               {meddle_set, TALLY_BUSY, "54329"},
               {meddle_clear, TALLY_BUSY, ""},
               {meddle_back, TALLY_OK, "12345"}};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        struct meddler meddler = {list_of("54321"), all[n].meddle, 0};
        assert_int_equal(tally_list_sort(meddler.list, meddle, &meddler),
                         all[n].status);
        assert_list(meddler.list, all[n].after);
        tally_decref(meddler.list);
    }
}

// ---- looking for values

static void find_uses_equality(void **state) {
    (void)state;
    tally_list *list = list_of("121");
    tally_value text = tally_of(tally_text_of("one")),
                same = tally_of(tally_text_of("one")), real = tally_double(2.0);
    size_t index = 77;
    bool found = true;
    must(tally_list_append(list, text) == TALLY_OK);
    assert_int_equal(tally_list_find(list, tally_small(1), 0, &index),
                     TALLY_OK);
    assert_int_equal(index, 0);
    assert_int_equal(tally_list_find(list, tally_small(1), 1, &index),
                     TALLY_OK);
    assert_int_equal(index, 2);
    assert_int_equal(tally_list_find(list, real, 0, &index), TALLY_OK);
    assert_int_equal(index, 1);
    assert_int_equal(tally_list_find(list, same, 0, &index), TALLY_OK);
    assert_int_equal(index, 3);
    index = 77;
    assert_int_equal(tally_list_find(list, same, 4, &index), TALLY_NOT_FOUND);
    assert_int_equal(tally_list_find(list, same, SIZE_MAX, &index),
                     TALLY_NOT_FOUND);
    assert_int_equal(index, 77);
    assert_int_equal(tally_list_contains(list, tally_nil(), &found), TALLY_OK);
    assert_false(found);
    assert_int_equal(tally_list_contains(list, same, &found), TALLY_OK);
    assert_true(found);
    tally_value_decref(real);
    tally_value_decref(same);
    tally_value_decref(text);
    tally_decref(list);
}

// ---- iterating

static void an_iteration_sees_what_was_there(void **state) {
    (void)state;
    tally_list *list = list_of("0123456789");
    struct tally_list_iterator i;
    tally_value value;
    int64_t wanted = 0;
    assert_int_equal(tally_list_begin(list, &i), TALLY_OK);
    while (tally_list_next(&i, &value)) {
        assert_int_equal(tally_small_of(value), wanted++);
        must(tally_list_push_front(list, value) == TALLY_OK);
        tally_value_decref(tally_list_remove(list, 5));
        if (wanted == 7)
            tally_list_clear(list);
    }
    assert_int_equal(wanted, 10);
    assert_false(tally_list_next(&i, &value));
    tally_list_end(&i);
    tally_list_end(&i);
    tally_decref(list);
}

static void an_iteration_holds_its_elements(void **state) {
    (void)state;
    tally_list *list = list_new();
    struct tally_list_iterator i;
    tally_value value;
    must(tally_list_append_steal(list, tally_of(bead_new(1))) == TALLY_OK);
    must(tally_list_append_steal(list, tally_of(bead_new(2))) == TALLY_OK);
    int before = beads_destroyed;
    assert_int_equal(tally_list_begin(list, &i), TALLY_OK);
    tally_decref(list);
    tally_collect();
    assert_true(tally_list_next(&i, &value));
    assert_int_equal(((struct bead *)tally_object_of(value))->key, 1);
    assert_int_equal(beads_destroyed, before);
    tally_list_end(&i);
    tally_collect();
    assert_int_equal(beads_destroyed, before + 2);
    list = list_new();
    assert_int_equal(tally_list_begin(list, &i), TALLY_OK);
    assert_false(tally_list_next(&i, &value));
    tally_list_end(&i);
    tally_decref(list);
}

// ---- collections

static void cycles_through_lists_are_collected(void **state) {
    (void)state;
    tally_collect();
    int before = beads_destroyed;
    tally_list *kept = list_new(), *itself = list_new();
    must(tally_list_append_steal(itself, tally_of(itself)) == TALLY_OK);
    for (int n = 0; n < 50; n++) {
        tally_list *list = list_new();
        for (int64_t m = 0; m < n; m++) {
            struct bead *bead = bead_new(m);
            tally_cell_set(bead, &bead->tie, tally_of(list));
            must(tally_list_append_steal(list, tally_of(bead)) == TALLY_OK);
        }
        for (int m = 0; m < n; m += 2) // and around the ring's end
            must(tally_list_append_steal(list, tally_list_pop_front(list)) ==
                 TALLY_OK);
        if (n == 20)
            must(tally_list_append(kept, tally_of(list)) == TALLY_OK);
        tally_decref(list);
    }
    tally_collect();
    assert_int_equal(beads_destroyed, before + 50 * 49 / 2 - 20);
    tally_list_clear(kept);
    tally_collect();
    assert_int_equal(beads_destroyed, before + 50 * 49 / 2);
    tally_decref(kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(slices_take_every_nth),
        lively_test(a_slice_is_a_list_of_its_own),
        lively_test(a_slice_that_is_none_is_refused),
        lively_test(extend_adds_another_list),
        lively_test(extend_counts_what_it_adds),
        lively_test(sort_is_stable),
        lively_test(without_an_order_values_are_compared),
        lively_test(a_list_that_changes_is_not_sorted),
        lively_test(find_uses_equality),
        lively_test(an_iteration_sees_what_was_there),
        lively_test(an_iteration_holds_its_elements),
        quiet_test(cycles_through_lists_are_collected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
