// The tests of a lock, for sync/mutex.h and sync/spin.h. Who includes it has
// defined the type unit_lock, UNIT_LOCK_INIT, UNIT_LOCK_NAME, and the
// operations unit_lock_take, unit_lock_give and unit_lock_hold; and in
// UNIT_LOCK_MORE tests of its own.

#ifndef SUPPORT_UNIT_LOCK_H
#define SUPPORT_UNIT_LOCK_H

#include "unit_cmocka.h"

#include <pthread.h>

#include "base/compiler.h"

#define THREADS 4

static unit_lock lock = UNIT_LOCK_INIT(TLY_RANK_ARENA);
static uint64_t counted; // under the lock

static void *count(void *arg) {
    for (unsigned n = 0; n < rounds(20000, 2000); n++) {
        unit_lock_take(&lock);
        counted++;
        unit_lock_give(&lock);
    }
    return arg;
}

static void what_is_under_the_lock_is_one_threads_at_a_time(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (unsigned n = 0; n < THREADS; n++)
        must(pthread_create(&threads[n], NULL, count, NULL) == 0);
    for (unsigned n = 0; n < THREADS; n++)
        pthread_join(threads[n], NULL);
    assert_int_equal(counted, THREADS * rounds(20000, 2000));
}

static void a_thread_that_holds_the_lock_is_known_to_hold_one(void **state) {
    (void)state;
    assert_true(tly_rank_none());
    unit_lock_take(&lock);
    assert_int_equal(tly_rank_none(), TLY_CHECK == 0);
    unit_lock_give(&lock);
    assert_true(tly_rank_none());
}

// Fork holds several of one rank, in any order with those of others.
static void a_lock_that_is_held_for_fork_has_no_rank(void **state) {
    (void)state;
    unit_lock low = UNIT_LOCK_INIT(TLY_RANK_TYPES);
    unit_lock high = UNIT_LOCK_INIT(TLY_RANK_RCU);
    unit_lock_hold(&high, true);
    assert_true(tly_rank_none());
    unit_lock_hold(&low, true);
    unit_lock_hold(&low, false);
    unit_lock_hold(&high, false);
    // The rank that was left out is there again.
    unit_lock_take(&high);
    assert_int_equal(tly_rank_none(), TLY_CHECK == 0);
    unit_lock_give(&high);
}

static void lock_against_order(void *arg) {
    (void)arg;
    unit_lock low = UNIT_LOCK_INIT(TLY_RANK_TYPES);
    unit_lock_take(&lock);
    unit_lock_take(&low);
}

static void locking_against_the_order_of_ranks_aborts(void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(lock_against_order, NULL, "lock rank");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        UNIT_LOCK_MORE cmocka_unit_test(
            what_is_under_the_lock_is_one_threads_at_a_time),
        cmocka_unit_test(a_thread_that_holds_the_lock_is_known_to_hold_one),
        cmocka_unit_test(a_lock_that_is_held_for_fork_has_no_rank),
        cmocka_unit_test(locking_against_the_order_of_ranks_aborts),
    };
    return cmocka_run_group_tests_name(UNIT_LOCK_NAME, tests, NULL, NULL);
}

#endif
