// epoch/borrow.h

#include "unit_epoch.h"

#include <tally/borrow.h>

#include "epoch/borrow.h"
#include "epoch/rcu.h"
#include "epoch/world.h"

static unsigned polls;

static void note_poll(struct tly_mutator *self, uint32_t bits, bool open) {
    (void)bits, (void)open;
    (void)self;
    must(!tly_rcu_ongoing());
    polls++;
}

static void entering_attaches(void **state) {
    (void)state;
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    assert_int_equal(tally_mutator_number(), 2);
    assert_true(tly_rcu_ongoing());
    tally_borrow_leave();
    assert_false(tly_rcu_ongoing());
}

static tally_status start_fails(void) { return TALLY_NO_MEMORY; }

static void who_cannot_attach_cannot_enter(void **state) {
    (void)state;
    unit_hooks.start = start_fails;
    assert_int_equal(tally_borrow_enter(), TALLY_NO_MEMORY);
    assert_int_equal(tally_synchronize(), TALLY_NO_MEMORY);
}

static void no_safepoint_acts_inside_a_section(void **state) {
    (void)state;
    tally_attach(NULL);
    unit_hooks.poll = note_poll;
    polls = 0;
    tally_borrow_enter();
    tally_borrow_enter();
    tly_break(tly_self(), TLY_BREAK_COLLECT);
    tally_safepoint();
    tally_borrow_leave();
    tally_safepoint();
    assert_int_equal(polls, 0);
    tally_borrow_leave();
    assert_int_equal(polls, 1);
}

static void leaving_polls_only_when_something_is_asked(void **state) {
    (void)state;
    tally_attach(NULL);
    unit_hooks.poll = note_poll;
    polls = 0;
    tally_borrow_enter();
    tally_borrow_leave();
    assert_int_equal(polls, 0);
}

static void leave_outside(void *arg) {
    (void)arg;
    tally_attach(NULL);
    tally_borrow_enter();
    tally_borrow_leave();
    tally_borrow_leave();
}

static void leaving_a_section_once_too_often_aborts(void **state) {
    (void)state;
    assert_aborts(leave_outside, NULL, "leaves a borrow section");
}

static void waiting_inside_a_section_would_wait_for_itself(void **state) {
    (void)state;
    uint64_t before = tly_grace_count();
    tally_borrow_enter();
    assert_int_equal(tally_synchronize(), TALLY_DEADLOCK);
    tally_borrow_leave();
    assert_int_equal(tly_grace_count(), before);
}

static void a_grace_period_that_was_waited_for_is_counted(void **state) {
    (void)state;
    uint64_t before = tly_grace_count();
    assert_int_equal(tally_synchronize(), TALLY_OK);
    assert_int_equal(tally_synchronize(), TALLY_OK);
    assert_int_equal(tly_grace_count(), before + 2);
    assert_int_equal(state_of(tly_self()), TLY_ATTACHED);
}

static stage at;
static atomic_bool left;

static void *read_a_while(void *arg) {
    must(tally_borrow_enter() == TALLY_OK);
    stage_set(&at, 1);
    sleep_ms(30);
    left = true;
    tally_borrow_leave();
    tally_detach();
    return arg;
}

static void a_grace_period_outlasts_sections_that_were_open(void **state) {
    (void)state;
    at = 0;
    left = false;
    pthread_t thread = thread_start(read_a_while, NULL);
    stage_spin(&at, 1);
    assert_int_equal(tally_synchronize(), TALLY_OK);
    assert_true(left);
    thread_join(thread);
}

static struct tly_mutator *waiter;

static void *synchronize(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    waiter = tly_self();
    stage_set(&at, 1);
    must(tally_synchronize() == TALLY_OK);
    stage_set(&at, 2);
    tally_detach();
    return arg;
}

static void a_thread_that_waits_for_readers_is_not_waited_for(void **state) {
    (void)state;
    at = 0;
    tally_attach(NULL);
    tally_borrow_enter();
    pthread_t thread = thread_start(synchronize, NULL);
    stage_spin(&at, 1);
    state_wait(waiter, TLY_DETACHED);
    sleep_ms(10);
    assert_int_equal(at, 1);
    tally_borrow_leave();
    // It has to come back first, and may be stopped there.
    assert_int_equal(tally_stop_world(), TALLY_OK);
    tally_start_world();
    thread_join(thread);
    assert_int_equal(at, 2);
}

// As rcutorture's pipe: a structure grows older with each grace period after
// it was taken out; no reader sees one that has grown older than one.
static struct { uint32_t age; } things[8];
static uint32_t current; // (a) index of the one that readers find
static atomic_bool stop_reading;
static atomic_uint seen_old;

static void *read_ages(void *arg) {
    while (!stop_reading) {
        must(tally_borrow_enter() == TALLY_OK);
        uint32_t n = tly_load_acquire(&current);
        if (n % 3 == 0)
            sched_yield();
        if (tly_load_relaxed(&things[n].age) > 1)
            atomic_fetch_add(&seen_old, 1);
        tally_borrow_leave();
    }
    tally_detach();
    return arg;
}

static void no_reader_sees_what_two_grace_periods_have_passed_over(
    void **state) {
    (void)state;
    pthread_t threads[3];
    stop_reading = false;
    seen_old = 0;
    for (unsigned n = 0; n < 3; n++)
        threads[n] = thread_start(read_ages, NULL);
    for (uint32_t n = 1; n < rounds(2000, 200); n++) {
        uint32_t next = n % 8;
        tly_store_relaxed(&things[next].age, 0);
        tly_store_release(&current, next);
        assert_int_equal(tally_synchronize(), TALLY_OK);
        for (uint32_t other = 0; other < 8; other++)
            if (other != next)
                tly_add_relaxed(&things[other].age, 1);
    }
    stop_reading = true;
    for (unsigned n = 0; n < 3; n++)
        thread_join(threads[n]);
    assert_int_equal(seen_old, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        epoch_test(entering_attaches),
        epoch_test(who_cannot_attach_cannot_enter),
        epoch_test(no_safepoint_acts_inside_a_section),
        epoch_test(leaving_polls_only_when_something_is_asked),
        epoch_test(leaving_a_section_once_too_often_aborts),
        epoch_test(waiting_inside_a_section_would_wait_for_itself),
        epoch_test(a_grace_period_that_was_waited_for_is_counted),
        epoch_test(a_grace_period_outlasts_sections_that_were_open),
        epoch_test(a_thread_that_waits_for_readers_is_not_waited_for),
        epoch_test(no_reader_sees_what_two_grace_periods_have_passed_over),
    };
    return cmocka_run_group_tests_name("epoch/borrow", tests, NULL, NULL);
}
