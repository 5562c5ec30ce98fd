// collector/sums.c: stores that go past the library are found.

#include "unit_collector.h"

#include "collector/sums.h"
#include "collector/validate.h"
#include "platform/fault.h"

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

struct table {
    tally_object head;
    uint64_t length;
    tally_ref item[];
};
TALLY_TYPE(table, TALLY_REF_ITEMS(item, length));

static struct tly_trial trial;
static struct tly_ended ended;
static struct node *a, *b;
static struct table *table;

// A ring of two nodes and a table, which is garbage, weighed by a round.
static void begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    ended.first = NULL;
    a = tally_new(node);
    b = tally_new(node);
    table = tally_new_items(table, 3);
    tally_ref_set(table, &table->item[2], a);
    tally_set(a, left, b);
    tally_set_steal(b, left, table);
    tally_decref(a);
    tally_decref(b);
    trial = trial_begin(false);
    tly_watch();
    tly_validate(&trial, &ended);
    must(trial.members == 3);
}

static void end(void) {
    tly_unwatch_all(&ended);
    tly_ended_give(&ended, tly_local_of(tly_self()));
    trial_end();
    tly_sums_end();
}

static void what_nobody_has_changed_passes(void **state) {
    (void)state;
    begin();
    assert_false(tly_validate_touched());
    end();
    assert_int_equal(tally_collect(), 3);
}

static void what_is_changed_by_the_library_passes(void **state) {
    (void)state;
    begin();
    tally_swap(a, left, a, right);
    tally_ref_swap(table, &table->item[0], table, &table->item[2]);
    assert_true(tly_validate_touched());
    end();
    assert_int_equal(tally_collect(), 3);
}

static void bypass_leading(void *arg) {
    begin();
    a->right.object_ = a->left.object_;
    a->left.object_ = arg;
    tly_validate_touched();
}

static void bypass_items(void *arg) {
    begin();
    table->item[1].object_ = table->item[2].object_;
    table->item[2].object_ = arg;
    tly_validate_touched();
}

static void a_store_that_bypasses_the_library_aborts(void **state) {
    (void)state;
    if (!TLY_SUMS)
        skip();
    assert_aborts(bypass_leading, NULL, "(node) has changed while");
    assert_aborts(bypass_items, NULL, "(table) has changed while");
}

static void without_memory_nothing_is_checked(void **state) {
    (void)state;
    tly_sums_end();
    tly_fault_arm(TLY_FAULT_RESERVE | TLY_FAULT_COMMIT, 1, true);
    tly_sums_begin(5);
    tly_fault_disarm(NULL);
    tly_sums_note(NULL);
    tly_sums_compare();
    tly_sums_begin(5);
    tly_sums_compare();
    tly_sums_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(what_nobody_has_changed_passes),
        collector_test(what_is_changed_by_the_library_passes),
        collector_test(a_store_that_bypasses_the_library_aborts),
        collector_test(without_memory_nothing_is_checked),
    };
    return cmocka_run_group_tests_name("collector/sums", tests, NULL, NULL);
}
