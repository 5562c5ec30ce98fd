// object/type.h: what traits add up to, and what is refused.

#include "unit_object.h"

static void hook(void *object) { (void)object; }
static void other_hook(void *object) { (void)object; }

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf);

struct pair {
    tally_object head;
    tally_ref left, right;
    uint64_t value;
};
TALLY_TYPE(pair, TALLY_REF(left), TALLY_REF(right));

struct seven {
    tally_object head;
    tally_ref refs[7];
};
TALLY_TYPE(seven, TALLY_REF_ARRAY(refs));

struct apart {
    tally_object head;
    tally_ref first;
    uint64_t between;
    tally_ref second;
};
TALLY_TYPE(apart, TALLY_REF(first), TALLY_REF(second));

struct late {
    tally_object head;
    uint64_t before;
    tally_ref ref;
};
TALLY_TYPE(late, TALLY_REF(ref));

struct ended {
    tally_object head;
    tally_ref ref;
};
TALLY_TYPE(ended, TALLY_REF(ref), TALLY_DESTROY(hook));

struct finished {
    tally_object head;
    uint32_t odd;
};
TALLY_TYPE(finished, TALLY_FINALIZE(hook));

struct links {
    tally_object head;
    uint32_t length;
    tally_ref items[];
};
TALLY_TYPE(links, TALLY_REF_ITEMS(items, length));

struct string {
    tally_object head;
    uint64_t length;
    char items[];
};
TALLY_TYPE(string, TALLY_ITEMS(items, length));

struct derived {
    struct pair base;
    tally_ref third;
};
TALLY_TYPE(derived, TALLY_BASE(pair), TALLY_REF(third),
           TALLY_DESTROY(other_hook));

struct derived_again {
    struct derived base;
    uint64_t more;
};
TALLY_TYPE(derived_again, TALLY_BASE(derived));

static void register_it(tally_type *type) {
    assert_int_equal(tally_type_register(type), TALLY_OK);
    assert_ptr_equal(tly_types[type->index_], type);
}

static unsigned tf_of(const tally_type *type) {
    return (unsigned)(type->header_ >> 56);
}
static unsigned gc_of(const tally_type *type) {
    return (unsigned)(type->header_ >> 48) & 0xFF;
}

static void types_are_numbered_from_1_and_registered_once(void **state) {
    (void)state;
    register_it(&tally_type_leaf);
    register_it(&tally_type_pair);
    assert_int_equal(tally_type_leaf.index_, 1);
    assert_int_equal(tally_type_pair.index_, 2);
    register_it(&tally_type_leaf);
    assert_int_equal(tly_types_count(), 2);
}

static void a_simple_type_says_in_its_header_how_many_references(void **state) {
    (void)state;
    register_it(&tally_type_leaf);
    register_it(&tally_type_pair);
    assert_int_equal(tf_of(&tally_type_leaf) & TLY_TF_REFS, 0);
    assert_int_equal(tf_of(&tally_type_pair) & TLY_TF_REFS, 2);
    assert_int_equal(gc_of(&tally_type_leaf), TLY_GC_LIVE);
    assert_int_equal(gc_of(&tally_type_pair), TLY_GC_LIVE | TLY_GC_TRACKED);
}

static void a_simple_types_bin_is_that_of_its_size(void **state) {
    (void)state;
    register_it(&tally_type_pair);
    unsigned bin = tf_of(&tally_type_pair) >> TLY_TF_BIN_SHIFT;
    assert_int_equal(bin, tly_class_of(sizeof(struct pair)) + 1);
    assert_int_equal(tally_type_pair.bin_, bin);
    assert_int_equal(tally_type_pair.words_, 2);
}

static void assert_asks(tally_type *type) {
    register_it(type);
    assert_int_equal(tf_of(type) & TLY_TF_REFS, TLY_TF_ASK);
}

static void types_that_are_not_simple_are_asked(void **state) {
    (void)state;
    assert_asks(&tally_type_seven);
    assert_asks(&tally_type_apart);
    assert_asks(&tally_type_late);
    assert_asks(&tally_type_ended);
    assert_asks(&tally_type_finished);
    assert_asks(&tally_type_links);
}

static void types_without_references_are_not_tracked(void **state) {
    (void)state;
    register_it(&tally_type_finished);
    register_it(&tally_type_string);
    assert_int_equal(gc_of(&tally_type_finished) & TLY_GC_TRACKED, 0);
    assert_int_equal(gc_of(&tally_type_string) & TLY_GC_TRACKED, 0);
    register_it(&tally_type_links);
    assert_int_equal(gc_of(&tally_type_links) & TLY_GC_TRACKED, TLY_GC_TRACKED);
}

static void a_derived_type_has_its_bases_traits(void **state) {
    (void)state;
    register_it(&tally_type_derived_again);
    assert_ptr_equal(tally_type_derived_again.destroy_, other_hook);
    assert_ptr_equal(tally_type_derived_again.base_, &tally_type_derived);
    assert_true(tally_type_derived.index_ > 0);
    assert_true(tally_type_pair.index_ > 0);
}

// ---- what is refused

#define MAX_TRAITS 4
struct bad {
    tally_type type;
    tally_trait traits[MAX_TRAITS];
};

// A type of 64 bytes with some traits.
static struct bad type_with(tally_trait first, tally_trait second) {
    struct bad bad = {{.name = "bad", .size = 64}, {first, second}};
    return bad;
}

static tally_status registered(struct bad *bad) {
    bad->type.traits = bad->traits;
    tally_status status = tally_type_register(&bad->type);
    if (status != TALLY_OK) {
        assert_int_equal(bad->type.index_, 0);
        assert_int_equal(bad->type.bin_, 0);
        assert_null(tally_object_new(&bad->type, 0));
        assert_int_equal(errno, -status);
    }
    return status;
}

static const tally_trait no_trait = {.kind = TALLY_TRAIT_END};

static tally_trait refs(size_t offset, size_t count) {
    return (tally_trait){
        .kind = TALLY_TRAIT_REFS, .offset = offset, .count = count};
}
static tally_trait items(size_t offset, size_t size, size_t length_offset,
                         size_t length_size) {
    return (tally_trait){.kind = TALLY_TRAIT_ITEMS,
                         .offset = offset,
                         .count = size,
                         .length_offset = length_offset,
                         .length_size = length_size};
}

static void references_outside_of_the_object_are_refused(void **state) {
    (void)state;
    const struct {
        size_t offset, count;
        tally_status status;
    } cases[] = {
        {16, 6, TALLY_OK},
        {56, 1, TALLY_OK},
        {0, 1, TALLY_INVALID},
        {8, 1, TALLY_INVALID},
        {16, 7, TALLY_INVALID},
        {64, 1, TALLY_INVALID},
        {20, 1, TALLY_INVALID},
        {SIZE_MAX - 7, 1, TALLY_INVALID},
        {16, SIZE_MAX / 8, TALLY_INVALID},
        {16, SIZE_MAX / 8 + 1, TALLY_INVALID},
    };
    static struct bad bad[10];
    for (unsigned n = 0; n < 10; n++) {
        bad[n] = type_with(refs(cases[n].offset, cases[n].count), no_trait);
        assert_int_equal(registered(&bad[n]), cases[n].status);
    }
}

static void items_that_make_no_sense_are_refused(void **state) {
    (void)state;
    const struct {
        size_t offset, size, length_offset, length_size;
        tally_status status;
    } cases[] = {
        {64, 1, 16, 4, TALLY_OK},
        {32, 24, 56, 8, TALLY_OK},
        {65, 1, 16, 4, TALLY_INVALID},
        {64, 0, 16, 4, TALLY_INVALID},
        {64, 1, 16, 2, TALLY_INVALID},
        {64, 1, 61, 4, TALLY_INVALID},
        {64, 1, SIZE_MAX, 8, TALLY_INVALID},
        {64, SIZE_MAX, 16, 8, TALLY_INVALID},
    };
    static struct bad bad[8];
    for (unsigned n = 0; n < 8; n++) {
        bad[n] = type_with(items(cases[n].offset, cases[n].size,
                                 cases[n].length_offset, cases[n].length_size),
                           no_trait);
        assert_int_equal(registered(&bad[n]), cases[n].status);
    }
}

static void a_number_of_items_inside_the_header_is_refused(void **state) {
    (void)state;
    static struct bad bad[2];
    for (unsigned n = 0; n < 2; n++) {
        bad[n] = type_with(items(64, 1, n * 8, 8), no_trait);
        assert_int_equal(registered(&bad[n]), TALLY_INVALID);
    }
}

static void items_inside_the_header_are_refused(void **state) {
    (void)state;
    static struct bad bad;
    bad = type_with(items(8, 8, 16, 8), no_trait);
    assert_int_equal(registered(&bad), TALLY_INVALID);
}

static void two_fields_of_items_are_refused(void **state) {
    (void)state;
    static struct bad bad;
    bad = type_with(items(64, 1, 16, 4), items(64, 2, 24, 4));
    assert_int_equal(registered(&bad), TALLY_INVALID);
}

static void sizes_that_no_object_has_are_refused(void **state) {
    (void)state;
    static struct bad bad[4];
    size_t sizes[] = {0, 15, ((size_t)1 << 31) + 1, SIZE_MAX};
    for (unsigned n = 0; n < 4; n++) {
        bad[n] = type_with(no_trait, no_trait);
        bad[n].type.size = sizes[n];
        assert_int_equal(registered(&bad[n]), TALLY_INVALID);
    }
}

static void a_base_that_is_larger_is_refused(void **state) {
    (void)state;
    static struct bad base, bad;
    base = type_with(no_trait, no_trait);
    base.type.traits = base.traits;
    base.type.size = 72;
    bad = type_with((tally_trait){.kind = TALLY_TRAIT_BASE, .base = &base.type},
                    no_trait);
    assert_int_equal(registered(&bad), TALLY_INVALID);
}

static void a_type_without_name_or_traits_is_refused(void **state) {
    (void)state;
    static struct bad bad;
    bad = type_with(no_trait, no_trait);
    bad.type.name = NULL;
    assert_int_equal(registered(&bad), TALLY_INVALID);
    static tally_type bare = {.name = "bare", .size = 64};
    assert_int_equal(tally_type_register(&bare), TALLY_INVALID);
    assert_int_equal(tally_type_register(NULL), TALLY_INVALID);
}

// ---- finding references

static unsigned found;
static tally_ref *found_refs[16];

static void note_refs(void *arg, tally_ref *first, size_t count) {
    (void)arg;
    for (size_t n = 0; n < count; n++)
        found_refs[found++] = &first[n];
}

static void find(void *object) {
    found = 0;
    tly_refs_each(object, tally_type_of(object), note_refs, NULL);
}

static void references_that_lie_apart_are_all_found(void **state) {
    (void)state;
    struct apart *apart = tally_new(apart);
    find(apart);
    assert_int_equal(found, 2);
    assert_ptr_equal(found_refs[0], &apart->first);
    assert_ptr_equal(found_refs[1], &apart->second);
    tally_decref(apart);
}

static void a_derived_objects_references_are_all_found_once(void **state) {
    (void)state;
    struct derived_again *object = tally_new(derived_again);
    find(object);
    assert_int_equal(found, 3);
    unsigned sum = 0;
    for (unsigned n = 0; n < 3; n++)
        sum += found_refs[n] == &object->base.base.left    ? 1
               : found_refs[n] == &object->base.base.right ? 2
               : found_refs[n] == &object->base.third      ? 4
                                                           : 0;
    assert_int_equal(sum, 7);
    tally_decref(object);
}

static void items_are_found_as_many_as_there_are(void **state) {
    (void)state;
    struct links *list = tally_new_items(links, 5);
    assert_int_equal(list->length, 5);
    find(list);
    assert_int_equal(found, 5);
    assert_ptr_equal(found_refs[4], &list->items[4]);
    tally_decref(list);
    list = tally_new_items(links, 0);
    find(list);
    assert_int_equal(found, 0);
    tally_decref(list);
}

struct visited {
    tally_object head;
    tally_ref *where;
};
static void visit(void *object, struct tally_visitor *visitor) {
    struct visited *visited = object;
    if (visited->where)
        tally_visit(visitor, visited->where);
}
TALLY_TYPE(visited, TALLY_VISIT(visit));

static void a_visit_hook_is_asked(void **state) {
    (void)state;
    tally_ref outside = {NULL};
    struct visited *visited = tally_new(visited);
    visited->where = &outside;
    find(visited);
    assert_int_equal(found, 1);
    assert_ptr_equal(found_refs[0], &outside);
    tally_decref(visited);
}

static void the_link_of_finalizers_lies_behind_the_object(void **state) {
    (void)state;
    register_it(&tally_type_finished);
    size_t bytes = tly_type_bytes(&tally_type_finished, 0);
    assert_int_equal(bytes, sizeof(struct finished) + sizeof(void *));
    struct finished *object = tally_new(finished);
    char *link = (char *)tly_finalize_link(&object->head, &tally_type_finished);
    assert_ptr_equal(link, (char *)object + bytes - sizeof(void *));
    assert_int_equal((uintptr_t)link % sizeof(void *), 0);
    tally_decref(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(types_are_numbered_from_1_and_registered_once),
        object_test(a_simple_type_says_in_its_header_how_many_references),
        object_test(a_simple_types_bin_is_that_of_its_size),
        object_test(types_that_are_not_simple_are_asked),
        object_test(types_without_references_are_not_tracked),
        object_test(a_derived_type_has_its_bases_traits),
        object_test(references_outside_of_the_object_are_refused),
        object_test(items_that_make_no_sense_are_refused),
        object_test(a_number_of_items_inside_the_header_is_refused),
        object_test(items_inside_the_header_are_refused),
        object_test(two_fields_of_items_are_refused),
        object_test(sizes_that_no_object_has_are_refused),
        object_test(a_base_that_is_larger_is_refused),
        object_test(a_type_without_name_or_traits_is_refused),
        object_test(references_that_lie_apart_are_all_found),
        object_test(a_derived_objects_references_are_all_found_once),
        object_test(items_are_found_as_many_as_there_are),
        object_test(a_visit_hook_is_asked),
        object_test(the_link_of_finalizers_lies_behind_the_object),
    };
    return cmocka_run_group_tests_name("object/type", tests, NULL, NULL);
}
