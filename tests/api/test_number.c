// Integers of 64 bits and doubles as values.

#include <locale.h>
#include <math.h>

#include "api.h"
#include "values.h"

static const int64_t integers[] = {0,
                                   1,
                                   -1,
                                   INT32_MAX,
                                   INT32_MIN,
                                   TALLY_SMALL_MAX,
                                   TALLY_SMALL_MIN,
                                   TALLY_SMALL_MAX + 1,
                                   TALLY_SMALL_MIN - 1,
                                   INT64_MAX,
                                   INT64_MIN};
#define INTEGERS (sizeof(integers) / sizeof(integers[0]))

static void integers_come_back(void **state) {
    (void)state;
    for (size_t n = 0; n < INTEGERS; n++) {
        tally_value value = tally_integer(integers[n]);
        int64_t back;
        double real;
        assert_true(tally_is_integer(value));
        assert_false(tally_is_double(value));
        assert_int_equal(tally_as_integer(value, &back), TALLY_OK);
        assert_int_equal(back, integers[n]);
        assert_int_equal(tally_as_double(value, &real), TALLY_OK);
        assert_true(real == (double)integers[n]);
        tally_value_decref(value);
    }
}

static void what_fits_is_small(void **state) {
    (void)state;
    for (size_t n = 0; n < INTEGERS; n++) {
        tally_value value = tally_integer(integers[n]);
        bool fits =
            integers[n] >= TALLY_SMALL_MIN && integers[n] <= TALLY_SMALL_MAX;
        assert_int_equal(tally_is_small(value), fits);
        assert_int_equal(tally_is_object(value), !fits);
        if (!fits)
            assert_ptr_equal(tally_type_of(tally_object_of(value)),
                             &tally_type_integer);
        tally_value_decref(value);
    }
}

static void doubles_come_back(void **state) {
    (void)state;
    const double all[] = {0.0, -0.0, 1.5, 1e308, 5e-324, INFINITY, NAN};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        tally_value value = tally_double(all[n]);
        double back;
        int64_t integer = 7;
        assert_true(tally_is_double(value));
        assert_false(tally_is_integer(value));
        assert_int_equal(tally_as_double(value, &back), TALLY_OK);
        assert_memory_equal(&back, &all[n], sizeof(back));
        assert_int_equal(tally_as_integer(value, &integer), TALLY_WRONG_TYPE);
        assert_int_equal(integer, 7);
        tally_value_decref(value);
    }
}

static void truth_is_no_number(void **state) {
    (void)state;
    for (int n = 0; n < 2; n++) {
        bool truth = !n;
        int64_t integer = 7;
        double real = 7;
        assert_int_equal(tally_as_bool(tally_bool(n), &truth), TALLY_OK);
        assert_int_equal(truth, n);
        assert_int_equal(tally_as_integer(tally_bool(n), &integer),
                         TALLY_WRONG_TYPE);
        assert_int_equal(tally_as_double(tally_bool(n), &real),
                         TALLY_WRONG_TYPE);
        assert_true(integer == 7 && real == 7);
    }
}

static void what_is_no_number_is_told(void **state) {
    (void)state;
    tally_text *text = tally_text_of("1");
    const tally_value all[] = {tally_absent(), tally_nil(), tally_of(text)};
    for (size_t n = 0; n < 3; n++) {
        bool truth = true;
        int64_t integer = 7;
        double real = 7;
        assert_false(tally_is_integer(all[n]) || tally_is_double(all[n]));
        assert_int_equal(tally_as_integer(all[n], &integer), TALLY_WRONG_TYPE);
        assert_int_equal(tally_as_double(all[n], &real), TALLY_WRONG_TYPE);
        assert_int_equal(tally_as_bool(all[n], &truth), TALLY_WRONG_TYPE);
        assert_true(integer == 7 && real == 7 && truth);
    }
    bool truth;
    assert_int_equal(tally_as_bool(tally_small(1), &truth), TALLY_WRONG_TYPE);
    tally_decref(text);
}

static void what_is_not_a_number_does_not_equal_itself(void **state) {
    (void)state;
    tally_value nan = tally_double(NAN), half = tally_double(0.5),
                again = tally_double(0.5);
    assert_false(equal(nan, nan));
    assert_true(equal(half, half) && equal(half, again));
    assert_true(equal(tally_small(1), tally_small(1)));
    tally_value_decref(nan);
    tally_value_decref(half);
    tally_value_decref(again);
}

static void numbers_are_equal_exactly(void **state) {
    (void)state;
    const int64_t beyond = (INT64_C(1) << 53) + 1;
    tally_value one = tally_double(1), near = tally_double((double)beyond),
                most = tally_double(0x1p63), big = tally_integer(INT64_MAX),
                least = tally_integer(INT64_MIN), low = tally_double(-0x1p63);
    assert_true(equal(one, tally_small(1)));
    assert_false(equal(one, tally_bool(true)));
    assert_false(equal(near, tally_small(beyond)));
    assert_true(equal(near, tally_small(beyond - 1)));
    assert_false(equal(most, big));
    assert_true(equal(least, low));
    assert_true(hash_of(least) == hash_of(low));
    assert_true(hash_of(one) == hash_of(tally_small(1)));
    tally_value all[] = {one, near, most, big, least, low};
    for (size_t n = 0; n < 6; n++)
        tally_value_decref(all[n]);
}

// Each is before all that follow.
static void numbers_are_in_order(void **state) {
    (void)state;
    tally_value all[] = {tally_double(-INFINITY),
                         tally_double(-0x1.8p63),
                         tally_integer(INT64_MIN),
                         tally_integer(INT64_MIN + 1),
                         tally_small(-2),
                         tally_double(-1.5),
                         tally_small(-1),
                         tally_double(-0.5),
                         tally_double(-0.0),
                         tally_double(5e-324),
                         tally_small(1),
                         tally_double(1.5),
                         tally_double(0x1p53),
                         tally_small((INT64_C(1) << 53) + 1),
                         tally_integer(INT64_MAX - 512),
                         tally_integer(INT64_MAX),
                         tally_double(0x1p63),
                         tally_double(INFINITY),
                         tally_double(NAN)};
    size_t count = sizeof(all) / sizeof(all[0]);
    for (size_t n = 0; n < count; n++)
        for (size_t m = 0; m < count; m++) {
            int order = 7;
            assert_int_equal(tally_value_compare(all[n], all[m], &order),
                             TALLY_OK);
            assert_int_equal(order, (n > m) - (n < m));
        }
    for (size_t n = 0; n < count; n++)
        tally_value_decref(all[n]);
}

static void doubles_have_the_digits_they_need(void **state) {
    (void)state;
    check_text_drop(tally_double(0.1), "0.1");
    check_text_drop(tally_double(-0.0), "-0.0");
    check_text_drop(tally_double(3), "3.0");
    check_text_drop(tally_double(1e300), "1e+300");
    check_text_drop(tally_double(1.0 / 3), "0.3333333333333333");
    check_text_drop(tally_double(0.1 + 0.2), "0.30000000000000004");
    check_text_drop(tally_double(5e-324), "5e-324");
    check_text_drop(tally_double(INFINITY), "inf");
    check_text_drop(tally_double(-INFINITY), "-inf");
    check_text_drop(tally_double(-NAN), "nan");
}

static void the_locale_changes_no_text(void **state) {
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        skip();
    check_text_drop(tally_double(0.5), "0.5");
    setlocale(LC_NUMERIC, "C");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(integers_come_back),
        lively_test(what_fits_is_small),
        lively_test(doubles_come_back),
        lively_test(truth_is_no_number),
        lively_test(what_is_no_number_is_told),
        lively_test(what_is_not_a_number_does_not_equal_itself),
        lively_test(numbers_are_equal_exactly),
        lively_test(numbers_are_in_order),
        lively_test(doubles_have_the_digits_they_need),
        lively_test(the_locale_changes_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
