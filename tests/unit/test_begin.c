// collector/begin.c: collections that begin by themselves.

#include "unit_collector.h"

#include "collector/lock.h"

#define TURNS 16u

static stage over;
static struct tly_collector_waiter other; // of a thread that comes before

static bool has_two_waiters(void) {
    tly_spin_lock(&tly_collector_lock.spin);
    bool two = other.next != NULL;
    tly_spin_unlock(&tly_collector_lock.spin);
    return two;
}

static void *leave_second(void *arg) {
    while (!has_two_waiters() && !atomic_load(&over))
        sched_yield();
    tly_collector_leave(&other, false);
    return arg;
}

static void what_is_due_waits_when_others_have_had_many_turns(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_local *self = tly_local_of(tly_self());
    collector_configure(true, 1 << 20, 100);
    tly_heap_account(&self->heap, (int64_t)64 << 20);
    must(tly_collector_is_due());
    stage_set(&over, 0);
    tly_collector_queue(&other, &tly_collector_lock.freed);
    tly_collector_free(); // turns count from one on
    for (unsigned n = 0; n < TURNS; n++) {
        assert_false(tly_collector_run_due(self));
        assert_false(has_two_waiters());
        tly_collector_free(); // somebody has had it
    }
    pthread_t thread = thread_start(leave_second, NULL);
    assert_true(tly_collector_run_due(self));
    stage_set(&over, 1);
    thread_join(thread);
    assert_int_equal(tly_collect_totals.collections[TALLY_FULL] +
                         tly_collect_totals.collections[TALLY_YOUNG],
                     1);
    // From the beginning.
    tly_heap_account(&self->heap, (int64_t)256 << 20);
    must(tly_collector_is_due());
    tly_collector_queue(&other, &tly_collector_lock.freed);
    other.next = &other; // whoever comes behind, and leaves, changes it
    assert_false(tly_collector_run_due(self));
    assert_false(tly_collector_run_due(self));
    assert_ptr_equal(other.next, &other);
    other.next = NULL;
    tly_collector_leave(&other, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(what_is_due_waits_when_others_have_had_many_turns),
    };
    return cmocka_run_group_tests_name("collector/begin", tests, NULL, NULL);
}
