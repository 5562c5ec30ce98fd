// platform/fault.h

#include "unit_cmocka.h"

#include "platform/fault.h"

static void nothing_fails_unless_a_test_asks(void **state) {
    (void)state;
    for (unsigned n = 0; n < 100; n++)
        assert_false(tly_fault(TLY_FAULT_ALL));
}

static void the_nth_point_fails_and_no_other(void **state) {
    (void)state;
    for (unsigned nth = 1; nth < 8; nth++) {
        tly_fault_arm(TLY_FAULT_COMMIT, nth, false);
        for (unsigned n = 1; n < 10; n++)
            assert_int_equal(tly_fault(TLY_FAULT_COMMIT), n == nth);
        assert_int_equal(tly_fault_disarm(NULL), 1);
    }
}

static void a_persistent_failure_goes_on(void **state) {
    (void)state;
    tly_fault_arm(TLY_FAULT_REFILL, 3, true);
    for (unsigned n = 1; n < 10; n++)
        assert_int_equal(tly_fault(TLY_FAULT_REFILL), n >= 3);
    assert_int_equal(tly_fault_disarm(NULL), 7);
}

static void points_of_other_kinds_neither_fail_nor_count(void **state) {
    (void)state;
    uint64_t seen;
    tly_fault_arm(TLY_FAULT_COMMIT | TLY_FAULT_PURGE, 2, false);
    assert_false(tly_fault(TLY_FAULT_RESERVE));
    assert_false(tly_fault(TLY_FAULT_REFILL));
    assert_false(tly_fault(TLY_FAULT_COMMIT));
    assert_false(tly_fault(TLY_FAULT_MUTATOR));
    assert_true(tly_fault(TLY_FAULT_PURGE));
    assert_int_equal(tly_fault_disarm(&seen), 1);
    assert_int_equal(seen, 2);
}

static void arming_again_counts_anew(void **state) {
    (void)state;
    uint64_t seen;
    tly_fault_arm(TLY_FAULT_ALL, 5, false);
    (void)tly_fault(TLY_FAULT_COMMIT);
    tly_fault_arm(TLY_FAULT_ALL, 1, false);
    assert_true(tly_fault(TLY_FAULT_COMMIT));
    assert_int_equal(tly_fault_disarm(&seen), 1);
    assert_int_equal(seen, 1);
    assert_false(tly_fault(TLY_FAULT_COMMIT));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_fails_unless_a_test_asks),
        cmocka_unit_test(the_nth_point_fails_and_no_other),
        cmocka_unit_test(a_persistent_failure_goes_on),
        cmocka_unit_test(points_of_other_kinds_neither_fail_nor_count),
        cmocka_unit_test(arming_again_counts_anew),
    };
    return cmocka_run_group_tests_name("platform/fault", tests, NULL, NULL);
}
