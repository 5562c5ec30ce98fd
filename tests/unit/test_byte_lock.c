// container/byte_lock.c: locks of one byte.

#include "unit_object.h"

#include <tally/mutator.h>

#include "container/byte_lock.h"
#include "epoch/rcu.h"
#include "threads.h"

enum { ROUNDS = 20000, THREADS = 4 };

static struct guarded {
    struct tly_byte_lock lock, other;
    uint8_t beside; // must not be touched
    unsigned long count;
} guarded;

static void *add(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    for (int n = 0; n < ROUNDS; n++) {
        tly_byte_lock(&guarded.lock);
        guarded.count++;
        tly_byte_unlock(&guarded.lock);
    }
    tally_detach();
    return NULL;
}

static void many_add(void) {
    guarded = (struct guarded){.beside = 0xA5};
    pthread_t thread[THREADS];
    for (int n = 0; n < THREADS; n++)
        thread[n] = thread_start(add, NULL);
    for (int n = 0; n < THREADS; n++)
        thread_join(thread[n]);
    assert_int_equal(guarded.count, (unsigned long)ROUNDS * THREADS);
    assert_int_equal(guarded.lock.state, 0);
    assert_int_equal(guarded.beside, 0xA5);
    assert_int_equal(tly_byte_parking.waiters, 0);
}

// With the kernel's barrier, if it has one, and without.
static void one_thread_at_a_time_holds_it(void **state) {
    (void)state;
    tly_byte_lock_start();
    uint32_t barrier = tly_byte_parking.barrier;
    for (int with = 0; with < 2; with++) {
        tly_byte_parking.barrier = with ? barrier : 0;
        many_add();
    }
}

static void after_a_fork_nobody_waits(void **state) {
    (void)state;
    tly_byte_parking.waiters = 3;
    tly_byte_lock_forked();
    assert_int_equal(tly_byte_parking.waiters, 0);
}

static void *wait_for_it(void *at) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(at, 1);
    tly_byte_lock(&guarded.lock);
    stage_set(at, 2);
    tly_byte_unlock(&guarded.lock);
    tally_detach();
    return NULL;
}

// Holds a lock, without a mutator, from stage 1 to stage 2.
struct holding {
    struct tly_byte_lock *lock;
    stage at;
};

static void *hold_it(void *arg) {
    struct holding *holding = arg;
    must(tly_byte_try(holding->lock));
    stage_set(&holding->at, 1);
    stage_spin(&holding->at, 2);
    tly_byte_unlock(holding->lock);
    return NULL;
}

static pthread_t hold(struct holding *holding) {
    pthread_t thread = thread_start(hold_it, holding);
    stage_wait(&holding->at, 1);
    return thread;
}

static void who_waits_does_not_hold_the_world_back(void **state) {
    (void)state;
    stage at = 0;
    must(tally_attach(NULL) == TALLY_OK);
    guarded = (struct guarded){.beside = 0};
    struct holding holding = {.lock = &guarded.lock};
    pthread_t holder = hold(&holding);
    pthread_t thread = thread_start(wait_for_it, &at);
    stage_wait(&at, 1);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    tally_start_world();
    assert_int_equal(at, 1);
    stage_set(&holding.at, 2);
    thread_join(thread);
    thread_join(holder);
    assert_int_equal(at, 2);
    tally_detach();
}

static void *wait_in_a_section(void *at) {
    must(tally_attach(NULL) == TALLY_OK);
    tly_rcu_enter();
    stage_set(at, 1);
    tly_byte_lock(&guarded.lock);
    stage_set(at, 2);
    tly_byte_unlock(&guarded.lock);
    tly_rcu_leave();
    tally_detach();
    return NULL;
}

static void who_waits_in_a_section_gets_it(void **state) {
    (void)state;
    stage at = 0;
    must(tally_attach(NULL) == TALLY_OK);
    guarded = (struct guarded){.beside = 0};
    struct holding holding = {.lock = &guarded.lock};
    pthread_t holder = hold(&holding);
    pthread_t thread = thread_start(wait_in_a_section, &at);
    stage_wait(&at, 1);
    for (int n = 0; n < 1000; n++)
        sched_yield();
    assert_int_equal(at, 1);
    stage_set(&holding.at, 2);
    thread_join(thread);
    thread_join(holder);
    assert_int_equal(at, 2);
    tally_detach();
}

// Two locks in either order, by two threads.
static void *add_under_both(void *arg) {
    bool swap = arg;
    must(tally_attach(NULL) == TALLY_OK);
    for (int n = 0; n < ROUNDS; n++) {
        tly_byte_lock_both(swap ? &guarded.other : &guarded.lock,
                           swap ? &guarded.lock : &guarded.other);
        guarded.count++;
        tly_byte_unlock_both(&guarded.lock, &guarded.other);
    }
    tally_detach();
    return NULL;
}

static void two_in_either_order_are_taken_by_two_threads(void **state) {
    (void)state;
    guarded = (struct guarded){.beside = 0};
    pthread_t a = thread_start(add_under_both, NULL);
    pthread_t b = thread_start(add_under_both, &guarded);
    thread_join(a);
    thread_join(b);
    assert_int_equal(guarded.count, 2ul * ROUNDS);
    assert_int_equal(guarded.lock.state | guarded.other.state, 0);
}

static void *want_both(void *at) {
    must(tally_attach(NULL) == TALLY_OK);
    tly_byte_lock_both(&guarded.lock, &guarded.other);
    tly_byte_unlock_both(&guarded.lock, &guarded.other);
    stage_set(at, 1);
    tally_detach();
    return NULL;
}

// Whichever of them is busy, and whichever has the lower address.
static void who_waits_for_one_of_two_holds_neither(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    for (int n = 0; n < 2; n++) {
        guarded = (struct guarded){.beside = 0};
        struct tly_byte_lock *busy = n ? &guarded.lock : &guarded.other;
        struct tly_byte_lock *free = n ? &guarded.other : &guarded.lock;
        struct holding holding = {.lock = busy};
        pthread_t holder = hold(&holding);
        stage at = 0;
        pthread_t thread = thread_start(want_both, &at);
        // It parks, or is about to: from then on it waits for the busy one.
        while (!tly_load_relaxed(&tly_byte_parking.waiters))
            sched_yield();
        assert_int_equal(tly_load_relaxed(&free->state), 0);
        assert_int_equal(at, 0);
        assert_int_equal(tally_stop_world(), TALLY_OK);
        assert_int_equal(tly_load_relaxed(&free->state), 0);
        tally_start_world();
        stage_set(&holding.at, 2);
        thread_join(thread);
        thread_join(holder);
        assert_int_equal(at, 1);
    }
    tally_detach();
}

static void lock_and_block(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    tly_byte_lock(&guarded.lock);
    tally_blocking_enter();
}

static void lock_and_allocate(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    tly_byte_lock(&guarded.lock);
    tally_decref(tally_object_new(&tally_type_bytes, 0));
}

static void lock_and_poll(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    tly_byte_lock(&guarded.lock);
    tally_safepoint_slow_();
}

static void debug_builds_abort_who_waits_or_allocates_with_a_lock(
    void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(lock_and_block, NULL, "locks of containers before a block");
    assert_aborts(lock_and_allocate, NULL, "before an allocation");
    assert_aborts(lock_and_poll, NULL, "before a safepoint");
}

static void one_lock_twice_is_one(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    guarded = (struct guarded){.beside = 0};
    tly_byte_lock_both(&guarded.lock, &guarded.lock);
    assert_int_equal(guarded.lock.state, TLY_LOCK_HELD);
    tly_byte_unlock_both(&guarded.lock, &guarded.lock);
    assert_int_equal(guarded.lock.state, 0);
    tally_detach();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(one_thread_at_a_time_holds_it),
        object_test(after_a_fork_nobody_waits),
        object_test(who_waits_does_not_hold_the_world_back),
        object_test(who_waits_in_a_section_gets_it),
        object_test(two_in_either_order_are_taken_by_two_threads),
        object_test(who_waits_for_one_of_two_holds_neither),
        object_test(debug_builds_abort_who_waits_or_allocates_with_a_lock),
        object_test(one_lock_twice_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
