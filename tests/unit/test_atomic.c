// base/atomic.h, and the public fast paths' atomics under it.

#include "unit_cmocka.h"

#include <pthread.h>

#include "base/atomic.h"

#define ROUNDS 20000u

// Where they are not inlined.
extern inline bool tally_count_up_(uint32_t *count);
extern inline bool tally_count_down_(uint32_t *count);

static void each_operation_returns_what_was_there_before(void **state) {
    (void)state;
    uint32_t word = 5;
    assert_int_equal(tly_add_relaxed(&word, 3), 5);
    assert_int_equal(tly_or_acq_rel(&word, 0x10), 8);
    assert_int_equal(tly_and_acq_rel(&word, 0x10), 0x18);
    assert_int_equal(tly_exchange_seq_cst(&word, 7), 0x10);
    assert_int_equal(tly_load_seq_cst(&word), 7);
}

static void a_failed_exchange_tells_what_it_found(void **state) {
    (void)state;
    uint64_t word = 1, expected = 2;
    assert_false(tly_cas_acq_rel(&word, &expected, 3));
    assert_int_equal(expected, 1);
    assert_int_equal(word, 1);
    assert_true(tly_cas_acq_rel(&word, &expected, 3));
    assert_int_equal(word, 3);
}

static void an_operation_evaluates_its_address_once(void **state) {
    (void)state;
    if (TLY_SCHED) // where a schedule point looks at the address too
        skip();
    uint32_t words[4] = {0}, *at = words;
    tly_add_seq_cst(at++, 1);
    tly_store_release(at++, 2);
    assert_ptr_equal(at, words + 2);
    assert_int_equal(words[0] + words[1], 3);
}

static uint64_t counter, sum;

static void *one_counts(void *arg) {
    for (unsigned n = 0; n < ROUNDS; n++) {
        tly_count(&counter, 3);
        tly_add_relaxed(&sum, 1);
    }
    return arg;
}

static void a_counter_is_never_seen_torn_nor_backwards(void **state) {
    (void)state;
    pthread_t thread;
    // Its low half overflows on the way.
    counter = UINT32_MAX - ROUNDS;
    uint64_t first = counter, last = first;
    assert_int_equal(pthread_create(&thread, NULL, one_counts, NULL), 0);
    while (last < first + 3 * (uint64_t)ROUNDS) {
        uint64_t now = tly_load_relaxed(&counter);
        assert_true(now >= last);
        assert_true((now - first) % 3 == 0);
        last = now;
    }
    pthread_join(thread, NULL);
    assert_true(counter == first + 3 * (uint64_t)ROUNDS);
}

static void additions_of_two_threads_are_all_there(void **state) {
    (void)state;
    pthread_t thread;
    sum = 0;
    assert_int_equal(pthread_create(&thread, NULL, one_counts, NULL), 0);
    for (unsigned n = 0; n < ROUNDS; n++)
        tly_add_relaxed(&sum, 1);
    pthread_join(thread, NULL);
    assert_int_equal(sum, 2 * ROUNDS);
}

static void the_owners_count_says_when_it_wraps_upwards(void **state) {
    (void)state;
    uint32_t count = UINT32_MAX - 1;
    assert_false(tally_count_up_(&count));
    assert_true(tally_count_up_(&count));
    assert_int_equal(count, 0);
    assert_false(tally_count_up_(&count));
}

static void the_owners_count_says_when_it_is_zero(void **state) {
    (void)state;
    uint32_t count = 2;
    assert_false(tally_count_down_(&count));
    assert_true(tally_count_down_(&count));
    assert_int_equal(count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_returns_what_was_there_before),
        cmocka_unit_test(a_failed_exchange_tells_what_it_found),
        cmocka_unit_test(an_operation_evaluates_its_address_once),
        cmocka_unit_test(a_counter_is_never_seen_torn_nor_backwards),
        cmocka_unit_test(additions_of_two_threads_are_all_there),
        cmocka_unit_test(the_owners_count_says_when_it_wraps_upwards),
        cmocka_unit_test(the_owners_count_says_when_it_is_zero),
    };
    return cmocka_run_group_tests_name("base/atomic", tests, NULL, NULL);
}
