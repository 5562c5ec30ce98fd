// sync/spin.h

#include "unit_cmocka.h"

#include <pthread.h>

#include "base/compiler.h"
#include "sync/spin.h"

#define THREADS 4

static struct tly_spin lock = TLY_SPIN_INIT(TLY_RANK_ARENA);
static uint64_t counted; // under the lock

static void *count(void *arg) {
    for (unsigned n = 0; n < rounds(20000, 2000); n++) {
        tly_spin_lock(&lock);
        counted++;
        tly_spin_unlock(&lock);
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
    tly_spin_lock(&lock);
    assert_int_equal(tly_rank_none(), TLY_CHECK == 0);
    tly_spin_unlock(&lock);
    assert_true(tly_rank_none());
}

// As in a forked child whose parent's other thread held it.
static void a_lock_whose_holder_is_gone_can_be_reset(void **state) {
    (void)state;
    struct tly_spin left = TLY_SPIN_INIT(TLY_RANK_TYPES);
    tly_spin_lock(&left);
    tly_rank_leave(TLY_RANK_TYPES);
    tly_spin_reset(&left);
    tly_spin_lock(&left);
    tly_spin_unlock(&left);
    assert_int_equal(left.rank, TLY_RANK_TYPES);
}

static void lock_against_order(void *arg) {
    (void)arg;
    struct tly_spin low = TLY_SPIN_INIT(TLY_RANK_TYPES);
    tly_spin_lock(&lock);
    tly_spin_lock(&low);
}

static void locking_against_the_order_of_ranks_aborts(void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(lock_against_order, NULL, "lock rank");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_under_the_lock_is_one_threads_at_a_time),
        cmocka_unit_test(a_thread_that_holds_the_lock_is_known_to_hold_one),
        cmocka_unit_test(a_lock_whose_holder_is_gone_can_be_reset),
        cmocka_unit_test(locking_against_the_order_of_ranks_aborts),
    };
    return cmocka_run_group_tests_name("sync/spin", tests, NULL, NULL);
}
