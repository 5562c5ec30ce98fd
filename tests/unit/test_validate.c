// collector/validate.c: which of what is watched is garbage for certain.

#include "unit_collector.h"

#include "collector/lock.h"
#include "collector/sums.h"
#include "collector/validate.h"

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

static struct tly_trial trial;
static struct tly_ended ended;

static void begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    ended.first = NULL;
}

// Everything there is, live or not, is proposed and watched.
static void propose(void) {
    trial = trial_begin(false);
    tly_watch();
}

static void end(void) {
    tly_unwatch_all(&ended);
    tly_ended_give(&ended, tly_local_of(tly_self()));
    trial_end();
    tly_sums_end();
}

// Two nodes that refer to each other; the caller has a reference.
static struct node *ring(void) {
    struct node *a = tally_new(node), *b = tally_new(node);
    tally_set(b, left, a);
    tally_set_steal(a, left, b);
    return a;
}

static struct node *garbage_ring(void) {
    struct node *a = ring();
    tally_decref(a);
    return a;
}

// How many members are left.
static uint64_t validated(void) {
    tly_validate(&trial, &ended);
    return trial.members;
}

static void garbage_is_left_whole(void **state) {
    (void)state;
    begin();
    struct node *a = garbage_ring();
    propose();
    assert_int_equal(validated(), 2);
    assert_true(is_member(a) && is_member(tally_get(a, left)));
    assert_false(tly_validate_touched());
    end();
    assert_int_equal(tally_collect(), 2);
}

static void what_is_referred_to_from_outside_drops_with_what_it_leads_to(
    void **state) {
    (void)state;
    begin();
    struct node *garbage = garbage_ring(), *live = ring();
    tally_set_steal(live, right, ring());
    propose();
    assert_int_equal(validated(), 2);
    assert_true(is_member(garbage));
    assert_false(is_member(live));
    assert_false(live->head.owner_ & TALLY_OWNER_WATCH_);
    assert_true(garbage->head.owner_ & TALLY_OWNER_WATCH_);
    end();
    tally_decref(live);
    assert_int_equal(tally_collect(), 6);
}

static void what_is_touched_drops_with_what_it_leads_to(void **state) {
    (void)state;
    begin();
    struct node *a = garbage_ring(), *other = garbage_ring();
    propose();
    // As by a weak reference that is dropped at once.
    tally_incref(a);
    tally_decref(a);
    assert_true(tly_validate_touched());
    assert_int_equal(validated(), 2);
    assert_false(is_member(a));
    assert_true(is_member(other));
    end();
    assert_int_equal(tally_collect(), 4);
}

static uint8_t *weight_of(const struct node *node) {
    return &tly_sides.trial[tly_granule_of(node)];
}

static void for_who_is_urgent_nothing_more_is_weighed(void **state) {
    (void)state;
    begin();
    struct node *a = garbage_ring();
    propose();
    *weight_of(a) = 77;
    tly_collector_heed(true);
    tly_store_relaxed(&tly_collector_urgent, 1);
    assert_int_equal(validated(), 2);
    assert_int_equal(*weight_of(a), 77); // nor is anything subtracted
    assert_true(tly_validate_touched()); // and so nothing is committed
    tly_trial_subtract();
    assert_int_equal(*weight_of(a), 77);
    tly_store_relaxed(&tly_collector_urgent, 0);
    tly_collector_heed(false);
    assert_int_equal(validated(), 2);
    assert_int_equal(*weight_of(a), 0);
    assert_false(tly_validate_touched());
    end();
    assert_int_equal(tally_collect(), 2);
}

static void a_touch_after_the_last_round_is_seen(void **state) {
    (void)state;
    begin();
    struct node *a = garbage_ring();
    propose();
    assert_int_equal(validated(), 2);
    assert_false(tly_validate_touched());
    tally_set(a, right, a);
    assert_true(tly_validate_touched());
    assert_int_equal(validated(), 0);
    end();
    assert_int_equal(tally_collect(), 2);
}

static void what_is_counted_elsewhere_drops(void **state) {
    (void)state;
    begin();
    struct node *cools = garbage_ring(), *immortal = garbage_ring();
    propose();
    uint16_t owner = cools->head.owner_;
    cools->head.owner_ = TALLY_OWNER_COOLING_ | TALLY_OWNER_WATCH_;
    tally_immortalize(immortal);
    immortal->head.shared_ &= ~(uint64_t)TLY_DIRTY;
    assert_true(tly_validate_touched());
    assert_int_equal(validated(), 0);
    cools->head.owner_ = owner & (uint16_t)~TALLY_OWNER_WATCH_;
    end();
    assert_int_equal(tally_collect(), 2);
}

static void a_hot_object_is_weighed_with_its_cells(void **state) {
    (void)state;
    begin();
    struct node *garbage = ring(), *live = ring();
    must(tally_make_hot(garbage) == TALLY_OK);
    must(tally_make_hot(live) == TALLY_OK);
    tly_hot_meet(tly_local_of(tly_self()));
    tally_incref(live);
    tally_decref(garbage);
    tly_hot_sum();
    propose();
    assert_int_equal(validated(), 2);
    assert_true(is_member(garbage));
    assert_false(is_member(live));
    assert_int_equal(live->head.owner_, TALLY_OWNER_HOT_);
    assert_int_equal(garbage->head.owner_,
                     TALLY_OWNER_HOT_ | TALLY_OWNER_WATCH_);
    assert_false(tly_validate_touched());
    end();
    assert_int_equal(garbage->head.owner_, TALLY_OWNER_HOT_);
    tally_decref(live);
    tally_decref(live);
    assert_int_equal(tally_collect(), 4);
}

static void one_that_is_made_cold_meanwhile_drops(void **state) {
    (void)state;
    begin();
    struct node *node = ring();
    must(tally_make_hot(node) == TALLY_OK);
    tly_hot_meet(tly_local_of(tly_self()));
    // Its cells have one reference less than none.
    tally_publish(node);
    tally_incref(node);
    tly_hot_sum();
    propose();
    tally_incref(node); // in the header, for it is watched
    node->head.shared_ &= ~(uint64_t)TLY_DIRTY;
    tally_decref(node);
    node->head.shared_ &= ~(uint64_t)TLY_DIRTY;
    must(tally_make_cold(node) == TALLY_OK);
    assert_true(tly_validate_touched());
    assert_int_equal(validated(), 0);
    assert_int_equal(node->head.owner_, TALLY_OWNER_NONE_);
    end();
    tally_decref(node);
    tally_decref(node);
    assert_int_equal(tally_collect(), 2);
}

static void what_has_died_drops(void **state) {
    (void)state;
    begin();
    struct node *garbage = garbage_ring(), *a = tally_new(node);
    tally_set_steal(a, left, tally_new(node));
    propose();
    tally_decref(a);
    assert_true(a->head.owner_ & TALLY_OWNER_DEAD_);
    assert_int_equal(validated(), 2);
    assert_true(is_member(garbage));
    assert_false(is_member(a));
    assert_ptr_not_equal(ended.first, NULL);
    end();
    assert_true(block_is_free(a));
    assert_int_equal(tally_collect(), 2);
}

// All members count for each other, but one reference has moved out.
static void what_has_been_moved_out_of_the_set_lives(void **state) {
    (void)state;
    begin();
    struct node *holder = garbage_ring(), *garbage = garbage_ring();
    struct node *kept = ring();
    tally_set_steal(holder, right, kept);
    propose();
    kept = tally_ref_exchange(holder, &holder->right, NULL);
    assert_int_equal(validated(), 2);
    assert_false(is_member(kept) || is_member(tally_get(kept, left)));
    assert_false(is_member(holder));
    assert_true(is_member(garbage));
    end();
    tally_decref(kept);
    assert_int_equal(tally_collect(), 6);
}

static void what_was_met_is_told_of_the_rest_only(void **state) {
    (void)state;
    begin();
    struct node *garbage = garbage_ring(), *live = tally_new(node);
    tally_incref(garbage);
    tally_publish(garbage);
    tally_weak *weak = tally_weak_new(garbage, NULL, NULL);
    tally_weak *other = tally_weak_new(live, NULL, NULL);
    tally_decref(garbage);
    propose();
    assert_int_equal(validated(), 2);
    assert_int_equal(trial.weak, 1);
    assert_int_equal(trial.published, 1);
    assert_int_equal(trial.hubs, 0);
    end();
    tally_collect();
    tally_decref(weak);
    tally_decref(other);
    tally_decref(live);
}

// Its byte of the table shows zero, but nobody in the set refers to it.
static void a_count_of_256_is_weighed_exactly(void **state) {
    (void)state;
    begin();
    struct node *hub = ring();
    for (unsigned n = 0; n < 255; n++)
        tally_incref(hub);
    garbage_ring();
    propose();
    assert_int_equal(validated(), 2);
    assert_false(is_member(hub));
    end();
    for (unsigned n = 0; n < 256; n++)
        tally_decref(hub);
    assert_int_equal(tally_collect(), 4);
}

#define MANY 4000u

static void any_number_of_workers_validates_the_same(void **state) {
    static struct node *rings[MANY];
    for (unsigned workers = 1; workers <= 4; workers++) {
        tly_workers_configure(workers);
        begin();
        for (unsigned n = 0; n < MANY; n++)
            rings[n] = n % 4 ? garbage_ring() : ring();
        // What a live ring leads to lives, and is not next to it.
        for (unsigned n = 0; n < MANY; n += 4)
            tally_set(rings[n], right, rings[(n + MANY / 2 + 1) % MANY]);
        propose();
        assert_int_equal(tly_workers_threads(), workers - 1);
        for (unsigned n = 2; n < MANY; n += 400) { // touched
            tally_incref(rings[n]);
            tally_decref(rings[n]);
        }
        assert_true(tly_validate_touched());
        assert_int_equal(validated(), 2 * (MANY / 2 - MANY / 400));
        assert_false(tly_validate_touched());
        for (unsigned n = 0; n < MANY; n++)
            assert_int_equal(is_member(rings[n]), n % 4 > 1 && n % 400 != 2);
        end();
        assert_true(tables_are_clear());
        for (unsigned n = 0; n < MANY; n += 4)
            tally_decref(rings[n]);
        assert_int_equal(tally_collect(), 2 * MANY);
        must(collector_end(state) == 0 && collector_begin(state) == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(garbage_is_left_whole),
        collector_test(
            what_is_referred_to_from_outside_drops_with_what_it_leads_to),
        collector_test(what_is_touched_drops_with_what_it_leads_to),
        collector_test(for_who_is_urgent_nothing_more_is_weighed),
        collector_test(a_touch_after_the_last_round_is_seen),
        collector_test(what_is_counted_elsewhere_drops),
        collector_test(a_hot_object_is_weighed_with_its_cells),
        collector_test(one_that_is_made_cold_meanwhile_drops),
        collector_test(what_has_died_drops),
        collector_test(what_has_been_moved_out_of_the_set_lives),
        collector_test(what_was_met_is_told_of_the_rest_only),
        collector_test(a_count_of_256_is_weighed_exactly),
        collector_test(any_number_of_workers_validates_the_same),
    };
    return cmocka_run_group_tests_name("collector/validate", tests, NULL, NULL);
}
