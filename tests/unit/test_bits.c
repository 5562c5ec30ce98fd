// base/bits.h

#include "unit_cmocka.h"

#include "base/bits.h"

static void rounding_up_gives_the_next_multiple(void **state) {
    (void)state;
    assert_int_equal(TLY_ROUND_UP(0, 16), 0);
    assert_int_equal(TLY_ROUND_UP(1, 16), 16);
    assert_int_equal(TLY_ROUND_UP(16, 16), 16);
    assert_int_equal(TLY_ROUND_UP(17, 16), 32);
    assert_int_equal(TLY_ROUND_UP(29, 24), 48);
}

static void each_single_bit_is_the_lowest_and_the_highest(void **state) {
    (void)state;
    for (unsigned n = 0; n < 64; n++) {
        assert_int_equal(tly_bit_lowest((uint64_t)1 << n), n);
        assert_int_equal(tly_bit_highest((uint64_t)1 << n), n);
    }
}

static void the_lowest_and_the_highest_of_many_bits_differ(void **state) {
    (void)state;
    assert_int_equal(tly_bit_lowest(0xF0F0), 4);
    assert_int_equal(tly_bit_highest(0xF0F0), 15);
    assert_int_equal(tly_bit_lowest(~(uint64_t)0), 0);
    assert_int_equal(tly_bit_highest(~(uint64_t)0), 63);
}

static void the_count_of_bits_is_that_of_counting_one_by_one(void **state) {
    (void)state;
    uint64_t random = 1;
    for (unsigned n = 0; n < 1000; n++) {
        uint64_t word = unit_random(&random) & unit_random(&random);
        unsigned count = 0;
        for (unsigned bit = 0; bit < 64; bit++)
            count += (unsigned)(word >> bit & 1);
        assert_int_equal(tly_bit_count(word), count);
    }
    assert_int_equal(tly_bit_count(0), 0);
    assert_int_equal(tly_bit_count(~(uint64_t)0), 64);
}

static void a_mask_has_as_many_bits_as_it_is_asked_for(void **state) {
    (void)state;
    assert_true(tly_bit_mask(0) == 0);
    assert_true(tly_bit_mask(1) == 1);
    assert_true(tly_bit_mask(63) == ~(uint64_t)0 >> 1);
    for (unsigned n = 64; n < 1000; n++)
        assert_true(tly_bit_mask(n) == ~(uint64_t)0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounding_up_gives_the_next_multiple),
        cmocka_unit_test(each_single_bit_is_the_lowest_and_the_highest),
        cmocka_unit_test(the_lowest_and_the_highest_of_many_bits_differ),
        cmocka_unit_test(the_count_of_bits_is_that_of_counting_one_by_one),
        cmocka_unit_test(a_mask_has_as_many_bits_as_it_is_asked_for),
    };
    return cmocka_run_group_tests_name("base/bits", tests, NULL, NULL);
}
