// collector/guard.c: units of what is about to be claimed.

#include "unit_collector.h"

#include "collector/guard.h"
#include "collector/lock.h"
#include "collector/watch.h"

static unsigned finalized;
static void ghost_ends(void *object) {
    (void)object;
    finalized++;
}

struct ghost {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(ghost, TALLY_REF(next), TALLY_FINALIZE(ghost_ends));

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

static struct ghost *ghost;
static struct node *node;

// A ring of a node and a ghost, proposed and watched.
static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    finalized = 0;
    ghost = tally_new(ghost);
    node = tally_new(node);
    tally_set(node, next, ghost);
    tally_set(ghost, next, node);
    tally_decref(node);
    tally_decref(ghost);
    return tly_local_of(tly_self());
}

static void propose(void) {
    trial_begin(false);
    tly_watch();
}

static void end(void) {
    struct tly_ended ended = {NULL};
    tly_unwatch_all(&ended);
    tly_ended_give(&ended, tly_local_of(tly_self()));
    trial_end();
    poll_now();
}

static bool is_guarded(const void *object) {
    return tly_side_get(tly_sides.guarded, tly_granule_of(object));
}

static void what_has_a_finalizer_gets_a_unit_and_loses_it(void **state) {
    (void)state;
    struct tly_local *self = begin();
    propose();
    assert_true(tly_guard_take());
    assert_true(is_guarded(ghost));
    assert_false(is_guarded(node));
    assert_int_equal(total_of(ghost), 2);
    assert_int_equal(total_of(node), 1);
    tly_guard_drop(self);
    assert_false(is_guarded(ghost));
    assert_int_equal(total_of(ghost), 1);
    // The collection's own unit is not a touch.
    assert_false(ghost->head.shared_ & TLY_DIRTY);
    end();
    assert_int_equal(finalized, 0);
    assert_int_equal(tally_collect(), 2);
    assert_int_equal(finalized, 1);
}

static void what_has_been_finalized_needs_none(void **state) {
    (void)state;
    struct tly_local *self = begin();
    ghost->head.gc_ |= TLY_GC_FINALIZED;
    propose();
    assert_true(tly_guard_take());
    assert_false(is_guarded(ghost));
    tly_guard_drop(self);
    end();
    assert_int_equal(tally_collect(), 2);
}

static void nothing(tally_weak *weak, void *arg) { (void)weak, (void)arg; }

static void what_has_weak_references_gets_a_unit(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tally_weak *plain = tally_weak_new(ghost, NULL, NULL);
    ghost->head.gc_ |= TLY_GC_FINALIZED;
    propose();
    assert_true(tly_guard_take());
    assert_true(is_guarded(ghost));
    assert_false(is_guarded(node));
    tly_guard_drop(self);
    assert_false(tly_guard_calls());
    assert_true(is_guarded(ghost));
    tly_guard_drop(self);
    end();
    tally_collect();
    tally_decref(plain);
}

static void callbacks_are_looked_for_with_a_unit(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tally_weak *weak = tally_weak_new(node, nothing, NULL);
    propose();
    assert_true(tly_guard_calls());
    assert_true(is_guarded(node));
    assert_true(tly_guard_take());
    tly_guard_drop(self);
    // What is dead has no callbacks any more.
    uint64_t shared = node->head.shared_;
    node->head.shared_ = shared | TLY_DYING;
    assert_false(tly_guard_calls());
    assert_false(is_guarded(node));
    node->head.shared_ = shared;
    end();
    tally_collect();
    tally_decref(weak);
}

static void who_is_urgent_waits_for_no_more_units(void **state) {
    (void)state;
    struct tly_local *self = begin();
    tally_weak *weak = tally_weak_new(node, NULL, NULL);
    propose();
    tly_collector_heed(true);
    tly_store_relaxed(&tly_collector_urgent, 1);
    assert_true(tly_guard_calls()); // there may be some
    assert_false(tly_guard_take()); // and so nothing is committed
    assert_false(is_guarded(node) || is_guarded(ghost));
    tly_store_relaxed(&tly_collector_urgent, 0);
    tly_collector_heed(false);
    assert_false(tly_guard_calls());
    assert_true(tly_guard_take());
    tly_guard_drop(self);
    end();
    tally_collect();
    tally_decref(weak);
}

static void what_is_dead_already_gets_none(void **state) {
    (void)state;
    struct tly_local *self = begin();
    propose();
    uint64_t shared = ghost->head.shared_;
    // Died by its count, and waits for a grace period; or its last unit is on
    // its way out.
    for (unsigned n = 0; n < 2; n++) {
        ghost->head.shared_ = n ? shared | TLY_DYING : shared | TLY_MERGED;
        uint64_t before = ghost->head.shared_;
        assert_false(tly_guard_take());
        assert_false(is_guarded(ghost));
        assert_true(ghost->head.shared_ == before);
        tly_guard_drop(self);
        assert_true(ghost->head.shared_ == before);
    }
    ghost->head.shared_ = shared;
    end();
    tally_collect();
}

// Somebody has ended the commit and taken the object apart meanwhile.
static void who_drops_the_last_unit_ends_the_object(void **state) {
    (void)state;
    struct tly_local *self = begin();
    propose();
    must(tly_guard_take());
    tally_set(node, next, NULL);
    assert_int_equal(total_of(ghost), 1);
    assert_int_equal(finalized, 0);
    tly_guard_drop(self);
    poll_now();
    assert_int_equal(finalized, 1);
    end();
    poll_now();
    assert_true(block_is_free(ghost));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(what_has_a_finalizer_gets_a_unit_and_loses_it),
        collector_test(what_has_been_finalized_needs_none),
        collector_test(what_has_weak_references_gets_a_unit),
        collector_test(callbacks_are_looked_for_with_a_unit),
        collector_test(who_is_urgent_waits_for_no_more_units),
        collector_test(what_is_dead_already_gets_none),
        collector_test(who_drops_the_last_unit_ends_the_object),
    };
    return cmocka_run_group_tests_name("collector/guard", tests, NULL, NULL);
}
