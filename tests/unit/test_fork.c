// runtime/fork.c: what the thread that forks does for its child.

#include "child.h"
#include "threads.h"
#include "unit_cmocka.h"

#include "platform/os.h"
#include "runtime/start.h"

static void need_not_ask(void *arg) {
    (void)arg;
    must(tly_os_stack_low != 0);
}

static void *forks(void *arg) {
    must(tly_os_stack_low == 0);
    struct child child = child_run(need_not_ask, NULL);
    must(child_passed(&child));
    return arg;
}

// To ask allocates, and a lock of the allocator's may be another thread's.
static void a_child_need_not_ask_where_its_stack_is(void **state) {
    (void)state;
    tly_fork_start();
    thread_run(forks, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_need_not_ask_where_its_stack_is),
    };
    return cmocka_run_group_tests_name("runtime/fork", tests, NULL, NULL);
}
