// include/tally/map.h: keys whose types have hooks.

#include "api.h"
#include "containers.h"

static tally_map *map_new(size_t expected) {
    tally_map *map = tally_map_new(expected);
    must(map);
    return map;
}

static void set(tally_map *map, int64_t key, int64_t value) {
    must(tally_map_set(map, tally_small(key), tally_small(value)) == TALLY_OK);
}

static void keys_are_compared_by_their_hooks(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    for (int64_t n = 0; n < 300; n++) {
        struct point *point = point_new(n % 100);
        must(tally_map_set(map, tally_of(point), tally_small(n)) == 0);
        tally_decref(point);
    }
    assert_int_equal(tally_map_length(map), 100);
    for (int64_t n = 0; n < 100; n++) {
        struct point *point = point_new(n);
        tally_value got = tally_map_get(map, tally_of(point));
        assert_int_equal(tally_small_of(got), n + 200);
        if (n % 2)
            must(tally_map_delete(map, tally_of(point)) == 0);
        bool found = false;
        must(tally_map_contains(map, tally_of(point), &found) == 0);
        assert_int_equal(found, n % 2 == 0);
        tally_decref(point);
    }
    assert_int_equal(tally_map_length(map), 50);
    tally_decref(map);
}

static void one_hash_for_all_still_works(void **state) {
    (void)state;
    point_hashes = 1;
    keys_are_compared_by_their_hooks(state);
    point_hashes = UINT64_MAX;
}

static void what_a_hook_says_is_told(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    struct point *a = point_new(1), *b = point_new(1), *bad = point_new(-1);
    tally_value value = tally_nil();
    must(tally_map_set(map, tally_of(a), value) == 0);
    assert_int_equal(tally_map_set(map, tally_of(bad), value), TALLY_FORMAT);
    assert_int_equal(tally_map_find(map, tally_of(bad), &value), TALLY_FORMAT);
    point_equal_status = TALLY_RELEASED;
    assert_int_equal(tally_map_find(map, tally_of(b), &value), TALLY_RELEASED);
    assert_int_equal(tally_map_set(map, tally_of(b), value), TALLY_RELEASED);
    assert_int_equal(tally_map_delete(map, tally_of(b)), TALLY_RELEASED);
    errno = 0;
    assert_true(tally_is_absent(tally_map_get(map, tally_of(b))));
    assert_int_equal(errno, ESTALE);
    point_equal_status = TALLY_OK;
    assert_int_equal(tally_map_length(map), 1);
    tally_decref(a);
    tally_decref(b);
    tally_decref(bad);
    tally_decref(map);
}

static tally_map *hooked;
static int hook_turn;

// Takes away, grows, or clears under who is asking.
static void change_meanwhile(void) {
    point_on_equal = NULL;
    struct point *point = point_new(5);
    switch (hook_turn++ % 4) {
    case 0:
        (void)tally_map_delete(hooked, tally_of(point));
        break;
    case 1:
        tally_map_clear(hooked);
        break;
    case 2:
        for (int64_t n = 0; n < 100; n++)
            set(hooked, n, n);
        break;
    default:
        must(tally_map_set(hooked, tally_of(point), tally_small(1)) == 0);
    }
    tally_decref(point);
}

static void hooks_may_change_the_map(void **state) {
    (void)state;
    for (int n = 0; n < 4 * 4; n++) {
        hooked = map_new(0);
        hook_turn = n % 4;
        for (int64_t k = 0; k < 6; k++) {
            struct point *point = point_new(k);
            must(tally_map_set(hooked, tally_of(point), tally_small(k)) == 0);
            tally_decref(point);
        }
        struct point *point = point_new(5);
        tally_value got = tally_nil();
        point_on_equal = change_meanwhile;
        switch (n / 4) {
        case 0:
            got = tally_map_get(hooked, tally_of(point));
            assert_true(tally_is_absent(got) || tally_is_small(got));
            break;
        case 1:
            must(tally_map_set(hooked, tally_of(point), tally_small(9)) == 0);
            got = tally_map_get(hooked, tally_of(point));
            assert_int_equal(tally_small_of(got), 9);
            break;
        case 2:
            (void)tally_map_delete(hooked, tally_of(point));
            assert_true(
                tally_is_absent(tally_map_get(hooked, tally_of(point))));
            break;
        default:
            must(tally_map_get_or_set(hooked, tally_of(point), tally_small(9),
                                      &got) == 0);
            assert_true(tally_is(got, tally_map_get(hooked, tally_of(point))));
        }
        point_on_equal = NULL;
        tally_decref(point);
        tally_decref(hooked);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(keys_are_compared_by_their_hooks),
        lively_test(one_hash_for_all_still_works),
        lively_test(what_a_hook_says_is_told),
        lively_test(hooks_may_change_the_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
