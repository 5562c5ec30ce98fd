// The registry of types, and types that are made at run time.

#include <errno.h>
#include <string.h>

#include "api.h"
#include "child.h"
#include "threads.h"

static atomic_int destroyed, finalized;
static void note_destroy(void *object) {
    (void)object;
    destroyed++;
}
static void note_finalize(void *object) {
    (void)object;
    finalized++;
}

struct pair {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(pair, TALLY_REF(left), TALLY_REF(right));

static const tally_trait pair_traits[] = {
    {.kind = TALLY_TRAIT_REFS, .name = "left", .offset = 16, .count = 2},
    {.kind = TALLY_TRAIT_DESTROY, .hook = note_destroy},
    {.kind = TALLY_TRAIT_END}};

static tally_type *make(const char *name) {
    const tally_type_spec spec = {name, sizeof(struct pair), pair_traits};
    tally_type *type = tally_type_make(&spec);
    must(type);
    return type;
}

static bool is_found(const char *name) {
    tally_type *type = tally_type_find(name);
    if (type)
        tally_type_drop(type);
    return type != NULL;
}

static void a_made_type_is_as_a_declared_one(void **state) {
    (void)state;
    int before = destroyed;
    char name[] = "made";
    tally_type *type = make(name);
    name[0] = 'x'; // it was copied
    assert_string_equal(type->name, "made");
    struct pair *a = tally_object_new(type, 0), *b = tally_object_new(type, 0);
    must(a && b);
    assert_ptr_equal(tally_type_of(a), type);
    tally_set(a, right, b);
    tally_set(b, left, a); // a ring
    tally_decref(a);
    tally_decref(b);
    tally_collect();
    assert_int_equal(destroyed, before + 2);
    tally_type_drop(type);
}

static void it_goes_when_nothing_uses_it(void **state) {
    (void)state;
    tally_type *type = make("goes");
    struct pair *object = tally_object_new(type, 0);
    must(object);
    tally_type_drop(type);
    tally_collect();
    assert_true(is_found("goes")); // its object has it
    assert_string_equal(tally_type_of(object)->name, "goes");
    tally_decref(object);
    tally_collect();
    assert_false(is_found("goes"));
}

static void garbage_in_rings_lets_it_go(void **state) {
    (void)state;
    tally_type *type = make("ringed");
    struct pair *object = tally_object_new(type, 0);
    must(object);
    tally_set(object, left, object);
    tally_type_drop(type);
    tally_decref(object);
    tally_collect();
    tally_collect(); // what was published would have waited
    assert_false(is_found("ringed"));
}

static void who_holds_it_keeps_it(void **state) {
    (void)state;
    tally_type *type = make("held");
    assert_ptr_equal(tally_type_hold(type), type);
    tally_type_drop(type);
    tally_collect();
    assert_true(is_found("held"));
    tally_type_drop(type);
    // Found before it is freed, it is there to stay.
    assert_ptr_equal(tally_type_find("held"), type);
    tally_collect();
    struct pair *object = tally_object_new(type, 0);
    must(object);
    tally_type_drop(type);
    tally_decref(object);
    tally_collect();
    assert_false(is_found("held"));
}

struct odd {
    struct pair pair;
    tally_ref more;
};

static void a_base_lasts_as_long_as_what_derives_from_it(void **state) {
    (void)state;
    int before = destroyed;
    tally_type *base = make("base");
    const tally_trait traits[] = {
        {.kind = TALLY_TRAIT_BASE, .base = base},
        {.kind = TALLY_TRAIT_REFS, .name = "more", .offset = 32, .count = 1},
        {.kind = TALLY_TRAIT_FINALIZE, .hook = note_finalize},
        {.kind = TALLY_TRAIT_END}};
    const tally_type_spec spec = {"derived", sizeof(struct odd), traits};
    tally_type *derived = tally_type_make(&spec);
    must(derived);
    tally_type_drop(base);
    tally_collect();
    assert_true(is_found("base"));
    struct odd *object = tally_object_new(derived, 0);
    must(object);
    assert_true(tally_is_instance(object, base));
    tally_set_steal(object, more, tally_object_new(base, 0));
    finalized = 0;
    tally_decref(object);
    assert_int_equal(finalized, 1);
    assert_int_equal(destroyed, before + 2);
    tally_type_drop(derived);
    tally_collect();
    assert_false(is_found("derived"));
    assert_false(is_found("base"));
}

static void places_in_the_table_are_used_again(void **state) {
    (void)state;
    // 2^22 types are the limit; these are more, a few at a time.
    uint32_t highest = 0;
    for (unsigned n = 0; n < 2000; n++) {
        tally_type *type = make("again");
        highest = type->index_ > highest ? type->index_ : highest;
        tally_type_drop(type);
        if (n % 100 == 99)
            tally_collect();
    }
    tally_collect();
    assert_in_range(highest, 1, 400);
}

static void bad_types_are_refused(void **state) {
    (void)state;
    const tally_trait outside[] = {
        {.kind = TALLY_TRAIT_REFS, .name = "x", .offset = 16, .count = 1},
        {.kind = TALLY_TRAIT_END}};
    const tally_trait visits[] = {{.kind = TALLY_TRAIT_VISIT},
                                  {.kind = TALLY_TRAIT_END}};
    const tally_trait unknown[] = {{.kind = (enum tally_trait_kind)99},
                                   {.kind = TALLY_TRAIT_END}};
    tally_trait items[] = {{.kind = TALLY_TRAIT_REF_ITEMS,
                            .offset = 24,
                            .count = 16,
                            .length_offset = 16,
                            .length_size = 8},
                           {.kind = TALLY_TRAIT_END}};
    tally_trait astray[] = {items[0], items[1]};
    astray[0].count = 8;
    astray[0].offset = 25;
    const tally_type_spec bad[] = {
        {NULL, 16, NULL},         {"small", 8, NULL},
        {"outside", 16, outside}, {"visits", 32, visits},
        {"unknown", 32, unknown}, {"items", 32, items},
        {"astray", 32, astray}};
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        errno = 0;
        assert_null(tally_type_make(&bad[n]));
        assert_int_equal(errno, EINVAL);
    }
    assert_null(tally_type_make(NULL));
    assert_false(is_found("outside"));
}

static bool note_type(tally_type *type, void *arg) {
    const char **names = arg;
    for (; *names; names++)
        if (strcmp(*names, type->name) == 0)
            *names = "";
    return true;
}

static bool first_only(tally_type *type, void *arg) {
    (void)type;
    return ++*(int *)arg < 1;
}

static void types_are_listed_and_found_by_name(void **state) {
    (void)state;
    assert_null(tally_type_find("nobody"));
    must(tally_type_register(TALLY_TYPE_OF(pair)) == TALLY_OK);
    assert_ptr_equal(tally_type_find("pair"), TALLY_TYPE_OF(pair));
    tally_type *type = make("listed");
    const char *names[] = {"pair", "listed", NULL};
    tally_types_each(note_type, names);
    assert_string_equal(names[0], "");
    assert_string_equal(names[1], "");
    int calls = 0;
    tally_types_each(first_only, &calls);
    assert_int_equal(calls, 1);
    tally_type_drop(type);
}

// Threads make types and objects of them, and leave both to others.
enum { ROUNDS = 300, THREADS = 3 };
static tally_aref left_behind = TALLY_AREF_INIT;

static void *make_and_leave(void *arg) {
    (void)arg;
    for (int n = 0; n < ROUNDS; n++) {
        tally_type *type = make("storm");
        struct pair *object = tally_object_new(type, 0);
        must(object);
        tally_type_drop(type);
        tally_aref_set_steal(NULL, &left_behind, object);
        TALLY_BORROW {
            const void *seen = tally_aref_get(&left_behind);
            must(!seen || strcmp(tally_type_of(seen)->name, "storm") == 0);
        }
        if (n % 16 == 0)
            tally_collect();
        tally_safepoint();
    }
    return NULL;
}

static void types_come_and_go_beside_threads(void **state) {
    (void)state;
    pthread_t thread[THREADS];
    for (int n = 0; n < THREADS; n++)
        thread[n] = thread_start(make_and_leave, NULL);
    for (int n = 0; n < THREADS; n++)
        thread_join(thread[n]);
    tally_aref_set(NULL, &left_behind, NULL);
    tally_collect();
    tally_collect();
    assert_false(is_found("storm"));
}

static void shut_down_with_types(void *arg) {
    (void)arg;
    size_t leaked = 77;
    tally_type *kept = make("kept"), *gone = make("gone");
    tally_decref(tally_object_new(kept, 0));
    tally_type_drop(gone);
    must(tally_shutdown(&leaked) == TALLY_OK && leaked == 0);
    must(tally_init(NULL) == TALLY_OK);
    must(!tally_type_find("kept") && !tally_type_find("gone"));
    tally_type_drop(make("new"));
    tally_collect();
    must(!tally_type_find("new"));
    must(tally_shutdown(&leaked) == TALLY_OK && leaked == 0);
}

static void the_end_of_the_runtime_is_theirs(void **state) {
    (void)state;
    struct child child = child_run(shut_down_with_types, NULL);
    assert_true(child_passed(&child));
}

// Before there is an object of theirs, and before anything else is called.
static void standard_types_are_found_from_the_start(void **state) {
    (void)state;
    static const struct {
        const char *name;
        tally_type *type;
    } all[] = {{"integer", &tally_type_integer},
               {"double", &tally_type_double},
               {"bytes", &tally_type_bytes},
               {"text", &tally_type_text},
               {"bytearray", &tally_type_bytearray},
               {"list", &tally_type_list},
               {"map", &tally_type_map},
               {"set", &tally_type_set},
               {"view", &tally_type_view},
               {"weakmap", &tally_type_weakmap}};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        tally_type *type = tally_type_find(all[n].name);
        assert_ptr_equal(type, all[n].type);
        tally_type_drop(type);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard_types_are_found_from_the_start),
        quiet_test(a_made_type_is_as_a_declared_one),
        quiet_test(it_goes_when_nothing_uses_it),
        quiet_test(garbage_in_rings_lets_it_go),
        quiet_test(who_holds_it_keeps_it),
        quiet_test(a_base_lasts_as_long_as_what_derives_from_it),
        quiet_test(places_in_the_table_are_used_again),
        lively_test(bad_types_are_refused),
        lively_test(types_are_listed_and_found_by_name),
        lively_test(types_come_and_go_beside_threads),
        lively_test(the_end_of_the_runtime_is_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
