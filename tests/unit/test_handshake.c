// epoch/handshake.h

#include "unit_epoch.h"

#include <tally/borrow.h>

#include "epoch/handshake.h"
#include "epoch/world.h"
#include "platform/os.h"

#define MS 1000000u

static stage at;
static atomic_uint acknowledged;    // how often, by others than the test
static _Thread_local uint32_t kind; // the last that this thread was asked for
static _Thread_local unsigned asked;
static atomic_uint others_kind;
static pthread_t tester;

static void note(struct tly_mutator *self, uint32_t kinds) {
    must(state_of(self) == TLY_ATTACHED);
    kind = kinds;
    asked++;
    if (!pthread_equal(pthread_self(), tester)) {
        others_kind = kinds;
        atomic_fetch_add(&acknowledged, 1);
    }
}

static struct tly_mutator *begin(void) {
    assert_int_equal(tally_attach(NULL), TALLY_OK);
    // A new record has missed all goals of earlier tests.
    tly_poll(tly_self(), true);
    unit_hooks.acknowledge = note;
    tester = pthread_self();
    kind = asked = 0;
    acknowledged = 0;
    at = 0;
    return tly_self();
}

static void who_asks_does_what_the_goal_says_too(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    assert_int_equal(tly_handshake(self, TLY_GOAL_FLUSH, NULL), TALLY_OK);
    assert_int_equal(asked, 1);
    assert_int_equal(kind, TLY_GOAL_FLUSH);
    assert_int_equal(tly_handshake(self, TLY_GOAL_TRIM, NULL), TALLY_OK);
    assert_int_equal(asked, 2);
    assert_int_equal(kind, TLY_GOAL_TRIM);
    assert_int_equal(state_of(self), TLY_ATTACHED);
}

static void a_goal_is_done_once(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    tly_handshake(self, TLY_GOAL_FLUSH, NULL);
    assert_int_equal(tly_handshake_seen(self), 0);
    tly_poll(self, true);
    assert_int_equal(asked, 1);
}

static void *run(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 1);
    stage_poll(&at, 2);
    tally_detach();
    return arg;
}

static void it_ends_after_each_running_thread_has_done_it(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    pthread_t threads[3];
    for (unsigned n = 0; n < 3; n++) {
        at = 0;
        threads[n] = thread_start(run, NULL);
        stage_spin(&at, 1);
    }
    acknowledged = 0;
    for (unsigned n = 1; n <= 20; n++) {
        assert_int_equal(tly_handshake(self, TLY_GOAL_FLUSH, NULL), TALLY_OK);
        assert_int_equal(acknowledged, 3 * n);
        assert_int_equal(others_kind, TLY_GOAL_FLUSH);
    }
    stage_set(&at, 2);
    for (unsigned n = 0; n < 3; n++)
        thread_join(threads[n]);
}

static void *block(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    TALLY_BLOCKING {
        stage_set(&at, 1);
        while (atomic_load(&at) < 2)
            sched_yield();
    }
    stage_set(&at, 3);
    stage_spin(&at, 4);
    tally_detach();
    return arg;
}

// Runs so many handshakes while another thread is blocked, and lets it on.
static pthread_t missed(struct tly_mutator *self, unsigned count,
                        uint32_t kinds) {
    pthread_t thread = thread_start(block, NULL);
    stage_spin(&at, 1);
    acknowledged = 0;
    for (unsigned n = 0; n < count; n++)
        assert_int_equal(tly_handshake(self, kinds, NULL), TALLY_OK);
    assert_int_equal(acknowledged, 0);
    stage_set(&at, 2);
    stage_spin(&at, 3);
    return thread;
}

static void a_thread_that_does_not_run_is_not_waited_for(void **state) {
    (void)state;
    pthread_t thread = missed(begin(), 1, TLY_GOAL_TRIM);
    // On its return it has done what it missed.
    assert_int_equal(acknowledged, 1);
    assert_int_equal(others_kind, TLY_GOAL_TRIM);
    stage_set(&at, 4);
    thread_join(thread);
}

static void a_thread_that_missed_several_goals_does_everything(void **state) {
    (void)state;
    pthread_t thread = missed(begin(), 3, TLY_GOAL_TRIM);
    assert_int_equal(acknowledged, 1);
    assert_int_equal(others_kind, TLY_GOAL_ALL);
    stage_set(&at, 4);
    thread_join(thread);
}

static void *spin(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 1);
    stage_spin(&at, 2);
    tally_safepoint();
    stage_set(&at, 3);
    stage_spin(&at, 4);
    tally_detach();
    return arg;
}

static void it_gives_up_at_its_deadline_and_the_goal_stands(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    pthread_t thread = thread_start(spin, NULL);
    stage_spin(&at, 1);
    acknowledged = 0;
    uint64_t now = tly_os_now();
    struct tly_patience patience = {.left = 20 * MS};
    assert_int_equal(tly_handshake(self, TLY_GOAL_FLUSH, &patience),
                     TALLY_TIMED_OUT);
    assert_int_equal(patience.left, 0);
    assert_true(tly_os_now() - now >= 20 * MS);
    assert_int_equal(acknowledged, 0);
    stage_set(&at, 2);
    stage_spin(&at, 3);
    assert_int_equal(acknowledged, 1);
    assert_int_equal(others_kind, TLY_GOAL_FLUSH);
    stage_set(&at, 4);
    thread_join(thread);
}

static void inside_a_borrow_section_it_would_wait_for_itself(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    assert_int_equal(tly_handshake(self, TLY_GOAL_FLUSH, NULL), TALLY_DEADLOCK);
    tally_borrow_leave();
    assert_int_equal(asked, 0);
}

static uint64_t written; // by the one who asks, before it asks
static uint64_t told[4]; // what each thread has read of it

static void copy_written(struct tly_mutator *self, uint32_t kinds) {
    (void)kinds;
    told[self->number % 4] = written;
}

static void what_was_stored_before_is_seen_and_answers_come_back(void **state) {
    (void)state;
    struct tly_mutator *self = begin();
    pthread_t thread = thread_start(run, NULL);
    stage_spin(&at, 1);
    unit_hooks.acknowledge = copy_written;
    for (uint64_t n = 1; n < 200; n++) {
        written = n;
        assert_int_equal(tly_handshake(self, TLY_GOAL_FLUSH, NULL), TALLY_OK);
        assert_int_equal(told[3], n);
        assert_int_equal(told[2], n);
    }
    stage_set(&at, 2);
    thread_join(thread);
}

static atomic_uint asked_by_many;

static void *ask_often(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned n = 0; n < rounds(200, 50); n++) {
        must(tly_handshake(tly_self(), TLY_GOAL_FLUSH, NULL) == TALLY_OK);
        atomic_fetch_add(&asked_by_many, 1);
        tally_safepoint();
    }
    tally_detach();
    return arg;
}

static void threads_that_ask_each_other_all_get_their_answers(void **state) {
    (void)state;
    begin();
    pthread_t threads[3];
    asked_by_many = 0;
    for (unsigned n = 0; n < 3; n++)
        threads[n] = thread_start(ask_often, NULL);
    while (asked_by_many < 3 * rounds(200, 50)) {
        tally_safepoint();
        sched_yield();
    }
    for (unsigned n = 0; n < 3; n++)
        thread_join(threads[n]);
}

// Passes one safepoint, when it is asked to stop there.
static void *stop_once(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_mutator *self = tly_self();
    tly_poll(self, true);
    stage_set(&at, 1);
    while (!(tly_load_seq_cst(&self->breaker.bits_) & TLY_BREAK_STOP))
        sched_yield();
    tally_safepoint();
    // Before the next one.
    *(bool *)arg = tly_handshake_seen(self) == 0;
    return NULL;
}

static void who_was_stopped_does_what_it_missed_before_it_goes_on(
    void **state) {
    (void)state;
    begin();
    bool done = false;
    pthread_t thread = thread_start(stop_once, &done);
    stage_spin(&at, 1);
    unsigned before = atomic_load(&acknowledged);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    // It stands still: nobody waits for it.
    tly_handshake_ask(TLY_GOAL_CYCLE);
    assert_int_equal(atomic_load(&acknowledged), before);
    tally_start_world();
    thread_join(thread);
    assert_true(done);
    assert_int_equal(atomic_load(&acknowledged), before + 1);
}

// Waits for its turn to stop the world, while another does.
static void *stop_next(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_mutator *self = tly_self();
    tly_poll(self, true);
    stage_set(&at, 1);
    while (!(tly_load_seq_cst(&self->breaker.bits_) & TLY_BREAK_STOP))
        sched_yield();
    must(tly_world_stop(self, NULL) == TALLY_OK);
    *(bool *)arg = tly_handshake_seen(self) == 0;
    tly_world_start(self);
    return NULL;
}

static void who_waited_to_stop_the_world_does_what_it_missed_too(void **state) {
    (void)state;
    begin();
    bool done = false;
    pthread_t thread = thread_start(stop_next, &done);
    stage_spin(&at, 1);
    assert_int_equal(tly_world_stop(tly_self(), NULL), TALLY_OK);
    tly_handshake_ask(TLY_GOAL_CYCLE);
    tly_world_start(tly_self());
    thread_join(thread);
    assert_true(done);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        epoch_test(who_asks_does_what_the_goal_says_too),
        epoch_test(a_goal_is_done_once),
        epoch_test(it_ends_after_each_running_thread_has_done_it),
        epoch_test(a_thread_that_does_not_run_is_not_waited_for),
        epoch_test(a_thread_that_missed_several_goals_does_everything),
        epoch_test(it_gives_up_at_its_deadline_and_the_goal_stands),
        epoch_test(inside_a_borrow_section_it_would_wait_for_itself),
        epoch_test(what_was_stored_before_is_seen_and_answers_come_back),
        epoch_test(threads_that_ask_each_other_all_get_their_answers),
        epoch_test(who_was_stopped_does_what_it_missed_before_it_goes_on),
        epoch_test(who_waited_to_stop_the_world_does_what_it_missed_too),
    };
    return cmocka_run_group_tests_name("epoch/handshake", tests, NULL, NULL);
}
