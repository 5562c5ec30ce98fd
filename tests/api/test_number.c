// Integers of 64 bits and doubles as values.

#include <math.h>

#include "api.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(integers_come_back),        lively_test(what_fits_is_small),
        lively_test(doubles_come_back),         lively_test(truth_is_no_number),
        lively_test(what_is_no_number_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
