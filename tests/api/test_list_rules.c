// Lists against a model; hooks that fail, and elements that use the list as
// they go.

#include <math.h>

#include "lists.h"

#include "containers.h"

// ---- a model

enum { MODEL_MAX = 300 };

struct model {
    int64_t item[MODEL_MAX];
    size_t length;
};

static uint64_t seed;

static size_t below(size_t end) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(seed >> 33) % end;
}

static void model_insert(struct model *model, size_t at, int64_t item) {
    memmove(model->item + at + 1, model->item + at,
            (model->length++ - at) * sizeof(item));
    model->item[at] = item;
}

static int64_t model_remove(struct model *model, size_t at) {
    int64_t item = model->item[at];
    memmove(model->item + at, model->item + at + 1,
            (--model->length - at) * sizeof(item));
    return item;
}

static void assert_model(tally_list *list, const struct model *model) {
    assert_int_equal(tally_list_length(list), model->length);
    for (size_t n = 0; n < model->length; n++)
        assert_int_equal(tally_small_of(tally_list_get(list, n)),
                         model->item[n]);
}

static void add_step(tally_list *list, struct model *model, int64_t item) {
    size_t at = below(model->length + 1);
    tally_value value = tally_small(item);
    switch (below(4)) {
    case 0:
        at = 0;
        must(tally_list_push_front(list, value) == TALLY_OK);
        break;
    case 1:
        at = model->length;
        must(tally_list_append(list, value) == TALLY_OK);
        break;
    default:
        must(tally_list_insert(list, at, value) == TALLY_OK);
    }
    model_insert(model, at, item);
}

static void take_step(tally_list *list, struct model *model) {
    size_t at = below(model->length);
    tally_value value;
    switch (below(4)) {
    case 0:
        at = 0;
        value = tally_list_pop_front(list);
        break;
    case 1:
        at = model->length - 1;
        value = tally_list_pop(list);
        break;
    default:
        value = tally_list_remove(list, at);
    }
    assert_int_equal(tally_small_of(value), model_remove(model, at));
}

static void a_list_does_what_an_array_does(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 5; round++) {
        seed = round;
        struct model model = {.length = 0};
        tally_list *list = list_new();
        size_t target = 0;
        for (int64_t n = 0; n < 1500; n++) {
            if (n % 100 == 0)
                target = below(MODEL_MAX);
            bool grows = model.length < target ? below(4) : !below(4);
            if (grows && model.length < MODEL_MAX)
                add_step(list, &model, n);
            else if (model.length)
                take_step(list, &model);
            if (n % 50 == 0)
                assert_model(list, &model);
        }
        assert_model(list, &model);
        tally_decref(list);
    }
}

static void each_slice_has_what_it_is_of(void **state) {
    (void)state;
    tally_list *list = list_of("01234567");
    must(tally_list_push_front(list, tally_small(8)) == TALLY_OK); // around
    for (size_t begin = 0; begin <= 9; begin++)
        for (size_t end = begin; end <= 9; end++)
            for (size_t step = 1; step <= 11; step++) {
                tally_list *slice = tally_list_slice(list, begin, end, step);
                size_t count = 0;
                must(slice);
                for (size_t n = begin; n < end; n += step)
                    assert_true(tally_is(tally_list_get(slice, count++),
                                         tally_list_get(list, n)));
                assert_int_equal(tally_list_length(slice), count);
                tally_decref(slice);
            }
    tally_decref(list);
}

// ---- sorting

static tally_status descending(void *arg, tally_value a, tally_value b,
                               int *ret_order) {
    int *left = arg;
    if (left && --*left == 0)
        return TALLY_ENCODING;
    *ret_order = tally_small_of(a) < tally_small_of(b)   ? INT32_MAX
                 : tally_small_of(a) > tally_small_of(b) ? INT32_MIN
                                                         : 0;
    return TALLY_OK;
}

static void lists_of_any_length_are_sorted(void **state) {
    (void)state;
    for (size_t length = 0; length < 140; length++)
        for (int pattern = 0; pattern < 4; pattern++) {
            tally_list *list = list_new();
            int64_t sum = 0;
            for (size_t n = 0; n < length; n++) {
                int64_t item = pattern == 0   ? (int64_t)n
                               : pattern == 1 ? -(int64_t)n
                               : pattern == 2 ? (int64_t)below(5)
                                              : (int64_t)below(1000);
                sum += item;
                must(tally_list_append(list, tally_small(item)) == TALLY_OK);
            }
            must(tally_list_sort(list, descending, NULL) == TALLY_OK);
            assert_int_equal(tally_list_length(list), length);
            for (size_t n = 0; n < length; n++) {
                int64_t item = tally_small_of(tally_list_get(list, n));
                sum -= item;
                if (n)
                    assert_true(tally_small_of(tally_list_get(list, n - 1)) >=
                                item);
            }
            assert_int_equal(sum, 0);
            tally_decref(list);
        }
}

static void an_order_that_fails_leaves_the_list(void **state) {
    (void)state;
    for (int calls = 1; calls < 10; calls++) {
        tally_list *list = list_of("3141592");
        int left = calls;
        assert_int_equal(tally_list_sort(list, descending, &left),
                         TALLY_ENCODING);
        assert_list(list, "3141592");
        assert_int_equal(tally_list_append(list, tally_small(7)), TALLY_OK);
        tally_decref(list);
    }
}

// ---- looking for values

static tally_list *points_new(int64_t count) {
    tally_list *list = list_new();
    for (int64_t n = 0; n < count; n++)
        must(tally_list_append_steal(list, tally_of(point_new(n))) == TALLY_OK);
    return list;
}

static int asked;
static void fail_at_third(void) {
    if (++asked == 3)
        point_equal_status = TALLY_ENCODING;
}

static void find_asks_no_further_than_it_must(void **state) {
    (void)state;
    tally_list *list = points_new(6);
    struct point *early = point_new(1), *late = point_new(4);
    size_t index = 77;
    bool found = true;
    point_on_equal = fail_at_third;
    asked = 0;
    assert_int_equal(tally_list_find(list, tally_of(early), 0, &index),
                     TALLY_OK);
    assert_int_equal(index, 1);
    assert_int_equal(asked, 2);
    asked = 0;
    index = 77;
    assert_int_equal(tally_list_find(list, tally_of(late), 0, &index),
                     TALLY_ENCODING);
    assert_int_equal(index, 77);
    asked = 0;
    point_equal_status = TALLY_OK;
    assert_int_equal(tally_list_contains(list, tally_of(late), &found),
                     TALLY_ENCODING);
    assert_true(found);
    point_equal_status = TALLY_ENCODING; // what is the same is not asked
    point_on_equal = NULL;
    tally_value first = tally_list_get(list, 0);
    assert_int_equal(tally_list_find(list, first, 0, &index), TALLY_OK);
    assert_int_equal(index, 0);
    tally_value_decref(first);
    point_equal_status = TALLY_OK;
    tally_decref(early);
    tally_decref(late);
    tally_decref(list);
}

static void what_is_not_a_number_is_found_as_itself(void **state) {
    (void)state;
    tally_list *list = list_new();
    tally_value nan = tally_double(NAN), other = tally_double(NAN);
    size_t index = 77;
    must(tally_list_append(list, nan) == TALLY_OK);
    assert_int_equal(tally_list_find(list, other, 0, &index), TALLY_NOT_FOUND);
    assert_int_equal(tally_list_find(list, nan, 0, &index), TALLY_OK);
    assert_int_equal(index, 0);
    tally_value_decref(other);
    tally_value_decref(nan);
    tally_decref(list);
}

static tally_list *emptied;
static void empty_it(void) { tally_list_clear(emptied); }

static void a_list_may_be_emptied_while_it_is_searched(void **state) {
    (void)state;
    struct point *late = point_new(4);
    size_t index = 77;
    emptied = points_new(6);
    point_on_equal = empty_it;
    assert_int_equal(tally_list_find(emptied, tally_of(late), 0, &index),
                     TALLY_NOT_FOUND);
    point_on_equal = NULL;
    assert_int_equal(index, 77);
    tally_decref(late);
    tally_decref(emptied);
}

// ---- elements that use the list as they go

struct mourner {
    tally_object head;
    tally_list *list; // outlives it
    int64_t key;
};

static void mourner_finalize(void *object) {
    struct mourner *mourner = object;
    size_t length = tally_list_length(mourner->list);
    must(tally_list_append(mourner->list, tally_small(mourner->key)) == 0);
    must(tally_list_length(mourner->list) == length + 1);
}
TALLY_TYPE(mourner, TALLY_FINALIZE(mourner_finalize));

static void mourners_append(tally_list *list, int64_t count) {
    for (int64_t n = 0; n < count; n++) {
        struct mourner *mourner = tally_new(mourner);
        must(mourner);
        mourner->list = list;
        mourner->key = n;
        must(tally_list_append_steal(list, tally_of(mourner)) == TALLY_OK);
    }
}

static void elements_may_use_the_list_as_they_go(void **state) {
    (void)state;
    tally_list *list = list_new();
    mourners_append(list, 5);
    tally_list_clear(list);
    tally_collect();
    assert_int_equal(tally_list_length(list), 5);
    int64_t sum = 0;
    while (tally_list_length(list))
        sum += tally_small_of(tally_list_pop(list));
    assert_int_equal(sum, 0 + 1 + 2 + 3 + 4);
    mourners_append(list, 3);
    must(tally_list_set(list, 1, tally_small(9)) == TALLY_OK);
    tally_value_decref(tally_list_pop_front(list));
    tally_value_decref(tally_list_remove(list, 1));
    tally_collect();
    assert_list(list, "9102");
    tally_decref(list);
}

static void an_iteration_that_ended_stays_so(void **state) {
    (void)state;
    tally_list *list = list_of("12");
    struct tally_list_iterator i;
    tally_value value = tally_nil();
    must(tally_list_begin(list, &i) == TALLY_OK);
    while (tally_list_next(&i, &value))
        ;
    must(tally_list_append(list, tally_small(3)) == TALLY_OK);
    value = tally_nil();
    assert_false(tally_list_next(&i, &value));
    assert_true(tally_is_nil(value));
    tally_list_end(&i);
    tally_decref(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(a_list_does_what_an_array_does),
        lively_test(each_slice_has_what_it_is_of),
        lively_test(lists_of_any_length_are_sorted),
        lively_test(an_order_that_fails_leaves_the_list),
        lively_test(find_asks_no_further_than_it_must),
        lively_test(what_is_not_a_number_is_found_as_itself),
        lively_test(a_list_may_be_emptied_while_it_is_searched),
        quiet_test(elements_may_use_the_list_as_they_go),
        lively_test(an_iteration_that_ended_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
