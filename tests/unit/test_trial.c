// collector/trial.h: which members of a set are garbage.

#include "unit_collector.h"

#include "collector/lock.h"

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

struct apart { // its references are not in one run
    tally_object head;
    tally_ref left;
    uint64_t between;
    tally_ref right;
};
TALLY_TYPE(apart, TALLY_REF(left), TALLY_REF(right));

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf);

static void hook(void *object) { (void)object; }
struct last {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(last, TALLY_REF(next), TALLY_FINALIZE(hook));

static uint8_t trial_of(const void *object) {
    return tly_sides.trial[tly_granule_of(object)];
}

// Two nodes that refer to each other, and nobody else to them.
static struct node *ring(void) {
    struct node *a = tally_new(node), *b = tally_new(node);
    tally_set_steal(b, left, a);
    tally_set_steal(a, left, b);
    return a;
}

static void trial_counts_are_references_from_outside(void **state) {
    (void)state;
    local_make();
    struct node *a = ring(), *b = tally_get(a, left);
    struct node *root = tally_new(node);
    tally_set(root, left, a);
    tally_incref(root);
    struct tly_trial trial = trial_begin(false);
    assert_int_equal(trial.members, 3);
    assert_int_equal(trial_of(root), 2);
    assert_int_equal(trial_of(a), 0);
    assert_int_equal(trial_of(b), 0);
    assert_true(is_member(a) && is_member(b) && is_member(root));
    trial_end();
}

static void what_is_reached_from_outside_is_no_member_after_marking(
    void **state) {
    (void)state;
    local_make();
    struct node *live = ring(), *dead = ring(), *root = tally_new(node);
    tally_set(root, right, live);
    trial_begin(false);
    tly_trial_mark();
    assert_false(is_member(root));
    assert_false(is_member(live));
    assert_false(is_member(tally_get(live, left)));
    assert_true(is_member(dead));
    assert_true(is_member(tally_get(dead, left)));
    assert_int_equal(tly_trial_garbage(false), 2);
    trial_end();
}

static void what_refers_to_nothing_is_not_looked_at(void **state) {
    (void)state;
    local_make();
    struct leaf *leaf = tally_new(leaf);
    struct node *node = tally_new(node);
    tally_set(node, left, leaf);
    struct tly_trial trial = trial_begin(false);
    assert_int_equal(trial.members, 1);
    assert_false(is_member(leaf));
    trial_end();
}

static void references_that_lie_apart_count_too(void **state) {
    (void)state;
    local_make();
    struct apart *a = tally_new(apart), *b = tally_new(apart);
    tally_set_steal(a, right, b);
    tally_set_steal(b, left, a);
    trial_begin(false);
    assert_int_equal(trial_of(a) + trial_of(b), 0);
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(false), 2);
    trial_end();
}

static void an_immortal_object_keeps_what_it_refers_to(void **state) {
    (void)state;
    local_make();
    struct node *immortal = tally_new(node), *kept = ring();
    tally_set(immortal, left, kept);
    tally_immortalize(immortal);
    tally_decref(immortal);
    struct tly_trial trial = trial_begin(false);
    assert_int_equal(trial.members, 2);
    assert_false(is_member(immortal));
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(false), 0);
    trial_end();
}

static void a_hot_object_is_a_member_while_it_is_folded(void **state) {
    (void)state;
    local_make();
    struct node *hot = ring();
    must(tally_make_hot(hot) == TALLY_OK);
    struct tly_trial trial = trial_begin(true);
    assert_int_equal(trial.members, 1);
    assert_false(is_member(hot));
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(true), 0);
    trial_end();
    tly_hot_fold(false);
    trial_begin(false);
    assert_true(is_member(hot));
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(false), 2);
    trial_end();
    tly_hot_unfold(NULL, false);
}

static void beside_the_threads_it_is_one_by_the_sum_of_its_cells(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    struct node *hot = ring();
    must(tally_make_hot(hot) == TALLY_OK);
    tly_hot_meet(self);
    for (unsigned n = 0; n < 300; n++)
        tally_incref(hot);
    tly_hot_sum();
    struct tly_trial trial = trial_begin(false);
    assert_int_equal(trial.members, 2);
    assert_int_equal(trial.hubs, 1);
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(false), 0);
    trial_end();
    for (unsigned n = 0; n < 300 - 256; n++)
        tally_decref(hot);
    tly_hot_sum();
    trial = trial_begin(false);
    assert_int_equal(trial.hubs, 1);
    tly_trial_mark();
    tly_hubs_rescue(&trial);
    assert_int_equal(tly_trial_garbage(false), 0);
    trial_end();
    for (unsigned n = 0; n < 256; n++)
        tally_decref(hot);
    tly_hot_sum();
    trial = trial_begin(false);
    assert_int_equal(trial.hubs, 0);
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(false), 2);
    trial_end();
    // One that is made cold is nobody's candidate.
    hot->head.owner_ = TALLY_OWNER_COOLING_;
    assert_int_equal(trial_begin(false).members, 1);
    assert_false(is_member(hot));
    trial_end();
    hot->head.owner_ = TALLY_OWNER_HOT_;
}

static void merged_objects_are_members_with_both_their_counts(void **state) {
    (void)state;
    struct tly_local *other = local_make(), *mine = local_make();
    struct node *merged = ring(), *shared = ring();
    tally_transfer(merged);
    act_as_local(other);
    tally_incref(shared);
    act_as_local(mine);
    trial_begin(false);
    assert_int_equal(trial_of(merged), 0);
    assert_int_equal(trial_of(shared), 1);
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(false), 2);
    assert_true(is_member(merged));
    trial_end();
}

static void a_look_at_the_young_has_no_old_members(void **state) {
    (void)state;
    local_make();
    struct node *old = ring();
    trial_begin(false);
    trial_end();
    struct node *young = ring();
    tally_set(young, right, old);
    struct tly_trial trial = trial_begin(true);
    assert_int_equal(trial.members, 2);
    assert_false(is_member(old));
    // References to what is not looked at are not counted.
    assert_int_equal(trial_of(old), 0);
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(true), 2);
    trial_end();
}

static void an_old_object_keeps_the_young_it_refers_to(void **state) {
    (void)state;
    local_make();
    struct node *old = ring();
    trial_begin(false);
    trial_end();
    struct node *young = ring();
    tally_set(old, right, young);
    trial_begin(true);
    assert_int_equal(trial_of(young), 1);
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(true), 0);
    assert_true(tables_are_clear());
    trial_end();
}

static void members_with_finalizers_that_have_not_run_are_told(void **state) {
    (void)state;
    local_make();
    struct last *a = tally_new(last), *b = tally_new(last);
    tally_set(a, next, b);
    b->head.gc_ |= TLY_GC_FINALIZED;
    struct tly_trial trial = trial_begin(false);
    assert_int_equal(trial.members, 2);
    assert_int_equal(trial.finalizers, 1);
    trial_end();
}

static void only_listed_objects_are_members_in_the_second_look(void **state) {
    (void)state;
    struct tly_claims claims = {.count = 0};
    local_make();
    struct node *dead = ring(), *back = ring();
    trial_begin(false);
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(false), 4);
    tly_garbage_list(&claims);
    assert_int_equal(total_of(dead), 1);
    assert_true(tly_side_get(tly_sides.listed, tly_granule_of(dead)));
    tly_garbage_forget();
    tly_sides_drop();
    struct node *later = ring(); // garbage too, but not listed
    tally_incref(back);          // as a finalizer would
    struct tly_trial trial = {.young = false};
    tly_trial_recount(&trial);
    assert_int_equal(trial.members, 4);
    assert_int_equal(trial_of(dead), 0);
    assert_int_equal(trial_of(back), 1);
    assert_false(is_member(later));
    tly_trial_mark();
    assert_true(is_member(dead));
    assert_false(is_member(back));
    assert_false(is_member(tally_get(back, left)));
    assert_int_equal(tly_trial_garbage(true), 2);
    tly_garbage_clear(tly_local_of(tly_self()), false);
    assert_false(is_object(dead));
    assert_int_equal(total_of(back), 2);
    tly_sides_unlist();
    assert_true(tables_are_clear());
}

static void a_second_look_ends_for_who_is_needed_at_once(void **state) {
    (void)state;
    struct tly_claims claims = {.count = 0};
    local_make();
    ring();
    trial_begin(false);
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(false), 2);
    tly_garbage_list(&claims);
    tly_garbage_forget();
    tly_sides_drop();
    struct tly_trial cut = {.young = false}, whole = {.young = false};
    must(tly_collector_take(tly_self(), NULL));
    tly_collector_heed(true);
    tly_store_relaxed(&tly_collector_urgent, 1);
    tly_trial_recount(&cut);
    tly_store_relaxed(&tly_collector_urgent, 0);
    assert_int_equal(cut.members, 0);
    // For whom it was, may have given up waiting.
    assert_true(tly_collector_is_urgent());
    tly_garbage_forget();
    tly_collector_heed(true); // the next collection
    tly_trial_recount(&whole);
    tly_collector_heed(false);
    tly_collector_give(tly_self());
    assert_int_equal(whole.members, 2);
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(true), 2);
    tly_garbage_clear(tly_local_of(tly_self()), false);
    tly_sides_unlist();
    assert_true(tables_are_clear());
}

struct large {
    tally_object head;
    tally_ref self;
    char rest[200];
};
TALLY_TYPE(large, TALLY_REF(self));

// Bits of what was freed since, of blocks that are something else now.
static void a_bit_that_stands_for_no_object_is_passed_over(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    must(tly_sides_prepare(false) == TALLY_OK);
    struct node *freed = ring(), *live = tally_new(node);
    size_t granule = tly_granule_of(freed);
    struct node *other = tally_get(freed, left);
    tally_set(other, left, NULL); // both end
    tly_heap_empty(&self->heap, true);
    assert_false(is_object(freed));
    // Every granule of its unit, and of the next.
    for (size_t n = 0; n < 1024; n++)
        tly_side_set(tly_sides.listed, granule / 512 * 512 + n);
    struct tly_trial trial = {.young = false};
    tly_trial_recount(&trial);
    assert_int_equal(trial.members, 1);
    assert_int_equal(trial_of(live), 1);
    trial_end();
    tally_decref(live);
    tly_heap_empty(&self->heap, true);
    // The same memory in blocks of another size: none begins in most granules.
    struct large *large = tally_new(large);
    for (unsigned n = 0; n < 20; n++)
        must(tally_new(large)); // kept by nothing but its count
    assert_int_equal(tly_granule_of(large) / 512, granule / 512);
    trial = (struct tly_trial){.young = false};
    tly_trial_recount(&trial);
    assert_int_equal(trial.members, 21);
    trial_end();
    tly_sides_unlist();
    assert_true(tables_are_clear());
}

#define MANY 20000u

// Nodes that refer to others at random; every second has a reference from
// outside too.
static void many_make(struct node **nodes) {
    uint64_t random = 7;
    for (unsigned n = 0; n < MANY; n++)
        nodes[n] = tally_new(node);
    for (unsigned n = 0; n < MANY; n++) {
        tally_set(nodes[n], left, nodes[unit_random(&random) % MANY]);
        tally_set(nodes[n], right, nodes[unit_random(&random) % MANY]);
    }
    for (unsigned n = 0; n < MANY; n += 2)
        tally_decref(nodes[n]);
}

static void any_number_of_workers_counts_the_same(void **state) {
    static struct node *nodes[MANY];
    for (unsigned workers = 1; workers <= 4; workers++)
        for (int young = 0; young < 2; young++) {
            tly_workers_configure(workers);
            local_make();
            must(tally_new(last)); // garbage that is told of
            many_make(nodes);
            struct tly_trial trial = trial_begin(young);
            assert_int_equal(tly_workers_threads(), workers - 1);
            assert_int_equal(trial.finalizers, 1);
            uint64_t members = 1;
            for (unsigned n = 1; n < MANY; n += 2)
                assert_int_equal(trial_of(nodes[n]), 1);
            for (size_t n = 0; n < tly_sides_cover().limit; n++)
                members += tly_side_get(tly_sides.member, n) &&
                           tly_sides.trial[n] == 0;
            // Zero by their counts are those that have no other reference.
            assert_in_range(trial.members, MANY / 2 + 1, MANY + 1);
            assert_int_equal(trial.members, members + MANY / 2);
            trial_end();
            assert_true(tables_are_clear());
            must(collector_end(state) == 0 && collector_begin(state) == 0);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(trial_counts_are_references_from_outside),
        collector_test(what_is_reached_from_outside_is_no_member_after_marking),
        collector_test(what_refers_to_nothing_is_not_looked_at),
        collector_test(references_that_lie_apart_count_too),
        collector_test(an_immortal_object_keeps_what_it_refers_to),
        collector_test(a_hot_object_is_a_member_while_it_is_folded),
        collector_test(beside_the_threads_it_is_one_by_the_sum_of_its_cells),
        collector_test(merged_objects_are_members_with_both_their_counts),
        collector_test(a_look_at_the_young_has_no_old_members),
        collector_test(an_old_object_keeps_the_young_it_refers_to),
        collector_test(members_with_finalizers_that_have_not_run_are_told),
        collector_test(only_listed_objects_are_members_in_the_second_look),
        collector_test(a_second_look_ends_for_who_is_needed_at_once),
        collector_test(any_number_of_workers_counts_the_same),
        collector_test(a_bit_that_stands_for_no_object_is_passed_over),
    };
    return cmocka_run_group_tests_name("collector/trial", tests, NULL, NULL);
}
