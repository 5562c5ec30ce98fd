// Hooks of values that an exception leaves: what the library's frames held for
// the call is given back, and what was asked works as before.

#include "leave.h"

static bool counts_down; // [left_calls] more calls, then the hook is left
static unsigned left_calls;
static void maybe(void) {
    if (counts_down && left_calls-- == 0) {
        counts_down = false;
        leave_maybe();
    }
}

struct key {
    tally_object head;
    int number;
};
static tally_status key_equal(void *object, tally_value other,
                              bool *ret_equal) {
    struct key *key = object, *with;
    maybe();
    tally_status status =
        tally_as(other, tally_type_of(object), (void **)&with);
    if (status == TALLY_OK)
        *ret_equal = key->number == with->number;
    return status;
}
static tally_status key_hash(void *object, uint64_t *ret_hash) {
    *ret_hash = (uint64_t)((struct key *)object)->number % 2;
    maybe();
    return TALLY_OK;
}
static tally_status key_compare(void *object, tally_value other,
                                int *ret_order) {
    struct key *key = object, *with = tally_object_of(other);
    maybe();
    *ret_order = key->number - with->number;
    return TALLY_OK;
}
static tally_status key_text(void *object, tally_text **ret_text) {
    (void)object;
    maybe();
    *ret_text = tally_text_new("key", 3);
    return *ret_text ? TALLY_OK : TALLY_NO_MEMORY;
}
static const tally_protocol key_protocol = {.equal = key_equal,
                                            .hash = key_hash,
                                            .compare = key_compare,
                                            .text = key_text};
TALLY_TYPE(key, TALLY_PROTOCOL(key_protocol));

static struct key *key_new(int number) {
    struct key *key = tally_new(key);
    must(key);
    key->number = number;
    return key;
}

// ---- what the calls are about

#define KEYS 20

static struct key *other; // equals one that is in all of them
static tally_map *map, *map_too;
static tally_set *set, *set_too;
static tally_list *list, *list_too;
static tally_weakmap *weakmap;

static int make_all(void **state) {
    begin_quiet(state);
    map = tally_map_new(0), map_too = tally_map_new(0);
    set = tally_set_new(0), set_too = tally_set_new(0);
    list = tally_list_new(), list_too = tally_list_new();
    weakmap = tally_weakmap_new(TALLY_WEAKMAP_VALUES);
    other = key_new(7);
    for (int n = 0; n < KEYS; n++) {
        // Twice: an equal key is another object.
        struct key *key = key_new(n), *same = key_new(n);
        tally_value one = tally_of(key), two = tally_of(same);
        must(tally_map_set(map, one, one) == TALLY_OK);
        must(tally_map_set(map_too, two, two) == TALLY_OK);
        must(tally_set_add(set, one, NULL) == TALLY_OK);
        must(tally_set_add(set_too, two, NULL) == TALLY_OK);
        must(tally_list_append(list, one) == TALLY_OK);
        must(tally_list_append(list_too, two) == TALLY_OK);
        must(tally_weakmap_set(weakmap, one, two) == TALLY_OK);
        tally_decref(key);
        tally_decref(same);
    }
    return 0;
}
static int end_all(void **state) {
    tally_decref(map), tally_decref(map_too);
    tally_decref(set), tally_decref(set_too);
    tally_decref(list), tally_decref(list_too);
    tally_decref(weakmap);
    tally_decref(other);
    return end_clean(state);
}
#define hooks_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, make_all, end_all)

// Each call is left in its first hook, its second and so on, and then returns;
// the objects are as many, and so is the memory.
static unsigned times_left;
static void (*call_now)(void);
static void call_and_return(void) {
    call_now();
    if (counts_down) // it is done, and had fewer hooks
        leave_maybe();
}
static void leaves_nothing(void (*call)(void)) {
    unsigned most = 0;
    call_now = call;
    counts_down = false;
    call(); // what stays of a first time
    tally_collect();
    uint64_t objects = mortal_objects();
    for (bool hooked = true; hooked && most < 30; most++) {
        counts_down = true;
        left_calls = most;
        left(by_exception, call_and_return);
        hooked = !counts_down;
        counts_down = false;
        times_left += hooked;
        tally_collect();
        assert_int_equal(mortal_objects(), objects);
    }
    assert_true(most > 1); // a hook was left
    assert_int_equal(tally_verify(2), TALLY_OK);
}

// ---- maps

static void map_get(void) {
    tally_value_decref(tally_map_get(map, tally_of(other)));
}
static void map_contains(void) {
    bool found;
    tally_map_contains(map, tally_of(other), &found);
}
static void map_set(void) {
    tally_map_set(map, tally_of(other), tally_small(1));
}
static void map_get_or_set(void) {
    tally_value value = tally_absent();
    tally_map_get_or_set(map, tally_of(other), tally_small(1), &value);
    tally_value_decref(value);
}
static void map_delete(void) { tally_map_delete(map_too, tally_of(other)); }
static tally_status update(void *arg, tally_value old, tally_value *ret_value) {
    (void)arg, (void)old;
    maybe();
    *ret_value = tally_of(tally_list_new());
    return TALLY_OK;
}
static void map_update(void) {
    tally_map_update(map, tally_of(other), update, NULL);
}
static void map_merge(void) { tally_map_merge(map, map_too); }
static void maps_give_back_what_they_held(void **state) {
    (void)state;
    leaves_nothing(map_get);
    leaves_nothing(map_contains);
    leaves_nothing(map_set);
    leaves_nothing(map_get_or_set);
    leaves_nothing(map_update);
    leaves_nothing(map_merge);
    leaves_nothing(map_delete);
}

// ---- sets

static void set_add(void) { tally_set_add(set, tally_of(other), NULL); }
static void set_merge(void) { tally_set_merge(set, set_too); }
static void drop_set(tally_set *made) {
    must(made);
    tally_decref(made);
}
static void set_union(void) { drop_set(tally_set_union(set, set_too)); }
static void set_intersection(void) {
    drop_set(tally_set_intersection(set, set_too));
}
static void set_symmetric(void) {
    drop_set(tally_set_symmetric_difference(set, set_too));
}
static void set_subset(void) {
    bool is;
    tally_set_is_subset(set, set_too, &is);
}
static void sets_give_back_what_they_held(void **state) {
    (void)state;
    leaves_nothing(set_add);
    leaves_nothing(set_merge);
    leaves_nothing(set_union);
    leaves_nothing(set_intersection);
    leaves_nothing(set_symmetric);
    leaves_nothing(set_subset);
}

// ---- lists, weak maps

static void list_find(void) {
    size_t index;
    tally_list_find(list, tally_of(other), 0, &index);
}
static void list_sort(void) { tally_list_sort(list, NULL, NULL); }
static void lists_give_back_what_they_held(void **state) {
    (void)state;
    leaves_nothing(list_find);
    leaves_nothing(list_sort);
}

static void weakmap_find(void) {
    tally_value_decref(tally_weakmap_get(weakmap, tally_of(other)));
}
static void weakmap_set(void) {
    tally_weakmap_set(weakmap, tally_of(other), tally_of(other));
}
static void weakmap_get_or_set(void) {
    tally_value value = tally_absent();
    tally_weakmap_get_or_set(weakmap, tally_of(other), tally_of(other), &value);
    tally_value_decref(value);
}
static void weak_maps_give_back_what_they_held(void **state) {
    (void)state;
    leaves_nothing(weakmap_find);
    leaves_nothing(weakmap_set);
    leaves_nothing(weakmap_get_or_set);
}

// ---- containers as values

static void list_equal(void) {
    bool equal;
    tally_value_equal(tally_of(list), tally_of(list_too), &equal);
}
static void list_compare(void) {
    int order;
    tally_value_compare(tally_of(list), tally_of(list_too), &order);
}
static void map_equal(void) {
    bool equal;
    tally_value_equal(tally_of(map), tally_of(map_too), &equal);
}
static void set_equal(void) {
    bool equal;
    tally_value_equal(tally_of(set), tally_of(set_too), &equal);
}
static void text_drop(tally_value value) {
    tally_text *text;
    if (tally_value_text(value, &text) == TALLY_OK)
        tally_decref(text);
}
static void list_text(void) { text_drop(tally_of(list)); }
static void map_text(void) { text_drop(tally_of(map)); }
static void set_text(void) { text_drop(tally_of(set)); }
// A list of a list of a list, and so on, around one with hooks.
static void nest(void) {
    for (unsigned n = 0; n < 9; n++) {
        tally_list **in[] = {&list, &list_too};
        for (unsigned k = 0; k < 2; k++) {
            tally_list *outer = tally_list_new();
            must(outer);
            must(tally_list_append_steal(outer, tally_of(*in[k])) == TALLY_OK);
            *in[k] = outer;
        }
    }
}
static void containers_of_containers_give_back_what_they_held(void **state) {
    (void)state;
    leaves_nothing(list_equal);
    leaves_nothing(list_compare);
    leaves_nothing(map_equal);
    leaves_nothing(set_equal);
    leaves_nothing(list_text);
    leaves_nothing(map_text);
    leaves_nothing(set_text);
    // Each is ten levels deep, of 200 that a thread has.
    nest();
    for (unsigned n = 0; n < 3; n++) {
        leaves_nothing(list_equal);
        leaves_nothing(list_compare);
        leaves_nothing(list_text);
    }
    bool equal = false;
    assert_int_equal(
        tally_value_equal(tally_of(list), tally_of(list_too), &equal),
        TALLY_OK);
    assert_true(equal);
    tally_text *text;
    assert_int_equal(tally_value_text(tally_of(list), &text), TALLY_OK);
    assert_memory_equal(tally_text_data(text), "[[[[[[[[[[key, ", 15);
    tally_decref(text);
}

// ---- memory

static void sort_often(void) {
    for (unsigned n = 0; n < 2000; n++) {
        counts_down = true;
        left_calls = 0;
        left(by_exception, list_sort);
    }
}
static void memory_is_given_back(void **state) {
    (void)state;
    sort_often();
    uint64_t before = stats_now().live_bytes;
    sort_often(); // of 320 bytes each
    assert_true(stats_now().live_bytes < before + 320000);
}

// ---- types

static bool type_visit(tally_type *type, void *arg) {
    if (strcmp(type->name, arg) == 0)
        leave_maybe();
    return true;
}
static void types_each(void) { tally_types_each(type_visit, (void *)"made"); }
static void a_type_is_freed_though_a_callback_was_left(void **state) {
    (void)state;
    const tally_trait none[] = {{.kind = TALLY_TRAIT_END}};
    tally_type *type = tally_type_make(
        &(tally_type_spec){.name = "made", .size = 32, .traits = none});
    must(type);
    left(by_exception, types_each);
    tally_type_drop(type);
    tally_collect();
    assert_null(tally_type_find("made"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        hooks_test(maps_give_back_what_they_held),
        hooks_test(sets_give_back_what_they_held),
        hooks_test(lists_give_back_what_they_held),
        hooks_test(weak_maps_give_back_what_they_held),
        hooks_test(containers_of_containers_give_back_what_they_held),
        hooks_test(memory_is_given_back),
        hooks_test(a_type_is_freed_though_a_callback_was_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
