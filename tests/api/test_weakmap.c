// include/tally/weakmap.h: maps whose keys or values are weak.

#include "api.h"
#include "containers.h"

static tally_weakmap *map_new(enum tally_weakmap_kind kind) {
    tally_weakmap *map = tally_weakmap_new(kind);
    must(map);
    return map;
}

static void there_are_two_kinds(void **state) {
    (void)state;
    errno = 0;
    assert_null(tally_weakmap_new((enum tally_weakmap_kind)2));
    assert_int_equal(errno, EINVAL);
    tally_weakmap *map = map_new(TALLY_WEAKMAP_KEYS);
    assert_ptr_equal(tally_type_of(map), &tally_type_weakmap);
    tally_decref(map);
}

static void a_weak_key_goes_with_its_object(void **state) {
    (void)state;
    tally_weakmap *map = map_new(TALLY_WEAKMAP_KEYS);
    struct thing *key[50], *value = thing_new(1000);
    for (uint64_t n = 0; n < 50; n++) {
        key[n] = thing_new(n);
        must(tally_weakmap_set(map, tally_of(key[n]), tally_of(value)) == 0);
        assert_int_equal(tally_counts_of(key[n]).owner_count, 1);
    }
    assert_int_equal(tally_weakmap_length(map), 50);
    for (uint64_t n = 0; n < 50; n += 2) {
        tally_decref(key[n]);
        tally_safepoint();
    }
    assert_int_equal(tally_weakmap_length(map), 25);
    assert_int_equal(tally_counts_of(value).owner_count, 26);
    for (uint64_t n = 1; n < 50; n += 2) {
        tally_value got = tally_weakmap_get(map, tally_of(key[n]));
        assert_ptr_equal(tally_object_of(got), value);
        tally_value_decref(got);
        tally_decref(key[n]);
    }
    assert_int_equal(tally_weakmap_length(map), 0);
    tally_decref(value);
    tally_decref(map);
}

static void a_weak_value_goes_with_its_object(void **state) {
    (void)state;
    tally_weakmap *map = map_new(TALLY_WEAKMAP_VALUES);
    struct thing *value = thing_new(7);
    tally_text *key = text("seven"), *same = text("seven");
    must(tally_weakmap_set(map, tally_of(key), tally_of(value)) == 0);
    tally_value got = tally_weakmap_get(map, tally_of(same));
    assert_ptr_equal(tally_object_of(got), value);
    tally_value_decref(got);
    assert_int_equal(tally_counts_of(value).owner_count, 1);
    assert_int_equal(tally_counts_of(key).owner_count, 2);
    tally_decref(value);
    assert_int_equal(tally_weakmap_length(map), 0);
    assert_int_equal(tally_counts_of(key).owner_count, 1);
    assert_true(tally_is_absent(tally_weakmap_get(map, tally_of(same))));
    tally_decref(key);
    tally_decref(same);
    tally_decref(map);
}

static void weak_keys_are_the_same_object_or_another(void **state) {
    (void)state;
    tally_weakmap *map = map_new(TALLY_WEAKMAP_KEYS);
    struct point *one = point_new(1), *two = point_new(1);
    must(tally_weakmap_set(map, tally_of(one), tally_small(1)) == 0);
    must(tally_weakmap_set(map, tally_of(two), tally_small(2)) == 0);
    must(tally_weakmap_set(map, tally_of(one), tally_small(3)) == 0);
    assert_int_equal(tally_weakmap_length(map), 2);
    assert_int_equal(tally_small_of(tally_weakmap_get(map, tally_of(one))), 3);
    assert_int_equal(tally_small_of(tally_weakmap_get(map, tally_of(two))), 2);
    assert_int_equal(tally_weakmap_delete(map, tally_of(one)), TALLY_OK);
    assert_int_equal(tally_weakmap_delete(map, tally_of(one)), TALLY_NOT_FOUND);
    tally_decref(one); // its callback went with the entry
    assert_int_equal(tally_weakmap_length(map), 1);
    tally_decref(two);
    assert_int_equal(tally_weakmap_length(map), 0);
    tally_decref(map);
}

static void what_cannot_be_weak_is_refused(void **state) {
    (void)state;
    tally_weakmap *keys = map_new(TALLY_WEAKMAP_KEYS);
    tally_weakmap *values = map_new(TALLY_WEAKMAP_VALUES);
    tally_value small = tally_small(1), got = tally_nil();
    assert_int_equal(tally_weakmap_set(keys, small, small), TALLY_WRONG_TYPE);
    assert_int_equal(tally_weakmap_set(values, small, small), TALLY_WRONG_TYPE);
    assert_int_equal(tally_weakmap_find(keys, small, &got), TALLY_WRONG_TYPE);
    assert_int_equal(tally_weakmap_find(values, small, &got), TALLY_NOT_FOUND);
    assert_int_equal(tally_weakmap_set(keys, tally_absent(), small),
                     TALLY_INVALID);
    assert_int_equal(tally_weakmap_set(values, small, tally_absent()),
                     TALLY_INVALID);
    assert_int_equal(
        tally_weakmap_get_or_set(values, small, tally_absent(), &got),
        TALLY_INVALID);
    errno = 0;
    assert_true(tally_is_absent(tally_weakmap_get(keys, small)));
    assert_int_equal(errno, EPROTOTYPE);
    assert_true(tally_is_nil(got));
    tally_decref(keys);
    tally_decref(values);
}

static void what_replaced_a_value_does_not_go_with_it(void **state) {
    (void)state;
    tally_weakmap *map = map_new(TALLY_WEAKMAP_VALUES);
    struct thing *old = thing_new(1), *new = thing_new(2);
    must(tally_weakmap_set(map, tally_nil(), tally_of(old)) == 0);
    must(tally_weakmap_set(map, tally_nil(), tally_of(new)) == 0);
    tally_decref(old);
    assert_int_equal(tally_weakmap_length(map), 1);
    tally_value got = tally_weakmap_get(map, tally_nil());
    assert_ptr_equal(tally_object_of(got), new);
    tally_value_decref(got);
    tally_decref(new);
    tally_decref(map);
}

static void get_or_set_sets_what_is_missing(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        tally_weakmap *map = map_new((enum tally_weakmap_kind)kind);
        struct thing *one = thing_new(1), *two = thing_new(2);
        tally_value key = tally_of(one), got;
        must(tally_weakmap_get_or_set(map, key, key, &got) == 0);
        assert_ptr_equal(tally_object_of(got), one);
        tally_value_decref(got);
        must(tally_weakmap_get_or_set(map, key, tally_of(two), &got) == 0);
        assert_ptr_equal(tally_object_of(got), one);
        tally_value_decref(got);
        must(tally_weakmap_pop(map, key, &got) == 0);
        assert_ptr_equal(tally_object_of(got), one);
        tally_value_decref(got);
        assert_int_equal(tally_weakmap_pop(map, key, &got), TALLY_NOT_FOUND);
        assert_int_equal(tally_weakmap_length(map), 0);
        tally_decref(one);
        tally_decref(two);
        tally_decref(map);
    }
}

static void many_go_and_come(void **state) {
    (void)state;
    tally_weakmap *map = map_new(TALLY_WEAKMAP_VALUES);
    struct thing *kept[16] = {NULL};
    for (uint64_t n = 0; n < 3000; n++) {
        struct thing *thing = thing_new(n);
        must(tally_weakmap_set(map, tally_small((int64_t)n), tally_of(thing)) ==
             0);
        if (kept[n % 16])
            tally_decref(kept[n % 16]);
        kept[n % 16] = thing;
        tally_safepoint();
    }
    assert_int_equal(tally_weakmap_length(map), 16);
    tally_weakmap_clear(map);
    assert_int_equal(tally_weakmap_length(map), 0);
    for (int n = 0; n < 16; n++)
        tally_decref(kept[n]);
    tally_decref(map);
}

static void iteration_is_over_what_lives(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        tally_weakmap *map = map_new((enum tally_weakmap_kind)kind);
        struct thing *thing[10];
        struct tally_weakmap_iterator it;
        tally_value key, value;
        for (uint64_t n = 0; n < 10; n++) {
            thing[n] = thing_new(n);
            tally_value one = tally_of(thing[n]);
            must(tally_weakmap_set(map, kind ? tally_nil() : one,
                                   kind ? one : tally_nil()) == 0);
        }
        tally_weakmap_begin(map, &it);
        for (int n = 0; n < 10; n += 3)
            tally_decref(thing[n]);
        int seen = 0;
        while (tally_weakmap_next(&it, &key, &value)) {
            struct thing *is = tally_object_of(kind ? value : key);
            assert_true(is->number % 3);
            assert_true(tally_is_nil(kind ? key : value));
            tally_decref(is);
            seen++;
        }
        tally_weakmap_end(&it);
        // Of one key, the last value died with the ninth.
        assert_int_equal(seen, kind ? 0 : 6);
        tally_decref(map);
        for (int n = 0; n < 10; n++)
            if (n % 3)
                tally_decref(thing[n]);
    }
}

static void what_outlives_the_map_ends_in_peace(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        tally_weakmap *map = map_new((enum tally_weakmap_kind)kind);
        struct thing *thing = thing_new(1);
        must(tally_weakmap_set(map, tally_of(thing), tally_of(thing)) == 0);
        tally_decref(map);
        tally_decref(thing);
        tally_collect(); // where the key was strong it is a cycle no more
    }
}

static void garbage_leaves_a_live_map(void **state) {
    (void)state;
    tally_weakmap *keys = map_new(TALLY_WEAKMAP_KEYS);
    tally_weakmap *values = map_new(TALLY_WEAKMAP_VALUES);
    tally_collect();
    int before = things_destroyed;
    for (uint64_t n = 0; n < 40; n++) {
        struct thing *thing = thing_new(n);
        tally_aref_set(thing, &thing->other, thing);
        must(tally_weakmap_set(keys, tally_of(thing), tally_nil()) == 0);
        must(tally_weakmap_set(values, tally_small((int64_t)n),
                               tally_of(thing)) == 0);
        tally_decref(thing);
    }
    assert_int_equal(tally_weakmap_length(keys), 40);
    tally_collect();
    assert_int_equal(things_destroyed, before + 40);
    assert_int_equal(tally_weakmap_length(keys), 0);
    assert_int_equal(tally_weakmap_length(values), 0);
    tally_decref(keys);
    tally_decref(values);
}

static void a_weak_map_in_a_cycle_is_collected(void **state) {
    (void)state;
    tally_collect();
    int before = things_destroyed;
    tally_weakmap *map = map_new(TALLY_WEAKMAP_KEYS);
    struct thing *key = thing_new(1), *value = thing_new(2);
    tally_aref_set(value, &value->other, map);
    tally_aref_set(key, &key->other, map);
    must(tally_weakmap_set(map, tally_of(key), tally_of(value)) == 0);
    must(tally_weakmap_set(map, tally_of(value), tally_of(value)) == 0);
    tally_decref(value);
    tally_decref(map);
    tally_decref(key);
    tally_collect();
    assert_int_equal(things_destroyed, before + 2);
}

// ---- threads

enum { KEYS = 16, ROUNDS_ALONE = 3000 };

// All share what is there, and let it go.
static void *share(void *arg) {
    tally_weakmap *map = arg;
    for (unsigned n = 0; n < rounds(ROUNDS_ALONE, ROUNDS_ALONE / 4); n++) {
        struct thing *thing = thing_new(n % KEYS);
        tally_value got;
        must(tally_weakmap_get_or_set(map, tally_small(n % KEYS),
                                      tally_of(thing), &got) == 0);
        tally_decref(thing);
        must(((struct thing *)tally_object_of(got))->number == n % KEYS);
        tally_value_decref(got);
        tally_safepoint();
    }
    return NULL;
}

static void threads_share_what_lives(void **state) {
    (void)state;
    tally_weakmap *map = map_new(TALLY_WEAKMAP_VALUES);
    pthread_t thread[3];
    for (int n = 0; n < 3; n++)
        thread[n] = thread_start(share, map);
    for (int n = 0; n < 3; n++)
        thread_join(thread[n]);
    tally_collect();
    assert_int_equal(tally_weakmap_length(map), 0);
    tally_decref(map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(there_are_two_kinds),
        lively_test(a_weak_key_goes_with_its_object),
        lively_test(a_weak_value_goes_with_its_object),
        lively_test(weak_keys_are_the_same_object_or_another),
        lively_test(what_cannot_be_weak_is_refused),
        lively_test(what_replaced_a_value_does_not_go_with_it),
        lively_test(get_or_set_sets_what_is_missing),
        lively_test(many_go_and_come),
        lively_test(iteration_is_over_what_lives),
        lively_test(what_outlives_the_map_ends_in_peace),
        quiet_test(garbage_leaves_a_live_map),
        quiet_test(a_weak_map_in_a_cycle_is_collected),
        lively_test(threads_share_what_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
