// collector/enable.c: who holds automatic collections off.

#include "unit_collector.h"

#include "collector/control.h"

static struct {
    char who[40][TALLY_HOLDER_NAME];
    uint32_t times[40];
    unsigned count, unnamed;
} held;

static void note(const char *who, uint32_t times, void *arg) {
    must(arg == &held);
    if (!who) {
        held.unnamed = times;
        return;
    }
    strcpy(held.who[held.count], who);
    held.times[held.count++] = times;
}

static uint32_t times_of(const char *who) {
    memset(&held, 0, sizeof(held));
    tally_collect_holders_each(note, &held);
    for (unsigned n = 0; n < held.count; n++)
        if (strcmp(held.who[n], who) == 0)
            return held.times[n];
    return 0;
}

static void names_hold_and_let_go_each_by_its_own_count(void **state) {
    (void)state;
    assert_false(tly_collect_is_held());
    assert_int_equal(tally_collect_disable_by("loader"), TALLY_OK);
    assert_int_equal(tally_collect_disable_by("loader"), TALLY_OK);
    assert_int_equal(tally_collect_disable_by("parser"), TALLY_OK);
    assert_int_equal(times_of("loader"), 2);
    assert_int_equal(times_of("parser"), 1);
    assert_int_equal(held.count, 2);
    assert_int_equal(tally_collect_enable_by("loader"), TALLY_OK);
    assert_int_equal(tally_collect_enable_by("parser"), TALLY_OK);
    assert_int_equal(times_of("parser"), 0);
    assert_int_equal(times_of("loader"), 1);
    assert_true(tly_collect_is_held());
    assert_int_equal(tally_collect_enable_by("loader"), TALLY_OK);
    assert_false(tly_collect_is_held());
}

static void those_without_a_name_are_counted_apart(void **state) {
    (void)state;
    tally_collect_disable();
    tally_collect_disable();
    assert_int_equal(tally_collect_disable_by("named"), TALLY_OK);
    assert_int_equal(times_of("named"), 1);
    assert_int_equal(held.unnamed, 2);
    tally_collect_enable();
    tally_collect_enable();
    assert_true(tly_collect_is_held());
    assert_int_equal(tally_collect_enable_by("named"), TALLY_OK);
    assert_int_equal(times_of("named"), 0);
    assert_int_equal(held.unnamed, 0);
}

static void what_is_no_name_is_refused(void **state) {
    (void)state;
    char longest[TALLY_HOLDER_NAME + 1];
    memset(longest, 'x', sizeof(longest));
    longest[TALLY_HOLDER_NAME] = 0;
    assert_int_equal(tally_collect_disable_by(NULL), TALLY_INVALID);
    assert_int_equal(tally_collect_disable_by(""), TALLY_INVALID);
    assert_int_equal(tally_collect_disable_by(longest), TALLY_INVALID);
    assert_int_equal(tally_collect_enable_by(longest), TALLY_INVALID);
    assert_false(tly_collect_is_held());
    longest[TALLY_HOLDER_NAME - 1] = 0;
    assert_int_equal(tally_collect_disable_by(longest), TALLY_OK);
    assert_int_equal(times_of(longest), 1);
    assert_int_equal(tally_collect_enable_by(longest), TALLY_OK);
}

static void thirty_two_names_hold_and_no_more(void **state) {
    (void)state;
    char who[8];
    for (unsigned n = 0; n < 32; n++) {
        snprintf(who, sizeof(who), "n%u", n);
        assert_int_equal(tally_collect_disable_by(who), TALLY_OK);
    }
    assert_int_equal(tally_collect_disable_by("one more"), TALLY_LIMIT);
    assert_int_equal(tally_collect_disable_by("n7"), TALLY_OK);
    assert_int_equal(tally_collect_enable_by("n7"), TALLY_OK);
    assert_int_equal(tally_collect_enable_by("n7"), TALLY_OK);
    assert_int_equal(tally_collect_disable_by("one more"), TALLY_OK);
    assert_int_equal(tally_collect_enable_by("one more"), TALLY_OK);
    for (unsigned n = 0; n < 32; n++) {
        snprintf(who, sizeof(who), "n%u", n);
        if (n != 7)
            assert_int_equal(tally_collect_enable_by(who), TALLY_OK);
    }
    assert_false(tly_collect_is_held());
}

static void enable_once(void *arg) {
    (void)arg;
    tally_collect_enable();
}

static void enable_other(void *arg) {
    (void)arg;
    must(tally_collect_disable_by("one") == TALLY_OK);
    (void)tally_collect_enable_by("another");
}

static void letting_go_of_what_is_not_held_aborts_in_debug_builds(
    void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(enable_once, NULL, "nobody has disabled");
    assert_aborts(enable_other, NULL, "\"another\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(names_hold_and_let_go_each_by_its_own_count),
        collector_test(those_without_a_name_are_counted_apart),
        collector_test(what_is_no_name_is_refused),
        collector_test(thirty_two_names_hold_and_no_more),
        collector_test(letting_go_of_what_is_not_held_aborts_in_debug_builds),
    };
    return cmocka_run_group_tests_name("collector/enable", tests, NULL, NULL);
}
