// epoch/attach.h: how threads come, go and wait.

#include "unit_epoch.h"

#include <tally/borrow.h>

#include "platform/fault.h"

static void an_attached_thread_has_a_mutator_of_its_own(void **state) {
    (void)state;
    assert_false(tly_is_attached(tly_self()));
    assert_int_equal(tally_mutator_number(), 0);
    assert_int_equal(tally_attach("a"), TALLY_OK);
    assert_true(tly_is_attached(tly_self()));
    assert_int_equal(tally_mutator_number(), 2);
    assert_int_equal(tally_number_, 2);
    assert_int_equal(state_of(tly_self()), TLY_ATTACHED);
    assert_ptr_equal(tly_mine(), tly_self());
}

static void attaching_twice_changes_nothing(void **state) {
    (void)state;
    assert_int_equal(tally_attach("a"), TALLY_OK);
    assert_int_equal(tally_attach("b"), TALLY_OK);
    assert_int_equal(tally_mutator_number(), 2);
    assert_string_equal(tly_self()->name, "a");
    tally_detach();
    assert_false(tly_is_attached(tly_self()));
}

static void a_detached_thread_leaves_its_mutator_vacant(void **state) {
    (void)state;
    tally_attach("a");
    struct tly_mutator *m = tly_self();
    tally_detach();
    assert_int_equal(state_of(m), TLY_VACANT);
    assert_null(tly_mine());
    assert_int_equal(tally_number_, TALLY_OWNER_NOBODY_);
    tally_detach();
    assert_int_equal(state_of(m), TLY_VACANT);
}

static void *attach_and_tell(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_mutator *m = tly_self();
    tally_detach();
    return m;
}

static void a_vacant_mutator_is_taken_over_by_the_next_thread(void **state) {
    (void)state;
    tally_attach("a");
    struct tly_mutator *m = tly_self();
    assert_ptr_not_equal(thread_run(attach_and_tell, NULL), m);
    tally_detach();
    assert_ptr_equal(thread_run(attach_and_tell, NULL), m);
}

static void *attach_and_end(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    return tly_self();
}

static void a_thread_that_ends_without_detaching_is_detached(void **state) {
    (void)state;
    struct tly_mutator *m = thread_run(attach_and_end, NULL);
    assert_int_equal(state_of(m), TLY_VACANT);
}

static void *block_and_end(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_mutator *m = tly_self();
    tally_blocking_enter();
    return m;
}

static void a_thread_that_ends_in_a_blocking_region_is_detached(void **state) {
    (void)state;
    struct tly_mutator *m = thread_run(block_and_end, NULL);
    assert_int_equal(state_of(m), TLY_VACANT);
}

static void a_name_is_cut_at_15_bytes(void **state) {
    (void)state;
    tally_attach("a name of 20 letters");
    assert_string_equal(tly_self()->name, "a name of 20 le");
}

static void without_a_name_the_threads_own_is_taken(void **state) {
    (void)state;
    pthread_setname_np(pthread_self(), "unit-thread");
    tally_attach(NULL);
    assert_string_equal(tly_self()->name, "unit-thread");
}

static void a_thread_that_cannot_attach_is_told_and_can_try_again(
    void **state) {
    (void)state;
    tly_fault_arm(TLY_FAULT_MUTATOR, 1, false);
    assert_int_equal(tally_attach("a"), TALLY_NO_MEMORY);
    assert_int_equal(tly_fault_disarm(NULL), 1);
    assert_false(tly_is_attached(tly_self()));
    assert_null(tly_mine());
    assert_int_equal(tally_attach("a"), TALLY_OK);
}

static tally_status start_fails(void) { return TALLY_INVALID; }

static void a_runtime_that_does_not_start_attaches_nobody(void **state) {
    (void)state;
    unit_hooks.start = start_fails;
    assert_int_equal(tally_attach("a"), TALLY_INVALID);
    errno = 0;
    assert_null(tly_self_attached());
    assert_int_equal(errno, EINVAL);
    assert_int_equal(tly_registry_count(), 1);
}

static void the_first_use_attaches(void **state) {
    (void)state;
    struct tly_mutator *m = tly_self_attached();
    assert_non_null(m);
    assert_ptr_equal(m, tly_self());
    assert_ptr_equal(tly_self_attached(), m);
}

static void attaching_keeps_errno(void **state) {
    (void)state;
    errno = 77;
    tally_attach("a");
    tally_blocking_enter();
    tally_blocking_exit();
    assert_int_equal(errno, 77);
}

// ---- blocking regions

static void a_blocking_region_is_detached(void **state) {
    (void)state;
    tally_attach("a");
    struct tly_mutator *m = tly_self();
    tally_blocking_enter();
    assert_int_equal(state_of(m), TLY_DETACHED);
    assert_false(tly_is_attached(tly_self()));
    assert_ptr_equal(tly_mine(), m);
    tally_blocking_exit();
    assert_int_equal(state_of(m), TLY_ATTACHED);
    assert_ptr_equal(tly_self(), m);
}

static void only_the_outermost_blocking_region_counts(void **state) {
    (void)state;
    tally_attach("a");
    struct tly_mutator *m = tly_self();
    tally_blocking_enter();
    tally_blocking_enter();
    tally_blocking_enter();
    tally_blocking_exit();
    assert_int_equal(state_of(m), TLY_DETACHED);
    tally_blocking_exit();
    assert_int_equal(state_of(m), TLY_DETACHED);
    tally_blocking_exit();
    assert_int_equal(state_of(m), TLY_ATTACHED);
}

static void a_blocking_region_of_a_stranger_does_nothing(void **state) {
    (void)state;
    tally_blocking_enter();
    tally_blocking_exit();
    assert_false(tly_is_attached(tly_self()));
    assert_int_equal(tly_registry_count(), 1);
}

static void a_thread_that_attached_inside_a_region_stays_attached(
    void **state) {
    (void)state;
    tally_blocking_enter();
    assert_int_equal(tally_attach("a"), TALLY_OK);
    tally_blocking_exit();
    assert_int_equal(state_of(tly_self()), TLY_ATTACHED);
}

static void attach_blocked(void *arg) {
    (void)arg;
    tally_attach("a");
    tally_blocking_enter();
    tally_attach("b");
}

static void attaching_again_inside_a_region_aborts(void **state) {
    (void)state;
    assert_aborts(attach_blocked, NULL, "attaches inside a blocking region");
}

static void use_blocked(void *arg) {
    (void)arg;
    tally_attach("a");
    tally_blocking_enter();
    tly_self_attached();
}

static void using_the_heap_inside_a_region_aborts_in_debug_builds(
    void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(use_blocked, NULL, "inside a blocking region");
}

static void block_borrowing(void *arg) {
    (void)arg;
    must(tally_borrow_enter() == TALLY_OK);
    tally_blocking_enter();
}

static void blocking_inside_a_borrow_section_aborts(void **state) {
    (void)state;
    assert_aborts(block_borrowing, NULL, "blocks inside a borrow section");
}

static void detach_borrowing(void *arg) {
    (void)arg;
    must(tally_borrow_enter() == TALLY_OK);
    tally_detach();
}

static void detaching_inside_a_borrow_section_aborts(void **state) {
    (void)state;
    assert_aborts(detach_borrowing, NULL, "detaches inside a borrow section");
}

// ---- safepoints

static unsigned polls, flushes;
static uint32_t polled_bits;
static bool polled_open;

static void note_poll(struct tly_mutator *self, uint32_t bits, bool open) {
    assert_int_equal(state_of(self), TLY_ATTACHED);
    polls++;
    polled_bits = bits;
    polled_open = open;
}

static void poll_begin(void) {
    tally_attach("a");
    unit_hooks.poll = note_poll;
    polls = 0;
}

static void a_safepoint_polls_only_when_something_is_asked(void **state) {
    (void)state;
    poll_begin();
    tly_break(tly_self(), TLY_BREAK_COLLECT);
    assert_int_equal(tly_self()->breaker.bits_, TLY_BREAK_COLLECT);
    tally_safepoint_slow_();
    assert_int_equal(polls, 1);
    assert_int_equal(polled_bits, TLY_BREAK_COLLECT);
    assert_true(polled_open);
    assert_int_equal(tly_self()->breaker.bits_, 0);
}

static void what_is_asked_during_a_poll_is_left_for_the_next(void **state) {
    (void)state;
    poll_begin();
    tly_break(tly_self(), TLY_BREAK_FLUSH);
    tly_poll(tly_self(), false);
    assert_int_equal(polled_bits, TLY_BREAK_FLUSH);
    assert_false(polled_open);
    tly_break_self(tly_self(), TLY_BREAK_FINISH);
    tly_break_self(tly_self(), TLY_BREAK_FINISH);
    tly_poll(tly_self(), true);
    assert_int_equal(polled_bits, TLY_BREAK_FINISH);
}

static void a_safepoint_of_a_stranger_does_nothing(void **state) {
    (void)state;
    unit_hooks.poll = note_poll;
    polls = 0;
    tally_safepoint_slow_();
    assert_int_equal(polls, 0);
}

static bool flush_waits;
static void note_flush(struct tly_mutator *self, bool waits) {
    flush_waits = waits;
    assert_int_equal(state_of(self), TLY_ATTACHED);
    // Others hand something over just before the thread is gone.
    if (flushes++ == 0)
        tly_break(self, TLY_BREAK_INBOX);
}

static void what_comes_while_a_thread_leaves_is_done_first(void **state) {
    (void)state;
    poll_begin();
    struct tly_mutator *m = tly_self();
    unit_hooks.flush = note_flush;
    flushes = 0;
    tally_blocking_enter();
    assert_int_equal(polls, 1);
    assert_int_equal(polled_bits, TLY_BREAK_INBOX);
    assert_int_equal(flushes, 2);
    assert_int_equal(state_of(m), TLY_DETACHED);
    assert_int_equal(m->breaker.bits_, 0);
    unit_hooks.flush = NULL;
    tally_blocking_exit();
}

static void who_leaves_for_the_runtime_says_that_it_waits(void **state) {
    (void)state;
    poll_begin();
    unit_hooks.flush = note_flush;
    flushes = 1;
    struct tly_mutator *m = tly_self();
    tly_mutator_detach(m);
    assert_true(flush_waits);
    tly_mutator_attach(m);
    tally_blocking_enter();
    assert_false(flush_waits);
    tally_blocking_exit();
    flush_waits = true;
    tally_detach();
    assert_false(flush_waits);
    unit_hooks.flush = NULL;
}

// ---- acting for others

static void only_an_idle_mutator_can_be_suspended(void **state) {
    (void)state;
    struct tly_mutator *m = tly_registry_create();
    uint32_t idle;
    assert_false(tly_mutator_suspend(m, &idle));
    m->state = TLY_DETACHED;
    assert_true(tly_mutator_suspend(m, &idle));
    assert_int_equal(idle, TLY_DETACHED);
    assert_int_equal(m->state, TLY_SUSPENDED);
    uint32_t again;
    assert_false(tly_mutator_suspend(m, &again));
    tly_mutator_resume(m, idle);
    assert_int_equal(m->state, TLY_DETACHED);
    m->state = TLY_VACANT;
    assert_true(tly_mutator_suspend(m, &idle));
    assert_int_equal(idle, TLY_VACANT);
}

static struct tly_mutator *blocked;
static stage at;

static void *block_until_told(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    blocked = tly_self();
    tally_blocking_enter();
    stage_set(&at, 1);
    while (atomic_load(&at) < 2)
        sched_yield();
    tally_blocking_exit();
    stage_set(&at, 3);
    return arg;
}

static void a_thread_does_not_run_while_another_acts_for_it(void **state) {
    (void)state;
    at = 0;
    pthread_t thread = thread_start(block_until_told, NULL);
    stage_spin(&at, 1);
    uint32_t idle;
    assert_true(tly_mutator_suspend(blocked, &idle));
    stage_set(&at, 2);
    sleep_ms(30);
    assert_int_equal(at, 2);
    assert_int_equal(state_of(blocked), TLY_SUSPENDED);
    tly_mutator_resume(blocked, idle);
    pthread_join(thread, NULL);
    assert_int_equal(at, 3);
}

static struct tly_mutator *contested;
static uint32_t winners;
static uint64_t acted; // by whoever has suspended it

static void *suspend_often(void *arg) {
    for (unsigned n = 0; n < rounds(20000, 2000); n++) {
        uint32_t idle;
        if (!tly_mutator_suspend(contested, &idle))
            continue;
        acted++;
        tly_add_relaxed(&winners, 1);
        tly_mutator_resume(contested, idle);
    }
    return arg;
}

static void one_thread_at_a_time_acts_for_a_mutator(void **state) {
    (void)state;
    contested = tly_registry_create();
    contested->state = TLY_VACANT;
    winners = 0;
    acted = 0;
    pthread_t threads[3];
    for (unsigned n = 0; n < 3; n++)
        threads[n] = thread_start(suspend_often, NULL);
    for (unsigned n = 0; n < 3; n++)
        pthread_join(threads[n], NULL);
    assert_true(winners > 0);
    assert_int_equal(acted, winners);
    assert_int_equal(contested->state, TLY_VACANT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        epoch_test(an_attached_thread_has_a_mutator_of_its_own),
        epoch_test(attaching_twice_changes_nothing),
        epoch_test(a_detached_thread_leaves_its_mutator_vacant),
        epoch_test(a_vacant_mutator_is_taken_over_by_the_next_thread),
        epoch_test(a_thread_that_ends_without_detaching_is_detached),
        epoch_test(a_thread_that_ends_in_a_blocking_region_is_detached),
        epoch_test(a_name_is_cut_at_15_bytes),
        epoch_test(without_a_name_the_threads_own_is_taken),
        epoch_test(a_thread_that_cannot_attach_is_told_and_can_try_again),
        epoch_test(a_runtime_that_does_not_start_attaches_nobody),
        epoch_test(the_first_use_attaches),
        epoch_test(attaching_keeps_errno),
        epoch_test(a_blocking_region_is_detached),
        epoch_test(only_the_outermost_blocking_region_counts),
        epoch_test(a_blocking_region_of_a_stranger_does_nothing),
        epoch_test(a_thread_that_attached_inside_a_region_stays_attached),
        epoch_test(attaching_again_inside_a_region_aborts),
        epoch_test(using_the_heap_inside_a_region_aborts_in_debug_builds),
        epoch_test(blocking_inside_a_borrow_section_aborts),
        epoch_test(detaching_inside_a_borrow_section_aborts),
        epoch_test(a_safepoint_polls_only_when_something_is_asked),
        epoch_test(what_is_asked_during_a_poll_is_left_for_the_next),
        epoch_test(a_safepoint_of_a_stranger_does_nothing),
        epoch_test(what_comes_while_a_thread_leaves_is_done_first),
        epoch_test(who_leaves_for_the_runtime_says_that_it_waits),
        epoch_test(only_an_idle_mutator_can_be_suspended),
        epoch_test(a_thread_does_not_run_while_another_acts_for_it),
        epoch_test(one_thread_at_a_time_acts_for_a_mutator),
    };
    return cmocka_run_group_tests_name("epoch/attach", tests, NULL, NULL);
}
