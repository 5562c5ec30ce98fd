// object/limbo.c: published objects that are dead wait for readers.

#include "unit_object.h"

#include <tally/borrow.h>

#include "epoch/rcu.h"

static atomic_uint ended;
static void leaf_ends(void *object);

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf, TALLY_DESTROY(leaf_ends));

struct large {
    tally_object head;
    char bytes[300000];
};
TALLY_TYPE(large);

static void leaf_ends(void *object) {
    (void)object;
    ended++;
}

static struct leaf *published(void) {
    struct leaf *leaf = tally_new(leaf);
    tally_publish(leaf);
    return leaf;
}

static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    ended = 0;
    return tly_local_of(tly_self());
}

static void a_published_object_does_not_end_at_once(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct leaf *leaf = published();
    tally_decref(leaf);
    assert_true(is_object(leaf));
    assert_true(leaf->head.shared_ & TLY_DYING);
    assert_int_equal(tly_cold(self)->limbo.count, 1);
    assert_true(tly_limbo_has(self));
    tly_limbo_poll(self, true);
    tly_finish(self, true);
    assert_int_equal(ended, 1);
    assert_false(tly_limbo_has(self));
    assert_int_equal(tly_cold(self)->limbo.bytes, 0);
}

static void what_waits_is_bounded_in_number(void **state) {
    (void)state;
    struct tly_local *self = begin();
    uint64_t periods = tly_grace_count();
    for (unsigned n = 0; n < 1000; n++) {
        tally_decref(published());
        tally_safepoint();
        assert_true(tly_cold(self)->limbo.count <= 127);
    }
    assert_in_range(ended, 1000 - 127, 1000);
    assert_in_range(tly_grace_count() - periods, 7, 8);
}

static void what_waits_is_bounded_in_bytes(void **state) {
    (void)state;
    struct tly_local *self = begin();
    for (unsigned n = 0; n < 20; n++) {
        struct large *large = tally_new(large);
        tally_publish(large);
        tally_decref(large);
        tally_safepoint();
        assert_true(tly_cold(self)->limbo.bytes <= (1 << 20) + 300032);
    }
}

static void a_safepoint_below_the_bounds_waits_for_nobody(void **state) {
    (void)state;
    struct tly_local *self = begin();
    uint64_t periods = tly_grace_count();
    for (unsigned n = 0; n < 100; n++)
        tally_decref(published());
    tly_poll(tly_self(), true);
    // The first has asked for a safepoint, and closed the list there.
    assert_int_equal(
        tly_cold(self)->waiting.count + tly_cold(self)->limbo.count, 100);
    assert_int_equal(tly_grace_count(), periods);
}

static bool asks(void) { return tly_self()->breaker.bits_ & TLY_BREAK_FINISH; }

static void the_first_that_waits_asks_for_a_safepoint_unless_told(
    void **state) {
    (void)state;
    begin();
    struct leaf *leaf[3] = {published(), published(), published()};
    poll_now();
    assert_false(asks());
    tally_decref(leaf[0]);
    assert_true(asks());
    poll_now();
    tally_decref(leaf[1]);
    assert_false(asks());
    tly_limbo_poll(tly_local_of(tly_self()), true);
    poll_now();
    tly_put_off = 1;
    tally_decref(leaf[2]);
    assert_false(asks());
    tly_put_off = 0;
}

static void who_stops_running_leaves_it_to_the_next(void **state) {
    (void)state;
    struct tly_local *self = begin();
    for (unsigned n = 0; n < 3; n++)
        tally_decref(published());
    tly_limbo_leave(self);
    assert_null(tly_cold(self)->limbo.head);
    assert_int_equal(tly_cold(self)->limbo.count, 0);
    for (unsigned n = 0; n < 2; n++)
        tally_decref(published());
    tly_limbo_leave(self);
    assert_true(tly_limbo_has(self));
    tly_limbo_poll(self, true);
    tly_finish(self, true);
    assert_int_equal(ended, 5);
    assert_false(tly_limbo_has(self));
}

static stage at;
static struct leaf *_Atomic shown;

static void *read_a_while(void *arg) {
    must(tally_borrow_enter() == TALLY_OK);
    struct leaf *leaf = atomic_load(&shown);
    stage_set(&at, 1);
    while (atomic_load(&at) < 2)
        sched_yield();
    // Dead by now, and still there.
    must(leaf->value == 77);
    must(!tally_try_incref(leaf));
    stage_set(&at, 3);
    tally_borrow_leave();
    tally_detach();
    return arg;
}

static void a_reader_keeps_the_memory_of_what_it_borrowed(void **state) {
    (void)state;
    struct tly_local *self = begin();
    at = 0;
    struct leaf *leaf = published();
    leaf->value = 77;
    shown = leaf;
    pthread_t thread = thread_start(read_a_while, NULL);
    stage_spin(&at, 1);
    shown = NULL;
    tally_decref(leaf);
    stage_set(&at, 2);
    tly_limbo_poll(self, true);
    tly_finish(self, true);
    assert_int_equal(at, 3);
    assert_int_equal(ended, 1);
    thread_join(thread);
}

// Waits for a grace period that the main thread's section holds up.
static void *wait_long(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_local *self = tly_local_of(tly_self());
    for (unsigned n = 0; n < 5; n++)
        tally_decref(published());
    atomic_store((struct tly_local * _Atomic *)arg, self);
    tly_limbo_poll(self, true);
    must(!tly_cold(self)->waiting.head && !self->dead);
    tally_detach();
    return NULL;
}

static void what_a_thread_waits_for_can_be_taken_over(void **state) {
    (void)state;
    struct tly_local *self = begin(), *_Atomic other = NULL;
    uint32_t idle;
    must(tally_borrow_enter() == TALLY_OK);
    pthread_t thread = thread_start(wait_long, (void *)&other);
    while (!atomic_load(&other) ||
           !tly_load_relaxed(&tly_cold(other)->waiting.count))
        sched_yield();
    while (!tly_mutator_suspend(tly_mutator_in(other), &idle))
        sched_yield();
    tly_limbo_rescue(other);
    tly_mutator_resume(tly_mutator_in(other), idle);
    struct tly_limbo_total left = {0, 0, 0, 0};
    tly_limbo_left_total(&left);
    assert_int_equal(left.objects, 5);
    assert_int_equal(ended, 0);
    tally_borrow_leave();
    thread_join(thread);
    tly_limbo_poll(self, true);
    tly_finish(self, true);
    assert_int_equal(ended, 5);
}

// Readers upgrade borrows while the writer replaces what they find.
static atomic_bool stop_reading;
static atomic_uint upgraded;

static void *upgrade_often(void *arg) {
    while (!stop_reading) {
        must(tally_borrow_enter() == TALLY_OK);
        struct leaf *leaf = atomic_load(&shown);
        bool got = leaf && tally_try_incref(leaf);
        tally_borrow_leave();
        if (!got)
            continue;
        must(leaf->value == 77);
        atomic_fetch_add(&upgraded, 1);
        tally_decref(leaf);
        tally_safepoint();
    }
    tally_detach();
    return arg;
}

static void upgrades_race_the_last_drop(void **state) {
    (void)state;
    pthread_t threads[2];
    begin();
    stop_reading = false;
    upgraded = 0;
    shown = NULL;
    for (unsigned n = 0; n < 2; n++)
        threads[n] = thread_start(upgrade_often, NULL);
    unsigned made = 0;
    while (made < rounds(3000, 500) || upgraded < 100) {
        struct leaf *leaf = tally_new(leaf);
        leaf->value = 77;
        tally_publish(leaf);
        struct leaf *old = atomic_exchange(&shown, leaf);
        if (old)
            tally_decref(old);
        made++;
        tally_safepoint();
    }
    stop_reading = true;
    for (unsigned n = 0; n < 2; n++)
        thread_join(threads[n]);
    tally_decref(shown);
    struct tly_local *self = tly_local_of(tly_self());
    tly_poll(tly_self(), true);
    tly_limbo_poll(self, true);
    tly_finish(self, true);
    assert_int_equal(ended, made);
}

static unsigned count(struct tly_local *self) {
    struct tly_limbo_total sum = {0, 0, 0, 0};
    tly_limbo_total(self, &sum);
    tly_limbo_left_total(&sum);
    return (unsigned)sum.objects;
}

static void a_grace_period_of_anothers_is_enough(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tally_decref(published());
    tly_poll(tly_self(), true); // closes the list
    tally_decref(published());
    tly_grace_await(tly_grace_next());
    uint64_t periods = tly_grace_count();
    tly_poll(tly_self(), true);
    // The second came after the list was closed.
    assert_int_equal(ended, 1);
    assert_int_equal(count(self), 1);
    tly_grace_await(tly_grace_next());
    tly_poll(tly_self(), true);
    assert_int_equal(ended, 2);
    assert_int_equal(tly_grace_count(), periods + 1);
}

static void one_that_began_before_is_not_enough(void **state) {
    (void)state;
    struct tly_local *self = begin();
    uint64_t begun = tly_grace_next();
    tly_grace_await(begun);
    tally_decref(published());
    tly_poll(tly_self(), true);
    assert_true(tly_cold(self)->waiting.grace > begun);
    assert_false(tly_grace_passed(tly_cold(self)->waiting.grace));
    tly_grace_await(begun); // has passed: waits for nothing
    tly_poll(tly_self(), true);
    assert_int_equal(ended, 0);
}

static void what_was_left_goes_when_its_grace_period_has_passed(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tally_decref(published());
    TALLY_BLOCKING { assert_int_equal(count(self), 1); }
    tly_poll(tly_self(), true);
    assert_int_equal(ended, 0);
    tally_decref(published());
    tly_grace_await(tly_grace_next());
    // What is left later does not hold that back.
    TALLY_BLOCKING {}
    assert_int_equal(ended, 1);
    assert_int_equal(count(self), 1);
    tly_grace_await(tly_grace_next());
    tly_poll(tly_self(), true);
    assert_int_equal(ended, 2);
    assert_int_equal(count(self), 0);
}

static void allocating_ends_what_has_waited_long_enough(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct large *large = tally_new(large);
    tally_publish(large);
    tally_decref(large);
    tly_limbo_reap(self);
    size_t before = units_in_use();
    uint64_t periods = tly_grace_count();
    tally_free(tally_alloc(400000));
    assert_int_equal(units_in_use(), before);
    assert_int_equal(tly_grace_count(), periods); // it waits for none
    tly_grace_await(tly_grace_next());
    tally_free(tally_alloc(400000));
    assert_true(units_in_use() < before);
    assert_int_equal(count(self), 0);
}

static void the_bounds_are_options(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tly_limbo_configure(3, 1 << 20);
    tally_decref(published());
    tally_decref(published());
    tally_safepoint();
    assert_int_equal(count(self), 2);
    tally_decref(published());
    tally_safepoint();
    assert_int_equal(count(self), 0);
    tly_limbo_configure(127, 33);
    tally_decref(published());
    tally_safepoint();
    assert_int_equal(count(self), 1);
    tally_decref(published());
    tally_safepoint();
    assert_int_equal(count(self), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(a_published_object_does_not_end_at_once),
        object_test(what_waits_is_bounded_in_number),
        object_test(what_waits_is_bounded_in_bytes),
        object_test(a_safepoint_below_the_bounds_waits_for_nobody),
        object_test(the_first_that_waits_asks_for_a_safepoint_unless_told),
        object_test(who_stops_running_leaves_it_to_the_next),
        object_test(a_reader_keeps_the_memory_of_what_it_borrowed),
        object_test(what_a_thread_waits_for_can_be_taken_over),
        object_test(a_grace_period_of_anothers_is_enough),
        object_test(one_that_began_before_is_not_enough),
        object_test(what_was_left_goes_when_its_grace_period_has_passed),
        object_test(allocating_ends_what_has_waited_long_enough),
        object_test(the_bounds_are_options),
        object_test(upgrades_race_the_last_drop),
    };
    return cmocka_run_group_tests_name("object/limbo", tests, NULL, NULL);
}
