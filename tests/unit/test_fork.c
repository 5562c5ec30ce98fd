// runtime/fork.c: what a child need not do.

#include "child.h"
#include "threads.h"
#include "unit_cmocka.h"

#include "platform/os.h"

static void need_not_ask(void *arg) {
    (void)arg;
    must(tly_os_stack_low != 0);
}

static void *forks(void *arg) {
    must(tly_os_stack_low == 0);
    must(tally_attach(NULL) == TALLY_OK);
    struct child child = child_run(need_not_ask, NULL);
    must(child_passed(&child));
    return arg;
}

// To ask allocates, and a lock of the allocator's may be another thread's.
static void a_child_need_not_ask_where_its_stack_is(void **state) {
    (void)state;
    thread_run(forks, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_need_not_ask_where_its_stack_is),
    };
    return cmocka_run_group_tests_name("runtime/fork", tests, NULL, NULL);
}
