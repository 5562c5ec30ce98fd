// object/later.c: buffered decrements.

#include "unit_object.h"

static unsigned ended;
static void leaf_ends(void *object) {
    (void)object;
    ended++;
}

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf, TALLY_DESTROY(leaf_ends));

struct large {
    tally_object head;
    char bytes[100000];
};
TALLY_TYPE(large);

static unsigned finalized;
static void guest_finalize(void *object) {
    finalized++;
    // May drop later itself.
    tally_incref(object);
    tally_decref_later(object);
}
struct guest {
    tally_object head;
};
TALLY_TYPE(guest, TALLY_FINALIZE(guest_finalize));

static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    ended = finalized = 0;
    return tly_local_of(tly_self());
}

static uint32_t buffered(void) {
    return tly_cold(tly_local_of(tly_self()))->later_count;
}

// An object without an owner, as others' are in the end.
static struct leaf *merged(void) {
    struct leaf *leaf = tally_new(leaf);
    must(leaf && tally_transfer(leaf) == TALLY_OK);
    return leaf;
}

static void a_buffered_drop_keeps_its_object(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct leaf *leaf = merged();
    tally_decref_later(leaf);
    assert_int_equal(buffered(), 1);
    assert_int_equal(total_of(leaf), 1);
    assert_int_equal(tly_cold(self)->later_bytes, 32);
    tally_flush();
    assert_int_equal(ended, 1);
    assert_int_equal(buffered(), 0);
    assert_int_equal(tly_cold(self)->later_bytes, 0);
}

static void a_full_buffer_is_applied(void **state) {
    (void)state;
    begin();
    for (unsigned n = 1; n <= 200; n++) {
        tally_decref_later(merged());
        assert_int_equal(ended, n / 64 * 64);
    }
    tally_flush();
    assert_int_equal(ended, 200);
}

static void drops_of_one_object_are_all_counted(void **state) {
    (void)state;
    begin();
    struct leaf *leaf = merged();
    for (unsigned n = 0; n < 99; n++)
        tally_incref(leaf);
    for (unsigned n = 0; n < 99; n++)
        tally_decref_later(leaf);
    tally_flush();
    assert_int_equal(total_of(leaf), 1);
    assert_int_equal(ended, 0);
    tally_decref(leaf);
    assert_int_equal(ended, 1);
}

static void objects_of_the_threads_own_are_dropped_too(void **state) {
    (void)state;
    begin();
    struct leaf *mine = tally_new(leaf), *lasting = tally_new(leaf);
    tally_incref(lasting);
    tally_decref_later(mine);
    tally_decref_later(lasting);
    tally_flush();
    assert_int_equal(ended, 1);
    assert_int_equal(total_of(lasting), 1);
    tally_decref(lasting);
}

static void immortal_objects_stay(void **state) {
    (void)state;
    begin();
    struct leaf *leaf = tally_new(leaf);
    tally_immortalize(leaf);
    for (unsigned n = 0; n < 100; n++)
        tally_decref_later(leaf);
    tally_flush();
    assert_int_equal(ended, 0);
}

static void a_safepoint_applies_it_when_it_is_half_full(void **state) {
    (void)state;
    begin();
    for (unsigned n = 1; n < 32; n++) {
        tally_decref_later(merged());
        tally_safepoint();
        assert_int_equal(buffered(), n);
    }
    tally_decref_later(merged());
    assert_int_equal(ended, 0);
    tally_safepoint();
    assert_int_equal(ended, 32);
}

static void the_64th_safepoint_with_work_applies_it(void **state) {
    (void)state;
    begin();
    for (unsigned round = 1; round <= 2; round++) {
        tally_decref_later(merged());
        for (unsigned n = 1; n < 64; n++) {
            poll_now();
            assert_int_equal(ended, round - 1);
        }
        poll_now();
        assert_int_equal(ended, round);
    }
}

static void the_blocks_that_it_keeps_are_bounded_in_bytes(void **state) {
    (void)state;
    struct tly_local *self = begin();
    for (unsigned n = 0; n < 40; n++) {
        struct large *large = tally_new(large);
        must(tally_transfer(large) == TALLY_OK);
        tally_decref_later(large);
        assert_true(tly_cold(self)->later_bytes < 1 << 20);
    }
    assert_int_equal(buffered(), 40 % 11);
    tally_flush();
    assert_int_equal(tly_cold(self)->later_bytes, 0);
    tly_later_configure(0);
    tally_decref_later(merged());
    assert_int_equal(ended, 1);
}

static void a_thread_that_blocks_applies_it(void **state) {
    (void)state;
    begin();
    tally_decref_later(merged());
    TALLY_BLOCKING { assert_int_equal(ended, 1); }
}

static void *drop_later(void *leaf) {
    must(tally_attach(NULL) == TALLY_OK);
    tally_decref_later(leaf);
    must(buffered() == 1);
    return NULL;
}

static void a_thread_that_ends_applies_it(void **state) {
    (void)state;
    begin();
    struct leaf *leaf = tally_new(leaf);
    thread_run(drop_later, leaf);
    // Handed over to its owner.
    tally_flush();
    assert_int_equal(ended, 1);
}

static void *drop_unattached(void *leaf) {
    tally_decref_later(leaf);
    return NULL;
}

static void a_thread_that_is_not_attached_drops_at_once(void **state) {
    (void)state;
    begin();
    thread_run(drop_unattached, merged());
    assert_int_equal(ended, 1);
    tally_detach();
    tally_flush(); // does nothing
    assert_int_equal(tally_mutator_number(), 0);
}

static void in_a_section_hooks_wait_for_its_end(void **state) {
    (void)state;
    begin();
    must(tally_borrow_enter() == TALLY_OK);
    for (unsigned n = 0; n < 64; n++)
        tally_decref_later(merged());
    assert_int_equal(buffered(), 0);
    tally_decref_later(merged());
    tally_flush();
    assert_int_equal(buffered(), 0);
    assert_int_equal(ended, 0);
    tally_borrow_leave();
    assert_int_equal(ended, 65);
}

static void published_objects_go_to_limbo(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct leaf *leaf = merged();
    tally_publish(leaf);
    tally_decref_later(leaf);
    tally_flush();
    assert_int_equal(ended, 0);
    struct tly_limbo_total sum = {0, 0, 0, 0};
    tly_limbo_total(self, &sum);
    assert_int_equal(sum.objects, 1);
    tly_limbo_poll(self, true);
    tly_finish(self, true);
    assert_int_equal(ended, 1);
}

static void a_finalizer_may_drop_later_itself(void **state) {
    (void)state;
    begin();
    struct guest *guest = tally_new(guest);
    tally_decref_later(guest);
    tally_flush();
    assert_int_equal(finalized, 1);
    tally_flush();
    assert_int_equal(finalized, 1);
    assert_int_equal(buffered(), 0);
    tally_decref_later(tally_new(guest));
    TALLY_BLOCKING { assert_int_equal(finalized, 2); }
    assert_int_equal(buffered(), 0);
}

static void errno_is_kept(void **state) {
    (void)state;
    begin();
    errno = 77;
    for (unsigned n = 0; n < 70; n++)
        tally_decref_later(merged());
    tally_flush();
    assert_int_equal(errno, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(a_buffered_drop_keeps_its_object),
        object_test(a_full_buffer_is_applied),
        object_test(drops_of_one_object_are_all_counted),
        object_test(objects_of_the_threads_own_are_dropped_too),
        object_test(immortal_objects_stay),
        object_test(a_safepoint_applies_it_when_it_is_half_full),
        object_test(the_64th_safepoint_with_work_applies_it),
        object_test(the_blocks_that_it_keeps_are_bounded_in_bytes),
        object_test(a_thread_that_blocks_applies_it),
        object_test(a_thread_that_ends_applies_it),
        object_test(a_thread_that_is_not_attached_drops_at_once),
        object_test(in_a_section_hooks_wait_for_its_end),
        object_test(published_objects_go_to_limbo),
        object_test(a_finalizer_may_drop_later_itself),
        object_test(errno_is_kept),
    };
    return cmocka_run_group_tests_name("object/later", tests, NULL, NULL);
}
