// What threads had yet to do that a forked child does not have: what was handed
// over to them, what they had put aside for others.
//
// A thread is parked for the fork in the midst of a safepoint: it waits for the
// stop to be asked for, since it finds more in its inbox than one safepoint
// looks at.

#include "api.h"
#include "child.h"
#include "threads.h"

// The bit by which a thread is asked to stand still (TLY_BREAK_STOP).
#define STOP 0x4u

#define OBJECTS 2000
static struct large *objects[OBJECTS];
static atomic_int ended;
static stage at;

static void large_ended(void *object) {
    (void)object;
    atomic_fetch_add(&ended, 1);
}

struct large {
    tally_object head;
    char bytes[3000];
};
TALLY_TYPE(large, TALLY_DESTROY(large_ended));

static unsigned queued(void) {
    unsigned count = 0;
    for (int n = 0; n < OBJECTS; n++)
        count += (tally_counts_of(objects[n]).flags & TALLY_COUNT_QUEUED) != 0;
    return count;
}

// One safepoint, which stops for the fork.
static void safepoint_of_the_fork(void) {
    while (!(__atomic_load_n(&tally_breaker_->bits_, __ATOMIC_RELAXED) & STOP))
        sched_yield();
    tally_safepoint();
}

// ---- an inbox

static void *own(void *arg) {
    (void)arg;
    for (int n = 0; n < OBJECTS; n++) {
        objects[n] = tally_new(large);
        must(objects[n]);
        tally_incref(objects[n]);
        tally_incref(objects[n]);
    }
    stage_set(&at, 1);
    stage_spin(&at, 2);
    safepoint_of_the_fork();
    // What the fork copied: nobody has served it since.
    must(queued() > 0);
    stage_poll(&at, 3);
    for (int n = 0; n < OBJECTS; n++)
        tally_decref(objects[n]);
    return arg;
}

static void enter_nothing(void) {}
static void world_stop(void) { must(tally_stop_world() == TALLY_OK); }

// Drops two of three references of each object, which its owner is asked to
// merge for, and runs a child that the owner is not in: from where this thread
// has come by [enter], which [leave] ends here.
static void run_child_of_asked_owner(child_fn fn, void (*enter)(void),
                                     void (*leave)(void)) {
    atomic_store(&ended, 0);
    stage_set(&at, 0);
    pthread_t owner = thread_start(own, NULL);
    stage_wait(&at, 1);
    for (int n = 0; n < OBJECTS; n++) {
        tally_decref(objects[n]);
        tally_decref(objects[n]);
    }
    tally_flush();
    stage_set(&at, 2);
    enter();
    struct child child = child_run(fn, NULL);
    leave();
    stage_set(&at, 3);
    thread_join(owner);
    if (!child_passed(&child))
        fprintf(stderr, "the child: %s\n", child.text);
    assert_true(child_passed(&child));
    assert_int_equal(ended, OBJECTS);
}

static void child_makes_hot(void *arg) {
    (void)arg;
    alarm(20);
    unsigned hot = 0;
    for (int n = 0; n < OBJECTS; n++) {
        tally_status status = tally_make_hot(objects[n]);
        must(status == TALLY_OK || status == TALLY_LIMIT);
        hot += status == TALLY_OK;
    }
    must(hot == TALLY_HOT_OBJECTS_MAX);
    must(queued() == 0);
}

static void objects_of_a_thread_that_is_gone_can_be_made_hot(void **state) {
    (void)state;
    run_child_of_asked_owner(child_makes_hot, enter_nothing, enter_nothing);
}

// The half of them that came first to the inbox, and is looked at last.
static void child_drops_the_last(void *arg) {
    (void)arg;
    tally_safepoint();
    for (int n = 0; n < OBJECTS / 2; n++)
        tally_decref(objects[n]);
    fprintf(stderr, "%d of %d ended\n", atomic_load(&ended), OBJECTS / 2);
    must(atomic_load(&ended) == OBJECTS / 2);
}

static void objects_of_a_thread_that_is_gone_end_by_their_counts(void **state) {
    (void)state;
    run_child_of_asked_owner(child_drops_the_last, enter_nothing,
                             enter_nothing);
}

static void child_starts_the_world(void *arg) {
    tally_start_world();
    child_makes_hot(arg);
}

static void so_they_can_where_the_forking_thread_had_stopped_the_world(
    void **state) {
    (void)state;
    run_child_of_asked_owner(child_starts_the_world, world_stop,
                             tally_start_world);
}

static void child_leaves_the_region(void *arg) {
    tally_blocking_exit();
    child_makes_hot(arg);
}

static void so_they_can_where_the_forking_thread_was_in_a_region(void **state) {
    (void)state;
    run_child_of_asked_owner(child_leaves_the_region, tally_blocking_enter,
                             tally_blocking_exit);
}

// ---- what it has put aside for others

static struct small *ours[2];

static void small_ended(void *object) {
    (void)object;
    atomic_fetch_add(&ended, 1);
}

struct small {
    tally_object head;
};
TALLY_TYPE(small, TALLY_DESTROY(small_ended));

// Runs in a safepoint, after that has told others what was put aside. They are
// of a thread that runs.
static void dropper_ended(void *object) {
    (void)object;
    tally_decref(ours[0]);
    tally_decref_later(ours[1]);
    stage_set(&at, 4);
}

struct dropper {
    tally_object head;
};
TALLY_TYPE(dropper, TALLY_DESTROY(dropper_ended));

static struct dropper *dropper;

static void *own_two(void *arg) {
    for (int n = 0; n < 2; n++)
        must(ours[n] = tally_new(small));
    stage_set(&at, 1);
    stage_spin(&at, 4);
    safepoint_of_the_fork();
    while (atomic_load(&ended) < 2)
        tally_safepoint();
    return arg;
}

static void *put_aside(void *arg) {
    must(dropper = tally_new(dropper));
    stage_set(&at, 2);
    stage_spin(&at, 3);
    safepoint_of_the_fork();
    must(atomic_load(&ended) == 0);
    stage_poll(&at, 5);
    tally_flush();
    return arg;
}

// Both owners are gone: who collects runs the hooks.
static void child_collects(void *arg) {
    (void)arg;
    tally_collect();
    fprintf(stderr, "%d of 2 ended\n", atomic_load(&ended));
    must(atomic_load(&ended) == 2);
}

static void what_a_thread_that_is_gone_had_put_aside_is_dropped(void **state) {
    (void)state;
    atomic_store(&ended, 0);
    stage_set(&at, 0);
    pthread_t owner = thread_start(own_two, NULL);
    stage_wait(&at, 1);
    pthread_t thread = thread_start(put_aside, NULL);
    stage_wait(&at, 2);
    tally_decref(dropper);
    tally_flush();
    stage_set(&at, 3);
    struct child child = child_run(child_collects, NULL);
    stage_set(&at, 5);
    thread_join(thread);
    thread_join(owner);
    if (!child_passed(&child))
        fprintf(stderr, "the child: %s\n", child.text);
    assert_true(child_passed(&child));
}

int main(void) {
    // A thread that attaches in the child might have that mutator.
    must(tally_attach(NULL) == TALLY_OK);
    const struct CMUnitTest tests[] = {
        quiet_test(objects_of_a_thread_that_is_gone_can_be_made_hot),
        quiet_test(objects_of_a_thread_that_is_gone_end_by_their_counts),
        quiet_test(so_they_can_where_the_forking_thread_had_stopped_the_world),
        quiet_test(so_they_can_where_the_forking_thread_was_in_a_region),
        quiet_test(what_a_thread_that_is_gone_had_put_aside_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
