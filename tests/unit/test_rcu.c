// epoch/rcu.h: which threads are liburcu's readers.

#define _LGPL_SOURCE
#include "unit_epoch.h"

#include <tally/borrow.h>

#include <urcu/urcu-memb.h>

#include "epoch/rcu.h"

static bool is_reader(void) { return URCU_TLS(urcu_memb_reader).registered; }

static void an_attached_thread_is_a_reader(void **state) {
    (void)state;
    assert_false(is_reader());
    tally_attach(NULL);
    assert_true(is_reader());
    assert_true(tly_self()->rcu_ours);
    tally_detach();
    assert_false(is_reader());
}

static void a_reader_of_the_programs_own_stays_one(void **state) {
    (void)state;
    urcu_memb_register_thread();
    tally_attach(NULL);
    assert_false(tly_self()->rcu_ours);
    tally_detach();
    assert_true(is_reader());
    urcu_memb_unregister_thread();
}

static bool flushed_as_reader;
static void flush_looks(struct tly_mutator *self, bool waits) {
    (void)self, (void)waits;
    flushed_as_reader = is_reader();
}

static void *end_unregistered(void *arg) {
    urcu_memb_register_thread();
    must(tally_attach(NULL) == TALLY_OK);
    urcu_memb_unregister_thread();
    return arg;
}

static void a_thread_that_ends_attached_is_a_reader_until_it_is_not(
    void **state) {
    (void)state;
    unit_hooks.flush = flush_looks;
    thread_run(end_unregistered, NULL);
    assert_true(flushed_as_reader);
    unit_hooks.flush = NULL;
}

static void a_mutator_taken_over_is_registered_for_its_new_thread(
    void **state) {
    (void)state;
    tally_attach(NULL);
    struct tly_mutator *m = tly_self();
    tally_detach();
    assert_false(m->rcu_ours);
    tally_attach(NULL);
    assert_ptr_equal(tly_self(), m);
    assert_true(m->rcu_ours);
    assert_ptr_equal(m->rcu_reader, &URCU_TLS(urcu_memb_reader));
}

static void sections_are_the_programs_readers_sections_too(void **state) {
    (void)state;
    tally_attach(NULL);
    assert_false(urcu_memb_read_ongoing());
    tally_borrow_enter();
    assert_true(urcu_memb_read_ongoing());
    tally_borrow_leave();
    assert_false(urcu_memb_read_ongoing());
}

static void a_blocked_thread_stays_a_reader(void **state) {
    (void)state;
    tally_attach(NULL);
    TALLY_BLOCKING { assert_true(is_reader()); }
    assert_true(is_reader());
}

static void wait_for_readers(void *arg) {
    (void)arg;
    // In a child of fork only the caller is a reader, whatever others did.
    tly_rcu_forked();
    tly_rcu_hold(false);
    tally_synchronize();
}

static stage at;

static void *read_until_told(void *arg) {
    must(tally_borrow_enter() == TALLY_OK);
    stage_set(&at, 1);
    stage_spin(&at, 2);
    tally_borrow_leave();
    return arg;
}

static void a_section_open_at_a_fork_is_not_waited_for_in_the_child(
    void **state) {
    (void)state;
    if (UNDER_TSAN) // does not follow a fork of several threads
        skip();
    at = 0;
    tally_attach(NULL);
    pthread_t thread = thread_start(read_until_told, NULL);
    stage_spin(&at, 1);
    tly_rcu_hold(true);
    struct child child = child_run(wait_for_readers, NULL);
    tly_rcu_hold(false);
    assert_true(child_passed(&child));
    stage_set(&at, 2);
    thread_join(thread);
}

static void *wait_for_a_grace_period(void *arg) {
    tly_grace_await(*(uint64_t *)arg);
    return NULL;
}

static void those_who_wait_for_one_grace_period_share_it(void **state) {
    (void)state;
    at = 0;
    pthread_t reader = thread_start(read_until_told, NULL), waiter[4];
    stage_spin(&at, 1);
    uint64_t before = tly_grace_count(), first = tly_grace_next();
    pthread_t one = thread_start(wait_for_a_grace_period, &first);
    // It has begun when the next has another number.
    while (tly_grace_next() == first)
        sched_yield();
    uint64_t number = tly_grace_next();
    assert_int_equal(number, first + 1);
    for (unsigned n = 0; n < 4; n++)
        waiter[n] = thread_start(wait_for_a_grace_period, &number);
    sleep_ms(20);
    assert_false(tly_grace_passed(first));
    stage_set(&at, 2);
    thread_join(reader);
    thread_join(one);
    for (unsigned n = 0; n < 4; n++)
        thread_join(waiter[n]);
    assert_true(tly_grace_passed(number));
    assert_false(tly_grace_passed(number + 1));
    assert_int_equal(tly_grace_count(), before + 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        epoch_test(an_attached_thread_is_a_reader),
        epoch_test(a_reader_of_the_programs_own_stays_one),
        epoch_test(a_thread_that_ends_attached_is_a_reader_until_it_is_not),
        epoch_test(a_mutator_taken_over_is_registered_for_its_new_thread),
        epoch_test(sections_are_the_programs_readers_sections_too),
        epoch_test(a_blocked_thread_stays_a_reader),
        epoch_test(those_who_wait_for_one_grace_period_share_it),
        epoch_test(a_section_open_at_a_fork_is_not_waited_for_in_the_child),
    };
    return cmocka_run_group_tests_name("epoch/rcu", tests, NULL, NULL);
}
