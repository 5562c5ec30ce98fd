// include/tally/map.h: maps.

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

// -1: missing.
static int64_t get(tally_map *map, int64_t key) {
    tally_value value = tally_map_get(map, tally_small(key));
    return tally_is_absent(value) ? -1 : tally_small_of(value);
}

static void a_new_map_is_empty(void **state) {
    (void)state;
    for (size_t expected = 0; expected < 100; expected += 33) {
        tally_map *map = map_new(expected);
        assert_int_equal(tally_map_length(map), 0);
        errno = 0;
        assert_true(tally_is_absent(tally_map_get(map, tally_nil())));
        assert_int_equal(errno, 0);
        bool found = true;
        assert_int_equal(tally_map_contains(map, tally_nil(), &found), 0);
        assert_false(found);
        assert_ptr_equal(tally_type_of(map), &tally_type_map);
        tally_decref(map);
    }
}

static void what_is_set_is_got(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    for (int64_t n = 0; n < 3000; n++)
        set(map, n * n, n);
    assert_int_equal(tally_map_length(map), 3000);
    for (int64_t n = 0; n < 3000; n++)
        assert_int_equal(get(map, n * n), n);
    assert_int_equal(get(map, 2), -1);
    set(map, 49, 1000);
    assert_int_equal(get(map, 49), 1000);
    assert_int_equal(tally_map_length(map), 3000);
    tally_decref(map);
}

static void every_kind_of_value_is_a_key_and_a_value(void **state) {
    (void)state;
    tally_value values[] = {tally_nil(),
                            tally_bool(true),
                            tally_bool(false),
                            tally_small(0),
                            tally_small(TALLY_SMALL_MIN),
                            tally_of(text("a")),
                            tally_of(text("")),
                            tally_of(thing_new(1))};
    enum { COUNT = sizeof(values) / sizeof(values[0]) };
    tally_map *map = map_new(0);
    for (int n = 0; n < COUNT; n++)
        assert_int_equal(tally_map_set(map, values[n], values[COUNT - 1 - n]),
                         TALLY_OK);
    assert_int_equal(tally_map_length(map), COUNT);
    for (int n = 0; n < COUNT; n++) {
        tally_value got = tally_map_get(map, values[n]);
        assert_true(tally_is(got, values[COUNT - 1 - n]));
        tally_value_decref(got);
        tally_value_decref(values[n]);
    }
    tally_decref(map);
}

static void text_is_found_by_its_equal(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    tally_text *one = text("lemon"), *two = text("lemon");
    assert_int_equal(tally_map_set(map, tally_of(one), tally_small(7)), 0);
    tally_value got = tally_map_get(map, tally_of(two));
    assert_int_equal(tally_small_of(got), 7);
    assert_int_equal(tally_map_set(map, tally_of(two), tally_small(8)), 0);
    assert_int_equal(tally_map_length(map), 1);
    // The key is the one that came first.
    struct tally_map_iterator it;
    tally_value key, value;
    tally_map_begin(map, &it);
    assert_true(tally_map_next(&it, &key, &value));
    assert_ptr_equal(tally_object_of(key), one);
    tally_value_decref(key);
    tally_map_end(&it);
    tally_decref(one);
    tally_decref(two);
    tally_decref(map);
}

static void what_is_absent_is_refused(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    tally_value nothing = tally_absent(), value = tally_nil();
    bool found = true;
    assert_int_equal(tally_map_set(map, nothing, value), TALLY_INVALID);
    assert_int_equal(tally_map_set(map, value, nothing), TALLY_INVALID);
    assert_int_equal(tally_map_delete(map, nothing), TALLY_INVALID);
    assert_int_equal(tally_map_get_or_set(map, value, nothing, &value),
                     TALLY_INVALID);
    assert_int_equal(tally_map_contains(map, nothing, &found), TALLY_INVALID);
    assert_true(found);
    errno = 0;
    assert_true(tally_is_absent(tally_map_get(map, nothing)));
    assert_int_equal(errno, EINVAL);
    assert_true(tally_is_nil(value));
    assert_int_equal(tally_map_length(map), 0);
    tally_decref(map);
}

static void too_many_are_refused(void **state) {
    (void)state;
    errno = 0;
    assert_null(tally_map_new(SIZE_MAX));
    assert_int_equal(errno, EAGAIN);
    errno = 0;
    assert_null(tally_map_new((size_t)1 << 31));
    assert_int_equal(errno, EAGAIN);
}

static void deleting_removes(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    for (int64_t n = 0; n < 100; n++)
        set(map, n, n);
    for (int64_t n = 0; n < 100; n += 2)
        assert_int_equal(tally_map_delete(map, tally_small(n)), TALLY_OK);
    assert_int_equal(tally_map_delete(map, tally_small(4)), TALLY_NOT_FOUND);
    assert_int_equal(tally_map_delete(map, tally_nil()), TALLY_NOT_FOUND);
    assert_int_equal(tally_map_length(map), 50);
    for (int64_t n = 0; n < 100; n++)
        assert_int_equal(get(map, n), n % 2 ? n : -1);
    tally_decref(map);
}

static void popping_gives_what_was_there(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    struct thing *thing = thing_new(3);
    tally_value value = tally_nil();
    assert_int_equal(tally_map_set(map, tally_small(1), tally_of(thing)), 0);
    assert_int_equal(tally_map_pop(map, tally_small(2), &value),
                     TALLY_NOT_FOUND);
    assert_true(tally_is_nil(value));
    assert_int_equal(tally_map_pop(map, tally_small(1), &value), TALLY_OK);
    assert_ptr_equal(tally_object_of(value), thing);
    assert_int_equal(tally_counts_of(thing).owner_count, 2);
    assert_int_equal(tally_map_length(map), 0);
    tally_value_decref(value);
    tally_decref(thing);
    tally_decref(map);
}

static void a_map_that_churns_does_not_grow(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    for (int64_t n = 0; n < 20000; n++) {
        set(map, n, n);
        if (n >= 10)
            must(tally_map_delete(map, tally_small(n - 10)) == TALLY_OK);
    }
    assert_int_equal(tally_map_length(map), 10);
    for (int64_t n = 19990; n < 20000; n++)
        assert_int_equal(get(map, n), n);
    tally_collect();
    assert_true(stats_now().heap_bytes < 1000000);
    tally_decref(map);
}

static void get_or_set_sets_once(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    tally_value got = tally_nil();
    struct thing *thing = thing_new(1);
    assert_int_equal(
        tally_map_get_or_set(map, tally_small(1), tally_of(thing), &got),
        TALLY_OK);
    assert_ptr_equal(tally_object_of(got), thing);
    tally_value_decref(got);
    assert_int_equal(
        tally_map_get_or_set(map, tally_small(1), tally_small(9), &got), 0);
    assert_ptr_equal(tally_object_of(got), thing);
    tally_value_decref(got);
    tally_decref(thing);
    tally_decref(map);
}

struct update {
    tally_map *map;
    int calls;
    tally_status status;
};

static tally_status count_up(void *arg, tally_value old, tally_value *ret_new) {
    struct update *update = arg;
    update->calls++;
    // Somebody else changes the entry meanwhile.
    if (update->map && update->calls == 1)
        set(update->map, 1, 100);
    *ret_new = tally_small(tally_is_absent(old) ? 1 : tally_small_of(old) + 1);
    return update->status;
}

static tally_status remove_it(void *arg, tally_value old,
                              tally_value *ret_new) {
    (void)arg;
    (void)old;
    *ret_new = tally_absent();
    return TALLY_OK;
}

static void update_replaces_what_it_was_told(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    struct update update = {NULL, 0, TALLY_OK};
    tally_value one = tally_small(1);
    for (int n = 0; n < 3; n++)
        assert_int_equal(tally_map_update(map, one, count_up, &update), 0);
    assert_int_equal(get(map, 1), 3);
    update = (struct update){map, 0, TALLY_OK};
    assert_int_equal(tally_map_update(map, one, count_up, &update), 0);
    assert_int_equal(get(map, 1), 101);
    assert_int_equal(update.calls, 2);
    update = (struct update){NULL, 0, TALLY_RANGE};
    assert_int_equal(tally_map_update(map, one, count_up, &update),
                     TALLY_RANGE);
    assert_int_equal(get(map, 1), 101);
    assert_int_equal(tally_map_update(map, one, remove_it, NULL), 0);
    assert_int_equal(tally_map_update(map, one, remove_it, NULL), 0);
    assert_int_equal(tally_map_length(map), 0);
    tally_decref(map);
}

static void clearing_removes_all(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    tally_map_clear(map);
    struct thing *thing = thing_new(1);
    for (int64_t n = 0; n < 100; n++)
        must(tally_map_set(map, tally_small(n), tally_of(thing)) == 0);
    tally_map_clear(map);
    assert_int_equal(tally_map_length(map), 0);
    assert_int_equal(get(map, 5), -1);
    tally_collect(); // what was cleared waits for a grace period
    assert_int_equal(tally_counts_of(thing).owner_count, 1);
    set(map, 5, 6);
    assert_int_equal(get(map, 5), 6);
    tally_decref(thing);
    tally_decref(map);
}

// Whether the keys are these, in order.
static void assert_keys(tally_map *map, const int64_t *keys, size_t count) {
    struct tally_map_iterator it;
    tally_value key, value;
    size_t n = 0;
    tally_map_begin(map, &it);
    for (; tally_map_next(&it, &key, &value); n++) {
        assert_true(n < count);
        assert_int_equal(tally_small_of(key), keys[n]);
    }
    tally_map_end(&it);
    tally_map_end(&it);
    assert_int_equal(n, count);
}

static void entries_stay_in_the_order_of_their_keys(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    assert_keys(map, NULL, 0);
    set(map, 3, 0);
    set(map, 1, 0);
    set(map, 2, 0);
    set(map, 3, 1);
    assert_keys(map, (int64_t[]){3, 1, 2}, 3);
    assert_int_equal(tally_map_delete(map, tally_small(3)), 0);
    set(map, 3, 0);
    assert_keys(map, (int64_t[]){1, 2, 3}, 3);
    for (int64_t n = 10; n < 500; n++)
        set(map, n, 0);
    for (int64_t n = 10; n < 500; n++)
        assert_int_equal(tally_map_delete(map, tally_small(n)), 0);
    for (int64_t n = 10; n < 500; n++) {
        set(map, n, 0);
        assert_int_equal(tally_map_delete(map, tally_small(n)), 0);
    }
    assert_keys(map, (int64_t[]){1, 2, 3}, 3);
    tally_decref(map);
}

static void a_copy_is_apart(void **state) {
    (void)state;
    tally_map *map = map_new(0), *empty = tally_map_copy(map);
    struct thing *thing = thing_new(1);
    for (int64_t n = 0; n < 50; n++)
        must(tally_map_set(map, tally_small(n), tally_of(thing)) == 0);
    must(tally_map_delete(map, tally_small(0)) == 0);
    tally_map *copy = tally_map_copy(map);
    must(copy && empty);
    tally_map_clear(map);
    tally_collect();
    assert_int_equal(tally_map_length(copy), 49);
    assert_int_equal(tally_map_length(empty), 0);
    assert_int_equal(tally_counts_of(thing).owner_count, 50);
    tally_decref(copy);
    tally_collect();
    assert_int_equal(tally_counts_of(thing).owner_count, 1);
    tally_decref(empty);
    tally_decref(thing);
    tally_decref(map);
}

static void merging_sets_what_the_other_has(void **state) {
    (void)state;
    tally_map *map = map_new(0), *other = map_new(0);
    for (int64_t n = 0; n < 100; n++) {
        set(map, n, 1);
        set(other, n + 50, 2);
    }
    assert_int_equal(tally_map_merge(map, map), TALLY_OK);
    assert_int_equal(tally_map_merge(map, other), TALLY_OK);
    assert_int_equal(tally_map_length(map), 150);
    assert_int_equal(tally_map_length(other), 100);
    for (int64_t n = 0; n < 150; n++)
        assert_int_equal(get(map, n), n < 50 ? 1 : 2);
    tally_decref(other);
    tally_decref(map);
}

static void an_iterator_outlives_growth_clearing_and_the_map(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    struct tally_map_iterator it;
    tally_value key, value;
    struct thing *thing = thing_new(1);
    for (int64_t n = 0; n < 5; n++)
        must(tally_map_set(map, tally_small(n), tally_of(thing)) == 0);
    tally_map_begin(map, &it);
    for (int64_t n = 5; n < 1000; n++)
        must(tally_map_set(map, tally_small(n), tally_of(thing)) == 0);
    tally_map_clear(map);
    tally_decref(map);
    tally_collect();
    for (int64_t n = 0; n < 5; n++) {
        assert_true(tally_map_next(&it, &key, &value));
        assert_int_equal(tally_small_of(key), n);
        assert_ptr_equal(tally_object_of(value), thing);
        tally_value_decref(value);
    }
    assert_false(tally_map_next(&it, &key, &value));
    assert_int_equal(tally_counts_of(thing).owner_count, 6);
    tally_map_end(&it);
    tally_collect();
    assert_int_equal(tally_counts_of(thing).owner_count, 1);
    tally_decref(thing);
}

static void what_is_deleted_is_not_seen_by_who_is_not_there_yet(void **state) {
    (void)state;
    tally_map *map = map_new(100);
    struct tally_map_iterator it;
    tally_value key, value;
    for (int64_t n = 0; n < 10; n++)
        set(map, n, n);
    tally_map_begin(map, &it);
    assert_true(tally_map_next(&it, &key, &value));
    must(tally_map_delete(map, tally_small(1)) == 0);
    set(map, 10, 10);
    int64_t seen = 0;
    while (tally_map_next(&it, &key, &value)) {
        assert_int_equal(tally_small_of(key), seen + 2);
        seen++;
    }
    assert_int_equal(seen, 9);
    tally_map_end(&it);
    tally_decref(map);
}

// ---- cycles

static void cycles_through_maps_are_collected(void **state) {
    (void)state;
    tally_collect();
    int before = things_destroyed;
    for (int n = 0; n < 20; n++) {
        tally_map *a = map_new(0), *b = map_new(0);
        struct thing *thing = thing_new((uint64_t)n);
        must(tally_map_set(a, tally_small(1), tally_of(b)) == 0);
        tally_aref_set(thing, &thing->other, a);
        must(tally_map_set(b, tally_of(thing), tally_of(a)) == 0);
        for (int64_t k = 0; k < n * 10; k++)
            set(a, k + 2, k);
        tally_decref(thing);
        tally_decref(a);
        tally_decref(b);
    }
    tally_collect();
    assert_int_equal(things_destroyed, before + 20);
}

static void what_only_a_live_map_holds_lives(void **state) {
    (void)state;
    tally_map *map = map_new(0);
    int before = things_destroyed;
    for (int64_t n = 0; n < 200; n++) {
        struct thing *thing = thing_new((uint64_t)n);
        must(tally_map_set(map, tally_of(thing), tally_of(thing)) == 0);
        must(tally_map_set(map, tally_small(n), tally_of(map)) == 0);
        tally_decref(thing);
        if (n % 40 == 0)
            tally_collect();
    }
    tally_collect();
    assert_int_equal(things_destroyed, before);
    tally_decref(map);
    tally_collect();
    assert_int_equal(things_destroyed, before + 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(a_new_map_is_empty),
        lively_test(what_is_set_is_got),
        lively_test(every_kind_of_value_is_a_key_and_a_value),
        lively_test(text_is_found_by_its_equal),
        lively_test(what_is_absent_is_refused),
        lively_test(too_many_are_refused),
        lively_test(deleting_removes),
        lively_test(popping_gives_what_was_there),
        quiet_test(a_map_that_churns_does_not_grow),
        lively_test(get_or_set_sets_once),
        lively_test(update_replaces_what_it_was_told),
        lively_test(clearing_removes_all),
        lively_test(entries_stay_in_the_order_of_their_keys),
        lively_test(a_copy_is_apart),
        lively_test(merging_sets_what_the_other_has),
        lively_test(an_iterator_outlives_growth_clearing_and_the_map),
        lively_test(what_is_deleted_is_not_seen_by_who_is_not_there_yet),
        quiet_test(cycles_through_maps_are_collected),
        quiet_test(what_only_a_live_map_holds_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
