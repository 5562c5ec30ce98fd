// Who runs finalizers: the thread that finds that it is time, the runtime's
// own thread, or whoever pumps. And where their errors go.

#include "api.h"
#include "child.h"
#include "threads.h"

struct guest {
    tally_object head;
    tally_ref next;
    long key;
};

// What finalizers have done.
enum { NOTED = 64 };
static struct {
    atomic_uint finalized, destroyed;
    long order[NOTED];
    pthread_t by[NOTED];
    struct guest *keep; // is kept
    void *kept;
    stage started, go; // the finalizer waits for go, if it is not 0
} seen;

// Several threads run finalizers at once.
static pthread_mutex_t noting = PTHREAD_MUTEX_INITIALIZER;

static void guest_finalize(void *object) {
    struct guest *guest = object;
    must(pthread_mutex_lock(&noting) == 0);
    unsigned n = atomic_load(&seen.finalized);
    if (n < NOTED) {
        seen.order[n] = guest->key;
        seen.by[n] = pthread_self();
    }
    if (seen.keep == guest) {
        tally_incref(guest);
        seen.kept = guest;
    }
    atomic_store(&seen.finalized, n + 1);
    must(pthread_mutex_unlock(&noting) == 0);
    if (atomic_load(&seen.go)) {
        stage_set(&seen.started, 1);
        stage_wait(&seen.go, 2);
    }
}

static void guest_destroy(void *object) {
    (void)object;
    atomic_fetch_add(&seen.destroyed, 1);
}
TALLY_TYPE(guest, TALLY_REF(next), TALLY_FINALIZE(guest_finalize),
           TALLY_DESTROY(guest_destroy));

struct pumped {
    struct guest guest;
};
TALLY_TYPE(pumped, TALLY_BASE(guest), TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));

struct served {
    struct guest guest;
};
TALLY_TYPE(served, TALLY_BASE(guest), TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

// Its base says by whom.
struct derived {
    struct pumped pumped;
};
TALLY_TYPE(derived, TALLY_BASE(pumped));

struct plain {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(plain, TALLY_REF(next));

static int begin(void **state) {
    memset(&seen, 0, sizeof(seen));
    return begin_quiet(state);
}

static int end(void **state) {
    while (tally_finalize_pending(SIZE_MAX)) {
    }
    return end_clean(state);
}

static struct guest *guest_new(tally_type *type, long key) {
    struct guest *guest = tally_object_new(type, 0);
    must(guest);
    guest->key = key;
    return guest;
}

static struct guest *ring_new(tally_type *type, int length) {
    struct guest *first = guest_new(type, 1), *last = first;
    for (int n = 1; n < length; n++) {
        struct guest *guest = guest_new(type, n + 1);
        tally_set_steal(last, next, guest);
        last = guest;
    }
    tally_set(last, next, first);
    return first;
}

static unsigned finalized(void) { return atomic_load(&seen.finalized); }
static unsigned destroyed(void) { return atomic_load(&seen.destroyed); }

// ---- pumped

static void pumped_finalizers_run_when_pumped_in_order(void **state) {
    (void)state;
    for (long n = 0; n < 10; n++)
        tally_decref(guest_new(TALLY_TYPE_OF(pumped), n));
    tally_safepoint();
    assert_int_equal(finalized(), 0);
    assert_int_equal(stats_now().finalizers_waiting, 10);
    assert_int_equal(tally_finalize_pending(3), 3);
    assert_int_equal(finalized(), 3);
    assert_int_equal(destroyed(), 3);
    assert_int_equal(stats_now().finalizers_waiting, 7);
    assert_int_equal(tally_finalize_pending(0), 0);
    assert_int_equal(tally_finalize_pending(SIZE_MAX), 7);
    assert_int_equal(tally_finalize_pending(1), 0);
    assert_int_equal(stats_now().finalizers_waiting, 0);
    for (long n = 0; n < 10; n++)
        assert_int_equal(seen.order[n], n);
}

static void a_derived_type_inherits_who_runs_it(void **state) {
    (void)state;
    tally_decref(guest_new(TALLY_TYPE_OF(derived), 1));
    assert_int_equal(finalized(), 0);
    assert_int_equal(tally_finalize_pending(1), 1);
}

static void a_garbage_ring_waits_for_the_pump(void **state) {
    (void)state;
    struct guest *ring = ring_new(TALLY_TYPE_OF(pumped), 20);
    struct plain *plain = tally_new(plain);
    tally_set(plain, next, plain);
    tally_decref(ring);
    tally_decref(plain);
    struct tally_collection done;
    assert_int_equal(tally_collect_generation(TALLY_FULL, &done), TALLY_OK);
    assert_int_equal(done.finalized, 0);
    assert_int_equal(done.freed, 1); // nothing waits for that one
    assert_int_equal(stats_now().finalizers_waiting, 20);
    assert_int_equal(tally_verify(2), TALLY_OK);
    // Others neither find nor finalize it again.
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(tally_finalize_pending(19), 19);
    assert_int_equal(destroyed(), 0);
    assert_int_equal(tally_finalize_pending(19), 1);
    assert_int_equal(finalized(), 20);
    assert_int_equal(destroyed(), 20);
}

static void what_a_pumped_finalizer_keeps_lives_with_its_ring(void **state) {
    (void)state;
    seen.keep = ring_new(TALLY_TYPE_OF(pumped), 5);
    tally_decref(seen.keep);
    tally_decref(ring_new(TALLY_TYPE_OF(pumped), 3));
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(tally_finalize_pending(SIZE_MAX), 8);
    assert_int_equal(destroyed(), 3);
    struct guest *guest = seen.kept;
    for (int n = 0; n < 5; n++)
        guest = tally_get(guest, next);
    assert_ptr_equal(guest, seen.kept);
    tally_decref(guest);
    assert_int_equal(tally_collect(), 5);
    assert_int_equal(finalized(), 8);
}

static void pump_inside(void *object);
struct pumping {
    tally_object head;
};
TALLY_TYPE(pumping, TALLY_FINALIZE(pump_inside));

static void pump_inside(void *object) {
    (void)object;
    must(tally_finalize_pending(SIZE_MAX) == 0);
}

static void nothing_is_pumped_where_no_finalizer_may_run(void **state) {
    (void)state;
    tally_decref(guest_new(TALLY_TYPE_OF(pumped), 1));
    tally_decref(tally_new(pumping));
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    assert_int_equal(tally_finalize_pending(1), 0);
    tally_borrow_leave();
    assert_int_equal(tally_stop_world(), TALLY_OK);
    assert_int_equal(tally_finalize_pending(1), 0);
    tally_start_world();
    errno = 77;
    assert_int_equal(tally_finalize_pending(1), 1);
    assert_int_equal(errno, 77);
}

static void *pump_all(void *arg) {
    *(size_t *)arg = tally_finalize_pending(SIZE_MAX);
    return NULL;
}

static void any_thread_may_pump(void **state) {
    (void)state;
    size_t ran = 0;
    tally_decref(guest_new(TALLY_TYPE_OF(pumped), 1));
    tally_decref(ring_new(TALLY_TYPE_OF(pumped), 4));
    tally_collect();
    thread_run(pump_all, &ran);
    assert_int_equal(ran, 5);
    tally_collect();
    assert_int_equal(destroyed(), 5);
}

// ---- the runtime's thread

static void wait_finalized(unsigned count) {
    while (finalized() < count || stats_now().finalizers_waiting)
        TALLY_BLOCKING { sleep_ms(1); }
}

static void the_runtimes_thread_runs_what_is_its(void **state) {
    (void)state;
    tally_decref(guest_new(TALLY_TYPE_OF(served), 1));
    wait_finalized(1);
    tally_decref(ring_new(TALLY_TYPE_OF(served), 10));
    tally_collect();
    wait_finalized(11);
    for (unsigned n = 0; n < 11; n++) {
        assert_false(pthread_equal(seen.by[n], pthread_self()));
        assert_true(pthread_equal(seen.by[n], seen.by[0]));
    }
    for (unsigned n = 1; n < 11; n++)
        assert_int_equal(seen.order[n], n);
    tally_collect();
    assert_int_equal(destroyed(), 11);
}

static void a_thread_that_drops_does_not_wait_for_it(void **state) {
    (void)state;
    stage_set(&seen.go, 1);
    tally_decref(guest_new(TALLY_TYPE_OF(served), 1));
    tally_safepoint();
    stage_wait(&seen.started, 1);
    tally_decref(guest_new(TALLY_TYPE_OF(served), 2));
    tally_decref(ring_new(TALLY_TYPE_OF(guest), 1));
    // A collection neither.
    stage_set(&seen.go, 2);
    tally_collect();
    wait_finalized(3);
    tally_collect();
    assert_int_equal(destroyed(), 3);
}

static void what_the_thread_has_not_begun_can_be_pumped(void **state) {
    (void)state;
    stage_set(&seen.go, 1);
    tally_decref(guest_new(TALLY_TYPE_OF(served), 1));
    tally_safepoint();
    stage_wait(&seen.started, 1);
    tally_decref(guest_new(TALLY_TYPE_OF(served), 2));
    assert_int_equal(stats_now().finalizers_waiting, 2);
    stage_set(&seen.go, 2);
    while (finalized() < 2)
        tally_finalize_pending(1);
    wait_finalized(2);
    tally_collect();
    assert_int_equal(destroyed(), 2);
}

// ---- errors

static struct report {
    const tally_type *type;
    void *object;
    tally_status status;
    char text[32];
    void *arg;
    unsigned count;
} report;

static void note(const tally_type *type, void *object, tally_status status,
                 const char *text, void *arg) {
    report.type = type;
    report.object = object;
    report.status = status;
    snprintf(report.text, sizeof(report.text), "%s", text);
    report.arg = arg;
    report.count++;
}

static void fails(void *object) {
    errno = 0;
    tally_finalize_error(object, TALLY_BUSY, "flushing");
    must(errno == 0);
}
struct failing {
    tally_object head;
};
TALLY_TYPE(failing, TALLY_FINALIZE(fails));
struct failing_late {
    tally_object head;
};
TALLY_TYPE(failing_late, TALLY_DESTROY(fails));

static void errors_go_to_the_sink(void **state) {
    (void)state;
    int mine;
    memset(&report, 0, sizeof(report));
    tally_set_error_sink(note, &mine);
    struct failing *failing = tally_new(failing);
    errno = 5;
    tally_decref(failing);
    assert_int_equal(errno, 5);
    assert_ptr_equal(report.type, TALLY_TYPE_OF(failing));
    assert_ptr_equal(report.object, failing);
    assert_int_equal(report.status, TALLY_BUSY);
    assert_string_equal(report.text, "flushing");
    assert_ptr_equal(report.arg, &mine);
    tally_decref(tally_new(failing_late));
    assert_int_equal(report.count, 2);
    assert_ptr_equal(report.type, TALLY_TYPE_OF(failing_late));
    tally_set_error_sink(NULL, NULL);
}

static void fail_now(void *arg) {
    (void)arg;
    tally_decref(tally_new(failing));
}

static void without_a_sink_errors_are_lines_of_stderr(void **state) {
    (void)state;
    struct child child = child_run(fail_now, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "failing at "));
    assert_non_null(strstr(child.text, "flushing"));
    assert_non_null(strstr(child.text, tally_strerror(TALLY_BUSY)));
}

// ---- processes

static void shut_down(void *arg) {
    (void)arg;
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
    must(tally_init(NULL) == TALLY_OK);
    tally_decref(guest_new(TALLY_TYPE_OF(served), 1));
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
}

static void shut_down_with_work(void *arg) {
    tally_decref(guest_new(TALLY_TYPE_OF(pumped), 1));
    tally_decref(guest_new(TALLY_TYPE_OF(served), 1));
    tally_safepoint(); // starts the thread
    tally_decref(ring_new(TALLY_TYPE_OF(pumped), 3));
    tally_decref(ring_new(TALLY_TYPE_OF(served), 3));
    tally_decref(ring_new(TALLY_TYPE_OF(guest), 3));
    tally_collect();
    tally_decref(guest_new(TALLY_TYPE_OF(served), 1));
    struct guest *guest = guest_new(TALLY_TYPE_OF(pumped), 1);
    tally_set_steal(guest, next, guest_new(TALLY_TYPE_OF(served), 1));
    tally_decref(guest);
    size_t leaked = 77;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
    must(finalized() == 14 && destroyed() == 14);
    shut_down(arg);
}

static void the_runtime_ends_when_all_finalizers_have_run(void **state) {
    (void)state;
    struct child child = child_run(shut_down_with_work, NULL);
    assert_true(child_passed(&child));
}

static void *stay(void *at) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(at, 1);
    stage_wait(at, 2);
    return NULL;
}

static void shut_down_too_early(void *arg) {
    stage at = 0;
    tally_decref(guest_new(TALLY_TYPE_OF(served), 1));
    wait_finalized(1);
    pthread_t thread = thread_start(stay, &at);
    stage_wait(&at, 1);
    must(tally_shutdown(NULL) == TALLY_BUSY);
    // The runtime's thread is there again.
    tally_decref(guest_new(TALLY_TYPE_OF(served), 2));
    wait_finalized(2);
    stage_set(&at, 2);
    thread_join(thread);
    shut_down(arg);
}

static void while_others_are_attached_it_goes_on(void **state) {
    (void)state;
    struct child child = child_run(shut_down_too_early, NULL);
    assert_true(child_passed(&child));
}

static void child_goes_on(void *arg) {
    must(finalized() == 1);
    // What waits in the child is run there; the thread is another.
    must(tally_finalize_pending(1) == 1);
    tally_decref(guest_new(TALLY_TYPE_OF(served), 9));
    while (finalized() < 3)
        TALLY_BLOCKING { sleep_ms(1); }
    must(tally_collect_generation(TALLY_FULL, NULL) == TALLY_OK);
    shut_down(arg);
}

static void a_forked_child_has_what_waits_and_a_thread_anew(void **state) {
    (void)state;
    tally_decref(guest_new(TALLY_TYPE_OF(served), 1));
    wait_finalized(1);
    tally_decref(guest_new(TALLY_TYPE_OF(pumped), 2));
    tally_decref(ring_new(TALLY_TYPE_OF(pumped), 1));
    tally_collect();
    struct child child = child_run(child_goes_on, NULL);
    assert_true(child_passed(&child));
    assert_int_equal(finalized(), 1);
    assert_int_equal(tally_finalize_pending(9), 2);
}

static void by_option(void *arg) {
    const char *option = arg;
    setenv("TALLY_CONF", option, 1);
    must(tally_shutdown(NULL) == TALLY_OK);
    tally_decref(guest_new(TALLY_TYPE_OF(guest), 1));
    if (option[11] == '1') {
        wait_finalized(1);
        must(!pthread_equal(seen.by[0], pthread_self()));
    } else {
        tally_safepoint();
        must(finalized() == 0);
        must(tally_finalize_pending(9) == 1);
    }
    // The type's own word counts more.
    tally_decref(guest_new(TALLY_TYPE_OF(pumped), 1));
    must(finalized() == 1);
    must(tally_finalize_pending(9) == 1);
    shut_down(NULL);
}

static void the_option_says_who_runs_the_rest(void **state) {
    (void)state;
    const char *options[] = {"finalizers:1", "finalizers:2"};
    for (unsigned n = 0; n < 2; n++) {
        struct child child =
            child_run(by_option, (void *)(uintptr_t)options[n]);
        assert_true(child_passed(&child));
    }
}

#define seen_test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        seen_test(pumped_finalizers_run_when_pumped_in_order),
        seen_test(a_derived_type_inherits_who_runs_it),
        seen_test(a_garbage_ring_waits_for_the_pump),
        seen_test(what_a_pumped_finalizer_keeps_lives_with_its_ring),
        seen_test(nothing_is_pumped_where_no_finalizer_may_run),
        seen_test(any_thread_may_pump),
        // Children are forked from here on, with and without the thread.
        seen_test(errors_go_to_the_sink),
        seen_test(without_a_sink_errors_are_lines_of_stderr),
        seen_test(the_runtime_ends_when_all_finalizers_have_run),
        seen_test(while_others_are_attached_it_goes_on),
        seen_test(the_option_says_who_runs_the_rest),
        seen_test(the_runtimes_thread_runs_what_is_its),
        seen_test(a_thread_that_drops_does_not_wait_for_it),
        seen_test(what_the_thread_has_not_begun_can_be_pumped),
        seen_test(a_forked_child_has_what_waits_and_a_thread_anew),
        seen_test(the_runtime_ends_when_all_finalizers_have_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
