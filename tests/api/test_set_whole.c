// include/tally/set_whole.h: sets made of two sets.

#include <errno.h>

#include "api.h"
#include "containers.h"

static tally_set *set_of(int64_t first, int64_t end) {
    tally_set *set = tally_set_new(0);
    must(set);
    for (int64_t n = first; n < end; n++)
        must(tally_set_add(set, tally_small(n), NULL) == TALLY_OK);
    return set;
}

// Whether a set, which is consumed, has just these, in this order: from [first]
// up to [end], then from [more] up to [more_end].
static bool has_just(tally_set *set, int64_t first, int64_t end, int64_t more,
                     int64_t more_end) {
    struct tally_set_iterator it;
    tally_value element;
    bool right = set != NULL;
    must(set);
    tally_set_begin(set, &it);
    while (tally_set_next(&it, &element)) {
        if (first == end) {
            first = more;
            end = more_end;
            more = more_end;
        }
        right = right && first < end && tally_small_of(element) == first;
        first++;
    }
    tally_set_end(&it);
    tally_decref(set);
    return right && first == end && more == more_end;
}

// Keys that count how often their hash is asked for.
struct counted {
    tally_object head;
    uint64_t number;
};
static unsigned hashes_asked;

static tally_status counted_hash(void *object, uint64_t *ret_hash) {
    hashes_asked++;
    *ret_hash = ((struct counted *)object)->number % 4;
    return TALLY_OK;
}

static tally_status counted_equal(void *object, tally_value other,
                                  bool *ret_equal) {
    struct counted *with = tally_object_of(other);
    *ret_equal = ((struct counted *)object)->number == with->number;
    return TALLY_OK;
}
static const tally_protocol counted_protocol = {.equal = counted_equal,
                                                .hash = counted_hash};
TALLY_TYPE(counted, TALLY_PROTOCOL(counted_protocol));

static void what_a_table_knows_is_not_hashed_again(void **state) {
    (void)state;
    tally_set *set[2], *made[4];
    tally_map *map[2];
    bool is = false;
    for (uint64_t n = 0; n < 2; n++) {
        set[n] = tally_set_new(0);
        map[n] = tally_map_new(0);
        must(set[n] && map[n]);
        for (uint64_t m = 0; m < 10; m++) {
            struct counted *key = tally_new(counted);
            must(key);
            key->number = m + 5 * n;
            must(tally_set_add(set[n], tally_of(key), NULL) == TALLY_OK);
            key->number = n ? 9 - m : m;
            must(tally_map_set(map[n], tally_of(key), tally_small(1)) ==
                 TALLY_OK);
            key->number = m + 5 * n;
            tally_decref(key);
        }
    }
    hashes_asked = 0;
    must((made[0] = tally_set_union(set[0], set[1])));
    must((made[1] = tally_set_intersection(set[0], set[1])));
    must((made[2] = tally_set_difference(set[0], set[1])));
    must((made[3] = tally_set_symmetric_difference(set[0], set[1])));
    static const size_t lengths[] = {15, 5, 5, 10};
    for (size_t n = 0; n < 4; n++) {
        assert_int_equal(tally_set_length(made[n]), lengths[n]);
        tally_decref(made[n]);
    }
    must(tally_set_is_subset(set[0], set[0], &is) == TALLY_OK && is);
    must(tally_set_is_disjoint(set[0], set[1], &is) == TALLY_OK && !is);
    must(tally_value_equal(tally_of(set[0]), tally_of(set[1]), &is) == 0);
    must(tally_value_equal(tally_of(map[0]), tally_of(map[1]), &is) == 0);
    must(tally_set_merge(set[0], set[1]) == TALLY_OK);
    must(tally_map_merge(map[0], map[1]) == TALLY_OK);
    assert_int_equal(hashes_asked, 0);
    for (size_t n = 0; n < 2; n++) {
        tally_decref(set[n]);
        tally_decref(map[n]);
    }
}

static void two_sets_make_a_third(void **state) {
    (void)state;
    tally_set *a = set_of(0, 20), *b = set_of(15, 30), *none = set_of(0, 0);
    assert_true(has_just(tally_set_union(a, b), 0, 20, 20, 30));
    assert_true(has_just(tally_set_intersection(a, b), 15, 20, 0, 0));
    assert_true(has_just(tally_set_difference(a, b), 0, 15, 0, 0));
    assert_true(has_just(tally_set_symmetric_difference(a, b), 0, 15, 20, 30));
    assert_true(has_just(tally_set_union(a, none), 0, 20, 0, 0));
    assert_true(has_just(tally_set_union(none, a), 0, 20, 0, 0));
    assert_true(has_just(tally_set_intersection(none, a), 0, 0, 0, 0));
    assert_true(has_just(tally_set_difference(a, none), 0, 20, 0, 0));
    assert_int_equal(tally_set_length(a), 20);
    assert_int_equal(tally_set_length(b), 15);
    tally_decref(a);
    tally_decref(b);
    tally_decref(none);
}

static void a_set_is_its_own_other(void **state) {
    (void)state;
    tally_set *set = set_of(0, 20);
    bool is = false;
    assert_true(has_just(tally_set_union(set, set), 0, 20, 0, 0));
    assert_true(has_just(tally_set_intersection(set, set), 0, 20, 0, 0));
    assert_true(has_just(tally_set_difference(set, set), 0, 0, 0, 0));
    assert_true(has_just(tally_set_symmetric_difference(set, set), 0, 0, 0, 0));
    must(tally_set_is_subset(set, set, &is) == TALLY_OK && is);
    must(tally_set_is_disjoint(set, set, &is) == TALLY_OK && !is);
    tally_decref(set);
}

static void sets_are_told_apart(void **state) {
    (void)state;
    static const struct {
        int64_t ends[4];
        bool subset, disjoint;
    } all[] = {
        {{0, 10, 0, 20}, true, false},  {{0, 10, 5, 20}, false, false},
        {{0, 10, 10, 20}, false, true}, {{0, 0, 0, 5}, true, true},
        {{0, 5, 0, 0}, false, true},    {{3, 9, 3, 9}, true, false},
    };
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        tally_set *a = set_of(all[n].ends[0], all[n].ends[1]);
        tally_set *b = set_of(all[n].ends[2], all[n].ends[3]);
        bool is;
        must(tally_set_is_subset(a, b, &is) == TALLY_OK);
        assert_int_equal(is, all[n].subset);
        must(tally_set_is_disjoint(a, b, &is) == TALLY_OK);
        assert_int_equal(is, all[n].disjoint);
        tally_decref(a);
        tally_decref(b);
    }
}

static void the_newest_goes_first(void **state) {
    (void)state;
    tally_set *set = set_of(0, 100);
    tally_value element = tally_nil();
    for (int64_t n = 99; n >= 50; n--) {
        must(tally_set_pop(set, &element) == TALLY_OK);
        assert_int_equal(tally_small_of(element), n);
    }
    must(tally_set_remove(set, tally_small(49)) == TALLY_OK);
    must(tally_set_add(set, tally_small(7), NULL) == TALLY_OK); // it is there
    must(tally_set_pop(set, &element) == TALLY_OK);
    assert_int_equal(tally_small_of(element), 48);
    must(tally_set_add(set, tally_small(99), NULL) == TALLY_OK);
    must(tally_set_pop(set, &element) == TALLY_OK);
    assert_int_equal(tally_small_of(element), 99);
    assert_int_equal(tally_set_length(set), 48);
    while (tally_set_pop(set, &element) == TALLY_OK)
        continue;
    assert_int_equal(tally_small_of(element), 0);
    assert_int_equal(tally_set_pop(set, &element), TALLY_NOT_FOUND);
    assert_int_equal(tally_small_of(element), 0);
    assert_int_equal(tally_set_length(set), 0);
    tally_decref(set);
}

static void the_newest_entry_goes_with_its_value(void **state) {
    (void)state;
    tally_map *map = tally_map_new(0);
    tally_value key = tally_nil(), value = tally_nil();
    must(map);
    assert_int_equal(tally_map_pop_newest(map, &key, &value), TALLY_NOT_FOUND);
    assert_true(tally_is_nil(key) && tally_is_nil(value));
    for (int64_t n = 0; n < 10; n++) {
        tally_text *name = text(n & 1 ? "odd" : "even");
        must(tally_map_set(map, tally_small(n), tally_of(name)) == TALLY_OK);
        tally_decref(name);
    }
    for (int64_t n = 9; n >= 0; n--) {
        must(tally_map_pop_newest(map, &key, &value) == TALLY_OK);
        assert_int_equal(tally_small_of(key), n);
        assert_int_equal(tally_text_length(tally_object_of(value)),
                         n & 1 ? 3 : 4);
        assert_int_equal(tally_counts_of(tally_object_of(value)).owner_count,
                         1);
        tally_value_decref(value);
    }
    assert_int_equal(tally_map_length(map), 0);
    tally_decref(map);
}

static void what_hooks_fail_with_comes_back(void **state) {
    (void)state;
    tally_set *a = set_of(0, 3), *b = set_of(0, 3);
    tally_value point = tally_of(point_new(1)), other = tally_of(point_new(1));
    bool is = true;
    must(tally_set_add(a, point, NULL) == TALLY_OK);
    must(tally_set_add(b, other, NULL) == TALLY_OK);
    point_equal_status = TALLY_BUSY;
    assert_null(tally_set_union(a, b));
    assert_int_equal(errno, EBUSY);
    assert_null(tally_set_intersection(a, b));
    assert_int_equal(errno, EBUSY);
    assert_null(tally_set_difference(a, b));
    assert_null(tally_set_symmetric_difference(a, b));
    assert_int_equal(tally_set_is_subset(a, b, &is), TALLY_BUSY);
    assert_true(is);
    point_equal_status = TALLY_OK;
    tally_value_decref(point);
    tally_value_decref(other);
    tally_decref(a);
    tally_decref(b);
}

// A set and a map of numbers n .. n + 1, and others of n: before the latter get
// a number, or lose one, the former have it.
static struct pair {
    tally_set *set[2];
    tally_map *map[2];
    atomic_bool over;
} pair;

static void put(int which, int64_t n) {
    tally_value value = tally_small(n % 1000);
    must(tally_set_add(pair.set[which], value, NULL) == TALLY_OK);
    must(tally_map_set(pair.map[which], value, value) == TALLY_OK);
}

static void *numbers_go_by(void *arg) {
    for (int64_t n = 0; !atomic_load(&pair.over); n++) {
        tally_value value = tally_small(n % 1000);
        put(0, n + 2);
        put(1, n + 1);
        must(tally_set_remove(pair.set[1], value) == TALLY_OK);
        must(tally_map_delete(pair.map[1], value) == TALLY_OK);
        must(tally_set_remove(pair.set[0], value) == TALLY_OK);
        must(tally_map_delete(pair.map[0], value) == TALLY_OK);
    }
    return arg;
}

static size_t length_drop(tally_set *set) {
    must(set);
    size_t length = tally_set_length(set);
    tally_decref(set);
    return length;
}

// Always the second is less than the first. Returns how much is not so.
static unsigned wrong_now(tally_set *a, tally_set *b) {
    bool subset = false, disjoint = true, equal[2] = {true, true};
    size_t one = length_drop(tally_set_difference(a, b));
    size_t all = length_drop(tally_set_union(a, b));
    size_t both = length_drop(tally_set_intersection(b, a));
    size_t apart = length_drop(tally_set_symmetric_difference(a, b));
    size_t none = length_drop(tally_set_difference(b, a));
    must(tally_set_is_subset(b, a, &subset) == TALLY_OK);
    must(tally_set_is_disjoint(a, b, &disjoint) == TALLY_OK);
    must(tally_value_equal(tally_of(a), tally_of(b), &equal[0]) == TALLY_OK);
    must(tally_value_equal(tally_of(pair.map[0]), tally_of(pair.map[1]),
                           &equal[1]) == TALLY_OK);
    return (unsigned)(one < 1 || one > 2) + (all < 2 || all > 3) +
           (both < 1 || both > 2) + (apart < 1 || apart > 2) + (none > 0) +
           !subset + disjoint + equal[0] + equal[1];
}

static void both_are_seen_at_one_moment(void **state) {
    (void)state;
    unsigned wrong = 0;
    for (int n = 0; n < 2; n++) {
        pair.set[n] = tally_set_new(0);
        pair.map[n] = tally_map_new(0);
        must(pair.set[n] && pair.map[n]);
    }
    put(0, 0);
    put(0, 1);
    put(1, 0);
    atomic_store(&pair.over, false);
    pthread_t thread = thread_start(numbers_go_by, NULL);
    for (int round = 0; round < (UNDER_TSAN ? 5000 : 20000); round++)
        wrong += wrong_now(pair.set[0], pair.set[1]);
    atomic_store(&pair.over, true);
    thread_join(thread);
    assert_int_equal(wrong, 0);
    for (int n = 0; n < 2; n++) {
        tally_decref(pair.set[n]);
        tally_decref(pair.map[n]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(what_a_table_knows_is_not_hashed_again),
        lively_test(two_sets_make_a_third),
        lively_test(a_set_is_its_own_other),
        lively_test(sets_are_told_apart),
        lively_test(the_newest_goes_first),
        lively_test(the_newest_entry_goes_with_its_value),
        lively_test(what_hooks_fail_with_comes_back),
        lively_test(both_are_seen_at_one_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
