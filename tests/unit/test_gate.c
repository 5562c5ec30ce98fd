// epoch/gate.h

#include "unit_epoch.h"

#include "epoch/gate.h"

static void an_open_gate_lets_in_and_a_closed_one_does_not(void **state) {
    (void)state;
    assert_true(tly_gate_is_open());
    assert_true(tly_gate_enter());
    tly_gate_leave();
    tly_gate_close();
    assert_false(tly_gate_is_open());
    assert_false(tly_gate_enter());
    tly_gate_await(); // who was not let in is not waited for
    tly_gate_open();
    assert_true(tly_gate_enter());
    tly_gate_leave();
}

static tally_status start_and_open(void) {
    tly_gate_open();
    return TALLY_OK;
}

static tally_status start_not(void) { return TALLY_NO_MEMORY; }

static void whoever_passes_a_closed_gate_asks_for_the_start(void **state) {
    (void)state;
    tly_gate_close();
    unit_hooks.start = start_not;
    assert_int_equal(tly_gate_pass(), TALLY_NO_MEMORY);
    assert_int_equal(tally_attach(NULL), TALLY_NO_MEMORY);
    tly_gate_await();
    unit_hooks.start = start_and_open;
    assert_int_equal(tly_gate_pass(), TALLY_OK);
    assert_true(tly_gate_is_open());
    tly_gate_leave();
}

static void *hold_and_leave(void *arg) {
    stage *at = arg;
    tly_gate_hold();
    stage_set(at, 1);
    stage_spin(at, 2);
    sleep_ms(20);
    stage_set(at, 3);
    tly_gate_leave();
    return NULL;
}

static void whoever_closes_it_waits_for_those_inside(void **state) {
    (void)state;
    stage at = 0;
    pthread_t thread = thread_start(hold_and_leave, &at);
    stage_spin(&at, 1);
    tly_gate_close();
    stage_set(&at, 2);
    tly_gate_await();
    assert_int_equal(atomic_load(&at), 3);
    pthread_join(thread, NULL);
    tly_gate_open();
}

// Those inside, as an end would wait for them.
static bool nobody_is_inside(void) {
    tly_gate_close();
    tly_gate_await();
    tly_gate_open();
    return true;
}

static void threads_are_outside_when_they_run_and_when_they_have_gone(
    void **state) {
    (void)state;
    assert_int_equal(tally_attach(NULL), TALLY_OK);
    assert_true(nobody_is_inside());
    tally_blocking_enter();
    assert_true(nobody_is_inside());
    tally_blocking_exit();
    tally_detach();
    assert_true(nobody_is_inside());
    struct tly_mutator *reserve = tly_reserve_take();
    assert_true(nobody_is_inside());
    tly_reserve_leave(reserve);
    assert_true(nobody_is_inside());
}

static void in_a_forked_child_nobody_is_inside(void **state) {
    (void)state;
    tly_gate_hold();
    tly_gate_forked();
    assert_true(tly_gate_is_open());
    assert_true(nobody_is_inside());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        epoch_test(an_open_gate_lets_in_and_a_closed_one_does_not),
        epoch_test(whoever_passes_a_closed_gate_asks_for_the_start),
        epoch_test(whoever_closes_it_waits_for_those_inside),
        epoch_test(threads_are_outside_when_they_run_and_when_they_have_gone),
        epoch_test(in_a_forked_child_nobody_is_inside),
    };
    return cmocka_run_group_tests_name("epoch/gate", tests, NULL, NULL);
}
