// object/object.c: asking about objects, pinning and publishing them.

#include "unit_object.h"

struct base {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(base);

struct middle {
    struct base base;
};
TALLY_TYPE(middle, TALLY_BASE(base));

struct top {
    struct middle middle;
};
TALLY_TYPE(top, TALLY_BASE(middle));

struct other {
    tally_object head;
};
TALLY_TYPE(other);

static void an_object_is_of_its_type_and_of_all_its_bases(void **state) {
    (void)state;
    struct top *top = tally_new(top);
    assert_true(tally_is_instance(top, TALLY_TYPE_OF(top)));
    assert_true(tally_is_instance(top, TALLY_TYPE_OF(middle)));
    assert_true(tally_is_instance(top, TALLY_TYPE_OF(base)));
    assert_false(tally_is_instance(top, TALLY_TYPE_OF(other)));
    assert_false(tally_is_instance(NULL, TALLY_TYPE_OF(top)));
    tally_decref(top);
}

static void a_base_is_not_of_what_derives_from_it(void **state) {
    (void)state;
    struct base *base = tally_new(base);
    assert_true(tally_is_instance(base, TALLY_TYPE_OF(base)));
    assert_false(tally_is_instance(base, TALLY_TYPE_OF(top)));
    tally_decref(base);
}

static void a_pin_keeps_an_object_alive(void **state) {
    (void)state;
    struct base *base = tally_new(base);
    uint64_t pins = tly_count_pins();
    tally_pin(base);
    tally_pin(base);
    assert_int_equal(tly_count_pins(), pins + 2);
    tally_decref(base);
    assert_true(is_object(base));
    tally_unpin(base);
    assert_true(is_object(base));
    tally_unpin(base);
    assert_false(is_object(base));
    assert_int_equal(tly_count_pins(), pins);
}

static void a_published_object_is_never_known_to_be_unique(void **state) {
    (void)state;
    struct base *base = tally_new(base);
    assert_true(tally_is_unique(base));
    tally_publish(base);
    assert_false(tally_is_unique(base));
    assert_int_equal(tally_counts_of(base).flags, TALLY_COUNT_PUBLISHED);
    tally_decref(base);
}

static void only_a_counter_of_it_knows_that_it_is_unique(void **state) {
    (void)state;
    struct tly_local *other_thread = local_make(), *mine = local_make();
    struct base *base = tally_new(base);
    act_as_local(other_thread);
    assert_false(tally_is_unique(base));
    tally_incref(base);
    act_as_local(mine);
    assert_false(tally_is_unique(base));
    act_as_local(other_thread);
    tally_decref(base);
    act_as_local(mine);
    assert_true(tally_is_unique(base));
}

static void the_parts_of_a_count_are_told(void **state) {
    (void)state;
    local_make();
    struct base *base = tally_new(base);
    base->head.local_ = 5;
    base->head.shared_ -= 3 * TLY_ONE;
    base->head.shared_ |= TLY_QUEUED;
    base->head.owner_ |= TALLY_OWNER_WATCH_;
    base->head.gc_ |= TLY_GC_FINALIZED;
    struct tally_counts c = tally_counts_of(base);
    assert_int_equal(c.owner_count, 5);
    assert_int_equal(c.shared_count, -3);
    assert_int_equal(c.owner, tly_self()->number);
    assert_int_equal(c.flags, TALLY_COUNT_QUEUED | TALLY_COUNT_WATCHED |
                                  TALLY_COUNT_FINALIZED);
}

static void a_count_leaves_type_and_flags_alone(void **state) {
    (void)state;
    local_make();
    struct base *base = tally_new(base);
    uint64_t shared = base->head.shared_ | TLY_PUB | TLY_DIRTY;
    base->head.shared_ = shared;
    for (int64_t n = -1000; n <= 1000; n += 500) {
        base->head.shared_ = shared + (uint64_t)n * TLY_ONE;
        assert_int_equal(tly_count_of(base->head.shared_), n);
        assert_int_equal(tly_type_index(base->head.shared_),
                         tally_type_base.index_);
        assert_int_equal(base->head.shared_ & 0x7F, TLY_PUB | TLY_DIRTY);
    }
}

static void dead_objects_link_through_their_counts(void **state) {
    (void)state;
    local_make();
    struct base *a = tally_new(base), *b = tally_new(base);
    a->head.shared_ |= TLY_PUB;
    tly_dead_link(&a->head, &b->head);
    assert_ptr_equal(tly_dead_next(&a->head), b);
    assert_ptr_equal(tally_type_of(a), &tally_type_base);
    assert_int_equal(a->head.shared_ & 0x7F, TLY_PUB | TLY_DYING);
    tly_dead_link(&b->head, NULL);
    assert_null(tly_dead_next(&b->head));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(an_object_is_of_its_type_and_of_all_its_bases),
        object_test(a_base_is_not_of_what_derives_from_it),
        object_test(a_pin_keeps_an_object_alive),
        object_test(a_published_object_is_never_known_to_be_unique),
        object_test(only_a_counter_of_it_knows_that_it_is_unique),
        object_test(the_parts_of_a_count_are_told),
        object_test(a_count_leaves_type_and_flags_alone),
        object_test(dead_objects_link_through_their_counts),
    };
    return cmocka_run_group_tests_name("object/object", tests, NULL, NULL);
}
