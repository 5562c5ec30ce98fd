// What collections look at, as the program says.

#include "api.h"

struct node {
    tally_object head;
    tally_ref next, other;
};
TALLY_TYPE(node, TALLY_REF(next), TALLY_REF(other));

struct leaf {
    tally_object head;
    long key;
};
TALLY_TYPE(leaf);

static struct node *revived;
static void revive(void *object) {
    tally_incref(object);
    revived = object;
}

struct phoenix {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(phoenix, TALLY_REF(next), TALLY_FINALIZE(revive));

static struct node *node_new(void) {
    struct node *node = tally_new(node);
    must(node);
    return node;
}

static void a_cycle_through_what_is_not_tracked_stays(void **state) {
    (void)state;
    struct node *a = node_new(), *b = node_new(), *tail = node_new();
    tally_set(a, next, b);
    tally_set(b, next, a);
    tally_set_steal(b, other, tail);
    tally_untrack(a);
    assert_false(tally_is_tracked(a));
    tally_incref(a);
    tally_decref(b);
    tally_decref(a);
    assert_int_equal(tally_collect(), 0);
    // Whole, and so is all that it leads to.
    assert_ptr_equal(tally_get(a, next), b);
    assert_ptr_equal(tally_get(b, other), tail);
    assert_int_equal(tally_track(a), TALLY_OK);
    tally_decref(a);
    assert_int_equal(tally_collect(), 3);
}

static void other_garbage_goes_meanwhile(void **state) {
    (void)state;
    struct node *held = node_new(), *node = node_new();
    tally_untrack(held);
    tally_set(node, next, node);
    tally_set(node, other, held);
    tally_decref(node);
    assert_int_equal(tally_collect(), 1);
    assert_true(tally_is_unique(held));
    tally_decref(held);
}

static void types_without_references_are_refused(void **state) {
    (void)state;
    struct leaf *leaf = tally_new(leaf);
    assert_int_equal(tally_track(leaf), TALLY_INVALID);
    assert_false(tally_is_tracked(leaf));
    assert_false(tally_is_finalized(leaf));
    tally_decref(leaf);
}

static void what_was_brought_back_is_finalized(void **state) {
    (void)state;
    struct phoenix *phoenix = tally_new(phoenix);
    assert_false(tally_is_finalized(phoenix));
    tally_decref(phoenix);
    assert_ptr_equal(revived, phoenix);
    assert_true(tally_is_finalized(phoenix));
    tally_decref(phoenix);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(a_cycle_through_what_is_not_tracked_stays),
        quiet_test(other_garbage_goes_meanwhile),
        lively_test(types_without_references_are_refused),
        lively_test(what_was_brought_back_is_finalized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
