// object/hot.h: objects that each thread counts in a cell of its own.

#include "unit_hot.h"

#include <tally/borrow.h>

#include "platform/fault.h"

static void counting_a_hot_object_leaves_its_header_alone(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin_two());
    tally_object before = leaf->head;
    tally_incref(leaf); // this thread's first: it has no row yet
    assert_int_equal(shared_of(leaf), 2);
    assert_true(before.shared_ + TLY_ONE == leaf->head.shared_);
    before = leaf->head;
    for (unsigned n = 0; n < 100; n++)
        tally_incref(leaf);
    for (unsigned n = 0; n < 99; n++)
        tally_decref(leaf);
    act_as_local(other);
    tly_hot_meet(other);
    tally_decref(leaf);
    tally_decref(leaf);
    assert_memory_equal(&before, &leaf->head, sizeof(before));
    assert_int_equal(total_of(leaf), 1);
    assert_int_equal(tly_hot_cells(&leaf->head), -1);
    assert_int_equal(tally_counts_of(leaf).flags,
                     TALLY_COUNT_MERGED | TALLY_COUNT_HOT);
    assert_int_equal(ended, 0);
}

static void a_hot_object_does_not_end_with_its_last_reference(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    tly_hot_meet(mine);
    tally_incref(leaf);
    assert_false(tally_is_unique(leaf));
    tally_decref(leaf);
    assert_false(tally_is_unique(leaf));
    tally_decref(leaf);
    assert_int_equal(ended, 0);
    assert_int_equal(total_of(leaf), 0);
    assert_true(is_object(leaf));
}

static void an_object_is_merged_before_it_is_hot(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    assert_int_equal(leaf->head.local_, 2);
    hot(leaf);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_HOT_);
    assert_in_range(leaf->head.local_, 1, TLY_HOT_MAX - 1);
    assert_int_equal(shared_of(leaf), 2);
    assert_int_equal(tly_hot_objects(), 1);
    // Again: it is already.
    hot(leaf);
    assert_int_equal(shared_of(leaf), 2);
    assert_int_equal(tly_hot_objects(), 1);
    assert_int_equal(tally_transfer(leaf), TALLY_OK);
}

static void another_threads_object_is_asked_for(void **state) {
    (void)state;
    begin_two();
    act_as_local(other);
    struct leaf *leaf = tally_new(leaf);
    tly_mutator_in(other)->state = TLY_DETACHED;
    act_as_local(mine);
    hot(leaf);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_HOT_);
    assert_int_equal(total_of(leaf), 1);
    // Where it must not wait it says so, and nothing has changed.
    act_as_local(other);
    tly_mutator_in(other)->state = TLY_ATTACHED;
    struct leaf *second = tally_new(leaf);
    act_as_local(mine);
    must(tally_borrow_enter() == TALLY_OK);
    assert_int_equal(tally_make_hot(second), TALLY_DEADLOCK);
    tally_borrow_leave();
    assert_int_equal(owner_of(second), tly_mutator_in(other)->number);
    assert_int_equal(tally_counts_of(second).flags, 0);
}

// Whatever the reason: here the object says that it is on its way, and is in
// nobody's inbox.
static void an_object_that_is_never_handed_over_is_not_waited_for_for_ever(
    void **state) {
    (void)state;
    begin_two();
    act_as_local(other);
    struct leaf *leaf = tally_new(leaf);
    leaf->head.shared_ |= TLY_QUEUED;
    tly_mutator_in(other)->state = TLY_VACANT;
    act_as_local(mine);
    tly_wait_configure(20);
    assert_int_equal(tally_make_hot(leaf), TALLY_TIMED_OUT);
    tly_wait_configure(10000);
    assert_int_equal(owner_of(leaf), tly_mutator_in(other)->number);
    assert_int_equal(tly_hot_objects(), 0);
}

// Of a mutator that was parked: it is in the inbox, and the breaker does not
// say so.
static void what_waits_in_the_inbox_of_one_that_is_parked_is_handed_over(
    void **state) {
    (void)state;
    begin_two();
    act_as_local(other);
    struct leaf *leaf = tally_new(leaf);
    act_as_local(mine);
    tly_handover_ask(&leaf->head);
    assert_int_equal(tally_counts_of(leaf).flags, TALLY_COUNT_QUEUED);
    tly_mutator_in(other)->breaker.bits_ = 0;
    tly_mutator_in(other)->state = TLY_DETACHED;
    tly_wait_configure(20);
    hot(leaf);
    tly_wait_configure(10000);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_HOT_);
    assert_int_equal(total_of(leaf), 1);
}

static void a_thread_without_a_row_counts_in_the_header(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    // As if there had been no memory, and as a thread that is not attached.
    act_as(NULL);
    tally_incref(leaf);
    assert_int_equal(shared_of(leaf), 2);
    act_as_local(mine);
    assert_null(mine->hot_row);
    tally_incref(leaf);
    assert_int_equal(shared_of(leaf), 3);
    assert_non_null(mine->hot_row);
    tally_decref(leaf);
    assert_int_equal(shared_of(leaf), 3);
    assert_int_equal(total_of(leaf), 2);
}

static void an_upgrade_of_a_hot_object_counts_in_the_cell(void **state) {
    (void)state;
    struct leaf *leaf = hot(begin());
    tly_hot_meet(mine);
    assert_true(tally_try_incref(leaf));
    assert_int_equal(tly_hot_cells(&leaf->head), 1);
    assert_int_equal(shared_of(leaf), 1);
}

static void columns_run_out_and_come_back(void **state) {
    (void)state;
    struct leaf *first = begin();
    for (unsigned n = 0; n < TALLY_HOT_OBJECTS_MAX; n++)
        hot(n ? tally_new(leaf) : first);
    struct leaf *late = tally_new(leaf);
    assert_int_equal(tally_make_hot(late), TALLY_LIMIT);
    assert_int_equal(tly_hot_objects(), TALLY_HOT_OBJECTS_MAX);
    tally_incref(late);
    assert_int_equal(total_of(late), 2);
    must(tally_make_cold(first) == TALLY_OK);
    assert_int_equal(tally_make_hot(late), TALLY_OK);
}

static void without_memory_for_rows_nothing_is_hot(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    const uint32_t kinds[] = {TLY_FAULT_RESERVE, TLY_FAULT_COMMIT};
    for (unsigned n = 0; n < 2; n++) {
        tly_fault_arm(kinds[n], 1, true);
        assert_int_equal(tally_make_hot(leaf), TALLY_NO_MEMORY);
        assert_int_equal(tly_fault_disarm(NULL), 1);
    }
    assert_int_equal(tly_hot_objects(), 0);
    assert_int_equal(tly_hot_bytes(), 0);
    assert_int_equal(total_of(leaf), 1);
    hot(leaf);
    assert_true(tly_hot_bytes() > 0);
    // A mutator that gets none does without.
    for (unsigned n = 0; n < 20; n++)
        other = local_make();
    tly_fault_arm(TLY_FAULT_COMMIT, 1, true);
    tly_hot_adopt(other);
    assert_int_equal(tly_fault_disarm(NULL), 1);
    tally_incref(leaf);
    assert_null(other->hot_row);
    act_as_local(mine);
}

static void one_thread_alone_contends_with_nobody(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_transfer(leaf);

    tly_hot_configure(true);
    for (unsigned n = 0; n < 10 * TLY_HOT_EVERY; n++)
        tally_incref(leaf);
    assert_int_equal(mine->hot_score, 0);
    assert_int_equal(owner_of(leaf), TALLY_OWNER_NONE_);
    for (unsigned n = 0; n < 10 * TLY_HOT_EVERY; n++)
        tally_decref(leaf);
    assert_int_equal(total_of(leaf), 1);
}

// Counts an object together with another thread, [until] it is HOT or some
// time.
static void contend(void *object, bool option, bool until) {
    enough = false;
    tly_hot_configure(option);
    pthread_t thread = thread_start(count_often, object);
    for (unsigned n = 0; until ? tly_hot_objects() == 0 : n < 100000; n++) {
        tally_incref(object);
        tally_decref(object);
    }
    assert_int_equal(owner_of(object) == TALLY_OWNER_HOT_, until);
    enough = true;
    thread_join(thread);
}

static void two_threads_contend_until_it_is_hot(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    struct node *node = tally_new(node);
    tally_transfer(leaf);
    tally_transfer(node);
    contend(node, false, false);
    contend(leaf, true, false); // its end is seen: it has a hook
    contend(node, true, true);
    assert_int_equal(total_of(leaf), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(counting_a_hot_object_leaves_its_header_alone),
        object_test(a_hot_object_does_not_end_with_its_last_reference),
        object_test(an_object_is_merged_before_it_is_hot),
        object_test(another_threads_object_is_asked_for),
        object_test(
            an_object_that_is_never_handed_over_is_not_waited_for_for_ever),
        object_test(
            what_waits_in_the_inbox_of_one_that_is_parked_is_handed_over),
        object_test(a_thread_without_a_row_counts_in_the_header),
        object_test(an_upgrade_of_a_hot_object_counts_in_the_cell),
        object_test(columns_run_out_and_come_back),
        object_test(without_memory_for_rows_nothing_is_hot),
        object_test(one_thread_alone_contends_with_nobody),
        object_test(two_threads_contend_until_it_is_hot),
    };
    return cmocka_run_group_tests_name("object/hot", tests, NULL, NULL);
}
