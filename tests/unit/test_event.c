// sync/event.h

#include "unit_cmocka.h"

#include <pthread.h>

#include "base/atomic.h"
#include "platform/os.h"
#include "sync/event.h"
#include "virtual.h"

#define WAITERS 4
#define MS 1000000u

static void a_signal_changes_the_value(void **state) {
    (void)state;
    struct tly_event event = {{0}};
    uint32_t before = tly_event_value(&event);
    tly_event_signal(&event);
    assert_int_not_equal(tly_event_value(&event), before);
}

static void a_wait_for_a_value_that_has_changed_ends_at_once(void **state) {
    (void)state;
    struct tly_event event = {{0}};
    uint32_t before = tly_event_value(&event);
    tly_event_signal(&event);
    assert_true(tly_event_wait(&event, before, 0));
}

static const uint64_t waits_ms[] = {1, 5, 20, 51, 60, 100, 410, 1000, 10000};

static void a_wait_without_a_signal_ends_at_its_deadline(void **state) {
    (void)state;
    for (unsigned n = 0; n < sizeof(waits_ms) / sizeof(waits_ms[0]); n++) {
        struct tly_event event = {{0}};
        virtual_begin();
        uint64_t deadline = tly_os_now() + waits_ms[n] * MS;
        bool signalled =
            tly_event_wait(&event, tly_event_value(&event), deadline);
        uint64_t end = tly_os_now();
        virtual_end();
        assert_false(signalled);
        assert_int_equal(end, deadline);
        assert_int_equal(virtual_until, deadline);
        assert_in_range(virtual_sleeps, 1, 8);
    }
}

static void a_deadline_that_has_passed_does_not_wait(void **state) {
    (void)state;
    struct tly_event event = {{0}};
    virtual_begin();
    bool signalled = tly_event_wait(&event, tly_event_value(&event), 1);
    virtual_end();
    assert_false(signalled);
    assert_int_equal(virtual_sleeps, 0);
}

static struct tly_event gate;
static uint32_t is_open, passed;

static void *wait_for_gate(void *arg) {
    for (;;) {
        uint32_t seen = tly_event_value(&gate);
        if (tly_load_acquire(&is_open))
            break;
        must(tly_event_wait(&gate, seen, 0));
    }
    tly_add_relaxed(&passed, 1);
    return arg;
}

static void one_signal_wakes_all_who_wait(void **state) {
    (void)state;
    pthread_t threads[WAITERS];
    for (unsigned n = 0; n < WAITERS; n++)
        must(pthread_create(&threads[n], NULL, wait_for_gate, NULL) == 0);
    sleep_ms(30);
    assert_int_equal(tly_load_relaxed(&passed), 0);
    tly_store_release(&is_open, 1);
    tly_event_signal(&gate);
    for (unsigned n = 0; n < WAITERS; n++)
        pthread_join(threads[n], NULL);
    assert_int_equal(passed, WAITERS);
}

// Two threads pass a turn to each other: a signal that is lost hangs them.
static struct tly_event turn_changed;
static uint32_t turn;

static void *play(void *arg) {
    uint32_t me = arg != NULL;
    for (unsigned n = 0; n < rounds(3000, 300); n++) {
        for (;;) {
            uint32_t seen = tly_event_value(&turn_changed);
            if (tly_load_acquire(&turn) % 2 == me)
                break;
            must(tly_event_wait(&turn_changed, seen, 0));
        }
        tly_add_acq_rel(&turn, 1);
        tly_event_signal(&turn_changed);
    }
    return NULL;
}

static void no_signal_is_lost_between_looking_and_waiting(void **state) {
    (void)state;
    pthread_t thread;
    must(pthread_create(&thread, NULL, play, &turn) == 0);
    play(NULL);
    pthread_join(thread, NULL);
    assert_int_equal(turn, 2 * rounds(3000, 300));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_changes_the_value),
        cmocka_unit_test(a_wait_for_a_value_that_has_changed_ends_at_once),
        cmocka_unit_test(a_wait_without_a_signal_ends_at_its_deadline),
        cmocka_unit_test(a_deadline_that_has_passed_does_not_wait),
        cmocka_unit_test(one_signal_wakes_all_who_wait),
        cmocka_unit_test(no_signal_is_lost_between_looking_and_waiting),
    };
    return cmocka_run_group_tests_name("sync/event", tests, NULL, NULL);
}
