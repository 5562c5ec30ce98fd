// collector/hubs.c: counts that a byte cannot hold.

#include "unit_collector.h"

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

static struct node *node_make(void) {
    struct node *node = tally_new(node);
    must(node != NULL);
    return node;
}

static uint64_t garbage(struct tly_trial *ret_trial) {
    *ret_trial = trial_begin(false);
    tly_trial_mark();
    tly_hubs_rescue(ret_trial);
    return tly_trial_garbage(false);
}

// A hub that so many nodes refer to, which it keeps alive: garbage, but for
// [outside] references.
static struct node *hub_make(unsigned inside, unsigned outside) {
    struct node *hub = node_make(), *last = hub;
    for (unsigned n = 0; n < inside; n++) {
        struct node *node = node_make();
        tally_set(node, right, hub);
        tally_set_steal(last, left, node);
        last = node;
    }
    for (unsigned n = 0; n < outside; n++)
        tally_incref(hub);
    tally_decref(hub); // the maker's
    return hub;
}

static void a_count_of_256_from_outside_is_not_taken_for_none(void **state) {
    (void)state;
    struct tly_trial trial;
    local_make();
    struct node *hub = hub_make(0, 257), *child = node_make();
    tally_decref(hub); // 256
    tally_set_steal(hub, left, child);
    assert_int_equal(total_of(hub), 256);
    assert_int_equal(garbage(&trial), 0);
    assert_int_equal(trial.hubs, 1);
    assert_false(is_member(hub));
    assert_false(is_member(child));
    trial_end();
}

static void a_hub_that_only_garbage_refers_to_is_garbage(void **state) {
    (void)state;
    struct tly_trial trial;
    local_make();
    struct node *hub = hub_make(256, 0);
    assert_int_equal(total_of(hub), 256);
    assert_int_equal(garbage(&trial), 257);
    assert_true(is_member(hub));
    trial_end();
}

static void a_hub_with_inner_and_256_outer_references_lives(void **state) {
    (void)state;
    struct tly_trial trial;
    local_make();
    struct node *hub = hub_make(300, 256);
    assert_int_equal(total_of(hub), 556);
    assert_int_equal(garbage(&trial), 0);
    trial_end();
    for (unsigned n = 0; n < 256; n++)
        tally_decref(hub);
}

static void counts_that_a_byte_holds_are_no_hubs(void **state) {
    (void)state;
    struct tly_trial trial;
    local_make();
    hub_make(255, 0);
    assert_int_equal(garbage(&trial), 256);
    assert_int_equal(trial.hubs, 0);
    trial_end();
}

// More hubs than one round takes, of which some live, and lead to others.
static void more_hubs_than_one_round_takes_are_all_judged(void **state) {
    (void)state;
    enum { HUBS = 600 };
    static struct node *hubs[HUBS];
    struct tly_trial trial;
    local_make();
    for (unsigned n = 0; n < HUBS; n++)
        hubs[n] = hub_make(n % 3 == 0 ? 0 : 256, n % 3 == 0 ? 257 : 0);
    for (unsigned n = 0; n < HUBS; n += 3)
        tally_decref(hubs[n]); // 256 from outside
    // A live hub leads to a dead one's ring.
    tally_set(hubs[300], right, hubs[301]);
    uint64_t expected = 0;
    for (unsigned n = 0; n < HUBS; n++)
        expected += n % 3 && n != 301 ? 257 : 0;
    assert_int_equal(garbage(&trial), expected);
    assert_int_equal(trial.hubs, HUBS);
    assert_false(is_member(hubs[597]));
    assert_true(is_member(hubs[598]));
    assert_false(is_member(hubs[301]));
    trial_end();
}

// In the second look, where the rest of the heap is not looked at.
static void hubs_that_are_listed_are_judged_alike(void **state) {
    (void)state;
    struct tly_trial trial;
    struct tly_claims claims = {.count = 0};
    local_make();
    struct node *dead = hub_make(256, 0), *back = hub_make(256, 0);
    assert_int_equal(garbage(&trial), 514);
    tly_garbage_list(&claims);
    assert_int_equal(claims.count, 0);
    tly_garbage_forget();
    for (unsigned n = 0; n < 256; n++)
        tally_incref(back); // as a finalizer might
    trial = (struct tly_trial){.young = false};
    tly_trial_recount(&trial);
    tly_trial_mark();
    tly_hubs_rescue(&trial);
    assert_int_equal(trial.hubs, 2);
    assert_true(is_member(dead));
    assert_false(is_member(back));
    assert_int_equal(tly_trial_garbage(true), 257);
    tly_garbage_clear(tly_local_of(tly_self()), false);
    tly_sides_unlist();
    assert_true(tables_are_clear());
    for (unsigned n = 0; n < 256; n++)
        tally_decref(back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(a_count_of_256_from_outside_is_not_taken_for_none),
        collector_test(a_hub_that_only_garbage_refers_to_is_garbage),
        collector_test(a_hub_with_inner_and_256_outer_references_lives),
        collector_test(counts_that_a_byte_holds_are_no_hubs),
        collector_test(more_hubs_than_one_round_takes_are_all_judged),
        collector_test(hubs_that_are_listed_are_judged_alike),
    };
    return cmocka_run_group_tests_name("collector/hubs", tests, NULL, NULL);
}
