// fork() in a threaded process: the child works, the parent goes on.

#include "api.h"
#include "child.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next));

static struct node *ring_new(int length) {
    struct node *first = tally_new(node), *last = first;
    must(first);
    for (int n = 1; n < length; n++) {
        struct node *node = tally_new(node);
        must(node);
        node->key = n;
        tally_set_steal(last, next, node);
        last = node;
    }
    tally_set(last, next, first);
    return first;
}

static void *work_once(void *arg) {
    (void)arg;
    struct node *node = ring_new(10);
    tally_decref(node);
    must(tally_collect() >= 10);
    return NULL;
}

// What a child does with the heap it was born with.
static void child_works(void *arg) {
    struct node *held = arg;
    for (int n = 0; n < 1000; n++)
        tally_decref(ring_new(3));
    must(tally_collect() >= 3000);
    void *raw = tally_alloc(10 << 20);
    must(raw);
    tally_free(raw);
    thread_run(work_once, NULL);
    must(held->key == 77);
    must(tally_verify(2) == TALLY_OK);
    tally_decref(held);
    must(tally_trim() < SIZE_MAX);
}

static void a_child_allocates_collects_and_starts_a_thread(void **state) {
    (void)state;
    struct node *held = tally_new(node);
    held->key = 77;
    struct child child = child_run(child_works, held);
    assert_true(child_passed(&child));
    // The parent's own heap has not changed.
    assert_int_equal(held->key, 77);
    assert_true(tally_is_unique(held));
    tally_decref(held);
    tally_decref(ring_new(5));
    assert_int_equal(tally_collect(), 5);
}

static atomic_bool busy_end;
static atomic_ulong busy_rounds;
static atomic_uint busy_begun; // threads that have done a round

static void *busy(void *arg) {
    struct node *shared = arg;
    for (unsigned n = 0; !atomic_load(&busy_end); n++) {
        struct node *node = ring_new(3);
        void *raw = tally_alloc(n % 50000);
        must(raw);
        tally_incref(shared);
        tally_decref(node);
        tally_decref(shared);
        if (n % 8 == 0) {
            must(tally_borrow_enter() == TALLY_OK);
            tally_borrow_leave();
        }
        if (n % 64 == 0)
            TALLY_BLOCKING { sched_yield(); }
        if (n % 512 == 0)
            tally_collect();
        tally_free(raw);
        tally_safepoint();
        atomic_fetch_add(&busy_rounds, 1);
        if (n == 0)
            atomic_fetch_add(&busy_begun, 1);
    }
    return NULL;
}

static void children_of_a_busy_process_work(void **state) {
    (void)state;
    pthread_t thread[4];
    struct node *held = tally_new(node);
    held->key = 77;
    tally_collect_enable();
    for (int n = 0; n < 4; n++)
        thread[n] = thread_start(busy, held);
    // A thread that starts uses malloc, and ASan's has locks that it does not
    // take before a fork.
    while (atomic_load(&busy_begun) < 4)
        TALLY_BLOCKING { sched_yield(); }
    for (unsigned n = rounds(50, 10); n > 0; n--) {
        unsigned long before = atomic_load(&busy_rounds);
        struct child child = child_run(child_works, held);
        assert_true(child_passed(&child));
        while (atomic_load(&busy_rounds) < before + 4)
            TALLY_BLOCKING { sched_yield(); }
    }
    atomic_store(&busy_end, true);
    for (int n = 0; n < 4; n++)
        thread_join(thread[n]);
    tally_collect_disable();
    assert_true(tally_is_unique(held));
    tally_decref(held);
}

struct stranger {
    struct node *node;
    stage at;
};

static void *hold_through(void *arg) {
    struct stranger *stranger = arg;
    stranger->node = ring_new(10);
    stage_set(&stranger->at, 1);
    stage_poll(&stranger->at, 2);
    tally_decref(stranger->node);
    return NULL;
}

static void child_drops_others(void *arg) {
    struct stranger *stranger = arg;
    // What the other thread held stays counted; its ring can be dropped here.
    must(tally_collect() == 0);
    tally_decref(stranger->node);
    must(tally_collect() == 10);
    must(stats_now().attached <= 1);
    must(tally_shutdown(NULL) == TALLY_OK);
}

static void in_the_child_other_threads_mutators_are_vacant(void **state) {
    (void)state;
    struct stranger stranger = {0};
    pthread_t thread = thread_start(hold_through, &stranger);
    stage_wait(&stranger.at, 1);
    struct child child = child_run(child_drops_others, &stranger);
    assert_true(child_passed(&child));
    stage_set(&stranger.at, 2);
    thread_join(thread);
    assert_int_equal(tally_collect(), 10);
}

static void child_comes_back(void *held) {
    tally_blocking_exit();
    child_works(held);
}

static void a_fork_in_a_blocking_region_stays_in_it(void **state) {
    (void)state;
    struct node *held = tally_new(node);
    held->key = 77;
    tally_blocking_enter();
    struct child child = child_run(child_comes_back, held);
    assert_int_equal(tally_mutator_number(), 0);
    tally_blocking_exit();
    assert_true(child_passed(&child));
    assert_int_equal(tally_counts_of(held).owner, tally_mutator_number());
    tally_decref(held);
}

static void *fork_unattached(void *arg) {
    (void)arg;
    must(tally_mutator_number() == 0);
    struct child child = child_run(child_works, arg);
    must(child_passed(&child));
    must(tally_mutator_number() == 0);
    return NULL;
}

static void a_thread_that_is_not_attached_may_fork(void **state) {
    (void)state;
    struct node *held = tally_new(node);
    held->key = 77;
    thread_run(fork_unattached, held);
    tally_decref(held);
}

static atomic_bool walks_end;

static bool go_on(void *object, void *arg) {
    (void)object;
    (void)arg;
    return true;
}

static void *walk_again(void *arg) {
    while (!atomic_load(&walks_end))
        must(tally_walk(go_on, arg) == TALLY_OK);
    return NULL;
}

static void child_collects(void *arg) {
    alarm(20);
    work_once(arg);
}

// Those that wait to stop the world are in a hurry; a child has none of them.
static void a_child_does_not_yield_to_threads_that_it_has_not(void **state) {
    (void)state;
    struct node *ring = ring_new(2000);
    pthread_t walkers[3];
    atomic_store(&walks_end, false);
    for (int n = 0; n < 3; n++)
        walkers[n] = thread_start(walk_again, NULL);
    bool passed = true;
    for (int n = 0; n < 10 && passed; n++) {
        struct child child = child_run(child_collects, NULL);
        passed = child_passed(&child);
    }
    atomic_store(&walks_end, true);
    for (int n = 0; n < 3; n++)
        thread_join(walkers[n]);
    assert_true(passed);
    tally_decref(ring);
    assert_int_equal(tally_collect(), 2000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(a_child_allocates_collects_and_starts_a_thread),
        quiet_test(children_of_a_busy_process_work),
        quiet_test(in_the_child_other_threads_mutators_are_vacant),
        lively_test(a_fork_in_a_blocking_region_stays_in_it),
        lively_test(a_thread_that_is_not_attached_may_fork),
        quiet_test(a_child_does_not_yield_to_threads_that_it_has_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
