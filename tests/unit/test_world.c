// epoch/world.h: every other attached thread stands at a safepoint.

#include "unit_epoch.h"

#include <tally/borrow.h>

#include "epoch/handshake.h"
#include "epoch/world.h"
#include "platform/os.h"

#define THREADS 4
#define MS 1000000u

static stage at;
static atomic_bool stop_running;
static uint64_t steps; // (a) by the runner, between its safepoints
static struct tly_mutator *runner;

static void *run(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    runner = tly_self();
    stage_set(&at, 1);
    while (!atomic_load(&stop_running)) {
        tally_safepoint();
        tly_add_relaxed(&steps, 1);
    }
    tally_detach();
    return arg;
}

static pthread_t runner_start(void) {
    at = 0;
    stop_running = false;
    steps = 0;
    pthread_t thread = thread_start(run, NULL);
    stage_spin(&at, 1);
    return thread;
}

static void runner_end(pthread_t thread) {
    stop_running = true;
    thread_join(thread);
}

static void no_thread_runs_while_the_world_stands(void **state) {
    (void)state;
    pthread_t thread = runner_start();
    assert_int_equal(tally_stop_world(), TALLY_OK);
    assert_int_not_equal(state_of(runner), TLY_ATTACHED);
    uint64_t before = tly_load_relaxed(&steps);
    sleep_ms(20);
    assert_int_equal(tly_load_relaxed(&steps), before);
    assert_true(tly_self()->stopped_world);
    tally_start_world();
    while (tly_load_relaxed(&steps) == before)
        sched_yield();
    assert_false(tly_self()->stopped_world);
    runner_end(thread);
}

static void *block(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    runner = tly_self();
    TALLY_BLOCKING {
        stage_set(&at, 1);
        while (atomic_load(&at) < 2)
            sched_yield();
    }
    stage_set(&at, 3);
    return arg;
}

static void a_blocked_thread_is_not_waited_for_and_does_not_return(
    void **state) {
    (void)state;
    at = 0;
    pthread_t thread = thread_start(block, NULL);
    stage_spin(&at, 1);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    stage_set(&at, 2);
    sleep_ms(20);
    assert_int_equal(at, 2);
    tally_start_world();
    thread_join(thread);
    assert_int_equal(at, 3);
}

static void *attach_late(void *arg) {
    stage_set(&at, 1);
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 2);
    return arg;
}

static void a_thread_does_not_attach_while_the_world_stands(void **state) {
    (void)state;
    at = 0;
    assert_int_equal(tally_stop_world(), TALLY_OK);
    pthread_t thread = thread_start(attach_late, NULL);
    stage_spin(&at, 1);
    sleep_ms(20);
    assert_int_equal(at, 1);
    tally_start_world();
    thread_join(thread);
    assert_int_equal(at, 2);
}

static void who_has_stopped_the_world_cannot_stop_it_again(void **state) {
    (void)state;
    assert_int_equal(tally_stop_world(), TALLY_OK);
    assert_int_equal(tally_stop_world(), TALLY_DEADLOCK);
    tally_start_world();
    assert_int_equal(tally_stop_world(), TALLY_OK);
    tally_start_world();
}

static void the_world_is_not_stopped_inside_a_borrow_section(void **state) {
    (void)state;
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    assert_int_equal(tally_stop_world(), TALLY_DEADLOCK);
    tally_borrow_leave();
    assert_int_equal(tally_stop_world(), TALLY_OK);
    tally_start_world();
}

static void start(void *arg) {
    (void)arg;
    tally_attach(NULL);
    tally_start_world();
}

static void starting_a_world_that_runs_aborts(void **state) {
    (void)state;
    assert_aborts(start, NULL, "starts a world that it did not stop");
}

static void *spin(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 1);
    stage_spin(&at, 2);
    tally_safepoint();
    stage_set(&at, 3);
    return arg;
}

static void a_stop_gives_up_at_its_deadline_and_the_world_goes_on(
    void **state) {
    (void)state;
    at = 0;
    assert_int_equal(tally_attach(NULL), TALLY_OK);
    pthread_t thread = thread_start(spin, NULL);
    stage_spin(&at, 1);
    uint64_t begin = tly_os_now();
    struct tly_patience patience = {.left = 30 * MS};
    assert_int_equal(tly_world_stop(tly_self(), &patience), TALLY_TIMED_OUT);
    assert_true(tly_os_now() - begin >= 30 * MS);
    assert_false(tly_self()->stopped_world);
    stage_set(&at, 2);
    stage_spin(&at, 3);
    thread_join(thread);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    tally_start_world();
}

// ---- several requesters

static unsigned long guarded; // by the stop alone
static unsigned inside;

static void *stop_often(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned n = 0; n < rounds(300, 60); n++) {
        must(tally_stop_world() == TALLY_OK);
        must(inside++ == 0);
        guarded++;
        must(--inside == 0);
        tally_start_world();
        tally_safepoint();
        if (n % 8 == 0) {
            tally_detach();
            must(tally_attach(NULL) == TALLY_OK);
        }
        if (n % 5 == 0)
            TALLY_BLOCKING { sched_yield(); }
    }
    tally_detach();
    return arg;
}

static void one_thread_at_a_time_has_stopped_the_world(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    guarded = 0;
    for (unsigned n = 0; n < THREADS; n++)
        threads[n] = thread_start(stop_often, NULL);
    for (unsigned n = 0; n < THREADS; n++)
        thread_join(threads[n]);
    assert_int_equal(guarded, THREADS * rounds(300, 60));
}

static void *pass_once(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 1);
    while (!tly_world_is_stopping())
        sched_yield();
    // The phase changes before threads are asked to stand still.
    while (tly_world_is_stopping())
        tally_safepoint();
    must(tly_handshake_seen(tly_self()) == 0);
    tally_detach();
    return arg;
}

static void who_was_parked_answers_before_it_goes_on(void **state) {
    (void)state;
    at = 0;
    pthread_t thread = thread_start(pass_once, NULL);
    stage_spin(&at, 1);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    tly_handshake_ask(TLY_GOAL_TRIM);
    tally_start_world();
    thread_join(thread);
}

static void *stop_next(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 1);
    while (!tly_world_is_stopping())
        sched_yield();
    must(tly_world_stop(tly_self(), NULL) == TALLY_OK);
    must(tly_handshake_seen(tly_self()) == 0);
    tally_start_world();
    tally_detach();
    return arg;
}

static void who_waited_for_a_turn_answers_before_it_goes_on(void **state) {
    (void)state;
    at = 0;
    pthread_t thread = thread_start(stop_next, NULL);
    stage_spin(&at, 1);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    tly_handshake_ask(TLY_GOAL_TRIM);
    tally_start_world();
    thread_join(thread);
}

// What attached threads write between safepoints, each its own.
static struct { uint64_t first, second; } TLY_ALIGNED(64) pairs[THREADS];

static void *write_pairs(void *arg) {
    unsigned me = *(unsigned *)arg;
    must(tally_attach(NULL) == TALLY_OK);
    for (uint64_t n = 1; !atomic_load(&stop_running); n++) {
        pairs[me].first = n;
        if (n % 16 == 0)
            sched_yield();
        pairs[me].second = n;
        if (n % 3 == 0)
            tally_safepoint();
        else
            TALLY_BLOCKING { atomic_thread_fence(memory_order_relaxed); }
    }
    tally_detach();
    return NULL;
}

static void whoever_stops_the_world_sees_others_between_their_steps(
    void **state) {
    (void)state;
    unsigned numbers[THREADS];
    pthread_t threads[THREADS];
    stop_running = false;
    for (unsigned n = 0; n < THREADS; n++) {
        numbers[n] = n;
        threads[n] = thread_start(write_pairs, &numbers[n]);
    }
    for (unsigned round = 0; round < rounds(500, 100); round++) {
        assert_int_equal(tally_stop_world(), TALLY_OK);
        for (unsigned n = 0; n < THREADS; n++)
            assert_int_equal(pairs[n].first, pairs[n].second);
        tally_start_world();
    }
    stop_running = true;
    for (unsigned n = 0; n < THREADS; n++)
        thread_join(threads[n]);
}

static void *stop_without_end(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 1);
    while (!atomic_load(&stop_running)) {
        must(tally_stop_world() == TALLY_OK);
        tally_start_world();
    }
    tally_detach();
    return arg;
}

static void a_thread_attaches_while_others_stop_the_world_in_a_loop(
    void **state) {
    (void)state;
    pthread_t threads[2];
    at = 0;
    stop_running = false;
    for (unsigned n = 0; n < 2; n++)
        threads[n] = thread_start(stop_without_end, NULL);
    stage_spin(&at, 1);
    uint64_t begin = tly_os_now();
    for (unsigned n = 0; n < 50; n++) {
        assert_int_equal(tally_attach(NULL), TALLY_OK);
        tally_detach();
    }
    assert_true(tly_os_now() - begin < (uint64_t)60000 * MS);
    stop_running = true;
    for (unsigned n = 0; n < 2; n++)
        thread_join(threads[n]);
}

static void who_wants_to_stop_the_world_gets_a_turn_while_others_do(
    void **state) {
    (void)state;
    pthread_t threads[2];
    at = 0;
    stop_running = false;
    for (unsigned n = 0; n < 2; n++)
        threads[n] = thread_start(stop_without_end, NULL);
    stage_spin(&at, 1);
    for (unsigned n = 0; n < 50; n++) {
        assert_int_equal(tally_stop_world(), TALLY_OK);
        tally_start_world();
    }
    stop_running = true;
    for (unsigned n = 0; n < 2; n++)
        thread_join(threads[n]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        epoch_test(no_thread_runs_while_the_world_stands),
        epoch_test(a_blocked_thread_is_not_waited_for_and_does_not_return),
        epoch_test(a_thread_does_not_attach_while_the_world_stands),
        epoch_test(who_has_stopped_the_world_cannot_stop_it_again),
        epoch_test(the_world_is_not_stopped_inside_a_borrow_section),
        epoch_test(starting_a_world_that_runs_aborts),
        epoch_test(a_stop_gives_up_at_its_deadline_and_the_world_goes_on),
        epoch_test(who_was_parked_answers_before_it_goes_on),
        epoch_test(who_waited_for_a_turn_answers_before_it_goes_on),
        epoch_test(one_thread_at_a_time_has_stopped_the_world),
        epoch_test(whoever_stops_the_world_sees_others_between_their_steps),
        epoch_test(a_thread_attaches_while_others_stop_the_world_in_a_loop),
        epoch_test(who_wants_to_stop_the_world_gets_a_turn_while_others_do),
    };
    return cmocka_run_group_tests_name("epoch/world", tests, NULL, NULL);
}
