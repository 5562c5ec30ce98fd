// Objects: what a new one is like, and what its counts say.

#include "api.h"
#include "child.h"
#include "threads.h"

struct pair {
    tally_object head;
    tally_ref left, right;
    uint64_t words[5];
};
TALLY_TYPE(pair, TALLY_REF(left), TALLY_REF(right));

struct blob {
    tally_object head;
    uint64_t length;
    unsigned char item[];
};
TALLY_TYPE(blob, TALLY_ITEMS(item, length));

struct table {
    tally_object head;
    uint32_t length;
    tally_ref item[];
};
TALLY_TYPE(table, TALLY_REF_ITEMS(item, length));

struct base {
    tally_object head;
    tally_ref held;
};
TALLY_TYPE(base, TALLY_REF(held));

struct derived {
    struct base base;
    tally_ref more;
};
TALLY_TYPE(derived, TALLY_REF(more), TALLY_BASE(base));

struct derived_again {
    struct derived base;
    long number;
};
TALLY_TYPE(derived_again, TALLY_BASE(derived));

static bool is_zero(const void *memory, size_t size) {
    const unsigned char *byte = memory;
    for (size_t n = 0; n < size; n++)
        if (byte[n])
            return false;
    return true;
}

static void a_new_objects_payload_is_zero(void **state) {
    (void)state;
    // The second round gets blocks that were written to.
    for (int round = 0; round < 2; round++) {
        struct pair *pair[300];
        for (int n = 0; n < 300; n++) {
            pair[n] = tally_new(pair);
            assert_non_null(pair[n]);
            assert_true(is_zero(&pair[n]->left,
                                sizeof(*pair[n]) - sizeof(tally_object)));
            memset(pair[n]->words, 0xFF, sizeof(pair[n]->words));
        }
        for (int n = 0; n < 300; n++)
            tally_decref(pair[n]);
    }
}

static void items_are_zero_and_their_number_is_set(void **state) {
    (void)state;
    for (size_t items = 0; items < 70000; items = items * 3 + 1) {
        for (int round = 0; round < 2; round++) {
            struct blob *bytes = tally_new_items(blob, items);
            assert_non_null(bytes);
            assert_int_equal(bytes->length, items);
            assert_true(is_zero(bytes->item, items));
            memset(bytes->item, 0xFF, items);
            tally_decref(bytes);
        }
    }
}

static void references_in_items_are_counted(void **state) {
    (void)state;
    struct table *table = tally_new_items(table, 1000);
    struct pair *pair = tally_new(pair);
    for (int n = 0; n < 1000; n++)
        tally_set(table, item[n], pair);
    assert_int_equal(tally_counts_of(pair).owner_count, 1001);
    tally_decref(table);
    assert_int_equal(tally_counts_of(pair).owner_count, 1);
    tally_decref(pair);
}

static void items_of_a_type_without_are_refused(void **state) {
    (void)state;
    errno = 0;
    assert_null(tally_new_items(pair, 1));
    assert_int_equal(errno, EINVAL);
}

static void too_many_items_are_refused(void **state) {
    (void)state;
    const size_t many[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX - 24,
                           (size_t)1 << 40, (size_t)1 << 39};
    for (size_t n = 0; n < sizeof(many) / sizeof(many[0]); n++) {
        errno = 0;
        assert_null(tally_new_items(blob, many[n]));
        assert_int_equal(errno, ENOMEM);
        assert_null(tally_new_items(table, many[n]));
        assert_int_equal(errno, ENOMEM);
    }
    // Its number would not fit the field.
    assert_null(tally_new_items(table, (size_t)UINT32_MAX + 1));
    assert_int_equal(errno, ENOMEM);
}

static void an_object_knows_its_type(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    struct blob *bytes = tally_new_items(blob, 100000);
    assert_ptr_equal(tally_type_of(pair), TALLY_TYPE_OF(pair));
    assert_ptr_equal(tally_type_of(bytes), TALLY_TYPE_OF(blob));
    tally_decref(pair);
    tally_decref(bytes);
}

static void an_object_is_an_instance_of_its_bases_only(void **state) {
    (void)state;
    struct derived_again *object = tally_new(derived_again);
    assert_true(tally_is_instance(object, TALLY_TYPE_OF(derived_again)));
    assert_true(tally_is_instance(object, TALLY_TYPE_OF(derived)));
    assert_true(tally_is_instance(object, TALLY_TYPE_OF(base)));
    assert_false(tally_is_instance(object, TALLY_TYPE_OF(pair)));
    struct base *base = tally_new(base);
    assert_false(tally_is_instance(base, TALLY_TYPE_OF(derived)));
    assert_false(tally_is_instance(NULL, TALLY_TYPE_OF(base)));
    tally_decref(base);
    tally_decref(object);
}

static void references_of_bases_are_dropped_with_the_object(void **state) {
    (void)state;
    uint64_t before = live_objects();
    struct derived_again *object = tally_new(derived_again);
    tally_set_steal(object, base.base.held, tally_new(pair));
    tally_set_steal(object, base.more, tally_new(pair));
    assert_int_equal(live_objects(), before + 3);
    tally_decref(object);
    assert_int_equal(live_objects(), before);
}

static void a_bad_type_is_refused(void **state) {
    (void)state;
    static const tally_trait none[] = {{.kind = TALLY_TRAIT_END}};
    static const tally_trait outside[] = {
        {.kind = TALLY_TRAIT_REFS, .offset = 24, .count = 2},
        {.kind = TALLY_TRAIT_END}};
    static const tally_trait head[] = {
        {.kind = TALLY_TRAIT_REFS, .offset = 8, .count = 1},
        {.kind = TALLY_TRAIT_END}};
    static const tally_trait huge[] = {
        {.kind = TALLY_TRAIT_REFS, .offset = 16, .count = SIZE_MAX / 8 + 1},
        {.kind = TALLY_TRAIT_END}};
    static tally_type bad[] = {
        {.name = "small", .size = 8, .traits = none},
        {.name = "outside", .size = 32, .traits = outside},
        {.name = "head", .size = 32, .traits = head},
        {.name = "huge", .size = 32, .traits = huge},
        {.name = "large", .size = ((size_t)1 << 31) + 1, .traits = none},
        {.name = NULL, .size = 32, .traits = none},
        {.name = "no traits", .size = 32, .traits = NULL},
    };
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        assert_int_equal(tally_type_register(&bad[n]), TALLY_INVALID);
        errno = 0;
        assert_null(tally_object_new(&bad[n], 0));
        assert_int_equal(errno, EINVAL);
    }
    assert_int_equal(tally_type_register(NULL), TALLY_INVALID);
}

static void a_type_registers_once(void **state) {
    (void)state;
    assert_int_equal(tally_type_register(TALLY_TYPE_OF(pair)), TALLY_OK);
    assert_int_equal(tally_type_register(TALLY_TYPE_OF(pair)), TALLY_OK);
}

static void counts_follow_increfs_and_decrefs(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    struct tally_counts counts = tally_counts_of(pair);
    assert_int_equal(counts.owner_count, 1);
    assert_int_equal(counts.shared_count, 0);
    assert_int_equal(counts.owner, tally_mutator_number());
    assert_int_equal(counts.flags, 0);
    for (int n = 0; n < 10; n++)
        tally_incref(pair);
    assert_int_equal(tally_counts_of(pair).owner_count, 11);
    for (int n = 0; n < 10; n++)
        tally_decref(pair);
    assert_int_equal(tally_counts_of(pair).owner_count, 1);
    tally_decref(pair);
}

static void *incref_ten_times(void *object) {
    for (int n = 0; n < 10; n++)
        tally_incref(object);
    return NULL;
}

static void others_count_apart_from_the_owner(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    thread_run(incref_ten_times, pair);
    struct tally_counts counts = tally_counts_of(pair);
    assert_int_equal(counts.owner_count, 1);
    assert_int_equal(counts.shared_count, 10);
    for (int n = 0; n < 11; n++)
        tally_decref(pair);
}

static void uniqueness_is_lost_and_regained(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    assert_true(tally_is_unique(pair));
    tally_incref(pair);
    assert_false(tally_is_unique(pair));
    tally_decref(pair);
    assert_true(tally_is_unique(pair));
    assert_int_equal(tally_transfer(pair), TALLY_OK);
    assert_true(tally_is_unique(pair));
    tally_incref(pair);
    assert_false(tally_is_unique(pair));
    tally_decref(pair);
    tally_publish(pair);
    assert_false(tally_is_unique(pair));
    tally_decref(pair);
}

static void *is_unique_here(void *object) {
    return tally_is_unique(object) ? object : NULL;
}

static void who_is_not_the_owner_does_not_take_an_object_for_unique(
    void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    assert_null(thread_run(is_unique_here, pair));
    tally_decref(pair);
}

static void a_pin_keeps_an_object(void **state) {
    (void)state;
    uint64_t before = live_objects(), pinned = stats_now().pinned;
    struct pair *pair = tally_new(pair);
    tally_pin(pair);
    tally_pin(pair);
    assert_int_equal(stats_now().pinned, pinned + 2);
    tally_decref(pair);
    tally_collect();
    assert_int_equal(live_objects(), before + 1);
    tally_unpin(pair);
    assert_int_equal(live_objects(), before + 1);
    tally_unpin(pair);
    assert_int_equal(live_objects(), before);
    assert_int_equal(stats_now().pinned, pinned);
}

static void *drop_often(void *object) {
    for (int n = 0; n < 100; n++)
        tally_decref(object);
    return NULL;
}

static void an_immortal_object_is_not_counted(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    struct pair *child = tally_new(pair);
    tally_set_steal(pair, left, child);
    uint64_t immortal = stats_now().immortal_objects;
    tally_immortalize(pair);
    tally_immortalize(pair);
    tally_immortalize(child);
    assert_int_equal(stats_now().immortal_objects, immortal + 2);
    assert_true(tally_counts_of(pair).flags & TALLY_COUNT_IMMORTAL);
    for (int n = 0; n < 100; n++)
        tally_decref(pair);
    thread_run(drop_often, pair);
    tally_collect();
    assert_ptr_equal(tally_get(pair, left), child);
    assert_ptr_equal(tally_type_of(pair), TALLY_TYPE_OF(pair));
    assert_true(tally_try_incref(pair));
}

static void what_an_immortal_object_refers_to_lives(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    struct pair *child = tally_new(pair);
    tally_set(child, left, child);
    tally_set_steal(pair, left, child);
    tally_immortalize(pair);
    tally_decref(pair);
    tally_collect();
    child->words[0] = 7;
    assert_ptr_equal(tally_get(child, left), child);
    // So that the end of the test finds nothing.
    tally_set(child, left, NULL);
    tally_set(pair, left, NULL);
}

static void *transfer_here(void *object) {
    return (void *)(intptr_t)tally_transfer(object);
}

static void a_transferred_object_has_no_owner(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    tally_incref(pair);
    assert_int_equal((intptr_t)thread_run(transfer_here, pair),
                     TALLY_NOT_OWNER);
    assert_int_equal(tally_transfer(pair), TALLY_OK);
    struct tally_counts counts = tally_counts_of(pair);
    assert_int_equal(counts.owner, 0);
    assert_int_equal(counts.shared_count, 2);
    assert_int_equal(counts.owner_count, 0);
    assert_true(counts.flags & TALLY_COUNT_MERGED);
    assert_int_equal((intptr_t)thread_run(transfer_here, pair), TALLY_OK);
    tally_decref(pair);
    tally_decref(pair);
}

static void *decref_here(void *object) {
    uint64_t before = live_objects();
    tally_decref(object);
    return (void *)(uintptr_t)(before - live_objects());
}

static void the_last_drop_of_a_transferred_object_destroys_it_at_once(
    void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    assert_int_equal(tally_transfer(pair), TALLY_OK);
    assert_int_equal((uintptr_t)thread_run(decref_here, pair), 1);
}

static void *upgrade_here(void *object) {
    must(tally_attach(NULL) == TALLY_OK);
    return tally_try_incref(object) ? object : NULL;
}

static void *upgrade_unattached(void *object) {
    return tally_try_incref(object) ? object : NULL;
}

static void refuse(void *arg) {
    (void)arg;
    struct pair *pair = tally_new(pair);
    must(pair);
    tally_publish(pair);
    must(!thread_run(upgrade_unattached, pair));
}

// Debug builds abort.
static void a_thread_that_is_not_attached_is_refused(void **state) {
    (void)state;
    struct child child = child_run(refuse, NULL);
    if (child_aborted(&child))
        assert_non_null(strstr(child.text, "is not attached"));
    else
        assert_true(child_passed(&child));
}

static void only_published_objects_are_upgraded_by_others(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    assert_null(thread_run(upgrade_here, pair));
    assert_true(tally_try_incref(pair));
    tally_publish(pair);
    assert_true(tally_counts_of(pair).flags & TALLY_COUNT_PUBLISHED);
    assert_non_null(thread_run(upgrade_here, pair));
    tally_decref(pair);
    tally_decref(pair);
    tally_decref(pair);
}

static void a_dead_published_object_is_not_upgraded(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    tally_publish(pair);
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    tally_decref(pair);
    assert_false(tally_try_incref(pair));
    tally_borrow_leave();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(a_new_objects_payload_is_zero),
        lively_test(items_are_zero_and_their_number_is_set),
        lively_test(references_in_items_are_counted),
        lively_test(items_of_a_type_without_are_refused),
        lively_test(too_many_items_are_refused),
        lively_test(an_object_knows_its_type),
        lively_test(an_object_is_an_instance_of_its_bases_only),
        quiet_test(references_of_bases_are_dropped_with_the_object),
        lively_test(a_bad_type_is_refused),
        lively_test(a_type_registers_once),
        lively_test(counts_follow_increfs_and_decrefs),
        lively_test(others_count_apart_from_the_owner),
        lively_test(uniqueness_is_lost_and_regained),
        quiet_test(who_is_not_the_owner_does_not_take_an_object_for_unique),
        quiet_test(a_pin_keeps_an_object),
        quiet_test(an_immortal_object_is_not_counted),
        quiet_test(what_an_immortal_object_refers_to_lives),
        lively_test(a_transferred_object_has_no_owner),
        quiet_test(the_last_drop_of_a_transferred_object_destroys_it_at_once),
        cmocka_unit_test(a_thread_that_is_not_attached_is_refused),
        lively_test(only_published_objects_are_upgraded_by_others),
        lively_test(a_dead_published_object_is_not_upgraded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
