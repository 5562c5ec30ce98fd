// object/cool.c: HOT objects beside running threads.

#include "unit_hot.h"

#include <tally/borrow.h>
#include <tally/weak.h>

#include "object/column.h"

static void a_cold_object_has_its_count_in_one_place(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin_two());
    tly_hot_meet(mine);
    tly_hot_meet(other);
    for (unsigned n = 0; n < 5; n++)
        tally_incref(leaf);
    act_as_local(other);
    tally_decref(leaf);
    tly_mutator_in(other)->state = TLY_VACANT; // its cell counts too
    act_as_local(mine);
    assert_int_equal(tally_make_cold(leaf), TALLY_OK);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_NONE_);
    assert_int_equal(leaf->head.local_, 0);
    assert_int_equal(tly_count_of(leaf->head.shared_), 5);
    assert_int_equal(tly_hot_objects(), 0);
    assert_int_equal(tally_make_cold(leaf), TALLY_OK);
    for (unsigned n = 0; n < 4; n++)
        tally_decref(leaf);
    assert_int_equal(ended, 0);
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void a_column_is_clean_when_it_is_used_again(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin()), *next = tally_new(leaf);
    tly_hot_meet(mine);
    unsigned id = leaf->head.local_;
    for (unsigned n = 0; n < 3; n++)
        tally_incref(leaf);
    must(tally_make_cold(leaf) == TALLY_OK);
    hot(next);
    assert_int_equal(next->head.local_, id);
    assert_int_equal(total_of(next), 1);
    assert_int_equal(total_of(leaf), 4);
}

static void while_it_cools_it_is_counted_in_the_header(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    tly_hot_meet(mine);
    leaf->head.owner_ = TALLY_OWNER_COOLING_;
    tally_incref(leaf);
    assert_int_equal(shared_of(leaf), 2);
    assert_true(tally_try_incref(leaf) == false); // it was never published
    tally_publish(leaf);
    assert_true(tally_try_incref(leaf));
    tally_decref(leaf);
    tally_decref(leaf);
    assert_int_equal(shared_of(leaf), 1);
    assert_int_equal(tly_hot_cells(&leaf->head), 0);
    // Nobody is told: no collection watches it.
    assert_false(leaf->head.shared_ & TLY_DIRTY);
    assert_int_equal(tally_counts_of(leaf).flags, TALLY_COUNT_MERGED |
                                                      TALLY_COUNT_HOT |
                                                      TALLY_COUNT_PUBLISHED);
    assert_int_equal(tally_counts_of(leaf).shared_count, 1);
}

static void watched_it_is_counted_in_the_header_and_dirty(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    tly_hot_meet(mine);
    leaf->head.owner_ |= TALLY_OWNER_WATCH_;
    tally_incref(leaf);
    assert_int_equal(shared_of(leaf), 2);
    assert_int_equal(tly_hot_cells(&leaf->head), 0);
    assert_true(leaf->head.shared_ & TLY_DIRTY);
}

static void a_collections_watch_outlives_the_cooling(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    leaf->head.owner_ |= TALLY_OWNER_WATCH_;
    assert_int_equal(tally_make_cold(leaf), TALLY_OK);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_WATCH_);
    // Its cells were folded: it has changed for who watches it.
    assert_true(leaf->head.shared_ & TLY_DIRTY);
    leaf->head.owner_ = TALLY_OWNER_NONE_;
    assert_int_equal(total_of(leaf), 1);
}

static void what_is_watched_becomes_hot_later(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_transfer(leaf);
    leaf->head.owner_ |= TALLY_OWNER_WATCH_;
    assert_false(tly_hot_heat(&leaf->head, 5, TALLY_OWNER_HOT_));
    assert_int_equal(owner_of(leaf), TALLY_OWNER_WATCH_);
    assert_int_equal(total_of(leaf), 1);
    leaf->head.owner_ = TALLY_OWNER_NONE_;
}

static void a_weighed_object_has_its_cells_added(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin_two());
    tly_hot_meet(mine);
    tly_hot_meet(other);
    for (unsigned n = 0; n < 5; n++)
        tally_incref(leaf);
    act_as_local(other);
    tally_decref(leaf);
    tally_decref(leaf);
    act_as_local(mine);
    tly_hot_sum();
    assert_int_equal(tly_hot_weigh(leaf->head.local_, leaf->head.shared_), 4);
    tally_incref(leaf); // it is as it was
    assert_int_equal(tly_hot_weigh(leaf->head.local_, leaf->head.shared_), 4);
    tally_decref(leaf);
}

// ---- what a collection makes cold

static void retire(bool answered) {
    tly_hot_retire();
    tly_hot_sum();
    tly_hot_retired(answered);
}

// References that cancel are counting, too.
static void count_once(void *object) {
    tly_hot_meet(mine);
    tally_incref(object);
    tally_decref(object);
}

static void what_nobody_counts_is_retired(void **state) {
    (void)state;
    struct leaf *asked = hot(begin());
    struct node *node = tally_new(node);
    heat_by_itself(node);
    retire(true); // it was just counted
    for (unsigned n = 0; n < 3; n++) {
        count_once(node);
        retire(true);
        retire(true);
        assert_int_equal(owner_of(node), TALLY_OWNER_HOT_);
    }
    retire(false); // not all threads have answered
    assert_int_equal(owner_of(node), TALLY_OWNER_HOT_);
    retire(true);
    assert_int_equal(owner_of(node), TALLY_OWNER_NONE_);
    assert_int_equal(total_of(node), 1);
    assert_int_equal(tly_hot_bury(mine), 0);
    for (unsigned n = 0; n < 5; n++)
        retire(true);
    assert_int_equal(owner_of(asked), TALLY_OWNER_HOT_);
    assert_int_equal(tly_hot_objects(), 1);
}

static void what_is_counted_again_stays_hot(void **state) {
    (void)state;
    begin();
    struct node *node = tally_new(node);
    heat_by_itself(node);
    count_once(node);
    retire(true);
    retire(true);
    tly_hot_retire();
    assert_int_equal(owner_of(node), TALLY_OWNER_COOLING_);
    must(tally_make_hot(node) == TALLY_OK);
    assert_int_equal(owner_of(node), TALLY_OWNER_HOT_);
    tly_hot_sum();
    tly_hot_retired(true);
    assert_int_equal(owner_of(node), TALLY_OWNER_HOT_);
    assert_int_equal(total_of(node), 1);
}

static void who_cools_it_too_may_come_first_or_later(void **state) {
    (void)state;
    begin();
    for (unsigned first = 0; first < 2; first++) {
        struct node *node = tally_new(node);
        heat_by_itself(node);
        count_once(node);
        retire(true);
        retire(true);
        tly_hot_retire();
        struct tly_column *column = &tly_columns[node->head.local_];
        must(column->leaving);
        if (!first)
            column->cooling = 7; // a thread that waits, and ends it
        else
            must(tally_make_cold(node) == TALLY_OK);
        tly_hot_sum();
        tly_hot_retired(true);
        assert_int_equal(owner_of(node),
                         first ? TALLY_OWNER_NONE_ : TALLY_OWNER_COOLING_);
        must(tally_make_cold(node) == TALLY_OK);
        assert_int_equal(owner_of(node), TALLY_OWNER_NONE_);
        assert_int_equal(total_of(node), 1);
        assert_int_equal(tly_hot_bury(mine), 0);
    }
    assert_int_equal(tly_hot_objects(), 0);
}

static void what_nothing_refers_to_is_buried(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin()), *live = hot(tally_new(leaf));
    tly_hot_meet(mine);
    tally_incref(leaf);
    tally_decref(leaf);
    tally_decref(leaf);
    retire(false);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_HOT_);
    retire(true);
    assert_int_equal(ended, 0);
    assert_int_equal(total_of(leaf), 1); // the collection's
    assert_int_equal(tly_hot_bury(mine), 1);
    tly_finish(mine, true);
    assert_int_equal(ended, 1);
    assert_false(is_object(leaf));
    assert_int_equal(owner_of(live), TALLY_OWNER_HOT_);
    assert_int_equal(tly_hot_objects(), 1);
    assert_int_equal(tly_hot_bury(mine), 0);
}

static void what_is_found_again_lives(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    tally_weak *weak = tally_weak_new(leaf, NULL, NULL);
    tally_decref(leaf);
    tly_hot_retire();
    assert_int_equal(owner_of(leaf), TALLY_OWNER_COOLING_);
    assert_ptr_equal(tally_weak_get(weak), leaf);
    tly_hot_sum();
    tly_hot_retired(true);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_HOT_);
    assert_int_equal(total_of(leaf), 1);
    tally_decref(leaf);
    // After it was made ordinary.
    retire(true);
    assert_ptr_equal(tally_weak_get(weak), leaf);
    assert_int_equal(tly_hot_bury(mine), 1);
    tly_finish(mine, true);
    assert_int_equal(ended, 0);
    assert_int_equal(total_of(leaf), 1);
    tally_decref(weak);
    tally_decref(leaf);
    tally_synchronize();
    assert_int_equal(ended, 1);
}

static void what_collections_look_at_is_left_to_them(void **state) {
    (void)state;
    begin();
    struct node *node = tally_new(node);
    must(tally_make_hot(node) == TALLY_OK);
    tally_decref(node);
    retire(true);
    assert_int_equal(owner_of(node), TALLY_OWNER_HOT_);
    assert_int_equal(tly_hot_bury(mine), 0);
}

static void an_immortal_objects_column_is_retired(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    unsigned id = leaf->head.local_;
    tly_hot_meet(mine);
    tally_incref(leaf);
    tally_immortalize(leaf);
    retire(false);
    assert_int_equal(tly_hot_objects(), 1);
    retire(true);
    assert_int_equal(tly_hot_objects(), 0);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_IMMORTAL_);
    // The next one's cells are empty.
    struct leaf *next = hot(tally_new(leaf));
    assert_int_equal(next->head.local_, id);
    assert_int_equal(total_of(next), 1);
}

static const void *garbage;
static bool is_garbage(const tally_object *object) { return object == garbage; }

static void garbage_is_an_ordinary_object_again(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    struct node *node = tally_new(node);
    tally_set(node, next, node);
    must(tally_make_hot(node) == TALLY_OK);
    tly_hot_meet(mine);
    tally_decref(node);
    node->head.owner_ |= TALLY_OWNER_WATCH_;
    garbage = node;
    tly_hot_let_go(is_garbage);
    assert_int_equal(owner_of(node), TALLY_OWNER_WATCH_);
    assert_int_equal(tly_count_of(node->head.shared_), 1);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_HOT_);
    assert_int_equal(tly_hot_objects(), 1);
    node->head.owner_ = TALLY_OWNER_NONE_;
}

static void where_it_must_not_wait_it_stays_hot(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    must(tally_borrow_enter() == TALLY_OK);
    assert_int_equal(tally_make_cold(leaf), TALLY_DEADLOCK);
    tally_borrow_leave();
    must(tally_stop_world() == TALLY_OK);
    assert_int_equal(tally_make_cold(leaf), TALLY_DEADLOCK);
    tally_start_world();
    assert_int_equal(owner_of(leaf), TALLY_OWNER_HOT_);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(a_cold_object_has_its_count_in_one_place),
        object_test(a_column_is_clean_when_it_is_used_again),
        object_test(while_it_cools_it_is_counted_in_the_header),
        object_test(watched_it_is_counted_in_the_header_and_dirty),
        object_test(a_collections_watch_outlives_the_cooling),
        object_test(what_is_watched_becomes_hot_later),
        object_test(a_weighed_object_has_its_cells_added),
        object_test(what_nobody_counts_is_retired),
        object_test(what_is_counted_again_stays_hot),
        object_test(who_cools_it_too_may_come_first_or_later),
        object_test(what_nothing_refers_to_is_buried),
        object_test(what_is_found_again_lives),
        object_test(what_collections_look_at_is_left_to_them),
        object_test(an_immortal_objects_column_is_retired),
        object_test(garbage_is_an_ordinary_object_again),
        object_test(where_it_must_not_wait_it_stays_hot),
    };
    return cmocka_run_group_tests_name("object/cool", tests, NULL, NULL);
}
