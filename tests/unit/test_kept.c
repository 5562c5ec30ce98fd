// observe/kept.c: what was made to live on is told.

#include "unit_collector.h"

#include "child.h"
#include "observe/kept.h"
#include "platform/fault.h"

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf);

struct branch {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(branch, TALLY_REF(left), TALLY_REF(right));

struct big {
    tally_object head;
    char bytes[50000];
};
TALLY_TYPE(big);

static void report_all(void *arg) {
    (void)arg;
    local_make();
    for (unsigned n = 0; n < 5; n++)
        tally_immortalize(tally_new(leaf));
    tally_immortalize(tally_new(big));
    struct branch *branch = tally_new(branch);
    tally_pin(branch);
    tally_pin(branch);
    tly_kept_report();
}

static void each_type_and_the_pins_have_a_line(void **state) {
    (void)state;
    struct child child = child_run(report_all, NULL);
    assert_true(child_passed(&child));
    assert_non_null(
        strstr(child.text,
               "tally: 5 immortal objects of type leaf (160 bytes) live on\n"));
    assert_non_null(
        strstr(child.text, "1 immortal objects of type big (50016"));
    assert_non_null(strstr(child.text, "tally: 2 pins are not undone\n"));
    // What is alive otherwise has none.
    assert_null(strstr(child.text, "branch"));
}

static void report_nothing(void *arg) {
    (void)arg;
    local_make();
    struct leaf *leaf = tally_new(leaf);
    tally_pin(leaf);
    tally_unpin(leaf);
    tly_kept_report();
}

static void where_nothing_is_kept_nothing_is_said(void **state) {
    (void)state;
    struct child child = child_run(report_nothing, NULL);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "");
}

static void report_without_memory(void *arg) {
    (void)arg;
    local_make();
    tally_immortalize(tally_new(leaf));
    tly_fault_arm(TLY_FAULT_RESERVE, 1, true);
    tly_kept_report();
}

static void without_memory_there_is_the_number_at_least(void **state) {
    (void)state;
    struct child child = child_run(report_without_memory, NULL);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "tally: 1 immortal objects live on\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(each_type_and_the_pins_have_a_line),
        collector_test(where_nothing_is_kept_nothing_is_said),
        collector_test(without_memory_there_is_the_number_at_least),
    };
    return cmocka_run_group_tests_name("observe/kept", tests, NULL, NULL);
}
