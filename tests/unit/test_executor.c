// runtime/executor.h: the thread for finalizers, and what is done without it.

#include "unit_cmocka.h"

#include <stdatomic.h>

#include <tally/tally.h>

#include "threads.h"

#include "object/finalize.h"
#include "platform/fault.h"
#include "runtime/executor.h"

static atomic_uint finalized;
static pthread_t last_by;
static void guest_finalizes(void *object);

struct guest {
    tally_object head;
};
TALLY_TYPE(guest, TALLY_FINALIZE(guest_finalizes),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

static void guest_finalizes(void *object) {
    (void)object;
    last_by = pthread_self();
    atomic_fetch_add(&finalized, 1);
}

static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    atomic_store(&finalized, 0);
    return tly_local_of(tly_self());
}

static void end(void) {
    size_t leaked = 1;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
}

static void wait_for(unsigned count) {
    while (atomic_load(&finalized) < count)
        TALLY_BLOCKING { sleep_ms(1); }
}

static uint64_t attached(void) {
    struct tally_stats stats = {.size = sizeof(stats)};
    must(tally_stats_get(&stats) == TALLY_OK);
    return stats.attached;
}

static void without_work_there_is_no_thread(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tly_executor_poll(self);
    tally_safepoint();
    assert_false(tly_finalize_served);
    assert_int_equal(attached(), 1);
    end();
}

static void work_starts_the_thread_and_the_end_of_the_runtime_ends_it(
    void **state) {
    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        begin();
        tally_decref(tally_new(guest));
        tally_safepoint();
        wait_for(1);
        assert_false(pthread_equal(last_by, pthread_self()));
        assert_int_equal(attached(), 2);
        assert_true(tly_finalize_served);
        end();
        assert_false(tly_finalize_served);
    }
}

static void once_stopped_it_is_not_started_by_work(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tally_decref(tally_new(guest));
    tally_safepoint();
    wait_for(1);
    struct tly_patience patience = tly_patience_begin();
    tly_executor_stop(tly_mutator_in(self), &patience);
    tly_executor_stop(tly_mutator_in(self), &patience);
    assert_int_equal(attached(), 1);
    tally_decref(tally_new(guest));
    tly_executor_poll(self);
    assert_int_equal(attached(), 1);
    assert_true(tly_finalize_has_thread());
    tly_executor_start();
    tly_executor_poll(self);
    wait_for(2);
    end();
}

static void run_without_thread(void *arg) {
    (void)arg;
    // Collections would ask for a thread as well.
    must(setenv("TALLY_CONF", "zeal:0", 1) == 0);
    begin();
    tly_fault_arm(TLY_FAULT_THREAD, 1, true);
    for (unsigned n = 1; n <= 5; n++) {
        tally_decref(tally_new(guest));
        tally_safepoint();
        must(atomic_load(&finalized) == n);
        must(pthread_equal(last_by, pthread_self()));
    }
    must(tly_fault_disarm(NULL) == 5);
    // Now it can be started.
    tally_decref(tally_new(guest));
    tally_safepoint();
    wait_for(6);
    must(!pthread_equal(last_by, pthread_self()));
    end();
}

static void where_it_cannot_be_started_they_run_at_safepoints(void **state) {
    (void)state;
    struct child child = child_run(run_without_thread, NULL);
    assert_true(child_passed(&child));
    char *told = strstr(child.text, "no thread for finalizers");
    assert_non_null(told);
    assert_null(strstr(told + 1, "no thread for finalizers"));
}

static void run_without_mutator(void *arg) {
    (void)arg;
    begin();
    tly_fault_arm(TLY_FAULT_MUTATOR, 1, true);
    tally_decref(tally_new(guest));
    tally_safepoint(); // starts a thread that cannot attach
    for (unsigned n = 0; atomic_load(&finalized) < 1; n++) {
        TALLY_BLOCKING { sleep_ms(1); }
        tally_safepoint();
        must(n < 10000);
    }
    must(pthread_equal(last_by, pthread_self()));
    must(tly_fault_disarm(NULL) >= 1);
    end();
}

static void where_it_cannot_attach_they_run_at_safepoints(void **state) {
    (void)state;
    struct child child = child_run(run_without_mutator, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "no thread for finalizers"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        // Children first: they are forked from a process with one thread.
        cmocka_unit_test(where_it_cannot_be_started_they_run_at_safepoints),
        cmocka_unit_test(where_it_cannot_attach_they_run_at_safepoints),
        cmocka_unit_test(without_work_there_is_no_thread),
        cmocka_unit_test(
            work_starts_the_thread_and_the_end_of_the_runtime_ends_it),
        cmocka_unit_test(once_stopped_it_is_not_started_by_work),
    };
    return cmocka_run_group_tests_name("runtime/executor", tests, NULL, NULL);
}
