// Weak maps: bad arguments, hooks that fail, entries that go while somebody is
// at them.

#include "api.h"
#include "containers.h"

static tally_weakmap *map_new(int kind) {
    tally_weakmap *map = tally_weakmap_new((enum tally_weakmap_kind)kind);
    must(map);
    return map;
}

static void there_are_no_more_kinds(void **state) {
    (void)state;
    static const int bad[] = {-1, 2, 3, 256, INT32_MAX, INT32_MIN};
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        errno = 0;
        assert_null(tally_weakmap_new((enum tally_weakmap_kind)bad[n]));
        assert_int_equal(errno, EINVAL);
    }
}

// What each function says of a key, and of a value where one is stored.
static void check_all(tally_weakmap *map, tally_value key, tally_value value,
                      tally_status of_key, tally_status of_value) {
    tally_value got = tally_small(77);
    assert_int_equal(tally_weakmap_find(map, key, &got), of_key);
    assert_int_equal(tally_weakmap_pop(map, key, &got), of_key);
    assert_int_equal(tally_weakmap_pop(map, key, NULL), of_key);
    assert_int_equal(tally_weakmap_delete(map, key), of_key);
    assert_int_equal(tally_weakmap_set(map, key, value), of_value);
    assert_int_equal(tally_weakmap_get_or_set(map, key, value, &got), of_value);
    assert_true(tally_is(got, tally_small(77)));
    errno = 0;
    assert_true(tally_is_absent(tally_weakmap_get(map, key)));
    if (of_key != TALLY_NOT_FOUND)
        assert_int_equal(errno,
                         of_key == TALLY_WRONG_TYPE ? EPROTOTYPE : -of_key);
    assert_int_equal(tally_weakmap_length(map), 1);
}

static void bad_arguments_change_nothing(void **state) {
    (void)state;
    const tally_status missing = TALLY_NOT_FOUND, invalid = TALLY_INVALID;
    struct thing *thing = thing_new(1), *other = thing_new(2);
    struct point *bad = point_new(-1);
    tally_list *list = tally_list_new();
    tally_value here = tally_of(thing), there = tally_of(other),
                large = tally_integer(INT64_MAX);
    tally_weakmap *keys = map_new(0), *values = map_new(1);
    must(list && tally_weakmap_set(keys, here, here) == TALLY_OK);
    must(tally_weakmap_set(values, here, here) == TALLY_OK);
    const tally_value plain[] = {tally_nil(), tally_bool(true), tally_small(0),
                                 tally_small(-1)};
    for (size_t n = 0; n < sizeof(plain) / sizeof(plain[0]); n++) {
        check_all(keys, plain[n], here, TALLY_WRONG_TYPE, TALLY_WRONG_TYPE);
        check_all(values, plain[n], plain[n], missing, TALLY_WRONG_TYPE);
    }
    check_all(keys, tally_absent(), here, invalid, invalid);
    check_all(keys, there, tally_absent(), missing, invalid);
    check_all(values, tally_absent(), here, invalid, invalid);
    check_all(values, there, tally_absent(), missing, invalid);
    check_all(values, tally_of(bad), here, TALLY_FORMAT, TALLY_FORMAT);
    check_all(values, tally_of(list), here, TALLY_UNSUPPORTED,
              TALLY_UNSUPPORTED);
    // By identity anything is a key.
    must(tally_weakmap_set(keys, tally_of(bad), large) == TALLY_OK);
    must(tally_weakmap_set(keys, tally_of(list), large) == TALLY_OK);
    assert_int_equal(tally_weakmap_length(keys), 3);
    tally_value_decref(large);
    tally_decref(keys);
    tally_decref(values);
    tally_decref(list);
    tally_decref(bad);
    tally_decref(other);
    tally_decref(thing);
}

static void what_a_hook_says_is_told(void **state) {
    (void)state;
    tally_weakmap *map = map_new(1);
    struct point *a = point_new(1), *b = point_new(1);
    struct thing *thing = thing_new(1);
    must(tally_weakmap_set(map, tally_of(a), tally_of(thing)) == TALLY_OK);
    point_equal_status = TALLY_RELEASED;
    check_all(map, tally_of(b), tally_of(thing), TALLY_RELEASED,
              TALLY_RELEASED);
    point_equal_status = TALLY_OK;
    tally_value got = tally_weakmap_get(map, tally_of(b));
    assert_ptr_equal(tally_object_of(got), thing);
    tally_value_decref(got);
    tally_decref(thing);
    tally_decref(a);
    tally_decref(b);
    tally_decref(map);
}

// ---- an iteration, and what goes meanwhile

enum { MANY = 60 };

static void fill(tally_weakmap *map, struct thing **things, int kind) {
    for (uint64_t n = 0; n < MANY; n++) {
        things[n] = thing_new(n);
        tally_value one = tally_of(things[n]), number = tally_small((int64_t)n);
        must(tally_weakmap_set(map, kind ? number : one, kind ? one : number) ==
             TALLY_OK);
    }
}

// Each that is seen drops the next one.
static void entries_go_while_they_are_seen(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        tally_weakmap *map = map_new(kind);
        struct thing *things[MANY + 4] = {NULL};
        struct tally_weakmap_iterator it;
        tally_value key, value;
        fill(map, things, kind);
        tally_weakmap_begin(map, &it);
        uint64_t next = 0, seen = 0;
        for (; tally_weakmap_next(&it, &key, &value); seen++) {
            struct thing *is = tally_object_of(kind ? value : key);
            assert_int_equal(is->number, next);
            next = is->number + 2; // what is dropped is in between
            if (is->number + 1 < MANY) {
                tally_decref(things[is->number + 1]);
                things[is->number + 1] = NULL;
            }
            tally_value_decref(key);
            tally_value_decref(value);
        }
        assert_false(tally_weakmap_next(&it, &key, &value));
        tally_weakmap_end(&it);
        tally_weakmap_end(&it);
        assert_int_equal(seen, MANY / 2);
        tally_collect();
        assert_int_equal(tally_weakmap_length(map), MANY / 2);
        for (int n = 0; n < MANY; n++)
            if (things[n])
                tally_decref(things[n]);
        tally_collect();
        assert_int_equal(tally_weakmap_length(map), 0);
        tally_decref(map);
    }
}

static void a_map_is_cleared_while_it_is_seen(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        tally_weakmap *map = map_new(kind);
        struct thing *things[MANY], *more[MANY];
        struct tally_weakmap_iterator it;
        tally_value key, value;
        fill(map, things, kind);
        tally_weakmap_begin(map, &it);
        for (int n = 0; tally_weakmap_next(&it, &key, &value); n++) {
            assert_true(n < MANY);
            if (n == 3)
                tally_weakmap_clear(map);
            tally_value_decref(key);
            tally_value_decref(value);
        }
        tally_weakmap_end(&it);
        assert_int_equal(tally_weakmap_length(map), 0);
        // The callbacks of what was there leave alone what is there now.
        fill(map, more, kind);
        for (int n = 0; n < MANY; n++)
            tally_decref(things[n]);
        tally_collect();
        assert_int_equal(tally_weakmap_length(map), MANY);
        for (int n = 0; n < MANY; n++)
            tally_decref(more[n]);
        tally_decref(map);
    }
}

static void what_holds_an_entry_in_hand_keeps_it(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        tally_weakmap *map = map_new(kind);
        struct thing *things[MANY];
        struct tally_weakmap_iterator it;
        tally_value key, value;
        fill(map, things, kind);
        tally_weakmap_begin(map, &it);
        must(tally_weakmap_next(&it, &key, &value));
        for (int n = 0; n < MANY; n++)
            tally_decref(things[n]);
        tally_collect();
        assert_int_equal(tally_weakmap_length(map), 1);
        assert_int_equal(
            ((struct thing *)tally_object_of(kind ? value : key))->number, 0);
        tally_value_decref(key);
        tally_value_decref(value);
        assert_false(tally_weakmap_next(&it, &key, &value));
        tally_weakmap_end(&it);
        tally_collect();
        assert_int_equal(tally_weakmap_length(map), 0);
        tally_decref(map);
    }
}

// ---- the dead

static void a_dead_value_is_replaced(void **state) {
    (void)state;
    tally_weakmap *map = map_new(1);
    tally_value got = tally_nil();
    for (uint64_t n = 0; n < 100; n++) {
        struct thing *thing = thing_new(n);
        must(tally_weakmap_get_or_set(map, tally_nil(), tally_of(thing),
                                      &got) == TALLY_OK);
        assert_ptr_equal(tally_object_of(got), thing);
        tally_value_decref(got);
        tally_decref(thing);
        got = tally_nil();
        assert_int_equal(tally_weakmap_find(map, tally_nil(), &got),
                         TALLY_NOT_FOUND);
        assert_true(tally_is_nil(got));
        assert_int_equal(tally_weakmap_pop(map, tally_nil(), NULL),
                         TALLY_NOT_FOUND);
    }
    tally_decref(map);
}

// Objects come to lie where others were: none is found by another's address.
static void an_address_is_no_key(void **state) {
    (void)state;
    tally_weakmap *map = map_new(0);
    for (uint64_t n = 0; n < 1000; n++) {
        struct thing *thing = thing_new(n);
        assert_true(tally_is_absent(tally_weakmap_get(map, tally_of(thing))));
        must(tally_weakmap_set(map, tally_of(thing), tally_nil()) == TALLY_OK);
        tally_decref(thing);
        if (n % 16 == 0)
            tally_safepoint();
    }
    tally_collect();
    assert_int_equal(tally_weakmap_length(map), 0);
    tally_decref(map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(there_are_no_more_kinds),
        lively_test(bad_arguments_change_nothing),
        lively_test(what_a_hook_says_is_told),
        lively_test(entries_go_while_they_are_seen),
        lively_test(a_map_is_cleared_while_it_is_seen),
        lively_test(what_holds_an_entry_in_hand_keeps_it),
        lively_test(a_dead_value_is_replaced),
        lively_test(an_address_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
