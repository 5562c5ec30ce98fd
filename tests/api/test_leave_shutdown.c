// tally_shutdown that a finalizer leaves: the runtime goes on, with its threads
// and its watchers, and can be ended.

#include "leave.h"
#include "threads.h"

static atomic_uint ran; // finalizers of the runtime's thread

static void file_finalize(void *object) {
    (void)object;
    leave_maybe();
}
struct file {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(file, TALLY_REF(next), TALLY_FINALIZE(file_finalize));

static void queued_finalize(void *object) {
    (void)object;
    ran++;
}
struct queued {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(queued, TALLY_REF(next), TALLY_FINALIZE(queued_finalize),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

static bool thread_runs(void) {
    unsigned before = ran;
    tally_decref(tally_new(queued));
    for (unsigned n = 0; n < 10000 && ran == before; n++) {
        tally_safepoint();
        TALLY_BLOCKING { sleep_ms(1); }
    }
    return ran > before;
}

// Something for the last collection to finalize, or for tally_shutdown before
// it waits for the thread that runs finalizers.
static bool waits;
static void begin(void) {
    assert_true(thread_runs());
    struct file *file = tally_new(file);
    must(file);
    if (waits) {
        tally_decref_later(file);
    } else {
        tally_set(file, next, file);
        tally_decref(file);
    }
}
static void shut_down(void) { (void)tally_shutdown(NULL); }

static unsigned heard;
static void hear(const struct tally_collect_event *event, void *arg) {
    (void)event, (void)arg;
    heard++;
}

static void shutdown_is_left(void (*by)(void)) {
    begin();
    assert_int_equal(tally_collect_watch(hear, NULL), TALLY_OK);
    tally_collect_debug_set(TALLY_DEBUG_SAVE_ALL);
    left(by, shut_down);
    assert_true(thread_runs());
    heard = 0;
    tally_collect();
    assert_true(heard > 0);
    assert_int_equal(tally_collect_debug_get(), TALLY_DEBUG_SAVE_ALL);
    tally_collect_debug_set(0);
    assert_int_equal(tally_collect_unwatch(hear, NULL), TALLY_OK);
    assert_int_equal(tally_shutdown(NULL), TALLY_OK);
}

static void a_shutdown_that_longjmp_leaves_has_not_been(void **state) {
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        waits = n;
        shutdown_is_left(by_longjmp);
    }
}
static void a_shutdown_that_an_exception_leaves_has_not_been(void **state) {
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        waits = n;
        shutdown_is_left(by_exception);
    }
}

static void thread_exits(void) { pthread_exit(NULL); }
static void *end_in_shutdown(void *arg) {
    tally_attach(NULL);
    begin();
    leave_by = thread_exits;
    leaves = 1;
    (void)tally_shutdown(NULL);
    return arg;
}
static void a_shutdown_whose_thread_ends_in_it_has_not_been(void **state) {
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        waits = n;
        thread_run(end_in_shutdown, NULL);
        assert_true(thread_runs());
        assert_int_equal(tally_shutdown(NULL), TALLY_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shutdown_that_longjmp_leaves_has_not_been),
        cmocka_unit_test(a_shutdown_that_an_exception_leaves_has_not_been),
        cmocka_unit_test(a_shutdown_whose_thread_ends_in_it_has_not_been),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
