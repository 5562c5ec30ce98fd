// epoch/stall.h: how long the runtime held a thread.

#include "unit_epoch.h"

#include "epoch/stall.h"

#define MS 1000000u
#define THREADS 4
#define EACH 10000u

static struct tally_histogram stalls(void) {
    struct tally_histogram h;
    tly_stall_read(&h);
    return h;
}

static void buckets_are_quarters_of_powers_of_two(void **state) {
    (void)state;
    assert_int_equal(tly_stall_bucket(0), 0);
    assert_int_equal(tly_stall_bucket(3), 0);
    assert_int_equal(tly_stall_bucket(4), 8);
    assert_int_equal(tly_stall_bucket(7), 11);
    assert_int_equal(tly_stall_bucket(1023), 39);
    assert_int_equal(tly_stall_bucket(1024), 40);
    assert_int_equal(tly_stall_bucket(1280), 41);
    assert_int_equal(tly_stall_bucket(UINT64_MAX), TALLY_HISTOGRAM_BUCKETS - 1);
}

static void what_is_recorded_is_read(void **state) {
    (void)state;
    tly_stall_record(2000);
    tly_stall_record(100);
    tly_stall_record(2000);
    struct tally_histogram h = stalls();
    assert_int_equal(h.count, 3);
    assert_int_equal(h.sum_ns, 4100);
    assert_int_equal(h.max_ns, 2000);
    assert_int_equal(h.bucket[tly_stall_bucket(2000)], 2);
    assert_int_equal(h.bucket[tly_stall_bucket(100)], 1);
    tly_stall_reset();
    assert_int_equal(stalls().count, 0);
    assert_int_equal(stalls().max_ns, 0);
}

static void *record(void *arg) {
    for (uint64_t n = 1; n <= EACH; n++)
        tly_stall_record(n);
    return arg;
}

static void no_threads_stall_is_lost(void **state) {
    (void)state;
    pthread_t thread[THREADS];
    for (unsigned n = 0; n < THREADS; n++)
        thread[n] = thread_start(record, NULL);
    for (unsigned n = 0; n < THREADS; n++)
        thread_join(thread[n]);
    struct tally_histogram h = stalls();
    assert_int_equal(h.count, THREADS * EACH);
    assert_int_equal(h.sum_ns, (uint64_t)THREADS * EACH * (EACH + 1) / 2);
    assert_int_equal(h.max_ns, EACH);
}

static void poll_long(struct tly_mutator *self, uint32_t bits, bool open) {
    (void)self, (void)open;
    if (bits & TLY_BREAK_INBOX)
        sleep_ms(2);
}

static void a_safepoint_with_work_is_a_stall_and_others_are_not(void **state) {
    (void)state;
    unit_hooks.poll = poll_long;
    assert_int_equal(tally_attach(NULL), TALLY_OK);
    uint64_t before = stalls().count;
    for (unsigned n = 0; n < 1000; n++)
        tally_safepoint();
    tally_safepoint_slow_();
    assert_int_equal(stalls().count, before);
    tly_break_self(tly_self(), TLY_BREAK_INBOX);
    tally_safepoint();
    struct tally_histogram h = stalls();
    assert_int_equal(h.count, before + 1);
    assert_true(h.max_ns >= 2 * MS);
    assert_true(h.sum_ns >= h.max_ns);
}

static stage at;
static atomic_bool stop_running;

static void *run(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 1);
    while (!atomic_load(&stop_running))
        tally_safepoint();
    return arg;
}

static void a_thread_is_held_as_long_as_another_stops_the_world(void **state) {
    (void)state;
    at = 0;
    stop_running = false;
    pthread_t thread = thread_start(run, NULL);
    stage_spin(&at, 1);
    assert_int_equal(tally_attach(NULL), TALLY_OK);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    uint64_t before = stalls().count;
    sleep_ms(5);
    tally_start_world();
    stop_running = true;
    thread_join(thread);
    assert_true(stalls().count > before);
    assert_true(stalls().max_ns >= 4 * MS);
}

static void *block(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    tally_blocking_enter();
    stage_set(&at, 1);
    while (atomic_load(&at) < 2)
        sched_yield();
    tally_blocking_exit();
    return arg;
}

static void who_comes_back_while_the_world_stands_is_held(void **state) {
    (void)state;
    at = 0;
    pthread_t thread = thread_start(block, NULL);
    stage_spin(&at, 1);
    assert_int_equal(tally_attach(NULL), TALLY_OK);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    assert_int_equal(stalls().count, 0);
    stage_set(&at, 2);
    sleep_ms(20);
    tally_start_world();
    thread_join(thread);
    assert_true(stalls().max_ns >= 1 * MS);
}

static void a_blocking_region_that_nobody_disturbs_is_no_stall(void **state) {
    (void)state;
    assert_int_equal(tally_attach(NULL), TALLY_OK);
    for (unsigned n = 0; n < 100; n++)
        TALLY_BLOCKING {}
    assert_int_equal(stalls().count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        epoch_test(buckets_are_quarters_of_powers_of_two),
        epoch_test(what_is_recorded_is_read),
        epoch_test(no_threads_stall_is_lost),
        epoch_test(a_safepoint_with_work_is_a_stall_and_others_are_not),
        epoch_test(a_thread_is_held_as_long_as_another_stops_the_world),
        epoch_test(who_comes_back_while_the_world_stands_is_held),
        epoch_test(a_blocking_region_that_nobody_disturbs_is_no_stall),
    };
    return cmocka_run_group_tests_name("epoch/stall", tests, NULL, NULL);
}
