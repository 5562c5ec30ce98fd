// errno is the program's where a status says what there is to say.

#include "api.h"
#include "threads.h"

static stage waited_for;

// Keeps whoever asks something of it waiting for some time.
static void *be_slow(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&waited_for, 1);
    while (atomic_load(&waited_for) < 2) {
        if (__atomic_load_n(&tally_breaker_->bits_, __ATOMIC_RELAXED)) {
            sleep_ms(2);
            tally_safepoint();
        }
        sched_yield();
    }
    return arg;
}

static void every_way_to_collect_keeps_errno_though_it_waits(void **state) {
    (void)state;
    struct tally_collection done;
    stage_set(&waited_for, 0);
    pthread_t thread = thread_start(be_slow, NULL);
    stage_wait(&waited_for, 1);
    errno = 4711;
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(errno, 4711);
    assert_int_equal(tally_collect_generation(TALLY_FULL, NULL), TALLY_OK);
    assert_int_equal(errno, 4711);
    assert_int_equal(tally_collect_with(TALLY_STOPPED, TALLY_FULL, NULL),
                     TALLY_OK);
    assert_int_equal(errno, 4711);
    assert_int_equal(tally_collect_with(TALLY_CONCURRENT, TALLY_FULL, &done),
                     TALLY_OK);
    assert_int_equal(errno, 4711);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    assert_int_equal(errno, 4711);
    assert_int_equal(tally_collect_generation(TALLY_FULL, &done),
                     TALLY_DEADLOCK);
    assert_int_equal(errno, 4711);
    tally_start_world();
    assert_int_equal(errno, 4711);
    stage_set(&waited_for, 2);
    thread_join(thread);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(every_way_to_collect_keeps_errno_though_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
