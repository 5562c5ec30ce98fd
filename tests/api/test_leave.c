// Calls that do not return: hooks, sections and regions that are left by
// longjmp, or by the end of their thread.

#include "api.h"
#include "child.h"
#include "threads.h"

static jmp_buf away;
static bool leaves; // the next hook does
static unsigned finalized, destroyed, called;

static void leave_once(void) {
    if (!leaves)
        return;
    leaves = false;
    longjmp(away, 1);
}

static void file_finalize(void *object) {
    (void)object;
    finalized++;
    leave_once();
}
static void file_destroy(void *object) {
    (void)object;
    destroyed++;
}
struct file {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(file, TALLY_REF(next), TALLY_FINALIZE(file_finalize),
           TALLY_DESTROY(file_destroy));

// Garbage as soon as it is dropped.
struct leaf {
    tally_object head;
    tally_ref next;
};
static void leaf_destroy(void *object) {
    file_destroy(object);
    leave_once();
}
TALLY_TYPE(leaf, TALLY_REF(next), TALLY_DESTROY(leaf_destroy));

static int begin(void **state) {
    leaves = false;
    finalized = destroyed = called = 0;
    return begin_quiet(state);
}
#define leave_test(name) cmocka_unit_test_setup_teardown(name, begin, end_clean)

static void files_drop(unsigned count) {
    for (unsigned n = 0; n < count; n++) {
        struct file *file = tally_new(file);
        tally_decref(file);
    }
}

static void a_finalizer_that_is_left_has_ended(void **state) {
    (void)state;
    struct file *file = tally_new(file);
    leaves = true;
    if (!setjmp(away)) {
        tally_decref(file);
        fail();
    }
    files_drop(10);
    tally_safepoint();
    assert_int_equal(finalized, 11);
    assert_int_equal(destroyed, 11);
    assert_int_equal(stats_now().finalizers_waiting, 0);
}

static void a_safepoint_that_is_left_is_made_up_for(void **state) {
    (void)state;
    struct file *file = tally_new(file);
    tally_decref_later(file);
    leaves = true;
    if (!setjmp(away)) {
        TALLY_BLOCKING { fail(); }
    }
    assert_true(tally_mutator_number() > 0);
    tally_safepoint();
    tally_safepoint();
    assert_int_equal(destroyed, 1);
    files_drop(1);
    assert_int_equal(destroyed, 2);
    // Regions are as they were.
    TALLY_BLOCKING { assert_int_equal(tally_mutator_number(), 0); }
    assert_true(tally_mutator_number() > 0);
}

static void calls(void *arg) {
    (void)arg;
    called++;
    leave_once();
}
static void called_back(tally_weak *weak, void *arg) {
    (void)weak;
    calls(arg);
}

static void a_callback_that_is_left_has_ended(void **state) {
    (void)state;
    struct leaf *leaf = tally_new(leaf);
    tally_weak *weak = tally_weak_new(leaf, called_back, NULL);
    if (!setjmp(away)) {
        leaves = true;
        tally_decref(leaf);
        fail();
    }
    tally_decref(weak);
    files_drop(2);
    tally_collect();
    assert_int_equal(called, 1);
    assert_int_equal(destroyed, 3);
    assert_int_equal(stats_now().finalizers_waiting, 0);
}

static void a_collection_whose_hook_is_left_has_ended(void **state) {
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        struct file *file = tally_new(file);
        tally_set(file, next, file);
        tally_decref(file);
    }
    must(tally_defer(calls, NULL) == TALLY_OK);
    leaves = true;
    if (!setjmp(away)) {
        tally_collect();
        fail();
    }
    tally_collect();
    assert_int_equal(called, 1);
    assert_int_equal(finalized, 2);
    assert_int_equal(destroyed, 2);
    // It would still be held off by the one that was left.
    assert_int_equal(tally_shutdown(NULL), TALLY_OK);
    must(tally_init(NULL) == TALLY_OK);
    tally_collect_disable();
    alive_before = 0;
}

static void a_mark_leads_back_out_of_sections_and_regions(void **state) {
    (void)state;
    struct tally_mark mark = tally_mark_now();
    if (!setjmp(away)) {
        TALLY_BORROW {
            TALLY_BORROW { longjmp(away, 1); }
        }
    }
    assert_int_equal(tally_synchronize(), TALLY_DEADLOCK);
    tally_unwind(&mark);
    assert_int_equal(tally_synchronize(), TALLY_OK);
    if (!setjmp(away)) {
        TALLY_BLOCKING {
            TALLY_BLOCKING { longjmp(away, 1); }
        }
    }
    assert_int_equal(tally_mutator_number(), 0);
    tally_unwind(&mark);
    assert_true(tally_mutator_number() > 0);
    TALLY_BORROW {
        struct tally_mark inner = tally_mark_now();
        must(tally_borrow_enter() == TALLY_OK);
        tally_unwind(&inner);
        assert_int_equal(tally_synchronize(), TALLY_DEADLOCK);
    }
    assert_int_equal(tally_synchronize(), TALLY_OK);
}

// ---- the thread's end

static bool ends_thread;
static atomic_uint ended_ones;
static void odd_finalize(void *object) {
    (void)object;
    atomic_fetch_add(&ended_ones, 1);
    if (ends_thread) {
        ends_thread = false;
        pthread_exit(NULL);
    }
}
struct odd {
    tally_object head;
    tally_ref a, b, c;
};
TALLY_TYPE(odd, TALLY_REF(a), TALLY_REF(b), TALLY_REF(c),
           TALLY_FINALIZE(odd_finalize));

static void *drops_three(void *unused) {
    (void)unused;
    struct leaf *one = tally_new(leaf);
    struct odd *last = NULL;
    for (unsigned n = 0; n < 3; n++) {
        struct odd *odd = tally_new(odd);
        if (last)
            tally_set_steal(odd, a, last);
        last = odd;
    }
    tally_set_steal(one, next, last);
    ends_thread = true;
    tally_decref(one);
    return NULL;
}

// Ring of two, whose finalizers are pumped.
static unsigned pumped;
static void item_finalize(void *object) {
    (void)object;
    pumped++;
}
struct item {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(item, TALLY_REF(next), TALLY_FINALIZE(item_finalize),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));

// Garbage that waits for finalizers is freed when they have run: none counts
// as waiting for ever.
static bool listed_garbage_is_freed(void) {
    for (unsigned n = 0; n < 100; n++) {
        struct item *a = tally_new(item), *b = tally_new(item);
        tally_set(a, next, b);
        tally_set_steal(b, next, a);
        tally_decref(b);
    }
    uint64_t before = live_objects();
    tally_collect();
    tally_finalize_pending(SIZE_MAX);
    tally_collect();
    return live_objects() + 200 <= before &&
           stats_now().finalizers_waiting == 0;
}

static void a_thread_that_ends_in_a_finalizer_leaves_nothing_behind(
    void **state) {
    (void)state;
    atomic_store(&ended_ones, 0);
    thread_run(drops_three, NULL);
    assert_int_equal(ended_ones, 3);
    assert_true(listed_garbage_is_freed());
}

// Some of a list, whose hook ends the thread in the middle.
static void last_destroy(void *object) {
    (void)object;
    if (++destroyed == 100)
        pthread_exit(NULL);
}
struct last {
    tally_object head;
    tally_ref next, node;
};
struct plain {
    tally_object head;
};
TALLY_TYPE(plain);
TALLY_TYPE(last, TALLY_REF(next), TALLY_REF(node), TALLY_DESTROY(last_destroy));

static void *drops_list(void *unused) {
    (void)unused;
    struct last *list = NULL;
    for (unsigned n = 0; n < 200; n++) {
        struct last *last = tally_new(last);
        struct plain *plain = tally_new(plain);
        tally_set_steal(last, node, plain);
        if (list)
            tally_set_steal(last, next, list);
        list = last;
    }
    tally_decref(list);
    return NULL;
}

static void a_thread_that_ends_in_a_destroy_hook_leaves_nothing_behind(
    void **state) {
    (void)state;
    tally_collect();
    uint64_t before = live_objects();
    thread_run(drops_list, NULL);
    tally_collect();
    assert_int_equal(destroyed, 200);
    assert_int_equal(live_objects(), before);
    assert_int_equal(tally_verify(2), TALLY_OK);
}

// The finalizer runs at the thread's end, and ends it once more.
static void *drops_at_the_end(void *unused) {
    (void)unused;
    struct odd *odd = tally_new(odd);
    ends_thread = true;
    tally_decref_later(odd);
    return NULL;
}

static void a_hook_at_a_threads_end_may_end_it_again(void **state) {
    (void)state;
    atomic_store(&ended_ones, 0);
    thread_run(drops_at_the_end, NULL);
    assert_int_equal(ended_ones, 1);
    // Waits for nobody who is gone.
    assert_int_equal(tally_collect_with(TALLY_STOPPED, TALLY_FULL, NULL),
                     TALLY_OK);
}

static stage hook_is, may_return;
static void slow_finalize(void *object) {
    (void)object;
    stage_set(&hook_is, 1);
    stage_wait(&may_return, 1);
}
struct slow {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(slow, TALLY_REF(next), TALLY_FINALIZE(slow_finalize));

static void *drops_slow(void *unused) {
    (void)unused;
    struct slow *slow = tally_new(slow);
    tally_decref(slow);
    return NULL;
}

static void in_child(void *unused) {
    (void)unused;
    _exit(listed_garbage_is_freed() ? 0 : 1);
}

static void a_finalizer_that_a_fork_loses_spares_no_garbage(void **state) {
    (void)state;
    pumped = 0;
    pthread_t thread = thread_start(drops_slow, NULL);
    stage_wait(&hook_is, 1);
    struct child child = child_run(in_child, NULL);
    assert_true(child_passed(&child));
    stage_set(&may_return, 1);
    thread_join(thread);
}

// ---- hooks as a region begins

static void *drops_later(void *unused) {
    (void)unused;
    struct slow *slow = tally_new(slow);
    tally_decref_later(slow);
    TALLY_BLOCKING {} // which runs the finalizer first
    return NULL;
}

static void a_hook_may_block_while_a_region_begins(void **state) {
    (void)state;
    stage_set(&hook_is, 0);
    stage_set(&may_return, 0);
    pthread_t thread = thread_start(drops_later, NULL);
    stage_wait(&hook_is, 1);
    tally_collect(); // does not wait for that thread
    stage_set(&may_return, 1);
    thread_join(thread);
}

// ---- threads of the runtime's

static atomic_uint ran;
static atomic_bool ends_service; // the next hook does, if it is not main's
static pthread_t main_thread;

static void end_thread_once(void *object) {
    (void)object;
    atomic_fetch_add(&ran, 1);
    if (!pthread_equal(pthread_self(), main_thread) &&
        atomic_exchange(&ends_service, false))
        pthread_exit(NULL);
}

struct elsewhere {
    tally_object head;
};
TALLY_TYPE(elsewhere, TALLY_FINALIZE(end_thread_once),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

struct put_off {
    tally_object head;
};
TALLY_TYPE(put_off, TALLY_DESTROY(end_thread_once));

#define ELSEWHERE 100u

// The thread is gone with its first hook: another takes its place.
static bool have_run(unsigned count) {
    for (unsigned n = 0; n < 10000 && atomic_load(&ran) < count; n++) {
        tally_safepoint();
        TALLY_BLOCKING { sleep_ms(1); }
    }
    return atomic_load(&ran) == count && !atomic_load(&ends_service);
}

static void thread_ends_begin(void) {
    main_thread = pthread_self();
    atomic_store(&ran, 0);
    atomic_store(&ends_service, true);
}

static void an_executor_whose_thread_a_finalizer_ends_goes_on(void **state) {
    (void)state;
    thread_ends_begin();
    for (unsigned n = 0; n < ELSEWHERE; n++)
        tally_decref(tally_new(elsewhere));
    assert_true(have_run(ELSEWHERE));
}

static void put_off_drop(void) {
    for (unsigned n = 0; n < ELSEWHERE; n++) {
        struct put_off *object = tally_new(put_off);
        must(object);
        tally_publish(object);
        tally_decref(object);
    }
}

static void what_is_put_off_ends_though_a_hook_ends_the_thread(void **state) {
    (void)state;
    thread_ends_begin();
    put_off_drop();
    assert_true(have_run(ELSEWHERE));
    put_off_drop();
    assert_true(have_run(2 * ELSEWHERE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        leave_test(a_finalizer_that_is_left_has_ended),
        leave_test(a_safepoint_that_is_left_is_made_up_for),
        leave_test(a_callback_that_is_left_has_ended),
        leave_test(a_collection_whose_hook_is_left_has_ended),
        leave_test(a_mark_leads_back_out_of_sections_and_regions),
        leave_test(a_thread_that_ends_in_a_finalizer_leaves_nothing_behind),
        leave_test(a_hook_at_a_threads_end_may_end_it_again),
        leave_test(a_thread_that_ends_in_a_destroy_hook_leaves_nothing_behind),
        leave_test(a_finalizer_that_a_fork_loses_spares_no_garbage),
        leave_test(a_hook_may_block_while_a_region_begins),
        leave_test(an_executor_whose_thread_a_finalizer_ends_goes_on),
        leave_test(what_is_put_off_ends_though_a_hook_ends_the_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
