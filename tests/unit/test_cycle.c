// object/cycle.c: colours, and blocks that are held for a collection.

#include "unit_object.h"

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

#define HELD(cycle) ((cycle)*2u + 1)
#define OVER(cycle) ((cycle)*2u)

static struct node *keeps; // its pool stays

// Acts as a mutator whose first object has been made.
static struct tly_local *begin(void) {
    struct tly_local *self = local_make();
    keeps = tally_new(node);
    return self;
}

// A collection says something new, and whoever acts passes a safepoint.
static void turn(uint32_t cycle) {
    tly_cycle = cycle;
    poll_now();
}

static unsigned colour_of(const void *p) {
    return (((const tally_object *)p)->gc_ & TLY_GC_COLOUR) >>
           TLY_GC_COLOUR_SHIFT;
}

static void a_mutator_takes_a_colour_at_its_safepoint(void **state) {
    (void)state;
    begin();
    assert_int_equal(colour_of(keeps), 0);
    tly_cycle = OVER(1);
    struct node *before = tally_new(node);
    poll_now();
    struct node *after = tally_new(node);
    assert_int_equal(colour_of(before), 0);
    assert_int_equal(colour_of(after), 1);
    turn(OVER(2));
    tally_decref(before);
    before = tally_new(node);
    assert_int_equal(colour_of(before), 2);
    assert_int_equal(colour_of(after), 1);
    turn(OVER(3));
    tally_decref(before);
    before = tally_new(node);
    assert_int_equal(colour_of(before), 0);
    tally_decref(before);
    tally_decref(after);
    tally_decref(keeps);
}

static void what_dies_of_another_colour_is_held_until_the_end(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct node *node = tally_new(node);
    turn(HELD(1));
    tally_decref(node);
    assert_ptr_equal(self->kept, node);
    assert_false(block_is_free(node));
    assert_false(is_object(node));
    for (unsigned n = 0; n < 1000; n++)
        assert_ptr_not_equal(tally_new(node), node);
    poll_now();
    assert_false(block_is_free(node));
    turn(OVER(1));
    assert_null(self->kept);
    assert_true(block_is_free(node));
}

static void what_is_old_is_held_whatever_its_colour(void **state) {
    (void)state;
    struct tly_local *self = begin();
    turn(HELD(3));
    struct node *old = tally_new(node);
    assert_int_equal(colour_of(old), colour_of(keeps));
    old->head.gc_ |= TLY_GC_OLD;
    tally_decref(old);
    assert_ptr_equal(self->kept, old);
    turn(OVER(3));
    assert_true(block_is_free(old));
}

static void what_is_made_and_dies_meanwhile_is_used_again_at_once(
    void **state) {
    (void)state;
    struct tly_local *self = begin();
    turn(HELD(1));
    struct node *node = tally_new(node);
    tally_decref(node);
    assert_null(self->kept);
    assert_ptr_equal(tally_new(node), node);
}

static void what_dies_with_nobody_collecting_is_not_held(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct node *node = tally_new(node);
    turn(OVER(1));
    tally_decref(node);
    assert_null(self->kept);
    assert_true(block_is_free(node));
}

static void what_dies_watched_is_the_collectors(void **state) {
    (void)state;
    struct tly_local *self = begin();
    for (unsigned hold = 0; hold < 2; hold++) {
        struct node *node = tally_new(node);
        turn(hold ? HELD(1) : OVER(1));
        node->head.owner_ |= TALLY_OWNER_WATCH_;
        tally_decref(node);
        assert_true(node->head.owner_ & TALLY_OWNER_DEAD_);
        assert_null(self->kept);
        assert_false(block_is_free(node));
    }
}

static void held_blocks_go_back_in_slices(void **state) {
    (void)state;
    enum { COUNT = 150 };
    static struct node *nodes[COUNT];
    struct tly_local *self = begin();
    for (unsigned n = 0; n < COUNT; n++)
        nodes[n] = tally_new(node);
    turn(HELD(1));
    for (unsigned n = 0; n < COUNT; n++)
        tally_decref(nodes[n]);
    tly_cycle = OVER(1);
    for (unsigned n = 0; n < 3; n++) {
        assert_non_null(self->kept);
        poll_now();
    }
    assert_null(self->kept);
    for (unsigned n = 0; n < COUNT; n++)
        assert_true(block_is_free(nodes[n]));
}

// What two mutators held that went away meanwhile.
static void what_is_left_is_given_back_by_others(void **state) {
    (void)state;
    struct tly_local *local[2];
    struct node *node[2][3];
    for (unsigned m = 0; m < 2; m++) {
        local[m] = begin();
        for (unsigned n = 0; n < 3; n++)
            node[m][n] = tally_new(node);
        turn(HELD(1));
        for (unsigned n = 0; n < 3; n++)
            tally_decref(node[m][n]);
        tly_held_leave(local[m]);
        assert_null(local[m]->kept);
    }
    for (unsigned m = 0; m < 2; m++)
        for (unsigned n = 0; n < 3; n++)
            assert_false(block_is_free(node[m][n]));
    turn(OVER(1));
    tly_held_give_left(local[1]);
    flush_now();
    for (unsigned m = 0; m < 2; m++)
        for (unsigned n = 0; n < 3; n++)
            assert_true(block_is_free(node[m][n]));
    tly_held_give_left(local[1]);
}

static void who_leaves_when_nothing_is_held_gives_back(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct node *node = tally_new(node);
    turn(HELD(1));
    tally_decref(node);
    tly_cycle = OVER(1);
    tly_cycle_enter(self);
    tly_held_leave(self);
    assert_null(self->kept);
    assert_true(block_is_free(node));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(a_mutator_takes_a_colour_at_its_safepoint),
        object_test(what_dies_of_another_colour_is_held_until_the_end),
        object_test(what_is_old_is_held_whatever_its_colour),
        object_test(what_is_made_and_dies_meanwhile_is_used_again_at_once),
        object_test(what_dies_with_nobody_collecting_is_not_held),
        object_test(what_dies_watched_is_the_collectors),
        object_test(held_blocks_go_back_in_slices),
        object_test(what_is_left_is_given_back_by_others),
        object_test(who_leaves_when_nothing_is_held_gives_back),
    };
    return cmocka_run_group_tests_name("object/cycle", tests, NULL, NULL);
}
