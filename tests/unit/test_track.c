// object/track.c: what collections look at.

#include "unit_object.h"

struct pair {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(pair, TALLY_REF(left), TALLY_REF(right));

struct links {
    tally_object head;
    uint32_t length;
    tally_ref item[];
};
TALLY_TYPE(links, TALLY_REF_ITEMS(item, length));

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf);

static unsigned closed;
static void close_it(void *object) {
    must(tally_is_finalized(object));
    closed++;
}

struct file {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(file, TALLY_REF(next), TALLY_FINALIZE(close_it));

static void what_may_refer_to_others_is_tracked(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    struct links *list = tally_new_items(links, 3);
    struct leaf *leaf = tally_new(leaf);
    assert_true(tally_is_tracked(pair));
    assert_true(tally_is_tracked(list));
    assert_false(tally_is_tracked(leaf));
    tally_decref(pair);
    tally_decref(list);
    tally_decref(leaf);
}

static void the_flag_comes_and_goes_and_nothing_else_changes(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    pair->head.gc_ |= TLY_GC_OLD;
    uint8_t before = pair->head.gc_;
    tally_untrack(pair);
    tally_untrack(pair);
    assert_int_equal(pair->head.gc_, before & ~TLY_GC_TRACKED);
    assert_int_equal(tally_track(pair), TALLY_OK);
    assert_int_equal(tally_track(pair), TALLY_OK);
    assert_int_equal(pair->head.gc_, before);
    tally_decref(pair);
}

static void what_cannot_refer_to_others_is_not_tracked(void **state) {
    (void)state;
    struct leaf *leaf = tally_new(leaf);
    assert_int_equal(tally_track(leaf), TALLY_INVALID);
    assert_false(tally_is_tracked(leaf));
    tally_untrack(leaf);
    tally_decref(leaf);
}

static void an_object_that_is_not_tracked_ends_by_its_count(void **state) {
    (void)state;
    struct pair *pair = tally_new(pair);
    struct leaf *leaf = tally_new(leaf);
    tally_set_steal(pair, left, leaf);
    tally_untrack(pair);
    tally_decref(pair);
    assert_false(is_object(pair));
    assert_false(is_object(leaf));
}

static void an_object_is_finalized_from_its_finalizer_on(void **state) {
    (void)state;
    struct file *file = tally_new(file);
    assert_false(tally_is_finalized(file));
    tally_pin(file);
    tally_decref(file);
    assert_false(tally_is_finalized(file));
    closed = 0;
    tally_unpin(file);
    assert_int_equal(closed, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(what_may_refer_to_others_is_tracked),
        object_test(the_flag_comes_and_goes_and_nothing_else_changes),
        object_test(what_cannot_refer_to_others_is_not_tracked),
        object_test(an_object_that_is_not_tracked_ends_by_its_count),
        object_test(an_object_is_finalized_from_its_finalizer_on),
    };
    return cmocka_run_group_tests_name("object/track", tests, NULL, NULL);
}
