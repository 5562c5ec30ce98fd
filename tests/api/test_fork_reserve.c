// fork by a thread that is not attached, in a process that has no memory for
// another mutator.

#include "api.h"
#include "child.h"
#include "threads.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static atomic_bool memory_is_short;

// Stands for the C library's, which the library asks for memory by.
__attribute__((visibility("default"))) int mprotect(void *address,
                                                    size_t length,
                                                    int protection) {
    if (atomic_load(&memory_is_short) && protection != PROT_NONE) {
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_mprotect, address, length, protection);
}

// With the main thread's and the one that is kept back, the records of 64 KiB.
#define OTHERS 5

static atomic_uint attached;
static stage at;

static void *hold_mutator(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    atomic_fetch_add(&attached, 1);
    stage_wait(&at, 1);
    return arg;
}

static void child_ends(void *arg) { (void)arg; }

static void *fork_unattached(void *arg) {
    atomic_store(&memory_is_short, true);
    must(tally_attach(NULL) != TALLY_OK);
    struct child child = child_run(child_ends, NULL);
    atomic_store(&memory_is_short, false);
    must(child_passed(&child));
    must(tally_mutator_number() == 0);
    return arg;
}

static void *attach(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    *(unsigned *)arg = tally_mutator_number();
    return NULL;
}

static void such_a_fork_leaves_the_reserve_where_it_is(void **state) {
    (void)state;
    unsigned number = 0;
    pthread_t threads[OTHERS];
    must(tally_attach(NULL) == TALLY_OK);
    for (int n = 0; n < OTHERS; n++)
        threads[n] = thread_start(hold_mutator, NULL);
    while (atomic_load(&attached) < OTHERS)
        TALLY_BLOCKING { sched_yield(); }
    thread_run(fork_unattached, NULL);
    thread_run(attach, &number);
    assert_true(number > 1);
    stage_set(&at, 1);
    for (int n = 0; n < OTHERS; n++)
        thread_join(threads[n]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(such_a_fork_leaves_the_reserve_where_it_is),
    };
    // No thread of the runtime's own.
    must(setenv("TALLY_CONF", "collector:0", 1) == 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
