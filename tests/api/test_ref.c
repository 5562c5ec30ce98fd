// Counted fields: what each way of storing does to the counts.

#include "api.h"

struct node {
    tally_object head;
    tally_ref left, right;
    tally_ref slot[4];
    long key;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right), TALLY_REF_ARRAY(slot));

// References that the owner counts.
static unsigned count(const struct node *node) {
    return tally_counts_of(node).owner_count;
}

// A container and two objects, which the test holds one reference of each.
struct three {
    struct node *box, *a, *b;
};

static struct three three_make(void) {
    struct three t = {tally_new(node), tally_new(node), tally_new(node)};
    must(t.box && t.a && t.b);
    return t;
}

static void three_drop(struct three t) {
    tally_decref(t.box);
    tally_decref(t.a);
    tally_decref(t.b);
}

static void set_counts_the_new_and_drops_the_old(void **state) {
    (void)state;
    struct three t = three_make();
    tally_set(t.box, left, t.a);
    assert_ptr_equal(tally_get(t.box, left), t.a);
    assert_int_equal(count(t.a), 2);
    tally_set(t.box, left, t.b);
    assert_int_equal(count(t.a), 1);
    assert_int_equal(count(t.b), 2);
    tally_set(t.box, left, NULL);
    assert_null(tally_get(t.box, left));
    assert_int_equal(count(t.b), 1);
    three_drop(t);
}

static void setting_a_field_to_what_it_holds_keeps_it(void **state) {
    (void)state;
    struct three t = three_make();
    tally_set_steal(t.box, left, t.a);
    tally_set(t.box, left, tally_get(t.box, left));
    assert_ptr_equal(tally_get(t.box, left), t.a);
    assert_int_equal(count(t.a), 1);
    tally_incref(t.a);
    three_drop(t);
}

static void set_steal_takes_the_callers_reference(void **state) {
    (void)state;
    struct three t = three_make();
    tally_incref(t.a);
    tally_set_steal(t.box, left, t.a);
    assert_int_equal(count(t.a), 2);
    tally_set_steal(t.box, left, NULL);
    assert_int_equal(count(t.a), 1);
    three_drop(t);
}

static void take_leaves_the_field_empty(void **state) {
    (void)state;
    struct three t = three_make();
    tally_set(t.box, left, t.a);
    assert_ptr_equal(tally_take(t.box, left), t.a);
    assert_null(tally_get(t.box, left));
    assert_int_equal(count(t.a), 2);
    assert_null(tally_take(t.box, left));
    tally_decref(t.a);
    three_drop(t);
}

static void exchange_gives_the_old_reference_to_the_caller(void **state) {
    (void)state;
    struct three t = three_make();
    tally_set(t.box, left, t.a);
    tally_incref(t.b);
    assert_ptr_equal(tally_exchange(t.box, left, t.b), t.a);
    assert_int_equal(count(t.a), 2);
    assert_int_equal(count(t.b), 2);
    tally_decref(t.a);
    three_drop(t);
}

static void dup_counts_what_it_reads(void **state) {
    (void)state;
    struct three t = three_make();
    assert_null(tally_dup(t.box, left));
    tally_set(t.box, left, t.a);
    assert_ptr_equal(tally_dup(t.box, left), t.a);
    assert_int_equal(count(t.a), 3);
    tally_decref(t.a);
    three_drop(t);
}

static void move_changes_no_count_but_of_what_it_replaces(void **state) {
    (void)state;
    struct three t = three_make();
    tally_set(t.box, left, t.a);
    tally_set(t.box, right, t.b);
    tally_move(t.box, right, t.box, left);
    assert_null(tally_get(t.box, left));
    assert_ptr_equal(tally_get(t.box, right), t.a);
    assert_int_equal(count(t.a), 2);
    assert_int_equal(count(t.b), 1);
    three_drop(t);
}

static void moving_a_field_onto_itself_changes_nothing(void **state) {
    (void)state;
    struct three t = three_make();
    tally_set(t.box, left, t.a);
    tally_move(t.box, left, t.box, left);
    assert_ptr_equal(tally_get(t.box, left), t.a);
    assert_int_equal(count(t.a), 2);
    three_drop(t);
}

static void swap_changes_no_count(void **state) {
    (void)state;
    struct three t = three_make();
    tally_set(t.box, left, t.a);
    tally_set(t.a, right, t.b);
    tally_swap(t.box, left, t.a, right);
    assert_ptr_equal(tally_get(t.box, left), t.b);
    assert_ptr_equal(tally_get(t.a, right), t.a);
    assert_int_equal(count(t.a), 2);
    assert_int_equal(count(t.b), 2);
    tally_set(t.a, right, NULL);
    three_drop(t);
}

static void a_field_may_refer_to_its_own_object(void **state) {
    (void)state;
    struct three t = three_make();
    tally_set(t.box, slot[2], t.box);
    assert_int_equal(count(t.box), 2);
    tally_set(t.box, slot[2], NULL);
    assert_int_equal(count(t.box), 1);
    three_drop(t);
}

static void storing_in_a_field_may_destroy_what_it_held(void **state) {
    (void)state;
    uint64_t before = live_objects();
    struct node *box = tally_new(node);
    tally_set_steal(box, left, tally_new(node));
    tally_set_steal(box, slot[3], tally_new(node));
    tally_set(box, left, NULL);
    assert_int_equal(live_objects(), before + 2);
    tally_decref(box);
    assert_int_equal(live_objects(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(set_counts_the_new_and_drops_the_old),
        lively_test(setting_a_field_to_what_it_holds_keeps_it),
        lively_test(set_steal_takes_the_callers_reference),
        lively_test(take_leaves_the_field_empty),
        lively_test(exchange_gives_the_old_reference_to_the_caller),
        lively_test(dup_counts_what_it_reads),
        lively_test(move_changes_no_count_but_of_what_it_replaces),
        lively_test(moving_a_field_onto_itself_changes_nothing),
        lively_test(swap_changes_no_count),
        lively_test(a_field_may_refer_to_its_own_object),
        lively_test(storing_in_a_field_may_destroy_what_it_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
