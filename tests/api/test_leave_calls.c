// Functions of the program's that the library calls, and that are left: by a
// longjmp, or by an unwinding as of an exception.

#include "api.h"
#include "leave.h"
#include "ring.h"
#include "threads.h"

// ---- watchers

static unsigned told;
static tally_collect_phase when;
static void watch(const struct tally_collect_event *event, void *arg) {
    (void)arg;
    told++;
    if (event->phase == when)
        leave_maybe();
}

static void collect(void) { tally_collect(); }
static void collect_one(void) {
    told = 0;
    ring_drop();
    assert_int_equal(tally_collect(), 1);
    assert_int_equal(told, 2);
}

// The thread collects, is told of it, and detaches: no call goes on.
static void watcher_is_left(tally_collect_phase phase, void (*by)(void)) {
    when = phase;
    assert_int_equal(tally_collect_watch(watch, NULL), TALLY_OK);
    left(by, collect);
    collect_one();
    left(by, collect);
    deeper(40, collect_one);
    left(by, collect);
    deeper(40, tally_detach);
    assert_int_equal(tally_mutator_number(), 0);
    assert_int_equal(tally_collect_unwatch(watch, NULL), TALLY_OK);
}
static void a_watcher_left_by_longjmp_has_ended(void **state) {
    (void)state;
    watcher_is_left(TALLY_COLLECT_START, by_longjmp);
    watcher_is_left(TALLY_COLLECT_STOP, by_longjmp);
}
// A longjmp of which nothing tells but tally_unwind: the frame that was left
// lies in a part of a later one that is not written to.
static __attribute__((noinline)) void over_a_hole(void (*call)(void)) {
    volatile char hole[8192];
    hole[sizeof(hole) - 1] = 1;
    call();
    hole[sizeof(hole) - 1] = 2;
}
static void its_frame_may_look_whole_after_an_unwinding(void **state) {
    (void)state;
    when = TALLY_COLLECT_START;
    assert_int_equal(tally_collect_watch(watch, NULL), TALLY_OK);
    left(by_longjmp, collect);
    over_a_hole(collect_one);
    assert_int_equal(tally_collect_unwatch(watch, NULL), TALLY_OK);
}
static void a_watcher_left_by_an_exception_has_ended(void **state) {
    (void)state;
    watcher_is_left(TALLY_COLLECT_START, by_exception);
    watcher_is_left(TALLY_COLLECT_STOP, by_exception);
}

// Garbage of a thread that asks for nothing does not pile up.
static void garbage_make(void) {
    for (unsigned n = 0; n < 300000; n++) {
        ring_drop();
        tally_safepoint();
    }
}
static void goes_on_by_itself_after(void (*by)(void)) {
    when = TALLY_COLLECT_START;
    assert_int_equal(tally_collect_watch(watch, NULL), TALLY_OK);
    left(by, collect);
    tally_collect_enable();
    deeper(40, garbage_make);
    // Whoever collects does, as soon as it has a turn.
    while (live_objects() >= 200000) {
        TALLY_BLOCKING { sched_yield(); }
        tally_safepoint();
    }
    tally_collect_disable();
    assert_int_equal(tally_collect_unwatch(watch, NULL), TALLY_OK);
    assert_int_equal(tally_shutdown(NULL), TALLY_OK);
    assert_int_equal(tally_init(NULL), TALLY_OK);
}
static void collections_begin_by_themselves_after_a_watcher_was_left(
    void **state) {
    (void)state;
    goes_on_by_itself_after(by_longjmp);
    goes_on_by_itself_after(by_exception);
}

// ---- walks

static struct node *root;
static bool visit(void *object, void *arg) {
    (void)object, (void)arg;
    leave_maybe();
    return true;
}
static void walk(void) { tally_walk(visit, NULL); }
static void objects_each(void) {
    tally_objects_each(NULL, TALLY_OBJECTS_ALL, visit, NULL);
}
static void each_immortal(void) { tally_each_immortal(visit, NULL); }
static void referrers_each(void) { tally_referrers_each(root, visit, NULL); }
static void referents_each(void) { tally_referents_each(root, visit, NULL); }
static void stop_world(void) {
    assert_int_equal(tally_stop_world(), TALLY_OK);
    leave_maybe();
}
// In a world that stands still already.
static void walk_again(void) {
    assert_int_equal(tally_stop_world(), TALLY_OK);
    walk();
}

static void *uses_the_heap(void *arg) {
    (void)arg;
    for (unsigned n = 0; n < 100; n++)
        ring_drop();
    return NULL;
}
// There is no section, the world goes on, and the thread may collect.
static void nothing_is_left(void) {
    assert_int_equal(tally_synchronize(), TALLY_OK);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    tally_start_world();
    assert_int_equal(tally_collect_with(TALLY_STOPPED, TALLY_FULL, NULL),
                     TALLY_OK);
    thread_join(thread_start(uses_the_heap, NULL));
}
static void walks_are_left(void (*by)(void)) {
    static void (*const walks[])(void) = {walk, objects_each, each_immortal,
                                          referrers_each, referents_each};
    tally_immortalize(tally_new(node)); // there is one at least
    root = tally_new(node);
    tally_set(root, next, root);
    for (size_t n = 0; n < sizeof(walks) / sizeof(walks[0]); n++) {
        left(by, walks[n]);
        nothing_is_left();
    }
    tally_set(root, next, NULL);
    tally_decref(root);
}
static void a_walk_that_an_exception_leaves_has_ended(void **state) {
    (void)state;
    // Not by tally_unwind.
    unwinds = false;
    walks_are_left(by_exception);
    unwinds = true;
}
static void a_walk_that_longjmp_leaves_has_ended(void **state) {
    (void)state;
    walks_are_left(by_longjmp);
    left(by_longjmp, stop_world);
    nothing_is_left();
    left(by_longjmp, walk_again);
    nothing_is_left();
}
static void a_world_that_was_stopped_before_stays_so(void **state) {
    (void)state;
    assert_int_equal(tally_stop_world(), TALLY_OK);
    left(by_longjmp, walk);
    assert_int_equal(tally_stop_world(), TALLY_DEADLOCK);
    left(by_exception, walk);
    assert_int_equal(tally_stop_world(), TALLY_DEADLOCK);
    tally_start_world();
    nothing_is_left();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(a_watcher_left_by_longjmp_has_ended),
        quiet_test(its_frame_may_look_whole_after_an_unwinding),
        quiet_test(a_watcher_left_by_an_exception_has_ended),
        quiet_test(a_walk_that_an_exception_leaves_has_ended),
        quiet_test(a_walk_that_longjmp_leaves_has_ended),
        quiet_test(a_world_that_was_stopped_before_stays_so),
        paced_test(collections_begin_by_themselves_after_a_watcher_was_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
