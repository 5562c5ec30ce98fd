// base/status.c

#include "unit_cmocka.h"

#include <tally/status.h>

static const tally_status statuses[] = {
    TALLY_OK,    TALLY_NO_MEMORY, TALLY_INVALID,
    TALLY_LIMIT, TALLY_DEADLOCK,  TALLY_NOT_OWNER,
    TALLY_BUSY,  TALLY_TIMED_OUT, TALLY_CORRUPT,
};
#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

static void each_status_has_a_sentence_of_its_own(void **state) {
    (void)state;
    const char *unknown = tally_strerror(-12345);
    for (size_t n = 0; n < STATUSES; n++) {
        const char *sentence = tally_strerror(statuses[n]);
        assert_string_not_equal(sentence, unknown);
        for (size_t other = 0; other < n; other++)
            assert_string_not_equal(sentence, tally_strerror(statuses[other]));
    }
}

static void what_is_no_status_is_named_as_unknown(void **state) {
    (void)state;
    assert_string_equal(tally_strerror(1), "unknown status");
    assert_string_equal(tally_strerror(-100000), "unknown status");
}

static void statuses_are_negative_numbers_of_errors(void **state) {
    (void)state;
    assert_int_equal(TALLY_OK, 0);
    assert_int_equal(TALLY_NO_MEMORY, -ENOMEM);
    for (size_t n = 1; n < STATUSES; n++)
        assert_true(statuses[n] < 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_has_a_sentence_of_its_own),
        cmocka_unit_test(what_is_no_status_is_named_as_unknown),
        cmocka_unit_test(statuses_are_negative_numbers_of_errors),
    };
    return cmocka_run_group_tests_name("base/status", tests, NULL, NULL);
}
