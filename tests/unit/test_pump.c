// collector/pump.c: running what waits, and what follows the last.

#include "unit_collector.h"

#include <tally/borrow.h>
#include <tally/finalize.h>

static unsigned finalized, ended;
static void guest_finalizes(void *object);
static void guest_ends(void *object);

struct guest {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(guest, TALLY_REF(next), TALLY_FINALIZE(guest_finalizes),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED), TALLY_DESTROY(guest_ends));

static void guest_finalizes(void *object) {
    (void)object;
    finalized++;
    // Inside of one, none is run.
    assert_int_equal(tally_finalize_pending(9), 0);
}

static void guest_ends(void *object) {
    (void)object;
    ended++;
}

static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    finalized = ended = 0;
    return tly_local_of(tly_self());
}

static void ring_drop(unsigned length) {
    struct guest *first = tally_new(guest), *last = first;
    for (unsigned n = 1; n < length; n++) {
        struct guest *guest = tally_new(guest);
        tally_set_steal(last, next, guest);
        last = guest;
    }
    tally_set_steal(last, next, first);
}

static void so_many_run_as_are_asked_for(void **state) {
    (void)state;
    struct tly_local *self = begin();
    for (unsigned n = 0; n < 5; n++)
        tally_decref(tally_new(guest));
    assert_int_equal(tly_pump(self, TLY_BY_THREAD, 9), 0);
    assert_int_equal(tly_pump(self, TLY_BY_ANY, 2), 2);
    assert_int_equal(finalized, 2);
    assert_int_equal(ended, 2);
    assert_int_equal(tally_finalize_pending(9), 3);
    assert_int_equal(ended, 5);
}

static void garbage_goes_when_the_last_has_run(void **state) {
    (void)state;
    begin();
    ring_drop(6);
    ring_drop(6);
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(tly_finalize_waiting(), 12);
    assert_int_equal(tally_finalize_pending(11), 11);
    assert_int_equal(ended, 0);
    assert_int_equal(tally_finalize_pending(11), 1);
    assert_int_equal(ended, 12);
    assert_true(tables_are_clear());
    assert_false(tly_finalize_awaited);
}

// What a look leaves to the next is found by it, whoever it is that looks.
static void a_full_collection_does_for_a_second_look(void **state) {
    (void)state;
    struct tly_local *self = begin();
    ring_drop(6);
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(tly_pump(self, TLY_BY_ANY, SIZE_MAX), 6);
    assert_int_equal(ended, 0);
    assert_true(tly_finalize_awaited);
    assert_int_equal(tally_collect(), 6);
    assert_int_equal(ended, 6);
    assert_false(tly_finalize_awaited);
    assert_true(tables_are_clear());
}

static void a_safepoint_makes_up_for_a_second_look(void **state) {
    (void)state;
    struct tly_local *self = begin();
    ring_drop(6);
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(tly_pump(self, TLY_BY_ANY, 5), 5);
    poll_now();
    assert_int_equal(ended, 0);
    assert_int_equal(tly_pump(self, TLY_BY_ANY, 5), 1);
    poll_now();
    assert_int_equal(ended, 6);
    assert_true(tables_are_clear());
}

static void where_it_may_not_be_the_second_look_is_taken_later(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_patience patience = tly_patience_begin();
    ring_drop(3);
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(tly_pump(self, TLY_BY_ANY, SIZE_MAX), 3);
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    assert_int_equal(tly_second_look(self, &patience), 0);
    tly_break_self(tly_mutator_in(self), TLY_BREAK_COLLECT);
    tally_borrow_leave();
    tally_safepoint();
    assert_int_equal(ended, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(so_many_run_as_are_asked_for),
        collector_test(garbage_goes_when_the_last_has_run),
        collector_test(a_full_collection_does_for_a_second_look),
        collector_test(a_safepoint_makes_up_for_a_second_look),
        collector_test(where_it_may_not_be_the_second_look_is_taken_later),
    };
    return cmocka_run_group_tests_name("collector/pump", tests, NULL, NULL);
}
