// object/fold.c: HOT objects in a stopped world.

#include "unit_hot.h"

#include "object/column.h"

static const void *garbage;
static bool is_garbage(const tally_object *object) { return object == garbage; }

static void a_fold_gives_each_object_its_count(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin()), *dead = hot(tally_new(leaf));
    tly_hot_meet(mine);
    tally_incref(leaf);
    tally_decref(dead);
    must(tally_stop_world() == TALLY_OK);
    tly_hot_fold(false);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_NONE_);
    assert_int_equal(leaf->head.local_, 0);
    assert_int_equal(tly_count_of(leaf->head.shared_), 2);
    assert_int_equal(tly_count_of(dead->head.shared_), 1); // the fold's
    tly_hot_unfold(NULL, false);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_HOT_);
    assert_int_equal(owner_of(dead), TALLY_OWNER_HOT_);
    assert_int_equal(total_of(leaf), 2);
    assert_int_equal(total_of(dead), 0);
    tally_start_world();
    assert_int_equal(tly_hot_bury(mine), 0);
    assert_int_equal(ended, 0);
}

static void collect_by_hand(const void *found) {
    garbage = found;
    must(tally_stop_world() == TALLY_OK);
    tly_hot_fold(false);
    tly_hot_unfold(is_garbage, true);
    tally_start_world();
}

static void what_nothing_refers_to_is_buried(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin()), *live = hot(tally_new(leaf));
    tly_hot_meet(mine);
    tally_decref(leaf);
    collect_by_hand(NULL);
    assert_int_equal(ended, 0);
    assert_int_equal(tly_hot_bury(mine), 1);
    tly_finish(mine, true);
    assert_int_equal(ended, 1);
    assert_false(is_object(leaf));
    assert_int_equal(owner_of(live), TALLY_OWNER_HOT_);
    assert_int_equal(tly_hot_objects(), 1);
}

static void garbage_is_an_ordinary_object_again(void **state) {
    (void)state;
    begin();
    struct node *node = tally_new(node);
    tally_set(node, next, node);
    must(tally_make_hot(node) == TALLY_OK);
    tally_decref(node);
    collect_by_hand(node);
    assert_int_equal(tly_hot_bury(mine), 0);
    assert_int_equal(owner_of(node), TALLY_OWNER_NONE_);
    assert_int_equal(tly_count_of(node->head.shared_), 1);
    assert_int_equal(tly_hot_objects(), 0);
}

// It is garbage that waits for finalizers, perhaps.
static void what_nothing_refers_to_stays_hot_however_idle(void **state) {
    (void)state;
    begin();
    struct node *node = tally_new(node);
    must(tally_make_hot(node) == TALLY_OK);
    tly_columns[node->head.local_].asked = false;
    tally_decref(node);
    for (unsigned n = 0; n < 4; n++) {
        collect_by_hand(NULL);
        assert_int_equal(tly_hot_bury(mine), 0);
        assert_int_equal(owner_of(node), TALLY_OWNER_HOT_);
        assert_int_equal(total_of(node), 0);
    }
    tally_incref(node); // as a weak reference would
    tly_hot_meet(mine);
    for (unsigned n = 0; n < 4; n++)
        collect_by_hand(NULL);
    assert_int_equal(owner_of(node), TALLY_OWNER_NONE_);
    assert_int_equal(tly_count_of(node->head.shared_), 1);
}

static void what_refers_to_others_is_left_to_the_collector(void **state) {
    (void)state;
    begin();
    struct node *node = tally_new(node);
    must(tally_make_hot(node) == TALLY_OK);
    tally_decref(node);
    must(tally_stop_world() == TALLY_OK);
    tly_hot_fold(false);
    assert_int_equal(tly_count_of(node->head.shared_), 0);
    tly_hot_unfold(NULL, false);
    tly_hot_fold(true);
    assert_int_equal(tly_count_of(node->head.shared_), 1);
    tly_hot_unfold(NULL, false);
    tally_start_world();
    assert_int_equal(total_of(node), 0);
}

static void what_cools_goes_on_cooling(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    tly_columns[leaf->head.local_].cooling = 7;
    leaf->head.owner_ = TALLY_OWNER_COOLING_;
    must(tally_stop_world() == TALLY_OK);
    tly_hot_fold(false);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_NONE_);
    tly_hot_unfold(NULL, false);
    tally_start_world();
    assert_int_equal(owner_of(leaf), TALLY_OWNER_COOLING_);
    assert_int_equal(total_of(leaf), 1);
    assert_int_equal(tally_make_cold(leaf), TALLY_OK);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_NONE_);
    assert_int_equal(total_of(leaf), 1);
}

static void what_nobody_counts_loses_its_column(void **state) {
    (void)state;
    struct leaf *asked = hot(begin());
    struct node *leaf = tally_new(node);
    heat_by_itself(leaf);
    tly_hot_meet(mine);
    for (unsigned n = 0; n < 3; n++) {
        // References that cancel are counting, too.
        tally_incref(leaf);
        tally_decref(leaf);
        collect_by_hand(NULL);
        collect_by_hand(NULL);
        assert_int_equal(owner_of(leaf), TALLY_OWNER_HOT_);
    }
    collect_by_hand(NULL);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_NONE_);
    assert_int_equal(total_of(leaf), 1);
    assert_int_equal(owner_of(asked), TALLY_OWNER_HOT_);
}

static void an_immortal_objects_column_goes_with_a_fold(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    tly_hot_meet(mine);
    tally_incref(leaf);
    tally_immortalize(leaf);
    assert_int_equal(tally_counts_of(leaf).flags,
                     TALLY_COUNT_MERGED | TALLY_COUNT_IMMORTAL);
    assert_int_equal(tally_make_hot(leaf), TALLY_OK);
    assert_int_equal(tly_hot_objects(), 1);
    collect_by_hand(NULL);
    assert_int_equal(tly_hot_objects(), 0);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_IMMORTAL_);
    assert_int_equal(leaf->head.local_, 0);
}

static void in_a_forked_child_nothing_cools(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin()), *second = hot(tally_new(leaf));
    // As if a thread that is gone waited in tally_make_cold.
    tly_columns[leaf->head.local_].cooling = 7;
    leaf->head.owner_ = TALLY_OWNER_COOLING_;
    tly_hot_forked();
    assert_int_equal(owner_of(leaf), TALLY_OWNER_HOT_);
    assert_int_equal(owner_of(second), TALLY_OWNER_HOT_);
    assert_int_equal(tally_make_cold(leaf), TALLY_OK);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_NONE_);
    tally_decref(second);
}

static void what_is_dead_is_seen_before_it_is_found(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin()), *live = hot(tally_new(leaf));
    assert_false(tly_hot_has_dead());
    tly_hot_meet(mine);
    tally_incref(leaf);
    tally_decref(leaf);
    assert_false(tly_hot_has_dead());
    tally_decref(leaf);
    assert_true(tly_hot_has_dead());
    collect_by_hand(NULL);
    assert_false(tly_hot_has_dead());
    assert_int_equal(tly_hot_bury(mine), 1);
    tally_decref(live);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(what_is_dead_is_seen_before_it_is_found),
        object_test(a_fold_gives_each_object_its_count),
        object_test(what_nothing_refers_to_is_buried),
        object_test(garbage_is_an_ordinary_object_again),
        object_test(what_nothing_refers_to_stays_hot_however_idle),
        object_test(what_refers_to_others_is_left_to_the_collector),
        object_test(what_cools_goes_on_cooling),
        object_test(what_nobody_counts_loses_its_column),
        object_test(an_immortal_objects_column_goes_with_a_fold),
        object_test(in_a_forked_child_nothing_cools),
    };
    return cmocka_run_group_tests_name("object/fold", tests, NULL, NULL);
}
