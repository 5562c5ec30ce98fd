// Threads that are cancelled: a call that waits inside the library comes to its
// end, whatever it reports meanwhile, and what it began has ended with it.

#include "sleeper.h"

#include <sys/wait.h>

static atomic_uint through; // calls that have returned

static void cancel_self(void) { must(pthread_cancel(pthread_self()) == 0); }

// ---- who waits for a late thread

static const wait_fn waits[] = {WAITS_OF_ALL};
#define WAITS (sizeof(waits) / sizeof(waits[0]))

static void *wait_cancelled(void *arg) {
    must(tally_attach("cancelled") == TALLY_OK);
    cancel_self();
    expect_late(*(const wait_fn *)arg);
    through++;
    pthread_testcancel();
    return NULL;
}

static pid_t forked;
static void *fork_cancelled(void *arg) {
    (void)arg;
    must(tally_attach("cancelled") == TALLY_OK);
    cancel_self();
    virtual_begin();
    pid_t child = fork();
    virtual_end();
    if (child == 0)
        _exit(0); // it may only exec
    forked = child;
    through++;
    pthread_testcancel();
    return NULL;
}

static void runs_to_its_end(thread_fn fn, const wait_fn *wait) {
    void *arg = (void *)(uintptr_t)wait;
    through = 0;
    must(thread_run(fn, arg) == PTHREAD_CANCELED);
    must(through == 1);
}

static void all_are_cancelled(void *arg) {
    (void)arg;
    pthread_t sleeper = sleeper_start(sleep_attached);
    for (unsigned n = 0; n < WAITS; n++)
        runs_to_its_end(wait_cancelled, &waits[n]);
    runs_to_its_end(fork_cancelled, NULL);
    must(waitpid(forked, NULL, 0) == forked);
    sleeper_end(sleeper);
    for (unsigned n = 0; n < WAITS; n++)
        must(waits[n]() == TALLY_OK);
    pid_t child = fork();
    if (child == 0) {
        tally_decref(tally_new(node));
        _exit(collect_full());
    }
    int status;
    must(waitpid(child, &status, 0) == child && status == 0);
    must(tally_shutdown(NULL) == TALLY_OK);
}

static void a_wait_that_reports_is_no_cancellation_point(void **state) {
    (void)state;
    struct child child = child_run(all_are_cancelled, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "(cancelled) has waited 1.0 s"));
}

// ---- who stands still

static void *stand_cancelled(void *arg) {
    must(tally_attach("cancelled") == TALLY_OK);
    stand_after_region(cancel_self);
    through++;
    pthread_testcancel();
    return arg;
}

static void stands_cancelled(void *arg) {
    (void)arg;
    must(world_stands_for(stand_cancelled) == PTHREAD_CANCELED);
    must(through == 1);
    must(stop() == TALLY_OK);
}

static void nor_is_standing_still(void **state) {
    (void)state;
    struct child child = child_run(stands_cancelled, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "(waiter) has stopped the world"));
}

// ---- who reads a file

static int reading[2];

static void *read_cancelled(void *arg) {
    tally_view *const view = arg;
    size_t bytes;
    must(tally_attach("cancelled") == TALLY_OK);
    cancel_self();
    (void)tally_view_read(reading[0], &view, 1, &bytes);
    through++;
    return NULL;
}

static void a_transfer_is_one_and_leaves_its_views(void **state) {
    (void)state;
    char memory[8];
    tally_view *view =
        tally_view_of_memory(memory, sizeof(memory), false, NULL, NULL);
    must(view && pipe(reading) == 0);
    through = 0;
    must(thread_run(read_cancelled, view) == PTHREAD_CANCELED);
    assert_int_equal(through, 0);
    assert_int_equal(tally_view_release(view), TALLY_OK);
    tally_decref(view);
    assert_int_equal(tally_collect_with(TALLY_STOPPED, TALLY_FULL, NULL),
                     TALLY_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_that_reports_is_no_cancellation_point),
        cmocka_unit_test(nor_is_standing_still),
        quiet_test(a_transfer_is_one_and_leaves_its_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
