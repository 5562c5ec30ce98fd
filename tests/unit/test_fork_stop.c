// collector/fork_stop.h: what a fork stops, and what its child makes of it.

#include "child.h"
#include "threads.h"
#include "unit_collector.h"

#include "collector/fork_stop.h"
#include "collector/lock.h"
#include "epoch/rcu.h"
#include "epoch/world.h"
#include "platform/os.h"

#define NODES 3000

static unsigned ended, seen;
static stage clears;
static bool stops; // the next visit of a clear waits for a fork's stop

static void node_ends(void *object) {
    (void)object;
    ended++;
}

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right), TALLY_DESTROY(node_ends));

struct plain {
    tally_object head;
    tally_ref next;
    char more[100];
};
TALLY_TYPE(plain, TALLY_REF(next));

// A field that is empty after it was told of is being cleared: the fork stops
// the world before the next pool.
static void opaque_visits(void *object, struct tally_visitor *visitor);
struct opaque {
    tally_object head;
    tally_ref self;
    char more[300];
};
TALLY_TYPE(opaque, TALLY_VISIT(opaque_visits));

static void opaque_visits(void *object, struct tally_visitor *visitor) {
    struct opaque *opaque = object;
    bool full = tally_ref_get(&opaque->self);
    tally_visit(visitor, &opaque->self);
    if (!full || tally_ref_get(&opaque->self) || !stops)
        return;
    stops = false;
    stage_set(&clears, 1);
    while (!tly_world_is_forking() || !tly_world_is_stopping())
        sched_yield();
}

static struct node *kept; // all nodes refer to it; NULL: it is not there

static void opaque_make(void) {
    struct opaque *opaque = tally_new(opaque);
    tally_ref_set(opaque, &opaque->self, opaque);
    tally_decref(opaque);
}

// Rings of nodes, of plain objects, and one of the other: pools of each.
static void garbage_make(bool opaque_first) {
    if (opaque_first)
        opaque_make();
    for (int n = 0; n < NODES; n++) {
        struct node *node = tally_new(node);
        tally_set(node, left, node);
        tally_set(node, right, kept);
        tally_decref(node);
        struct plain *plain = tally_new(plain);
        tally_set(plain, next, plain);
        tally_decref(plain);
    }
    if (!opaque_first)
        opaque_make();
}

static void child_begin(struct tly_fork_stop *stop) {
    tly_rcu_forked();
    tly_rcu_hold(false);
    tly_registry_forked(tly_attach_has);
    tly_fork_stop_forked(stop);
    tly_fork_stop_end(stop);
    // As the runtime's hook: the last thread ended inside of a collection.
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_local *self = tly_local_of(tly_self());
    self->finishing = self->collects = 0;
    self->collector = TLY_COLLECTS_NOT;
}

static void child_clears(void *stop) {
    must(ended < NODES);
    child_begin(stop);
    must(tly_clear_is_on());
    must(tally_collect() == 0);
    must(!tly_clear_is_on());
    must(ended == NODES);
    must(!kept || total_of(kept) == 1);
    must(tables_are_clear());
    must(tly_collect_totals.collected == 2 * NODES + 1);
    // And collects again.
    garbage_make(false);
    must(tally_collect() == 2 * NODES + 1);
    must(ended == 2 * NODES);
}

static void *fork_beside(void *arg) {
    struct tly_fork_stop stop = {.mine = NULL};
    while (atomic_load(&clears) < 1)
        sched_yield();
    must(tly_fork_stop_begin(&stop, 0) == TALLY_OK);
    must(stop.world && !stop.locked && !stop.own);
    tly_rcu_hold(true);
    struct child child = child_run(child_clears, &stop);
    tly_rcu_hold(false);
    tly_fork_stop_end(&stop);
    must(child_passed(&child));
    return arg;
}

static void fork_during_a_clear(bool opaque_first) {
    if (UNDER_TSAN) // does not follow a fork of several threads
        skip();
    ended = 0;
    stage_set(&clears, 0);
    stops = true;
    garbage_make(opaque_first);
    pthread_t thread = thread_start(fork_beside, NULL);
    struct tally_collection done;
    assert_int_equal(tally_collect_with(TALLY_STOPPED, TALLY_FULL, &done),
                     TALLY_OK);
    thread_join(thread);
    assert_false(stops);
    assert_int_equal(done.freed, 2 * NODES + 1);
    assert_int_equal(ended, NODES);
    assert_true(tables_are_clear());
}

static void a_fork_does_not_wait_for_a_clear_to_end(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    fork_during_a_clear(false);
}

// What has a hook or a weak reference is DYING before it is cleared: that does
// not say that it was.
static void what_was_not_cleared_before_a_fork_is_by_the_child(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    kept = tally_new(node);
    fork_during_a_clear(true);
    assert_int_equal(total_of(kept), 1);
    tally_decref(kept);
    kept = NULL;
}

static void *stop_for_fork(void *arg) {
    struct tly_fork_stop stop = {.mine = NULL};
    must(tly_fork_stop_begin(&stop, 0) == TALLY_OK);
    must(stop.world && stop.locked && !stop.own);
    seen++;
    tly_fork_stop_end(&stop);
    return arg;
}

static void forks_at_once_stop_the_world_one_after_the_other(void **state) {
    (void)state;
    pthread_t threads[4];
    must(tally_attach(NULL) == TALLY_OK);
    seen = 0;
    for (unsigned round = rounds(100, 20); round > 0; round--) {
        for (int n = 0; n < 4; n++)
            threads[n] = thread_start(stop_for_fork, NULL);
        for (int n = 0; n < 4; n++)
            thread_join(threads[n]);
    }
    assert_int_equal(seen, 4 * rounds(100, 20));
}

static void who_has_the_lock_forks_with_it(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_mutator *self = tly_self();
    struct tly_fork_stop stop = {.mine = self};
    tly_collector_take(self, NULL);
    tly_mutator_rest(self);
    assert_int_equal(tly_fork_stop_begin(&stop, 0), TALLY_OK);
    assert_true(stop.own && !stop.locked);
    tly_fork_stop_end(&stop);
    tly_mutator_rouse(self);
    assert_true(tly_collector_refuses(self));
    tly_collector_give(self);
}

static void a_fork_gives_up_at_its_deadline(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    struct tly_fork_stop stop = {.mine = NULL};
    // This thread passes no safepoint.
    assert_int_equal(tly_fork_stop_begin(&stop, tly_os_now() + 1000000),
                     TALLY_TIMED_OUT);
    assert_int_equal(stop.late, tly_self()->number);
    assert_false(stop.world || stop.locked || tly_collector_is_taken());
    tly_collector_take(tly_self(), NULL);
    assert_int_equal(tly_fork_stop_begin(&stop, tly_os_now() + 1000000),
                     TALLY_TIMED_OUT);
    assert_int_equal(stop.late, 0);
    tly_collector_give(tly_self());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(a_fork_does_not_wait_for_a_clear_to_end),
        collector_test(what_was_not_cleared_before_a_fork_is_by_the_child),
        collector_test(forks_at_once_stop_the_world_one_after_the_other),
        collector_test(who_has_the_lock_forks_with_it),
        collector_test(a_fork_gives_up_at_its_deadline),
    };
    return cmocka_run_group_tests_name("collector/fork_stop", tests, NULL,
                                       NULL);
}
