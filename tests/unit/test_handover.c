// object/handover.c: drops that are handed over to the owner.

#include "unit_object.h"

static unsigned ended;
static struct tly_mutator *ended_as; // who ran the last destroy hook
static void leaf_ends(void *object);

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf, TALLY_DESTROY(leaf_ends));

struct plain {
    tally_object head;
    tally_ref child;
};
TALLY_TYPE(plain, TALLY_REF(child));

static void leaf_ends(void *object) {
    (void)object;
    ended++;
    ended_as = tly_self();
}

static struct tly_local *mine, *other, *third;

// Objects of [mine]'s, with one reference; the caller acts as [mine].
static struct leaf *begin(void) {
    third = local_make();
    other = local_make();
    mine = local_make();
    ended = 0;
    return tally_new(leaf);
}

static struct tly_pool *pool_of(struct leaf *leaf) { return tly_pool_of(leaf); }

static uint64_t bit_of(struct leaf *leaf) {
    return (uint64_t)1 << (tly_block_of(pool_of(leaf), leaf) % 64);
}

static uint64_t drops_of(struct leaf *leaf) {
    return pool_of(leaf)->drop[tly_block_of(pool_of(leaf), leaf) / 64];
}

static uint64_t merges_of(struct leaf *leaf) {
    return pool_of(leaf)->merge[tly_block_of(pool_of(leaf), leaf) / 64];
}

static uint32_t flags_of_object(const void *object) {
    return tally_counts_of(object).flags;
}

static void a_foreign_drop_leaves_the_header_alone(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    uint64_t shared = leaf->head.shared_;
    act_as_local(other);
    tally_decref(leaf);
    assert_true(leaf->head.shared_ == shared);
    assert_int_equal(leaf->head.local_, 2);
    assert_int_equal(other->counters.handed_over, 1);
    flush_now();
    assert_true(leaf->head.shared_ == shared);
    assert_true(drops_of(leaf) == bit_of(leaf));
}

static void the_owner_drops_it_at_its_next_safepoint(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    act_as_local(other);
    tally_decref(leaf);
    flush_now();
    assert_int_equal(ended, 0);
    act_as_local(mine);
    tally_safepoint();
    assert_int_equal(leaf->head.local_, 1);
    assert_true(drops_of(leaf) == 0);
    // It is still the owner's, who counts it plainly.
    assert_true(tally_owns_(&leaf->head));
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void the_last_reference_can_be_dropped_by_another(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    act_as_local(other);
    tally_decref(leaf);
    flush_now();
    assert_int_equal(ended, 0);
    act_as_local(mine);
    poll_now();
    assert_int_equal(ended, 1);
    assert_ptr_equal(ended_as, tly_mutator_in(mine));
    assert_false(is_object(leaf));
}

static void for_an_owner_that_does_not_run_the_dropper_ends_it(void **state) {
    (void)state;
    for (uint32_t idle = TLY_VACANT; idle <= TLY_DETACHED; idle++) {
        struct leaf *leaf = begin();
        tly_mutator_in(mine)->state = idle;
        act_as_local(other);
        tally_decref(leaf);
        assert_int_equal(ended, 1);
        assert_ptr_equal(ended_as, tly_mutator_in(other));
        assert_false(is_object(leaf));
        assert_int_equal(tly_mutator_in(mine)->state, idle);
        assert_false(tly_inbox_has(&mine->heap));
    }
}

static void what_others_counted_themselves_they_drop_themselves(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    act_as_local(other);
    tally_incref(leaf);
    tally_decref(leaf);
    assert_int_equal(other->counters.handed_over, 0);
    assert_int_equal(tally_counts_of(leaf).shared_count, 0);
}

static void a_second_drop_that_waits_here_asks_for_a_merge(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    tally_incref(leaf);
    act_as_local(other);
    tally_decref(leaf);
    tally_decref(leaf);
    assert_int_equal(other->counters.handed_over, 1);
    assert_int_equal(flags_of_object(leaf), TALLY_COUNT_QUEUED);
    assert_true(merges_of(leaf) == bit_of(leaf));
    flush_now();
    act_as_local(mine);
    poll_now();
    assert_int_equal(flags_of_object(leaf), TALLY_COUNT_MERGED);
    assert_int_equal(total_of(leaf), 1);
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void drops_beyond_the_request_are_taken_from_the_shared_count(
    void **state) {
    (void)state;
    struct leaf *leaf = begin();
    for (unsigned n = 0; n < 5; n++)
        tally_incref(leaf);
    act_as_local(other);
    for (unsigned n = 0; n < 4; n++)
        tally_decref(leaf);
    assert_int_equal(tally_counts_of(leaf).shared_count, -2);
    flush_now();
    act_as_local(mine);
    poll_now();
    assert_int_equal(total_of(leaf), 2);
    tally_decref(leaf);
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void drops_of_two_threads_that_collide_are_both_done(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    tally_incref(leaf);
    act_as_local(other);
    tally_decref(leaf);
    act_as_local(third);
    tally_decref(leaf);
    flush_now();
    act_as_local(other);
    flush_now();
    assert_int_equal(flags_of_object(leaf), TALLY_COUNT_QUEUED);
    act_as_local(mine);
    poll_now();
    assert_int_equal(total_of(leaf), 1);
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void a_drop_of_an_object_that_was_given_up_meanwhile_is_done(
    void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    act_as_local(other);
    tally_decref(leaf);
    flush_now();
    act_as_local(mine);
    tally_transfer(leaf);
    assert_int_equal(tally_counts_of(leaf).shared_count, 2);
    poll_now();
    assert_int_equal(tally_counts_of(leaf).shared_count, 1);
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void a_request_for_an_object_that_was_merged_meanwhile_is_done(
    void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    tally_incref(leaf);
    act_as_local(other);
    tally_decref(leaf);
    tally_decref(leaf);
    flush_now();
    act_as_local(mine);
    tally_transfer(leaf);
    poll_now();
    assert_int_equal(total_of(leaf), 1);
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void an_object_is_not_unique_while_a_request_waits(void **state) {
    (void)state;
    struct leaf *leaf = begin();
    tally_incref(leaf);
    tally_incref(leaf);
    act_as_local(other);
    tally_decref(leaf);
    tally_decref(leaf);
    flush_now();
    act_as_local(mine);
    assert_false(tally_is_unique(leaf));
    poll_now();
    assert_true(tally_is_unique(leaf));
    tally_decref(leaf);
}

static void an_allocation_takes_what_others_dropped(void **state) {
    (void)state;
    begin();
    struct leaf *leaves[1000];
    for (unsigned n = 0; n < 1000; n++)
        leaves[n] = tally_new(leaf);
    act_as_local(other);
    for (unsigned n = 0; n < 1000; n++)
        tally_decref(leaves[n]);
    flush_now();
    size_t units = units_in_use();
    act_as_local(mine);
    for (unsigned n = 0; n < 900; n++)
        leaves[n] = tally_new(leaf);
    // Hooks do not run inside an allocation, but at the next safepoint.
    poll_now();
    assert_true(ended >= 1000);
    assert_true(units_in_use() <= 2 * units + 2);
}

static void simple_objects_are_reaped_inside_an_allocation(void **state) {
    (void)state;
    begin();
    struct plain *plains[1000];
    for (unsigned n = 0; n < 1000; n++)
        plains[n] = tally_new(plain);
    size_t units = units_in_use();
    act_as_local(other);
    for (unsigned n = 0; n < 1000; n++)
        tally_decref(plains[n]);
    flush_now();
    act_as_local(mine);
    for (unsigned n = 0; n < 1000; n++)
        plains[n] = tally_new(plain);
    assert_true(units_in_use() <= units + 1);
    assert_int_equal(mine->counters.destroyed, 1000);
}

// ---- threads hand references round; all end, once

#define THREADS 3u
#define OBJECTS 64u
struct parcel;
static struct parcel *_Atomic boxes[THREADS][OBJECTS];
static atomic_uint made, ended_by_all, finished;

static void count_end(void *object) {
    (void)object;
    atomic_fetch_add(&ended_by_all, 1);
}

struct parcel {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(parcel, TALLY_DESTROY(count_end));

static void put(unsigned to, unsigned slot, struct parcel *parcel) {
    struct parcel *old = atomic_exchange(&boxes[to][slot], parcel);
    if (old)
        tally_decref(old);
}

static void *hand_round(void *arg) {
    unsigned me = *(unsigned *)arg;
    uint64_t random = me;
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned n = 0; n < rounds(30000, 3000); n++) {
        uint64_t r = unit_random(&random);
        unsigned slot = (unsigned)(r >> 8) % OBJECTS;
        struct parcel *parcel = atomic_exchange(&boxes[me][slot], NULL);
        if (!parcel) {
            parcel = tally_new(parcel);
            must(parcel != NULL);
            atomic_fetch_add(&made, 1);
        }
        for (unsigned i = 0; i < THREADS; i++)
            if (r >> (20 + i) & 1) {
                tally_incref(parcel);
                put(i, slot, parcel);
            }
        put((unsigned)(r >> 32) % THREADS, (slot + 1) % OBJECTS, parcel);
        tally_safepoint();
        if (r % 256 == 0)
            TALLY_BLOCKING { sched_yield(); }
        if (r % 1024 == 1) {
            tally_detach();
            must(tally_attach(NULL) == TALLY_OK);
        }
    }
    atomic_fetch_add(&finished, 1);
    stage_poll(&finished, THREADS);
    for (unsigned slot = 0; slot < OBJECTS; slot++)
        put(me, slot, NULL);
    tally_detach();
    return NULL;
}

static void references_handed_round_by_threads_all_end(void **state) {
    (void)state;
    unsigned numbers[THREADS];
    pthread_t threads[THREADS];
    made = ended_by_all = finished = 0;
    for (unsigned n = 0; n < THREADS; n++) {
        numbers[n] = n;
        threads[n] = thread_start(hand_round, &numbers[n]);
    }
    for (unsigned n = 0; n < THREADS; n++)
        pthread_join(threads[n], NULL);
    assert_true(made > 0);
    assert_int_equal(ended_by_all, made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(a_foreign_drop_leaves_the_header_alone),
        object_test(the_owner_drops_it_at_its_next_safepoint),
        object_test(the_last_reference_can_be_dropped_by_another),
        object_test(for_an_owner_that_does_not_run_the_dropper_ends_it),
        object_test(what_others_counted_themselves_they_drop_themselves),
        object_test(a_second_drop_that_waits_here_asks_for_a_merge),
        object_test(drops_beyond_the_request_are_taken_from_the_shared_count),
        object_test(drops_of_two_threads_that_collide_are_both_done),
        object_test(a_drop_of_an_object_that_was_given_up_meanwhile_is_done),
        object_test(a_request_for_an_object_that_was_merged_meanwhile_is_done),
        object_test(an_object_is_not_unique_while_a_request_waits),
        object_test(an_allocation_takes_what_others_dropped),
        object_test(simple_objects_are_reaped_inside_an_allocation),
        object_test(references_handed_round_by_threads_all_end),
    };
    return cmocka_run_group_tests_name("object/handover", tests, NULL, NULL);
}
