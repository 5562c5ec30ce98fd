// collector/workers.c: threads that take a share.

#include "unit_collector.h"

#include "base/atomic.h"
#include "child.h"
#include "collector/workers.h"
#include "platform/fault.h"
#include "platform/os.h"
#include "threads.h"

#define ITEMS 20000u

// Items that workers take one by one.
static struct work {
    uint32_t next;                // (a)
    uint32_t came;                // (a) a bit for each worker
    uint8_t done[ITEMS];          // each written by who has taken it
    uint32_t inside, twice;       // (a)
    uint32_t of[TLY_WORKERS_MAX]; // (a) calls of each number at once
    uint64_t began;
} work;

static void take(void *arg, unsigned worker) {
    must(arg == &work && worker < TLY_WORKERS_MAX);
    if (tly_add_relaxed(&work.of[worker], 1) != 0)
        tly_store_relaxed(&work.twice, 1);
    tly_or_relaxed(&work.came, 1u << worker);
    for (uint32_t n; (n = tly_add_relaxed(&work.next, 1)) < ITEMS;)
        work.done[n]++;
    tly_add_relaxed(&work.of[worker], 0u - 1);
}

// What has run is done once, by numbers below [count].
static void run_and_look(unsigned count) {
    memset(&work, 0, sizeof(work));
    tly_workers_run(take, &work);
    for (unsigned n = 0; n < ITEMS; n++)
        assert_int_equal(work.done[n], 1);
    assert_int_equal(work.twice, 0);
    assert_true(work.came & 1);
    assert_int_equal(work.came >> count, 0);
}

static void every_item_is_done_once_in_every_run(void **state) {
    (void)state;
    for (unsigned count = 1; count <= 4; count++) {
        assert_int_equal(tly_workers_start(count), count);
        tly_workers_use(count);
        for (unsigned n = 0; n < rounds(300, 30); n++)
            run_and_look(count);
    }
    assert_int_equal(tly_workers_threads(), 3);
}

// Until the others have come, or half a second has passed.
static void meet(void *arg, unsigned worker) {
    tly_or_relaxed(&work.came, 1u << worker);
    while (tly_load_relaxed(&work.came) != *(uint32_t *)arg &&
           tly_os_now() - work.began < 500000000u)
        tly_os_yield();
}

static void several_work_at_once(void **state) {
    (void)state;
    uint32_t all = 7;
    assert_int_equal(tly_workers_start(3), 3);
    tly_workers_use(3);
    for (unsigned n = 0; n < 100; n++) {
        memset(&work, 0, sizeof(work));
        work.began = tly_os_now();
        tly_workers_run(meet, &all);
        if (work.came == all)
            return;
    }
    fail_msg("three workers never met");
}

static void late_and_long(void *arg, unsigned worker) {
    (void)arg;
    tly_add_relaxed(&work.inside, 1);
    if (worker == 0)
        while (tly_load_relaxed(&work.inside) < 2 &&
               tly_os_now() - work.began < 500000000u)
            tly_os_yield();
    else
        sleep_ms(20);
    tly_add_relaxed(&work.inside, 0u - 1);
}

static void a_run_lasts_until_those_in_it_have_ended(void **state) {
    (void)state;
    assert_int_equal(tly_workers_start(2), 2);
    tly_workers_use(2);
    for (unsigned n = 0; n < 5; n++) {
        memset(&work, 0, sizeof(work));
        work.began = tly_os_now();
        tly_workers_run(late_and_long, NULL);
        assert_int_equal(work.inside, 0);
    }
}

static void fewer_may_be_used_than_can_work(void **state) {
    (void)state;
    assert_int_equal(tly_workers_start(4), 4);
    for (unsigned n = 0; n < rounds(100, 10); n++) {
        tly_workers_use(2);
        run_and_look(2);
        tly_workers_use(1);
        run_and_look(1);
    }
}

static void where_threads_are_refused_fewer_work(void **state) {
    (void)state;
    tly_fault_arm(TLY_FAULT_THREAD, 2, true);
    assert_int_equal(tly_workers_start(4), 2);
    tly_fault_disarm(NULL);
    tly_workers_use(2);
    run_and_look(2);
    assert_int_equal(tly_workers_start(4), 4);
}

static void they_sleep_and_come_back(void **state) {
    (void)state;
    assert_int_equal(tly_workers_start(3), 3);
    tly_workers_use(3);
    for (unsigned n = 0; n < 5; n++) {
        sleep_ms(5);
        run_and_look(3);
    }
}

static void after_the_end_they_are_started_anew(void **state) {
    (void)state;
    for (unsigned n = 0; n < 20; n++) {
        assert_int_equal(tly_workers_start(3), 3);
        tly_workers_use(3);
        run_and_look(3);
        tly_workers_end();
        assert_int_equal(tly_workers_threads(), 0);
        run_and_look(1);
    }
}

static void start_again(void *arg) {
    (void)arg;
    tly_workers_forked();
    must(tly_workers_threads() == 0);
    must(tly_workers_start(2) == 2);
    tly_workers_use(2);
    run_and_look(2);
    tly_workers_end();
}

static void a_forked_child_starts_its_own(void **state) {
    (void)state;
    if (EMULATED)
        skip(); // qemu-user 7.2 numbers threads anew in a child, and aborts
    assert_int_equal(tly_workers_start(3), 3);
    tly_workers_use(3);
    run_and_look(3);
    struct child child = child_run(start_again, NULL);
    assert_true(child_passed(&child));
    run_and_look(3);
}

static void the_option_says_how_many_are_allowed(void **state) {
    (void)state;
    unsigned cpus = tly_os_cpus();
    tly_workers_configure(3);
    assert_int_equal(tly_workers_allowed(true), 3);
    assert_int_equal(tly_workers_allowed(false), 3);
    tly_workers_configure(0);
    assert_int_equal(tly_workers_allowed(false), cpus < 8 ? cpus : 8);
    assert_true(tly_workers_allowed(true) >= 1);
    assert_true(tly_workers_allowed(true) <= 1 + cpus / 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(every_item_is_done_once_in_every_run),
        collector_test(several_work_at_once),
        collector_test(a_run_lasts_until_those_in_it_have_ended),
        collector_test(fewer_may_be_used_than_can_work),
        collector_test(where_threads_are_refused_fewer_work),
        collector_test(they_sleep_and_come_back),
        collector_test(after_the_end_they_are_started_anew),
        collector_test(a_forked_child_starts_its_own),
        collector_test(the_option_says_how_many_are_allowed),
    };
    return cmocka_run_group_tests_name("collector/workers", tests, NULL, NULL);
}
