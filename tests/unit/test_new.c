// object/new.c: making objects.

#include "unit_object.h"

#include "platform/fault.h"

struct leaf {
    tally_object head;
    uint64_t value[3];
};
TALLY_TYPE(leaf);

struct big {
    tally_object head;
    char bytes[40000];
};
TALLY_TYPE(big);

struct string {
    tally_object head;
    uint32_t length;
    char items[];
};
TALLY_TYPE(string, TALLY_ITEMS(items, length));

struct wide {
    tally_object head;
    uint64_t length;
    uint64_t items[];
};
TALLY_TYPE(wide, TALLY_ITEMS(items, length));

static void a_new_object_is_its_makers_alone(void **state) {
    (void)state;
    struct leaf *leaf = tally_new(leaf);
    struct tally_counts c = tally_counts_of(leaf);
    assert_int_equal(c.owner_count, 1);
    assert_int_equal(c.shared_count, 0);
    assert_int_equal(c.owner, tally_mutator_number());
    assert_int_equal(c.flags, 0);
    assert_true(tally_is_unique(leaf));
    assert_ptr_equal(tally_type_of(leaf), &tally_type_leaf);
    tally_decref(leaf);
}

static void the_payload_is_zero_where_a_block_was_used(void **state) {
    (void)state;
    for (unsigned n = 0; n < 1000; n++) {
        struct leaf *leaf = tally_new(leaf);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(leaf->value[i], 0);
        memset(leaf->value, 0xFF, sizeof(leaf->value));
        tally_decref(leaf);
    }
    for (unsigned n = 0; n < 3; n++) {
        struct big *big = tally_new(big);
        for (unsigned i = 0; i < sizeof(big->bytes); i++)
            if (big->bytes[i])
                fail_msg("byte %u", i);
        memset(big->bytes, 0xFF, sizeof(big->bytes));
        tally_decref(big);
    }
}

static void items_are_zero_and_their_number_is_set(void **state) {
    (void)state;
    size_t counts[] = {0, 1, 3, 100, 32768, 100000, 5000000};
    for (unsigned n = 0; n < 7; n++) {
        struct string *text = tally_new_items(string, counts[n]);
        assert_int_equal(text->length, counts[n]);
        for (size_t i = 0; i < counts[n]; i++)
            if (text->items[i])
                fail_msg("item %zu of %zu", i, counts[n]);
        memset(text->items, 0xFF, counts[n]);
        tally_decref(text);
    }
    tly_heap_empty(tly_heap_of(tly_self()), true);
    assert_int_equal(units_in_use(), 0);
}

static void items_of_a_type_without_are_refused(void **state) {
    (void)state;
    errno = 0;
    assert_null(tally_object_new(&tally_type_leaf, 1));
    assert_int_equal(errno, EINVAL);
}

static void more_items_than_memory_are_refused(void **state) {
    (void)state;
    size_t counts[] = {SIZE_MAX, SIZE_MAX / 8, (size_t)1 << 37,
                       (size_t)1 << 33};
    for (unsigned n = 0; n < 4; n++) {
        errno = 0;
        assert_null(tally_new_items(wide, counts[n]));
        assert_int_equal(errno, ENOMEM);
    }
    // A number of 32 bits cannot hold it.
    assert_null(tally_new_items(string, (size_t)UINT32_MAX + 1));
}

static void the_first_object_registers_its_type(void **state) {
    (void)state;
    assert_int_equal(tally_type_leaf.index_, 0);
    tally_decref(tally_new(leaf));
    assert_int_not_equal(tally_type_leaf.index_, 0);
}

static void without_memory_there_is_no_object_and_it_can_be_tried_again(
    void **state) {
    (void)state;
    struct tly_local *self = local_make();
    // Register first: what fails below is the block.
    tally_decref(tally_new(leaf));
    tly_heap_empty(&self->heap, true);
    tly_fault_arm(TLY_FAULT_REFILL, 1, true);
    errno = 0;
    assert_null(tally_new(leaf));
    assert_int_equal(errno, ENOMEM);
    tly_fault_disarm(NULL);
    struct leaf *leaf = tally_new(leaf);
    assert_non_null(leaf);
    assert_int_equal(self->counters.made, 2);
    tally_decref(leaf);
    assert_int_equal(self->counters.destroyed, 2);
}

static void a_block_freed_last_is_used_first(void **state) {
    (void)state;
    struct leaf *keep = tally_new(leaf), *leaf = tally_new(leaf);
    tally_decref(leaf);
    assert_ptr_equal(tally_new(leaf), leaf);
    tally_decref(leaf);
    tally_decref(keep);
}

static void what_is_made_is_counted(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    for (unsigned n = 1; n <= 100; n++) {
        tally_decref(tally_new(leaf));
        assert_int_equal(self->counters.made, n);
        assert_int_equal(self->counters.destroyed, n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(a_new_object_is_its_makers_alone),
        object_test(the_payload_is_zero_where_a_block_was_used),
        object_test(items_are_zero_and_their_number_is_set),
        object_test(items_of_a_type_without_are_refused),
        object_test(more_items_than_memory_are_refused),
        object_test(the_first_object_registers_its_type),
        object_test(
            without_memory_there_is_no_object_and_it_can_be_tried_again),
        object_test(a_block_freed_last_is_used_first),
        object_test(what_is_made_is_counted),
    };
    return cmocka_run_group_tests_name("object/new", tests, NULL, NULL);
}
