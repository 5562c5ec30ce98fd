// base/check.h: reports and aborts, each in a process of its own.

#include "unit_cmocka.h"

#include "base/check.h"

static void require_false(void *arg) { tly_require(arg && "never"); }

static void a_broken_requirement_names_itself_and_its_place(void **state) {
    (void)state;
    assert_aborts(require_false, NULL, "test_check.c");
    assert_aborts(require_false, NULL, "broken: arg && \"never\"");
}

static void require_true(void *arg) {
    tly_require(!arg);
    tly_check(!arg);
    tly_audit(!arg);
}

static void a_requirement_that_holds_says_nothing(void **state) {
    (void)state;
    struct child child = child_run(require_true, NULL);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "");
}

static void misuse(void *arg) {
    (void)arg;
    tly_misuse("object %d of %s", 7, "some type");
}

static void misuse_aborts_with_one_line_in_the_programs_terms(void **state) {
    (void)state;
    struct child child = child_run(misuse, NULL);
    assert_true(child_aborted(&child));
    assert_string_equal(child.text, "tally: misuse: object 7 of some type\n");
}

static void report_two(void *arg) {
    (void)arg;
    tly_report("%s and %u", "one", 2u);
    tly_report("three");
}

static void a_report_is_one_whole_line_and_goes_on(void **state) {
    (void)state;
    struct child child = child_run(report_two, NULL);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "tally: one and 2\ntally: three\n");
}

static void report_long(void *arg) {
    (void)arg;
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    tly_report("%s", text);
}

static void a_report_that_is_too_long_is_cut_and_ends_its_line(void **state) {
    (void)state;
    struct child child = child_run(report_long, NULL);
    size_t length = strlen(child.text);
    assert_true(child_passed(&child));
    assert_in_range(length, 256, 512);
    assert_int_equal(child.text[length - 1], '\n');
    assert_int_equal(child.text[length - 2], 'x');
}

static int evaluated(int *count) { return ++*count; }

static void checks_are_compiled_by_their_level(void **state) {
    (void)state;
    int count = 0;
    tly_require(evaluated(&count));
    assert_int_equal(count, 1);
    tly_check(evaluated(&count));
    assert_int_equal(count, TLY_CHECK >= 1 ? 2 : 1);
    tly_audit(evaluated(&count));
    assert_int_equal(count, 1 + (TLY_CHECK >= 1) + (TLY_CHECK >= 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_requirement_names_itself_and_its_place),
        cmocka_unit_test(a_requirement_that_holds_says_nothing),
        cmocka_unit_test(misuse_aborts_with_one_line_in_the_programs_terms),
        cmocka_unit_test(a_report_is_one_whole_line_and_goes_on),
        cmocka_unit_test(a_report_that_is_too_long_is_cut_and_ends_its_line),
        cmocka_unit_test(checks_are_compiled_by_their_level),
    };
    return cmocka_run_group_tests_name("base/check", tests, NULL, NULL);
}
