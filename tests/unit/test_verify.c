// observe/verify.c: a sound heap passes, a corrupt one is told.

#include "unit_collector.h"

#include <tally/borrow.h>

#include "epoch/world.h"
#include "platform/fault.h"

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

static struct tly_local *other;
static struct node *parent, *child;

// A parent with a child, and some in all states of a count.
static void begin(void) {
    other = local_make();
    struct node *theirs = tally_new(node);
    tally_publish(theirs);
    tly_mutator_in(other)->state = TLY_DETACHED;
    local_make();
    parent = tally_new(node);
    child = tally_new(node);
    tally_set(parent, left, child);
    tally_set(parent, right, theirs);
    tally_transfer(tally_new(node));
    tally_immortalize(tally_new(node));
    tally_decref(tally_new(node));
}

static void a_sound_heap_passes(void **state) {
    (void)state;
    begin();
    assert_int_equal(tally_verify(1), TALLY_OK);
    assert_int_equal(tally_verify(2), TALLY_OK);
    tally_collect();
    assert_int_equal(tally_verify(2), TALLY_OK);
    assert_false(tly_self()->stopped_world);
}

static void a_hot_object_is_counted_with_its_cells(void **state) {
    (void)state;
    begin();
    tly_mutator_in(other)->state = TLY_VACANT;
    must(tally_make_hot(child) == TALLY_OK);
    struct node *alone = tally_new(node);
    must(tally_make_hot(alone) == TALLY_OK);
    for (unsigned n = 0; n < 5; n++)
        tally_incref(child);
    for (unsigned n = 0; n < 6; n++)
        tally_decref(child);
    tally_decref(alone); // dead, and not found yet
    assert_int_equal(tally_verify(1), TALLY_OK);
    assert_int_equal(tally_verify(2), TALLY_OK);
    assert_int_equal(tally_counts_of(child).flags,
                     TALLY_COUNT_MERGED | TALLY_COUNT_HOT);
    assert_int_equal(total_of(child), 1);
    assert_int_equal(total_of(alone), 0);
    // The parent's reference is there, and nobody counts it.
    tally_decref(child);
    assert_int_equal(tally_verify(2), TALLY_CORRUPT);
    tally_incref(child);
    assert_int_equal(tally_verify(2), TALLY_OK);
}

static void other_levels_are_refused(void **state) {
    (void)state;
    begin();
    assert_int_equal(tally_verify(0), TALLY_INVALID);
    assert_int_equal(tally_verify(3), TALLY_INVALID);
}

static void it_works_in_a_world_that_the_caller_has_stopped(void **state) {
    (void)state;
    begin();
    assert_int_equal(tally_stop_world(), TALLY_OK);
    assert_int_equal(tally_verify(2), TALLY_OK);
    assert_true(tly_self()->stopped_world);
    tally_start_world();
}

static void inside_a_borrow_section_it_is_refused(void **state) {
    (void)state;
    begin();
    tally_borrow_enter();
    assert_int_equal(tally_verify(1), TALLY_DEADLOCK);
    tally_borrow_leave();
}

static void without_memory_it_says_so_and_the_world_goes_on(void **state) {
    (void)state;
    begin();
    tly_fault_arm(TLY_FAULT_RESERVE | TLY_FAULT_COMMIT, 1, true);
    assert_int_equal(tally_verify(2), TALLY_NO_MEMORY);
    tly_fault_disarm(NULL);
    assert_false(tly_self()->stopped_world);
    assert_int_equal(tally_verify(2), TALLY_OK);
}

// Runs verify with something planted, in a process of its own.
struct plant {
    void (*corrupt)(void);
    int level;
};

static void plant_and_verify(void *arg) {
    struct plant *plant = arg;
    begin();
    plant->corrupt();
    must(tally_verify(plant->level) == TALLY_CORRUPT);
    must(!tly_self()->stopped_world);
}

static void assert_found(void (*corrupt)(void), int level, const char *words) {
    struct plant plant = {corrupt, level};
    struct child run = child_run(plant_and_verify, &plant);
    if (!child_passed(&run) || !strstr(run.text, words))
        fail_msg("\"%s\" not in: %s", words, run.text);
}

static void count_too_low(void) {
    tally_incref(child);
    tally_set(child, left, child);
    child->head.local_ = 1;
}
static void a_count_below_the_references_is_found(void **state) {
    (void)state;
    assert_found(count_too_low, 2, "more often than it is counted");
}

static void count_none(void) { child->head.local_ = 0; }
static void an_object_without_a_count_is_found(void **state) {
    (void)state;
    assert_found(count_none, 1, "alive without a reference");
}

static void type_none(void) { child->head.shared_ &= ~(uint64_t)TLY_TYPE_MASK; }
static void an_object_without_a_type_is_found(void **state) {
    (void)state;
    assert_found(type_none, 1, "has no type");
}

static void type_unknown(void) {
    child->head.shared_ |= (uint64_t)TLY_TYPE_MASK;
}
static void an_object_of_an_unknown_type_is_found(void **state) {
    (void)state;
    assert_found(type_unknown, 1, "has no type");
}

static void owner_wrong(void) {
    child->head.owner_ = tly_mutator_in(other)->number;
}
static void an_object_of_another_owner_than_its_pool_is_found(void **state) {
    (void)state;
    assert_found(owner_wrong, 1, "owned by another mutator than its pool");
}

static void merged_and_owned(void) { child->head.shared_ |= TLY_MERGED; }
static void an_object_both_merged_and_owned_is_found(void **state) {
    (void)state;
    assert_found(merged_and_owned, 1, "merged and owned, or neither");
}

static void reference_wild(void) {
    parent->left.object_ = (tally_object *)(void *)&parent->left;
}
static void a_reference_to_no_object_is_found(void **state) {
    (void)state;
    assert_found(reference_wild, 2, "is no live object");
}

static void reference_foreign(void) {
    static tally_object foreign;
    parent->left.object_ = &foreign;
}
static void a_reference_out_of_the_heap_is_found(void **state) {
    (void)state;
    assert_found(reference_foreign, 2, "is no live object");
}

static void pool_wrong(void) { tly_pool_of(child)->used++; }
static void a_pool_with_wrong_bitmaps_is_found(void **state) {
    (void)state;
    assert_found(pool_wrong, 1, "which its bitmaps deny");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(a_sound_heap_passes),
        collector_test(a_hot_object_is_counted_with_its_cells),
        collector_test(other_levels_are_refused),
        collector_test(it_works_in_a_world_that_the_caller_has_stopped),
        collector_test(inside_a_borrow_section_it_is_refused),
        collector_test(without_memory_it_says_so_and_the_world_goes_on),
        collector_test(a_count_below_the_references_is_found),
        collector_test(an_object_without_a_count_is_found),
        collector_test(an_object_without_a_type_is_found),
        collector_test(an_object_of_an_unknown_type_is_found),
        collector_test(an_object_of_another_owner_than_its_pool_is_found),
        collector_test(an_object_both_merged_and_owned_is_found),
        collector_test(a_reference_to_no_object_is_found),
        collector_test(a_reference_out_of_the_heap_is_found),
        collector_test(a_pool_with_wrong_bitmaps_is_found),
    };
    return cmocka_run_group_tests_name("observe/verify", tests, NULL, NULL);
}
