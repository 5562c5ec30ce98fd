// fork where the child may only exec, which it says.

#include "api.h"
#include "child.h"
#include "threads.h"

static stage stuck_at;

static void *stay_stuck(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&stuck_at, 1);
    stage_spin(&stuck_at, 2);
    return NULL;
}

static void child_uses_heap(void *arg) {
    (void)arg;
    void *block = tally_alloc(10000);
    must(block == NULL);
}

static void child_only_ends(void *arg) { (void)arg; }

static void a_thread_without_safepoints_leaves_the_child_exec_only(
    void **state) {
    (void)state;
    pthread_t thread = thread_start(stay_stuck, NULL);
    stage_wait(&stuck_at, 1);
    struct child ends = child_run(child_only_ends, NULL);
    struct child uses = child_run(child_uses_heap, NULL);
    void *block = tally_alloc(10);
    stage_set(&stuck_at, 2);
    thread_join(thread);
    assert_true(child_passed(&ends));
    assert_true(child_aborted(&uses));
    assert_non_null(strstr(uses.text, "only exec: a thread"));
    assert_non_null(block);
    tally_free(block);
}

static void a_fork_in_a_borrow_section_leaves_the_child_exec_only(
    void **state) {
    (void)state;
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    struct child ends = child_run(child_only_ends, NULL);
    struct child uses = child_run(child_uses_heap, NULL);
    tally_borrow_leave();
    assert_true(child_passed(&ends));
    assert_true(child_aborted(&uses));
    assert_non_null(strstr(uses.text, "only exec: fork was called in a"));
}

static bool handler_allocates;

static void handler(void) {
    if (handler_allocates)
        must(tally_alloc(10));
}

static void child_forks(void *arg) {
    if (arg)
        tally_detach();
    handler_allocates = true;
    (void)fork();
}

static void a_handler_of_fork_that_uses_the_heap_is_told_so(void **state) {
    (void)state;
    for (int detached = 0; detached < 2; detached++) {
        struct child child =
            child_run(child_forks, detached ? &detached : NULL);
        assert_true(child_aborted(&child));
        assert_non_null(strstr(child.text, "in a handler of fork"));
    }
}

// Before any library's constructor.
static void register_early(void) {
    must(pthread_atfork(handler, NULL, NULL) == 0);
}

typedef void (*initialiser)(void);
__attribute__((section(".preinit_array"),
               used)) static const initialiser early = register_early;

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(a_thread_without_safepoints_leaves_the_child_exec_only),
        quiet_test(a_fork_in_a_borrow_section_leaves_the_child_exec_only),
        quiet_test(a_handler_of_fork_that_uses_the_heap_is_told_so),
    };
    must(setenv("TALLY_CONF", "fork_wait_ms:200", 1) == 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
