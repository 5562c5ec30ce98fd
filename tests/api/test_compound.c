// Lists, maps and sets as values: equality, order, text.

#include <errno.h>
#include <math.h>
#include <string.h>

#include "api.h"
#include "containers.h"

// Owned ones of some values, which are consumed.
static tally_value list_of(const tally_value *values, size_t count) {
    tally_list *list = tally_list_new();
    must(list);
    for (size_t n = 0; n < count; n++)
        must(tally_list_append_steal(list, values[n]) == TALLY_OK);
    return tally_of(list);
}
#define LIST(...)                                                              \
    list_of((tally_value[]){__VA_ARGS__},                                      \
            sizeof((tally_value[]){__VA_ARGS__}) / sizeof(tally_value))

static tally_value set_of(int64_t first, int64_t step, unsigned count) {
    tally_set *set = tally_set_new(0);
    must(set);
    for (unsigned n = 0; n < count; n++, first += step)
        must(tally_set_add(set, tally_small(first), NULL) == TALLY_OK);
    return tally_of(set);
}

static tally_value map_of(int64_t first, int64_t step, unsigned count) {
    tally_map *map = tally_map_new(0);
    must(map);
    for (unsigned n = 0; n < count; n++, first += step)
        must(tally_map_set(map, tally_small(first), tally_small(first * 10)) ==
             TALLY_OK);
    return tally_of(map);
}

static tally_value word(const char *string) { return tally_of(text(string)); }

// Whether two values, which are consumed, are equal: both ways alike.
static bool equal(tally_value a, tally_value b) {
    bool one = false, other = true;
    must(tally_value_equal(a, b, &one) == TALLY_OK);
    must(tally_value_equal(b, a, &other) == TALLY_OK && one == other);
    tally_value_decref(a);
    tally_value_decref(b);
    return one;
}

static int order(tally_value a, tally_value b) {
    int one = 0, other = 0;
    must(tally_value_compare(a, b, &one) == TALLY_OK);
    must(tally_value_compare(b, a, &other) == TALLY_OK && one == -other);
    tally_value_decref(a);
    tally_value_decref(b);
    return one;
}

// Whether a value, which is consumed, is told as that.
static bool told(tally_value value, const char *string) {
    tally_text *text;
    must(tally_value_text(value, &text) == TALLY_OK);
    bool same = strcmp(tally_text_data(text), string) == 0;
    if (!same)
        fprintf(stderr, "%s, not %s\n", tally_text_data(text), string);
    tally_decref(text);
    tally_value_decref(value);
    return same;
}

#define ONE tally_small(1)
#define TWO tally_small(2)

static void lists_are_equal_by_their_elements(void **state) {
    (void)state;
    assert_true(equal(LIST(ONE, word("a")), LIST(ONE, word("a"))));
    assert_true(equal(LIST(ONE, TWO), LIST(tally_double(1), tally_double(2))));
    assert_false(equal(LIST(ONE, TWO), LIST(TWO, ONE)));
    assert_false(equal(LIST(ONE), LIST(ONE, ONE)));
    assert_true(equal(LIST(LIST(ONE)), LIST(LIST(ONE))));
    assert_false(equal(LIST(LIST(ONE)), LIST(LIST(TWO))));
    assert_false(equal(LIST(ONE), ONE));
    assert_false(equal(LIST(ONE), set_of(1, 1, 1)));
    assert_true(equal(tally_of(tally_list_new()), tally_of(tally_list_new())));
}

static void lists_have_the_order_of_the_first_that_differ(void **state) {
    (void)state;
    assert_int_equal(order(LIST(ONE, TWO), LIST(ONE, TWO)), 0);
    assert_int_equal(order(LIST(ONE, ONE), LIST(ONE, TWO)), -1);
    assert_int_equal(order(LIST(TWO), LIST(ONE, TWO)), 1);
    assert_int_equal(order(LIST(ONE), LIST(ONE, TWO)), -1);
    // What is equal needs no order.
    assert_int_equal(
        order(LIST(set_of(1, 1, 3), ONE), LIST(set_of(1, 1, 3), TWO)), -1);
    tally_value a = LIST(set_of(1, 1, 2)), b = LIST(set_of(1, 1, 3));
    int none = 77;
    assert_int_equal(tally_value_compare(a, b, &none), TALLY_WRONG_TYPE);
    assert_int_equal(tally_value_compare(a, ONE, &none), TALLY_WRONG_TYPE);
    assert_int_equal(none, 77);
    tally_value_decref(a);
    tally_value_decref(b);
}

static void sets_and_maps_are_equal_in_any_order(void **state) {
    (void)state;
    assert_true(equal(set_of(1, 1, 50), set_of(50, -1, 50)));
    assert_false(equal(set_of(1, 1, 50), set_of(1, 1, 51)));
    assert_false(equal(set_of(1, 1, 50), set_of(2, 1, 50)));
    assert_true(equal(map_of(1, 1, 50), map_of(50, -1, 50)));
    assert_false(equal(map_of(1, 1, 50), map_of(1, 1, 49)));
    assert_false(equal(map_of(1, 1, 50), map_of(2, 1, 50)));
    tally_value other = map_of(1, 1, 50);
    must(tally_map_set(tally_object_of(other), tally_small(7), ONE) ==
         TALLY_OK);
    assert_false(equal(map_of(1, 1, 50), other));
    assert_false(equal(map_of(1, 1, 3), set_of(1, 1, 3)));
    assert_true(equal(LIST(map_of(1, 1, 3)), LIST(map_of(3, -1, 3))));
}

static void what_changes_is_no_key(void **state) {
    (void)state;
    tally_value all[] = {LIST(ONE), map_of(1, 1, 1), set_of(1, 1, 1)};
    tally_set *set = tally_set_new(0);
    uint64_t hash = 77;
    must(set);
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(tally_value_hash(all[n], &hash), TALLY_UNSUPPORTED);
        assert_int_equal(tally_set_add(set, all[n], NULL), TALLY_UNSUPPORTED);
        assert_int_equal(hash, 77);
        tally_value_decref(all[n]);
    }
    assert_int_equal(tally_set_length(set), 0);
    tally_decref(set);
}

static void containers_are_told_by_what_they_hold(void **state) {
    (void)state;
    assert_true(told(tally_of(tally_list_new()), "[]"));
    assert_true(told(LIST(ONE, tally_nil(), word("a\"b\\c\n\x7F\xC3\xA4")),
                     "[1, nil, \"a\\\"b\\\\c\\x0a\\x7f\xC3\xA4\"]"));
    assert_true(told(map_of(1, 1, 2), "{1: 10, 2: 20}"));
    assert_true(told(set_of(3, -1, 3), "set(3, 2, 1)"));
    assert_true(told(set_of(1, 1, 0), "set()"));
    assert_true(told(LIST(LIST(ONE), map_of(4, 1, 1), set_of(1, 1, 1)),
                     "[[1], {4: 40}, set(1)]"));
}

static void what_holds_itself_is_told_once(void **state) {
    (void)state;
    tally_list *list = tally_list_new();
    tally_map *map = tally_map_new(0);
    must(list && map);
    must(tally_list_append(list, tally_of(map)) == TALLY_OK);
    must(tally_list_append(list, ONE) == TALLY_OK);
    must(tally_map_set(map, ONE, tally_of(list)) == TALLY_OK);
    must(tally_map_set(map, TWO, tally_of(map)) == TALLY_OK);
    assert_true(
        told(tally_value_incref(tally_of(list)), "[{1: [...], 2: {...}}, 1]"));
    assert_true(
        told(tally_value_incref(tally_of(map)), "{1: [{...}, 1], 2: {...}}"));
    tally_list_clear(list);
    tally_decref(list);
    tally_decref(map);
    assert_true(tally_collect() > 0);
}

static void what_is_the_same_is_equal_within_containers(void **state) {
    (void)state;
    tally_value nan = tally_double(NAN), other = tally_double(NAN);
    tally_value list = LIST(tally_value_incref(nan), ONE);
    tally_value map = tally_of(tally_map_new(0));
    must(tally_map_set(tally_object_of(map), ONE, nan) == TALLY_OK);
    bool is = true;
    must(tally_value_equal(nan, nan, &is) == TALLY_OK && !is);
    assert_true(
        equal(tally_value_incref(list), LIST(tally_value_incref(nan), ONE)));
    assert_false(
        equal(tally_value_incref(list), LIST(tally_value_incref(other), ONE)));
    assert_int_equal(
        order(tally_value_incref(list), LIST(tally_value_incref(nan), TWO)),
        -1);
    tally_value copy = tally_of(tally_map_copy(tally_object_of(map)));
    assert_true(equal(tally_value_incref(map), tally_value_incref(copy)));
    assert_true(equal(LIST(map), LIST(copy)));
    must(tally_list_contains(tally_object_of(list), nan, &is) == 0 && is);
    must(tally_list_contains(tally_object_of(list), other, &is) == 0 && !is);
    tally_value_decref(list);
    tally_value_decref(nan);
    tally_value_decref(other);
}

// A list in a map in a list, and so on: [depth] of them; [of] is consumed.
static tally_value nested(unsigned depth, tally_value of) {
    for (unsigned n = 0; n < depth; n++) {
        if (n % 3 == 2) {
            tally_value map = tally_of(tally_map_new(0));
            must(tally_map_set(tally_object_of(map), ONE, of) == TALLY_OK);
            tally_value_decref(of);
            of = map;
        } else {
            of = LIST(tally_small(n), of);
        }
    }
    return of;
}

static void *deep_on_a_small_stack(void *arg) {
    (void)arg;
    tally_text *text = NULL;
    bool is = true;
    tally_value a = nested(199, ONE), b = nested(199, ONE);
    must(tally_value_equal(a, b, &is) == TALLY_OK && is);
    must(tally_value_text(a, &text) == TALLY_OK);
    tally_decref(text);
    tally_value_decref(b);
    b = nested(199, TWO);
    must(tally_value_equal(a, b, &is) == TALLY_OK && !is);
    tally_value_decref(a);
    tally_value_decref(b);
    a = nested(201, ONE), b = nested(201, ONE);
    must(tally_value_equal(a, b, &is) == TALLY_LIMIT);
    must(tally_value_text(a, &text) == TALLY_LIMIT);
    tally_value_decref(a);
    tally_value_decref(b);
    a = tally_of(tally_list_new()), b = tally_of(tally_list_new());
    for (unsigned n = 0; n < 199; n++)
        a = LIST(a), b = LIST(b);
    int order = 7;
    must(tally_value_compare(a, b, &order) == TALLY_OK && order == 0);
    tally_value_decref(a);
    tally_value_decref(b);
    return NULL;
}

static void depth_takes_no_stack(void **state) {
    (void)state;
    thread_join(thread_start_on(65536, deep_on_a_small_stack, NULL));
}

// Two rings of the same shape can only be compared without end.
static void there_is_an_end_to_depth(void **state) {
    (void)state;
    tally_list *rings[2];
    bool same = true;
    for (size_t n = 0; n < 2; n++) {
        rings[n] = tally_list_new();
        must(rings[n]);
        must(tally_list_append(rings[n], tally_of(rings[n])) == TALLY_OK);
    }
    assert_int_equal(
        tally_value_equal(tally_of(rings[0]), tally_of(rings[1]), &same),
        TALLY_LIMIT);
    assert_true(same);
    tally_value deep = tally_of(tally_list_new());
    for (unsigned n = 0; n < 1000; n++)
        deep = LIST(deep);
    tally_text *text = NULL;
    assert_int_equal(tally_value_text(deep, &text), TALLY_LIMIT);
    assert_null(text);
    tally_value_decref(deep);
    // It is over: the next is told again.
    assert_true(told(LIST(LIST(ONE)), "[[1]]"));
    for (size_t n = 0; n < 2; n++) {
        tally_list_clear(rings[n]);
        tally_decref(rings[n]);
    }
}

// Equal where the sets are that they hold.
struct holder {
    tally_object head;
    tally_aref set;
};
TALLY_TYPE_DECLARE(holder);

static tally_status holder_equal(void *object, tally_value other,
                                 bool *ret_equal) {
    struct holder *a = object, *b = tally_object_of(other);
    if (!tally_is_instance(b, TALLY_TYPE_OF(holder)))
        return TALLY_WRONG_TYPE;
    return tally_value_equal(tally_of(tally_aref_get(&a->set)),
                             tally_of(tally_aref_get(&b->set)), ret_equal);
}

static tally_status holder_hash(void *object, uint64_t *ret_hash) {
    (void)object;
    *ret_hash = 1;
    return TALLY_OK;
}

static const tally_protocol holder_protocol = {.equal = holder_equal,
                                               .hash = holder_hash};
TALLY_TYPE(holder, TALLY_AREF(set), TALLY_PROTOCOL(holder_protocol));

static void there_is_an_end_to_depth_through_hooks(void **state) {
    (void)state;
    tally_set *sets[2];
    bool same = true;
    for (size_t n = 0; n < 2; n++) {
        struct holder *holder = tally_new(holder);
        sets[n] = tally_set_new(0);
        must(holder && sets[n]);
        tally_aref_set(holder, &holder->set, sets[n]);
        must(tally_set_add(sets[n], tally_of(holder), NULL) == TALLY_OK);
        tally_decref(holder);
    }
    assert_int_equal(
        tally_value_equal(tally_of(sets[0]), tally_of(sets[1]), &same),
        TALLY_LIMIT);
    assert_true(same);
    assert_true(equal(set_of(1, 1, 3), set_of(1, 1, 3)));
    tally_set_clear(sets[0]);
    tally_set_clear(sets[1]);
    tally_decref(sets[0]);
    tally_decref(sets[1]);
}

static void *deep_through_hooks(void *arg) {
    (void)arg;
    there_is_an_end_to_depth_through_hooks(NULL);
    return NULL;
}

static void depth_through_hooks_ends_before_a_small_stack(void **state) {
    (void)state;
    thread_join(thread_start_on(65536, deep_through_hooks, NULL));
}

static void what_is_no_number_decides_nothing(void **state) {
    (void)state;
    assert_int_equal(
        order(LIST(tally_double(NAN), ONE), LIST(tally_double(NAN), TWO)), -1);
    assert_int_equal(order(LIST(tally_double(NAN)), LIST(ONE)), 1);
    assert_int_equal(order(LIST(tally_double(NAN)), LIST(tally_double(NAN))),
                     0);
}

// Maps, and lists, of which hooks take out what is being compared.
static tally_value emptied;

static void on_equal_empty(void) {
    if (tally_value_is(emptied, &tally_type_list))
        tally_list_clear(tally_object_of(emptied));
    else
        tally_map_clear(tally_object_of(emptied));
}

static void hooks_may_change_what_is_compared(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        tally_value both[2];
        bool same = false;
        for (int n = 0; n < 2; n++) {
            tally_map *map = tally_map_new(0);
            must(map);
            both[n] = kind ? tally_of(map) : LIST(ONE);
            for (int64_t key = 0; key < 20; key++) {
                tally_value point = tally_of(point_new(key));
                must((kind ? tally_map_set(map, tally_small(key), point)
                           : tally_list_append(tally_object_of(both[n]),
                                               point)) == TALLY_OK);
                tally_value_decref(point);
            }
            if (!kind)
                tally_decref(map);
        }
        emptied = both[1];
        point_on_equal = on_equal_empty;
        assert_int_equal(tally_value_equal(both[0], both[1], &same), TALLY_OK);
        point_on_equal = NULL;
        assert_true(same); // as they were
        must(tally_value_equal(both[0], both[1], &same) == TALLY_OK && !same);
        tally_value_decref(both[0]);
        tally_value_decref(both[1]);
    }
}

static void what_hooks_fail_with_comes_back(void **state) {
    (void)state;
    tally_value a = LIST(ONE, tally_of(point_new(1)));
    tally_value b = LIST(ONE, tally_of(point_new(1)));
    bool same = false;
    must(tally_value_equal(a, b, &same) == TALLY_OK && same);
    point_equal_status = TALLY_BUSY;
    same = false;
    assert_int_equal(tally_value_equal(a, b, &same), TALLY_BUSY);
    assert_false(same);
    point_equal_status = TALLY_OK;
    tally_value_decref(a);
    tally_value_decref(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(lists_are_equal_by_their_elements),
        lively_test(lists_have_the_order_of_the_first_that_differ),
        lively_test(sets_and_maps_are_equal_in_any_order),
        lively_test(what_changes_is_no_key),
        lively_test(containers_are_told_by_what_they_hold),
        quiet_test(what_holds_itself_is_told_once),
        quiet_test(what_is_the_same_is_equal_within_containers),
        quiet_test(depth_takes_no_stack),
        quiet_test(depth_through_hooks_ends_before_a_small_stack),
        quiet_test(there_is_an_end_to_depth),
        quiet_test(there_is_an_end_to_depth_through_hooks),
        lively_test(what_is_no_number_decides_nothing),
        lively_test(hooks_may_change_what_is_compared),
        lively_test(what_hooks_fail_with_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
