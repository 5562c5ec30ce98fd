// object/count.h: the states of a count, each step by whoever takes it.

#include "unit_object.h"

static unsigned ended, finalized;
static void *revive; // where a finalizer stores a reference, or NULL
static void leaf_ends(void *object);
static void kept_finalizes(void *object);

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf, TALLY_DESTROY(leaf_ends));

struct kept {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(kept, TALLY_FINALIZE(kept_finalizes), TALLY_DESTROY(leaf_ends));

static void leaf_ends(void *object) {
    (void)object;
    ended++;
}

static void kept_finalizes(void *object) {
    finalized++;
    assert_true(is_object(object));
    if (revive) {
        tally_incref(object);
        *(void **)revive = object;
    }
}

static struct tly_local *mine, *other;

// An object of [mine]'s; the caller acts as [mine].
static struct leaf *begin(void) {
    other = local_make();
    mine = local_make();
    ended = finalized = 0;
    revive = NULL;
    return tally_new(leaf);
}

static uint32_t flags_of_object(const void *object) {
    return tally_counts_of(object).flags;
}

static void the_owner_counts_for_itself(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    for (unsigned n = 0; n < 10; n++)
        tally_incref(leaf);
    assert_int_equal(tally_counts_of(leaf).owner_count, 11);
    assert_int_equal(tally_counts_of(leaf).shared_count, 0);
    assert_false(tally_is_unique(leaf));
    for (unsigned n = 0; n < 10; n++)
        tally_decref(leaf);
    assert_true(tally_is_unique(leaf));
    assert_int_equal(ended, 0);
    tally_decref(leaf);
    assert_int_equal(ended, 1);
    assert_false(is_object(leaf));
}

static void others_count_apart(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    act_as_local(other);
    tally_incref(leaf);
    tally_incref(leaf);
    assert_int_equal(tally_counts_of(leaf).owner_count, 1);
    assert_int_equal(tally_counts_of(leaf).shared_count, 2);
    assert_int_equal(other->counters.shared_counts, 2);
    tally_decref(leaf);
    assert_int_equal(tally_counts_of(leaf).shared_count, 1);
    act_as_local(mine);
    assert_false(tally_is_unique(leaf));
    tally_decref(leaf);
    assert_int_equal(ended, 0);
    assert_int_equal(flags_of_object(leaf), TALLY_COUNT_MERGED);
    assert_int_equal(tally_counts_of(leaf).owner, 0);
    act_as_local(other);
    assert_true(tally_is_unique(leaf));
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void a_merged_object_is_counted_alike_by_all(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    assert_int_equal(tally_transfer(leaf), TALLY_OK);
    assert_int_equal(flags_of_object(leaf), TALLY_COUNT_MERGED);
    assert_int_equal(tally_counts_of(leaf).owner_count, 0);
    assert_int_equal(tally_counts_of(leaf).shared_count, 1);
    tally_incref(leaf);
    act_as_local(other);
    tally_incref(leaf);
    assert_int_equal(tally_counts_of(leaf).shared_count, 3);
    tally_decref(leaf);
    tally_decref(leaf);
    act_as_local(mine);
    assert_true(tally_is_unique(leaf));
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void only_the_owner_transfers(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    act_as_local(other);
    assert_int_equal(tally_transfer(leaf), TALLY_NOT_OWNER);
    act_as_local(mine);
    tally_incref(leaf);
    assert_int_equal(tally_transfer(leaf), TALLY_OK);
    assert_int_equal(tally_transfer(leaf), TALLY_OK);
    act_as_local(other);
    assert_int_equal(tally_transfer(leaf), TALLY_OK);
    assert_int_equal(total_of(leaf), 2);
    tally_decref(leaf);
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

// ---- overflow

static void a_count_that_overflows_spills_into_the_shared_one(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    leaf->head.local_ = UINT32_MAX;
    int64_t before = total_of(leaf);
    tally_incref(leaf);
    assert_true(total_of(leaf) == before + 1);
    assert_true(leaf->head.local_ == (uint32_t)1 << 31);
    assert_int_equal(flags_of_object(leaf), 0);
    tally_incref(leaf);
    tally_decref(leaf);
    tally_decref(leaf);
    assert_true(total_of(leaf) == before);
}

static void a_spilled_count_comes_back_to_zero(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    leaf->head.local_ = UINT32_MAX;
    tally_incref(leaf);
    // As if the rest had been dropped: 2^31 here, 2^31 there.
    leaf->head.local_ = 1;
    leaf->head.shared_ -= (((uint64_t)1 << 31) - 1) * TLY_ONE;
    assert_int_equal(total_of(leaf), 2);
    tally_decref(leaf);
    assert_int_equal(ended, 0);
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void a_watched_count_that_overflows_spills_too(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    leaf->head.owner_ |= TALLY_OWNER_WATCH_;
    leaf->head.local_ = UINT32_MAX;
    int64_t before = total_of(leaf);
    tally_incref(leaf);
    assert_true(total_of(leaf) == before + 1);
    assert_true(leaf->head.shared_ & TLY_DIRTY);
}

static void saturate_by_others(void *arg) {
    (void)arg;
    struct leaf *leaf = begin();
    leaf->head.shared_ += ((uint64_t)1 << 33) * TLY_ONE;
    act_as_local(other);
    tally_incref(leaf); // 2^33 + 1
    must(!(flags_of_object(leaf) & TALLY_COUNT_IMMORTAL));
    tally_incref(leaf);
    must(flags_of_object(leaf) & TALLY_COUNT_IMMORTAL);
    must(tly_count_saturated() == 1);
    for (unsigned n = 0; n < 10; n++)
        tally_decref(leaf);
    must(ended == 0);
}

static void a_count_beyond_2_to_33_makes_immortal_and_is_reported(
    void **state) {
    (void)state;
    struct child child = child_run(saturate_by_others, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "overflows; it lives on"));
    assert_non_null(strstr(child.text, "leaf"));
}

// ---- immortality

static void an_immortal_object_is_not_counted_by_anyone(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_immortalize(leaf);
    tally_immortalize(leaf);
    assert_int_equal(tly_count_immortal(), 1);
    assert_int_equal(flags_of_object(leaf), TALLY_COUNT_IMMORTAL);
    int64_t total = total_of(leaf);
    for (unsigned n = 0; n < 5; n++) {
        tally_incref(leaf);
        tally_decref(leaf);
        tally_decref(leaf);
        act_as_local(n % 2 ? mine : other);
    }
    assert_int_equal(total_of(leaf), total);
    assert_true(is_object(leaf));
    assert_true(tally_try_incref(leaf));
    assert_int_equal(tally_transfer(leaf), TALLY_OK);
}

static void an_object_made_immortal_while_a_request_waits_lives_on(
    void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    act_as_local(other);
    tally_decref(leaf); // handed over
    flush_now();
    act_as_local(mine);
    tally_immortalize(leaf);
    poll_now();
    tally_decref(leaf);
    assert_true(is_object(leaf));
    assert_int_equal(ended, 0);
}

static void a_merged_object_can_be_made_immortal(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_transfer(leaf);
    act_as_local(other);
    tally_immortalize(leaf);
    tally_decref(leaf);
    tally_decref(leaf);
    assert_true(is_object(leaf));
}

// ---- zero, merge and what others left

static void a_zero_of_the_owners_keeps_what_others_hold(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    act_as_local(other);
    tally_incref(leaf);
    act_as_local(mine);
    leaf->head.local_ = 0;
    assert_int_equal(
        tly_count_zero(mine, tly_mutator_in(mine)->number, &leaf->head),
        TLY_ALIVE);
    assert_int_equal(flags_of_object(leaf), TALLY_COUNT_MERGED);
    assert_int_equal(mine->counters.merges, 1);
    act_as_local(other);
    assert_int_equal(tly_count_drop_shared(&leaf->head), TLY_DEAD);
    tly_count_act(other, &leaf->head, TLY_DEAD);
    tly_finish(other, true);
    assert_int_equal(ended, 1);
}

static void a_zero_of_an_object_given_up_meanwhile_is_no_end(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_publish(leaf);
    tally_immortalize(leaf);
    leaf->head.local_ = 0;
    assert_int_equal(
        tly_count_zero(mine, tly_mutator_in(mine)->number, &leaf->head),
        TLY_ALIVE);
}

static void merging_moves_the_owners_count_and_drops_the_queues_unit(
    void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    tally_incref(leaf);
    leaf->head.shared_ |= TLY_QUEUED;
    assert_int_equal(
        tly_count_merge(mine, tly_mutator_in(mine)->number, &leaf->head),
        TLY_ALIVE);
    assert_int_equal(flags_of_object(leaf), TALLY_COUNT_MERGED);
    assert_int_equal(tally_counts_of(leaf).owner_count, 0);
    assert_int_equal(tally_counts_of(leaf).shared_count, 2);
}

static void merging_a_merged_object_drops_a_unit(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    tally_transfer(leaf);
    assert_int_equal(
        tly_count_merge(mine, tly_mutator_in(mine)->number, &leaf->head),
        TLY_ALIVE);
    assert_int_equal(
        tly_count_merge(mine, tly_mutator_in(mine)->number, &leaf->head),
        TLY_DEAD);
}

static void a_negative_shared_count_is_made_good_by_the_merge(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    for (unsigned n = 0; n < 4; n++)
        tally_incref(leaf);
    // Others dropped three of the owner's references.
    leaf->head.shared_ -= 3 * TLY_ONE;
    leaf->head.shared_ |= TLY_QUEUED;
    assert_int_equal(total_of(leaf), 2);
    assert_int_equal(
        tly_count_merge(mine, tly_mutator_in(mine)->number, &leaf->head),
        TLY_ALIVE);
    assert_int_equal(tally_counts_of(leaf).shared_count, 1);
}

// ---- finalizers

static void a_finalizer_runs_once_before_the_end(void **state) {
    (void)state;
    begin();
    struct kept *kept = tally_new(kept);
    tally_decref(kept);
    assert_int_equal(finalized, 1);
    assert_int_equal(ended, 1);
    assert_int_equal(mine->counters.finalized, 1);
}

static void an_object_brought_back_lives_on_and_is_not_finalized_again(
    void **state) {
    (void)state;
    void *saved = NULL;
    begin();
    struct kept *kept = tally_new(kept);
    revive = &saved;
    tally_decref(kept);
    assert_int_equal(finalized, 1);
    assert_int_equal(ended, 0);
    assert_ptr_equal(saved, kept);
    assert_int_equal(total_of(kept), 1);
    assert_int_equal(flags_of_object(kept), TALLY_COUNT_FINALIZED);
    tally_decref(saved);
    assert_int_equal(finalized, 1);
    assert_int_equal(ended, 1);
}

static void a_merged_object_is_finalized_by_whoever_drops_it_last(
    void **state) {
    (void)state;
    void *saved = NULL;
    begin();
    struct kept *kept = tally_new(kept);
    tally_transfer(kept);
    act_as_local(other);
    revive = &saved;
    tally_decref(kept);
    assert_int_equal(other->counters.finalized, 1);
    assert_int_equal(total_of(kept), 1);
    tally_decref(saved);
    assert_int_equal(ended, 1);
}

// ---- upgrades

static void an_upgrade_works_while_the_object_is_alive(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    assert_true(tally_try_incref(leaf));
    assert_int_equal(tally_counts_of(leaf).owner_count, 2);
    tally_decref(leaf);
    act_as_local(other);
    assert_false(tally_try_incref(leaf)); // not published
    tally_publish(leaf);
    assert_true(tally_try_incref(leaf));
    assert_int_equal(tally_counts_of(leaf).shared_count, 1);
    tally_decref(leaf);
    act_as_local(mine);
    assert_int_equal(total_of(leaf), 1);
}

static void an_owner_upgrades_what_is_watched(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    // It was never published: its owner knows that it is alive.
    leaf->head.owner_ |= TALLY_OWNER_WATCH_;
    assert_true(tally_try_incref(leaf));
    assert_true(leaf->head.shared_ & TLY_DIRTY);
    leaf->head.owner_ &= (uint16_t)~TALLY_OWNER_WATCH_;
    assert_int_equal(tally_counts_of(leaf).owner_count, 2);
    // A stopped world has found it to be garbage.
    leaf->head.shared_ |= TLY_DYING;
    assert_false(tally_try_incref(leaf));
}

static void an_upgrade_fails_once_the_count_was_zero(void **state) {
    (void)state;
    begin();
    // Two: the count field of the second links it to the first.
    struct leaf *first = tally_new(leaf), *leaf = tally_new(leaf);
    tally_publish(first);
    tally_publish(leaf);
    tally_decref(first);
    tally_decref(leaf);
    // It waits for readers: its memory is still there.
    assert_true(is_object(leaf));
    assert_false(tally_try_incref(leaf));
    act_as_local(other);
    assert_false(tally_try_incref(leaf));
    act_as_local(mine);
    tly_limbo_poll(mine, true);
    tly_finish(mine, true);
    assert_int_equal(ended, 2);
}

static void an_upgrade_of_a_merged_object_needs_a_count(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_publish(leaf);
    tally_transfer(leaf);
    assert_true(tally_try_incref(leaf));
    assert_int_equal(tally_counts_of(leaf).shared_count, 2);
    leaf->head.shared_ -= 2 * TLY_ONE;
    assert_false(tally_try_incref(leaf));
}

// ---- misuse

static void decref_dead(void *arg) {
    (void)arg;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    tally_decref(leaf);
    tally_decref(leaf);
    tally_decref(leaf);
}

static void decref_foreign(void *arg) {
    (void)arg;
    tally_object object = {0};
    tally_decref(&object);
}

static void counting_what_is_dead_aborts_in_debug_builds(void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(decref_dead, NULL, "decref of a dead object");
    assert_aborts(decref_foreign, NULL, "not an object of this heap");
}

// ---- strangers

static void a_thread_that_is_not_attached_counts_and_drops(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    act_as_local(NULL);
    tally_incref(leaf);
    assert_int_equal(tally_counts_of(leaf).shared_count, 1);
    tally_decref(leaf);
    assert_int_equal(tally_counts_of(leaf).shared_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(the_owner_counts_for_itself),
        object_test(others_count_apart),
        object_test(a_merged_object_is_counted_alike_by_all),
        object_test(only_the_owner_transfers),
        object_test(a_count_that_overflows_spills_into_the_shared_one),
        object_test(a_spilled_count_comes_back_to_zero),
        object_test(a_watched_count_that_overflows_spills_too),
        object_test(a_count_beyond_2_to_33_makes_immortal_and_is_reported),
        object_test(an_immortal_object_is_not_counted_by_anyone),
        object_test(an_object_made_immortal_while_a_request_waits_lives_on),
        object_test(a_merged_object_can_be_made_immortal),
        object_test(a_zero_of_the_owners_keeps_what_others_hold),
        object_test(a_zero_of_an_object_given_up_meanwhile_is_no_end),
        object_test(merging_moves_the_owners_count_and_drops_the_queues_unit),
        object_test(merging_a_merged_object_drops_a_unit),
        object_test(a_negative_shared_count_is_made_good_by_the_merge),
        object_test(a_finalizer_runs_once_before_the_end),
        object_test(an_object_brought_back_lives_on_and_is_not_finalized_again),
        object_test(a_merged_object_is_finalized_by_whoever_drops_it_last),
        object_test(an_upgrade_works_while_the_object_is_alive),
        object_test(an_owner_upgrades_what_is_watched),
        object_test(an_upgrade_fails_once_the_count_was_zero),
        object_test(an_upgrade_of_a_merged_object_needs_a_count),
        object_test(counting_what_is_dead_aborts_in_debug_builds),
        object_test(a_thread_that_is_not_attached_counts_and_drops),
    };
    return cmocka_run_group_tests_name("object/count", tests, NULL, NULL);
}
