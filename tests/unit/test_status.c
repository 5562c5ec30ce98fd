// base/status.c

#include "unit_cmocka.h"

#include <string.h>

#include "base/status.h"

static const tally_status statuses[] = {
    TALLY_OK,          TALLY_NO_MEMORY, TALLY_INVALID,    TALLY_LIMIT,
    TALLY_DEADLOCK,    TALLY_NOT_OWNER, TALLY_BUSY,       TALLY_TIMED_OUT,
    TALLY_CORRUPT,     TALLY_RANGE,     TALLY_OVERFLOW,   TALLY_ENCODING,
    TALLY_FORMAT,      TALLY_READ_ONLY, TALLY_RELEASED,   TALLY_EXPORTED,
    TALLY_UNSUPPORTED, TALLY_NOT_FOUND, TALLY_WRONG_TYPE, TALLY_NOT_CONTIGUOUS,
    TALLY_HOOK_FAILED, TALLY_GONE,
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

static void what_errno_says_has_a_sentence(void **state) {
    (void)state;
    assert_string_equal(tally_strerror(-EBADF), strerror(EBADF));
    assert_string_equal(tally_strerror(-tly_errno_of(TALLY_WRONG_TYPE)),
                        tally_strerror(TALLY_WRONG_TYPE));
    assert_string_equal(tally_strerror(-tly_errno_of(TALLY_NOT_FOUND)),
                        tally_strerror(TALLY_NOT_FOUND));
}

static void statuses_are_negative_numbers_of_errors(void **state) {
    (void)state;
    assert_int_equal(TALLY_OK, 0);
    assert_int_equal(TALLY_NO_MEMORY, -ENOMEM);
    for (size_t n = 1; n < STATUSES; n++)
        assert_true(statuses[n] < 0);
}

static void errno_is_that_of_failures_and_of_answers(void **state) {
    (void)state;
    assert_int_equal(tly_errno_of(TALLY_NO_MEMORY), ENOMEM);
    assert_int_equal(tly_errno_of(-4095), 4095);
    assert_int_equal(tly_errno_of(TALLY_NOT_FOUND), ENOENT);
    assert_int_equal(tly_errno_of(TALLY_WRONG_TYPE), EPROTOTYPE);
    assert_int_equal(tly_errno_of(1), -1);
    assert_int_equal(tly_errno_of(TALLY_OWN), 65536);
    (void)tly_errno_of(INT32_MIN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_has_a_sentence_of_its_own),
        cmocka_unit_test(what_is_no_status_is_named_as_unknown),
        cmocka_unit_test(what_errno_says_has_a_sentence),
        cmocka_unit_test(statuses_are_negative_numbers_of_errors),
        cmocka_unit_test(errno_is_that_of_failures_and_of_answers),
    };
    return cmocka_run_group_tests_name("base/status", tests, NULL, NULL);
}
