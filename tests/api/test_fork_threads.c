// fork by several threads at once, and beside a collection that clears.

#include "api.h"
#include "child.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next));

static void child_collects(void *arg) {
    (void)arg;
    alarm(20);
    struct node *node = tally_new(node);
    must(node);
    tally_set(node, next, node);
    tally_decref(node);
    must(tally_collect() >= 1);
}

// Waits in a blocking region, so that nobody waits for this thread while its
// child is at work.
static bool fork_runs(bool blocking, child_fn fn) {
    int status = 0;
    pid_t pid = -1;
    if (blocking)
        TALLY_BLOCKING { pid = fork(); }
    else
        pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        fn(NULL);
        _exit(0);
    }
    TALLY_BLOCKING { must(waitpid(pid, &status, 0) == pid); }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define FORKERS 3

// ---- beside the first use

static stage all_there;
static atomic_int there;

static void *use_or_fork(void *arg) {
    bool forks = *(const bool *)arg;
    if (atomic_fetch_add(&there, 1) + 1 == FORKERS)
        stage_set(&all_there, 1);
    stage_spin(&all_there, 1);
    if (forks)
        must(fork_runs(false, child_collects));
    else
        child_collects(NULL);
    return NULL;
}

static void first_used_and_forked(void *arg) {
    (void)arg;
    static const bool forks[FORKERS] = {true, false, true};
    pthread_t threads[FORKERS];
    for (int n = 0; n < FORKERS; n++)
        threads[n] = thread_start(use_or_fork, (void *)(uintptr_t)&forks[n]);
    for (int n = 0; n < FORKERS; n++)
        thread_join(threads[n]);
}

// The first test: this process does not use the heap before it.
static void threads_fork_beside_the_first_use(void **state) {
    (void)state;
    for (unsigned n = rounds(60, 20); n > 0; n--) {
        struct child child = child_run(first_used_and_forked, NULL);
        assert_true(child_passed(&child));
    }
}

// ---- several

static void *fork_again(void *arg) {
    bool attached = *(bool *)arg;
    for (unsigned n = rounds(60, 10); n > 0; n--) {
        if (!attached) {
            must(fork_runs(false, child_collects));
            must(tally_mutator_number() == 0);
            continue;
        }
        struct node *node = tally_new(node);
        must(node);
        must(fork_runs(n % 3 == 0, child_collects));
        tally_decref(node);
        tally_safepoint();
    }
    return NULL;
}

static void threads_fork_at_once(const bool *attached) {
    pthread_t threads[FORKERS];
    for (int n = 0; n < FORKERS; n++)
        threads[n] = thread_start(fork_again, (void *)(uintptr_t)&attached[n]);
    for (int n = 0; n < FORKERS; n++)
        thread_join(threads[n]);
}

static void attached_threads_fork_at_once(void **state) {
    (void)state;
    static const bool attached[FORKERS] = {true, true, true};
    threads_fork_at_once(attached);
}

static void unattached_threads_fork_at_once(void **state) {
    (void)state;
    static const bool attached[FORKERS] = {false, false, false};
    threads_fork_at_once(attached);
}

static void threads_of_both_kinds_fork_at_once(void **state) {
    (void)state;
    static const bool attached[FORKERS] = {true, false, true};
    threads_fork_at_once(attached);
}

// ---- beside a collection

#define RING 5000

static atomic_uint ended;
static stage clearing;
static bool waits; // the first hook of a collection does

static void part_destroyed(void *object) {
    (void)object;
    if (atomic_fetch_add(&ended, 1) == 100 && waits) {
        stage_set(&clearing, 1);
        stage_wait(&clearing, 2);
    }
}

struct part {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(part, TALLY_REF(next), TALLY_DESTROY(part_destroyed));

static void *collect_ring(void *arg) {
    struct part *first = tally_new(part), *last = first;
    must(first);
    for (int n = 1; n < RING; n++) {
        struct part *part = tally_new(part);
        must(part);
        tally_set_steal(last, next, part);
        last = part;
    }
    tally_set(last, next, first);
    tally_decref(first);
    must(tally_collect() == RING);
    return arg;
}

// The hook that was running is lost with its thread; the others run here.
static void child_ends_the_rest(void *arg) {
    (void)arg;
    alarm(50);
    waits = false;
    must(atomic_load(&ended) == 101);
    tally_collect();
    must(atomic_load(&ended) == RING);
    must(tally_verify(2) == TALLY_OK);
    collect_ring(NULL);
    must(tally_shutdown(NULL) == TALLY_OK);
}

static void a_fork_does_not_wait_for_a_hook_of_a_collection(void **state) {
    (void)state;
    atomic_store(&ended, 0);
    stage_set(&clearing, 0);
    waits = true;
    pthread_t thread = thread_start(collect_ring, NULL);
    stage_wait(&clearing, 1);
    bool passed = fork_runs(false, child_ends_the_rest);
    stage_set(&clearing, 2);
    thread_join(thread);
    assert_true(passed);
    assert_int_equal(ended, RING);
}

// At any point of a collection: between hooks, between pools. What is not
// garbage yet stays counted, by who held it.
static void child_verifies(void *arg) {
    (void)arg;
    alarm(50);
    tally_collect();
    must(tally_verify(2) == TALLY_OK);
    collect_ring(NULL);
}

static atomic_bool over;

static void *collect_rings(void *arg) {
    for (unsigned n = rounds(30, 5); n > 0; n--)
        collect_ring(NULL);
    atomic_store(&over, true);
    return arg;
}

static void children_of_a_collecting_process_end_its_garbage(void **state) {
    (void)state;
    waits = false;
    atomic_store(&over, false);
    pthread_t thread = thread_start(collect_rings, NULL);
    bool passed = true;
    for (unsigned n = 0; n < 20 && passed && !atomic_load(&over); n++) {
        passed = fork_runs(false, child_verifies);
        TALLY_BLOCKING { sched_yield(); }
    }
    thread_join(thread);
    assert_true(passed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_fork_beside_the_first_use),
        lively_test(attached_threads_fork_at_once),
        lively_test(unattached_threads_fork_at_once),
        lively_test(threads_of_both_kinds_fork_at_once),
        quiet_test(a_fork_does_not_wait_for_a_hook_of_a_collection),
        quiet_test(children_of_a_collecting_process_end_its_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
