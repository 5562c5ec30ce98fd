// collector/weaken.h: what a pause does to weak references of garbage.

#include "unit_collector.h"

#include <tally/weak.h>

#include "collector/weaken.h"

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

static unsigned called;

static void note(tally_weak *weak, void *arg) {
    (void)arg;
    must(tally_weak_is_dead(weak));
    called++;
}

static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    called = 0;
    return tly_local_of(tly_self());
}

static struct node *garbage_with(tally_weak **weak, tally_weak_hook callback) {
    struct node *node = tally_new(node);
    tally_set(node, left, node);
    *weak = tally_weak_new(node, callback, NULL);
    tally_decref(node);
    return node;
}

// The pause of a collection, down to what it has found.
static struct tly_trial paused(void) {
    struct tly_trial trial = trial_begin(false);
    tly_trial_mark();
    return trial;
}

static void members_with_weak_references_are_counted(void **state) {
    (void)state;
    begin();
    struct node *live = tally_new(node);
    tally_weak *a, *b;
    garbage_with(&a, NULL);
    garbage_with(&b, note);
    tally_weak *c = tally_weak_new(live, NULL, NULL);
    assert_int_equal(paused().weak, 3);
    trial_end();
    tally_decref(live);
    tally_decref(a);
    tally_decref(b);
    tally_decref(c);
    tally_collect();
}

static void a_callback_holds_its_garbage(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tally_weak *plain, *weak;
    struct node *node = garbage_with(&weak, note);
    plain = tally_weak_new(node, NULL, NULL);
    paused();
    uint64_t shared = node->head.shared_;
    assert_int_equal(tly_weaken_call(self), 1);
    assert_int_equal(tly_count_of(node->head.shared_),
                     tly_count_of(shared) + 1);
    assert_true(tally_weak_is_dead(weak));
    assert_false(tally_weak_is_dead(plain));
    assert_int_equal(tly_weaken_call(self), 0);
    trial_end();
    assert_int_equal(called, 0);
    poll_now();
    assert_int_equal(called, 1);
    assert_int_equal(tly_finalize_waiting(), 0);
    tally_collect();
    assert_true(tally_weak_is_dead(plain));
    tally_decref(plain);
    tally_decref(weak);
}

static void what_is_garbage_itself_is_not_called(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tally_weak *weak;
    struct node *node = garbage_with(&weak, note);
    tally_set_steal(node, right, weak);
    paused();
    assert_int_equal(tly_weaken_call(self), 0);
    trial_end();
    assert_int_equal(tally_collect(), 2);
    assert_int_equal(called, 0);
}

static void all_are_killed_and_their_blocks_let_go(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tally_weak *plain, *weak;
    struct node *node = garbage_with(&weak, note);
    plain = tally_weak_new(node, NULL, NULL);
    paused();
    tly_weaken();
    assert_true(tally_weak_is_dead(weak));
    assert_true(tally_weak_is_dead(plain));
    assert_int_equal(tly_weak_count(), 1);
    tly_weaken_let_go(self);
    assert_int_equal(tly_weak_count(), 0);
    assert_int_equal(tly_garbage_clear(self, false), 1);
    tly_sides_drop();
    poll_now();
    assert_int_equal(called, 0);
    tally_decref(plain);
    tally_decref(weak);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(members_with_weak_references_are_counted),
        collector_test(a_callback_holds_its_garbage),
        collector_test(what_is_garbage_itself_is_not_called),
        collector_test(all_are_killed_and_their_blocks_let_go),
    };
    return cmocka_run_group_tests_name("collector/weaken", tests, NULL, NULL);
}
