// object/defer.c: deferred calls and frees.

#include "unit_object.h"

#include <string.h>

#include "epoch/rcu.h"
#include "platform/fault.h"
#include "sync/rank.h"

static unsigned called[1000];
static uintptr_t order[1000];
static unsigned calls;

static void note(void *arg) {
    must(!tly_rcu_ongoing() && tly_is_attached(tly_self()));
    must(tly_rank_none());
    called[(uintptr_t)arg]++;
    order[calls++] = (uintptr_t)arg;
}

static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    memset(called, 0, sizeof(called));
    calls = 0;
    return tly_local_of(tly_self());
}

static void defer(uintptr_t n) {
    must(tally_defer(note, (void *)n) == TALLY_OK);
}

static struct tly_limbo_total total(const struct tly_local *self) {
    struct tly_limbo_total sum = {0, 0, 0, 0};
    tly_limbo_total(self, &sum);
    tly_limbo_left_total(&sum);
    return sum;
}

// Waits for a grace period and does what waited for it.
static void settle(struct tly_local *self) {
    tly_limbo_poll(self, true);
    tly_finish(self, true);
    tly_defer_run(self);
}

static void a_call_is_made_once_after_a_grace_period(void **state) {
    (void)state;
    struct tly_local *self = begin();
    defer(1);
    poll_now();
    assert_int_equal(calls, 0);
    assert_int_equal(total(self).calls, 1);
    settle(self);
    assert_int_equal(called[1], 1);
    settle(self);
    poll_now();
    assert_int_equal(called[1], 1);
    assert_int_equal(total(self).calls, 0);
    assert_int_equal(total(self).deferred_bytes, 0);
}

static void calls_are_made_in_the_order_of_deferring(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tly_limbo_configure(1 << 20, 1 << 20);
    for (uintptr_t n = 0; n < 1000; n++) {
        defer(n);
        // Memory between them does not change that.
        if (n % 3 == 0)
            must(tally_defer_free(tally_alloc(n)) == TALLY_OK);
    }
    settle(self);
    assert_int_equal(calls, 1000);
    for (uintptr_t n = 0; n < 1000; n++)
        assert_int_equal(order[n], n);
}

static void a_deferral_without_a_function_or_a_block(void **state) {
    (void)state;
    struct tly_local *self = begin();
    assert_int_equal(tally_defer(NULL, self), TALLY_INVALID);
    assert_int_equal(tally_defer_free(NULL), TALLY_OK);
    assert_int_equal(total(self).calls, 0);
}

static void a_block_is_freed_when_its_grace_period_has_passed(void **state) {
    (void)state;
    struct tly_local *self = begin();
    size_t before = units_in_use();
    char *block = tally_alloc(300000);
    size_t with = units_in_use();
    assert_true(with > before);
    must(tally_defer_free(block) == TALLY_OK);
    assert_true(total(self).deferred_bytes >= 300000);
    poll_now();
    block[299999] = 1;
    assert_true(units_in_use() >= with);
    settle(self);
    assert_in_range(units_in_use(), before, before + 1); // the bag's pool
    assert_int_equal(total(self).deferred_bytes, 0);
}

static void a_block_above_the_bound_goes_at_the_next_safepoint(void **state) {
    (void)state;
    begin();
    size_t before = units_in_use();
    for (unsigned n = 0; n < 20; n++) {
        must(tally_defer_free(tally_alloc(2 << 20)) == TALLY_OK);
        tally_safepoint();
        assert_in_range(units_in_use(), before, before + 1);
    }
}

static void deferrals_are_bounded_in_number(void **state) {
    (void)state;
    struct tly_local *self = begin();
    uint64_t periods = tly_grace_count();
    for (uintptr_t n = 0; n < 1000; n++) {
        defer(n);
        tally_safepoint();
        assert_true(total(self).calls < 127);
    }
    assert_in_range(calls, 1000 - 127, 1000);
    assert_in_range(tly_grace_count() - periods, 7, 8);
}

static void the_bounds_are_of_objects_and_deferrals_together(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tly_limbo_configure(10, 1 << 20);
    for (uintptr_t n = 0; n < 9; n++)
        defer(n);
    tally_safepoint();
    assert_int_equal(total(self).calls, 9);
    must(tally_defer_free(tally_alloc(1)) == TALLY_OK);
    tally_safepoint();
    assert_int_equal(total(self).calls, 0);
    assert_int_equal(calls, 9);
}

static void allocating_frees_memory_and_makes_no_calls(void **state) {
    (void)state;
    struct tly_local *self = begin();
    void *block = tally_alloc(100);
    defer(1);
    must(tally_defer_free(block) == TALLY_OK);
    // Closes the list.
    tly_limbo_reap(self);
    assert_int_equal(total(self).calls, 2);
    // Another's grace period.
    tly_grace_await(tly_grace_next());
    tally_free(tally_alloc(40000));
    assert_int_equal(calls, 0);
    assert_int_equal(total(self).calls, 1);
    assert_int_equal(tly_cold(self)->ready.calls, 1);
    tally_safepoint();
    assert_int_equal(called[1], 1);
    assert_int_equal(total(self).calls, 0);
}

static void a_call_in_a_section_waits_for_its_end(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tly_limbo_configure(1, 1);
    must(tally_borrow_enter() == TALLY_OK);
    defer(1);
    tally_safepoint();
    tly_defer_run(self);
    assert_int_equal(calls, 0);
    // Its end is a safepoint.
    tally_borrow_leave();
    assert_int_equal(called[1], 1);
}

static void defer_again(void *arg) {
    note(arg);
    if ((uintptr_t)arg < 5)
        must(tally_defer(defer_again, (void *)((uintptr_t)arg + 1)) ==
             TALLY_OK);
    // No other runs meanwhile.
    unsigned before = calls;
    tly_limbo_poll(tly_local_of(tly_self()), true);
    tally_safepoint();
    must(calls == before);
}

static void what_a_call_defers_comes_later(void **state) {
    (void)state;
    struct tly_local *self = begin();
    must(tally_defer(defer_again, NULL) == TALLY_OK);
    for (unsigned n = 0; n < 7; n++)
        settle(self);
    assert_int_equal(calls, 6);
}

static void errno_is_kept(void **state) {
    (void)state;
    struct tly_local *self = begin();
    errno = 77;
    defer(1);
    must(tally_defer_free(tally_alloc(50)) == TALLY_OK);
    settle(self);
    assert_int_equal(errno, 77);
}

static void without_memory_nothing_is_deferred(void **state) {
    (void)state;
    struct tly_local *self = begin();
    char *block = tally_alloc(20);
    tly_fault_arm(TLY_FAULT_REFILL, 1, true);
    errno = 5;
    assert_int_equal(tally_defer(note, NULL), TALLY_NO_MEMORY);
    assert_int_equal(tally_defer_free(block), TALLY_NO_MEMORY);
    assert_int_equal(errno, 5);
    assert_true(tly_fault_disarm(NULL) > 0);
    assert_int_equal(total(self).calls, 0);
    assert_int_equal(total(self).deferred_bytes, 0);
    block[0] = 1;
    tally_free(block);
}

static void *defer_and_go(void *arg) {
    defer((uintptr_t)arg);
    must(tally_defer_free(tally_alloc(1000)) == TALLY_OK);
    return NULL;
}

static void what_a_thread_leaves_another_does(void **state) {
    (void)state;
    struct tly_local *self = begin();
    for (uintptr_t n = 0; n < 20; n++)
        thread_run(defer_and_go, (void *)n);
    assert_int_equal(total(self).calls + calls * 2, 40);
    settle(self);
    assert_int_equal(total(self).calls, 0);
    for (uintptr_t n = 0; n < 20; n++)
        assert_int_equal(called[n], 1);
}

static void end_the_thread(void *arg) {
    note(arg);
    pthread_exit(NULL);
}

static void *defer_the_end(void *arg) {
    must(tally_defer(end_the_thread, (void *)1) == TALLY_OK);
    defer(2);
    settle(tly_local_of(tly_self()));
    must(false);
    return arg;
}

static void a_call_may_end_its_thread(void **state) {
    (void)state;
    struct tly_local *self = begin();
    thread_run(defer_the_end, NULL);
    assert_int_equal(called[1], 1);
    settle(self);
    assert_int_equal(called[1], 1);
    assert_int_equal(called[2], 1);
    assert_int_equal(total(self).calls, 0);
}

static void call_locked(void *arg) {
    (void)arg;
    struct tly_local *self = begin();
    defer(1);
    self->finishing = 1;
    tly_limbo_poll(self, true);
    self->finishing = 0;
    tly_rank_enter(TLY_RANK_HOT); // a fault of the library's
    tly_defer_run(self);
}

static void no_call_is_made_with_a_lock_held(void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(call_locked, NULL, "before a deferred call");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(a_call_is_made_once_after_a_grace_period),
        object_test(no_call_is_made_with_a_lock_held),
        object_test(calls_are_made_in_the_order_of_deferring),
        object_test(a_deferral_without_a_function_or_a_block),
        object_test(a_block_is_freed_when_its_grace_period_has_passed),
        object_test(a_block_above_the_bound_goes_at_the_next_safepoint),
        object_test(deferrals_are_bounded_in_number),
        object_test(the_bounds_are_of_objects_and_deferrals_together),
        object_test(allocating_frees_memory_and_makes_no_calls),
        object_test(a_call_in_a_section_waits_for_its_end),
        object_test(what_a_call_defers_comes_later),
        object_test(errno_is_kept),
        object_test(without_memory_nothing_is_deferred),
        object_test(what_a_thread_leaves_another_does),
        object_test(a_call_may_end_its_thread),
    };
    return cmocka_run_group_tests_name("object/defer", tests, NULL, NULL);
}
