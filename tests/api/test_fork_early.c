// A handler of fork that was registered before the library's starts a thread
// in the child, as an allocator's or a profiler's does: the C library gives it
// the stack of a thread that the child does not have.

#include "api.h"
#include "child.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

static atomic_bool child_starts;

static void *background(void *arg) {
    for (;;)
        pause();
    return arg;
}

static void again(void) {
    pthread_t thread;
    if (atomic_load(&child_starts))
        must(pthread_create(&thread, NULL, background, NULL) == 0);
}

static void be_early(void) { must(pthread_atfork(NULL, NULL, again) == 0); }

// Before the constructors of libraries.
typedef void (*start_fn)(void);
__attribute__((section(".preinit_array"), used)) static const start_fn early =
    be_early;

static void work(void) {
    struct node *node = tally_new(node);
    must(node);
    tally_set(node, next, node);
    tally_decref(node);
    (void)tally_collect(); // another thread's may find it
    tally_synchronize();
    TALLY_BORROW {}
}

static stage ready, leave;

static void *reader(void *arg) {
    must(tally_attach("reader") == TALLY_OK);
    TALLY_BORROW { atomic_fetch_add(&ready, 1); }
    stage_wait(&leave, 1);
    tally_detach();
    return arg;
}

static void *heap_user(void *arg) {
    work();
    return arg;
}

static void child_works(void *arg) {
    work();
    thread_run(heap_user, arg);
    work();
    must(tally_verify(2) == TALLY_OK);
}

static bool child_passes(void) {
    atomic_store(&child_starts, true);
    struct child child = child_run(child_works, NULL);
    atomic_store(&child_starts, false);
    return child_passed(&child);
}

static void children_work(unsigned readers) {
    bool passed = true;
    pthread_t threads[4];
    atomic_store(&ready, 0), atomic_store(&leave, 0);
    for (unsigned n = 0; n < readers; n++)
        threads[n] = thread_start(reader, NULL);
    stage_wait(&ready, readers);
    for (unsigned n = 0; n < rounds(10, 3) && passed; n++)
        passed = child_passes();
    work();
    stage_set(&leave, 1);
    for (unsigned n = 0; n < readers; n++)
        thread_join(threads[n]);
    must(passed);
}

static void a_childs_early_thread_has_a_dead_ones_stack(void **state) {
    (void)state;
    for (unsigned readers = 0; readers <= 4; readers++)
        children_work(readers);
}

// It has used the heap before, or not yet.
static void *fork_unattached(void *arg) {
    must(child_passes());
    children_work(2);
    tally_detach();
    must(child_passes());
    return arg;
}

static void the_thread_that_forks_need_not_be_a_reader(void **state) {
    (void)state;
    thread_run(fork_unattached, NULL);
    work();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_thread_that_forks_need_not_be_a_reader),
        cmocka_unit_test(a_childs_early_thread_has_a_dead_ones_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
