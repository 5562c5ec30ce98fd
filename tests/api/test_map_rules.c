// Maps and sets against a model; keys that are the same or only equal, and
// entries that use the map as they go.

#include <math.h>

#include "api.h"
#include "containers.h"
#include "values.h"

// ---- a model

enum { KEYS = 40 };

// Entries in their order.
struct model {
    int64_t key[KEYS], value[KEYS];
    size_t length;
};

static uint64_t seed;

static int64_t below(int64_t end) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(seed >> 33) % end;
}

static size_t model_find(const struct model *model, int64_t key) {
    size_t n = 0;
    while (n < model->length && model->key[n] != key)
        n++;
    return n;
}

static void model_set(struct model *model, int64_t key, int64_t value) {
    size_t n = model_find(model, key);
    model->key[n] = key;
    model->value[n] = value;
    model->length += n == model->length;
}

static void model_remove(struct model *model, size_t n) {
    size_t after = --model->length - n;
    memmove(model->key + n, model->key + n + 1, after * sizeof(int64_t));
    memmove(model->value + n, model->value + n + 1, after * sizeof(int64_t));
}

// Keys are points, so that hooks are asked.
static tally_value key_of(int64_t key) { return tally_of(point_new(key)); }

static void assert_model(tally_map *map, const struct model *model) {
    struct tally_map_iterator it;
    tally_value key, value;
    size_t n = 0;
    assert_int_equal(tally_map_length(map), model->length);
    tally_map_begin(map, &it);
    for (; tally_map_next(&it, &key, &value); n++) {
        assert_true(n < model->length);
        assert_int_equal(((struct point *)tally_object_of(key))->number,
                         model->key[n]);
        assert_int_equal(tally_small_of(value), model->value[n]);
        tally_value_decref(key);
    }
    tally_map_end(&it);
    assert_int_equal(n, model->length);
}

static tally_status double_or_drop(void *arg, tally_value old,
                                   tally_value *ret_new) {
    bool drops = tally_is_absent(old) || tally_small_of(old) % 2;
    *ret_new = drops ? tally_absent() : tally_small(*(int64_t *)arg);
    return TALLY_OK;
}

static void update_step(tally_map *map, struct model *model, tally_value key,
                        size_t at, int64_t value) {
    must(tally_map_update(map, key, double_or_drop, &value) == TALLY_OK);
    if (at == model->length)
        return;
    if (model->value[at] % 2)
        model_remove(model, at);
    else
        model->value[at] = value;
}

static void remove_step(tally_map *map, struct model *model, tally_value key,
                        size_t at) {
    tally_value got = tally_nil();
    tally_status wanted = at < model->length ? TALLY_OK : TALLY_NOT_FOUND;
    if (below(2)) {
        assert_int_equal(tally_map_delete(map, key), wanted);
    } else {
        assert_int_equal(tally_map_pop(map, key, &got), wanted);
        assert_true(tally_is(got, at < model->length
                                      ? tally_small(model->value[at])
                                      : tally_nil()));
    }
    if (wanted == TALLY_OK)
        model_remove(model, at);
}

static void newest_step(tally_map *map, struct model *model) {
    tally_value key = tally_nil(), value = tally_nil();
    tally_status status = tally_map_pop_newest(map, &key, &value);
    assert_int_equal(status, model->length ? TALLY_OK : TALLY_NOT_FOUND);
    if (status != TALLY_OK)
        return;
    struct point *point = tally_object_of(key);
    assert_int_equal(point->number, model->key[--model->length]);
    assert_int_equal(tally_small_of(value), model->value[model->length]);
    tally_value_decref(key);
}

static void model_step(tally_map *map, struct model *model, int64_t value) {
    int64_t number = below(KEYS);
    tally_value key = key_of(number), got;
    size_t at = model_find(model, number);
    bool there = at < model->length, found;
    switch (below(9)) {
    case 0:
    case 1:
        remove_step(map, model, key, at);
        break;
    case 2:
        newest_step(map, model);
        break;
    case 3:
        update_step(map, model, key, at, value);
        break;
    case 4:
        must(tally_map_get_or_set(map, key, tally_small(value), &got) == 0);
        if (!there)
            model_set(model, number, value);
        assert_int_equal(tally_small_of(got), model->value[at]);
        break;
    case 5:
        must(tally_map_contains(map, key, &found) == TALLY_OK);
        assert_int_equal(found, there);
        break;
    default:
        must(tally_map_set(map, key, tally_small(value)) == TALLY_OK);
        model_set(model, number, value);
    }
    tally_value_decref(key);
}

static void check_model(uint64_t hashes) {
    point_hashes = hashes;
    for (uint64_t round = 0; round < 4; round++) {
        struct model model = {.length = 0};
        tally_map *map = tally_map_new(0);
        must(map);
        seed = round;
        for (int64_t n = 0; n < 2000; n++) {
            model_step(map, &model, n);
            if (n % 100 == 0) {
                tally_map *copy = tally_map_copy(map);
                must(copy && tally_map_merge(copy, map) == TALLY_OK);
                tally_decref(map);
                map = copy;
            }
            if (n % 20 == 0)
                assert_model(map, &model);
        }
        assert_model(map, &model);
        tally_decref(map);
    }
    point_hashes = UINT64_MAX;
}

static void a_map_does_what_an_array_of_entries_does(void **state) {
    (void)state;
    check_model(UINT64_MAX);
    check_model(3); // most keys meet
    check_model(1);
}

// ---- the same or equal

static void what_is_the_same_is_not_compared(void **state) {
    (void)state;
    tally_map *map = tally_map_new(0);
    tally_value nan = tally_double(NAN), other = tally_double(NAN);
    struct point *point = point_new(1);
    must(tally_map_set(map, nan, tally_small(1)) == TALLY_OK);
    assert_int_equal(tally_small_of(tally_map_get(map, nan)), 1);
    assert_true(tally_is_absent(tally_map_get(map, other)));
    must(tally_map_set(map, other, tally_small(2)) == TALLY_OK);
    assert_int_equal(tally_map_length(map), 2);
    must(tally_map_set(map, tally_of(point), tally_small(3)) == TALLY_OK);
    point_equal_status = TALLY_ENCODING;
    assert_int_equal(tally_small_of(tally_map_get(map, tally_of(point))), 3);
    assert_int_equal(tally_map_delete(map, tally_of(point)), TALLY_OK);
    point_equal_status = TALLY_OK;
    tally_decref(point);
    tally_value_decref(other);
    tally_value_decref(nan);
    tally_decref(map);
}

static void equal_numbers_are_one_key(void **state) {
    (void)state;
    tally_map *map = tally_map_new(0);
    tally_value one = tally_double(1.0), zero = tally_double(-0.0),
                large = tally_double(0x1p62), same = tally_integer(1LL << 62);
    must(tally_map_set(map, tally_small(1), tally_nil()) == TALLY_OK);
    must(tally_map_set(map, one, tally_small(7)) == TALLY_OK);
    must(tally_map_set(map, tally_small(0), tally_nil()) == TALLY_OK);
    must(tally_map_set(map, zero, tally_small(8)) == TALLY_OK);
    must(tally_map_set(map, large, tally_nil()) == TALLY_OK);
    must(tally_map_set(map, same, tally_small(9)) == TALLY_OK);
    assert_int_equal(tally_map_length(map), 3);
    check_text(tally_of(map), "{1: 7, 0: 8, 4.611686018427388e+18: 9}");
    // Truth is no number, and nil nothing else.
    must(tally_map_set(map, tally_bool(true), tally_nil()) == TALLY_OK);
    must(tally_map_set(map, tally_bool(false), tally_nil()) == TALLY_OK);
    must(tally_map_set(map, tally_nil(), tally_nil()) == TALLY_OK);
    assert_int_equal(tally_map_length(map), 6);
    tally_value_decref(one);
    tally_value_decref(zero);
    tally_value_decref(large);
    tally_value_decref(same);
    tally_decref(map);
}

// What has no hash is refused by each function, and found by none.
static void what_changes_is_asked_for_in_vain(void **state) {
    (void)state;
    tally_bytearray *array = tally_bytearray_new("abc", 3);
    tally_value all[] = {tally_of(array), tally_of(tally_view_new(array, 0)),
                         tally_of(tally_list_new()),
                         tally_of(tally_map_new(0))};
    tally_map *map = tally_map_new(0);
    tally_set *set = tally_set_new(0);
    must(map && set && tally_map_set(map, tally_nil(), tally_nil()) == 0);
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        tally_value got = tally_small(77), key = all[n];
        bool found = true;
        int64_t number = 1;
        const tally_status told[] = {
            tally_map_set(map, key, tally_nil()),
            tally_map_find(map, key, &got),
            tally_map_contains(map, key, &found),
            tally_map_get_or_set(map, key, tally_nil(), &got),
            tally_map_update(map, key, double_or_drop, &number),
            tally_map_delete(map, key),
            tally_map_pop(map, key, &got),
            tally_set_add(set, key, &found),
            tally_set_contains(set, key, &found),
            tally_set_find(set, key, &got),
            tally_set_remove(set, key)};
        for (size_t m = 0; m < sizeof(told) / sizeof(told[0]); m++)
            if (told[m] != TALLY_UNSUPPORTED)
                fail_msg("%zu, %zu: %s", n, m, tally_strerror(told[m]));
        errno = 0;
        assert_true(tally_is_absent(tally_map_get(map, key)));
        assert_int_equal(errno, ENOSYS);
        assert_true(tally_is(got, tally_small(77)) && found);
        tally_value_decref(all[n]);
    }
    assert_int_equal(tally_map_length(map), 1);
    assert_int_equal(tally_set_length(set), 0);
    tally_decref(set);
    tally_decref(map);
}

// ---- iterating

static void what_is_seen_may_be_set_and_deleted(void **state) {
    (void)state;
    tally_map *map = tally_map_new(0);
    struct tally_map_iterator it;
    tally_value key, value;
    int64_t seen = 0;
    for (int64_t n = 0; n < 200; n++)
        must(tally_map_set(map, tally_small(n), tally_small(n)) == TALLY_OK);
    tally_map_begin(map, &it);
    for (; tally_map_next(&it, &key, &value); seen++) {
        assert_int_equal(tally_small_of(key), seen);
        if (seen % 2)
            must(tally_map_delete(map, key) == TALLY_OK);
        else
            must(tally_map_set(map, key, tally_nil()) == TALLY_OK);
    }
    assert_false(tally_map_next(&it, &key, &value));
    tally_map_end(&it);
    assert_int_equal(seen, 200);
    assert_int_equal(tally_map_length(map), 100);
    tally_map_begin(map, &it);
    for (seen = 0; tally_map_next(&it, &key, &value); seen += 2) {
        assert_int_equal(tally_small_of(key), seen);
        assert_true(tally_is_nil(value));
    }
    tally_map_end(&it);
    tally_decref(map);
}

// ---- entries that use the map as they go

struct mourner {
    tally_object head;
    tally_map *map; // outlives it
    int64_t key;
};

static void mourner_finalize(void *object) {
    struct mourner *mourner = object;
    must(tally_map_set(mourner->map, tally_small(mourner->key + 1000),
                       tally_nil()) == TALLY_OK);
    must(tally_map_delete(mourner->map, tally_small(-1)) == TALLY_NOT_FOUND);
}
TALLY_TYPE(mourner, TALLY_FINALIZE(mourner_finalize));

static void mourner_set(tally_map *map, int64_t key) {
    struct mourner *mourner = tally_new(mourner);
    must(mourner);
    mourner->map = map;
    mourner->key = key;
    must(tally_map_set(map, tally_small(key), tally_of(mourner)) == TALLY_OK);
    tally_decref(mourner);
}

static void assert_left(tally_map *map, int64_t key) {
    bool found = false;
    tally_collect();
    must(tally_map_contains(map, tally_small(key + 1000), &found) == TALLY_OK);
    assert_true(found);
}

static void entries_may_use_the_map_as_they_go(void **state) {
    (void)state;
    tally_map *map = tally_map_new(0);
    tally_value got, key;
    for (int64_t n = 0; n < 6; n++)
        mourner_set(map, n);
    must(tally_map_set(map, tally_small(0), tally_nil()) == TALLY_OK);
    assert_left(map, 0);
    must(tally_map_delete(map, tally_small(1)) == TALLY_OK);
    assert_left(map, 1);
    must(tally_map_pop(map, tally_small(2), &got) == TALLY_OK);
    tally_value_decref(got);
    assert_left(map, 2);
    mourner_set(map, 6);
    must(tally_map_pop_newest(map, &key, &got) == TALLY_OK);
    tally_value_decref(got);
    assert_left(map, 6);
    tally_map_clear(map);
    for (int64_t n = 3; n < 6; n++)
        assert_left(map, n);
    assert_int_equal(tally_map_length(map), 3);
    tally_decref(map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(a_map_does_what_an_array_of_entries_does),
        lively_test(what_is_the_same_is_not_compared),
        lively_test(equal_numbers_are_one_key),
        lively_test(what_changes_is_asked_for_in_vain),
        lively_test(what_is_seen_may_be_set_and_deleted),
        quiet_test(entries_may_use_the_map_as_they_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
