// object/finalize.h: who runs which finalizer, and where it waits.

#include "unit_object.h"

#include "object/finalize.h"

static unsigned finalized;
static void *order[64];
static void guest_finalizes(void *object);

struct guest {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(guest, TALLY_REF(next), TALLY_FINALIZE(guest_finalizes));

struct pumped {
    struct guest guest;
};
TALLY_TYPE(pumped, TALLY_BASE(guest), TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));

struct served {
    struct guest guest;
};
TALLY_TYPE(served, TALLY_BASE(guest), TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

struct plain {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(plain, TALLY_REF(next));

struct links { // the word behind it depends on its length
    tally_object head;
    uint64_t length;
    tally_ref items[];
};
TALLY_TYPE(links, TALLY_REF_ITEMS(items, length),
           TALLY_FINALIZE(guest_finalizes),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));

static void guest_finalizes(void *object) {
    if (finalized < 64)
        order[finalized] = object;
    finalized++;
    errno = 99;
}

static int finalize_begin(void **state) {
    finalized = 0;
    tly_finalize_configure(TALLY_EXECUTOR_INLINE);
    return object_begin(state);
}

static int finalize_end(void **state) {
    int status = object_end(state);
    tly_finalize_end();
    tly_finalize_configure(TALLY_EXECUTOR_INLINE);
    return status;
}

#define finalize_test(name)                                                    \
    cmocka_unit_test_setup_teardown(name, finalize_begin, finalize_end)

// As the loops of higher layers do.
static void run_all(struct tly_local *self, unsigned by) {
    tally_object *object;
    while ((object = tly_finalize_take(self, by))) {
        self->finishing = 1;
        tly_finalize_run(self, object);
        self->finishing = 0;
        tly_finish(self, true);
    }
}

static void what_waits_keeps_its_unit_and_comes_in_order(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    struct pumped *pumped[10];
    for (unsigned n = 0; n < 10; n++)
        pumped[n] = tally_new(pumped);
    for (unsigned n = 0; n < 10; n++)
        tally_decref(pumped[n]);
    assert_int_equal(tly_finalize_waiting(), 10);
    for (unsigned n = 0; n < 10; n++)
        assert_int_equal(total_of(pumped[n]), 1);
    assert_null(tly_finalize_take(self, TLY_BY_THREAD));
    run_all(self, 1u << TALLY_EXECUTOR_PUMPED);
    for (unsigned n = 0; n < 10; n++) {
        assert_ptr_equal(order[n], pumped[n]);
        assert_false(is_object(pumped[n]));
    }
    assert_int_equal(tly_finalize_waiting(), 0);
    assert_int_equal(self->counters.destroyed, self->counters.made);
}

static void each_executor_has_a_queue_of_its_own(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    struct served *served = tally_new(served);
    struct pumped *pumped = tally_new(pumped);
    tally_decref(pumped);
    assert_false(tly_finalize_has_thread());
    tally_decref(served);
    assert_true(tly_finalize_has_thread());
    assert_ptr_equal(tly_finalize_take(self, TLY_BY_THREAD), served);
    assert_false(tly_finalize_has_thread());
    assert_ptr_equal(tly_finalize_take(self, TLY_BY_ANY), pumped);
    assert_null(tly_finalize_take(self, TLY_BY_ANY));
    tly_finalize_run(self, &served->guest.head);
    tly_finalize_run(self, &pumped->guest.head);
    tly_finish(self, true);
    assert_int_equal(finalized, 2);
}

static void work_for_the_runtimes_thread_is_told(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    uint32_t seen = tly_event_value(&tly_finalize_work);
    tally_decref(tally_new(pumped));
    assert_int_equal(tly_event_value(&tly_finalize_work), seen);
    tally_decref(tally_new(served));
    assert_int_not_equal(tly_event_value(&tly_finalize_work), seen);
    // Nobody serves: somebody has to look after the thread.
    struct tly_mutator *m = tly_mutator_in(self);
    assert_true(m->breaker.bits_ & TLY_BREAK_FINISH);
    run_all(self, TLY_BY_ANY);
    poll_now();
    tly_store_relaxed(&tly_finalize_served, 1);
    tally_decref(tally_new(served));
    assert_false(m->breaker.bits_ & TLY_BREAK_FINISH);
    tly_store_relaxed(&tly_finalize_served, 0);
    run_all(self, TLY_BY_ANY);
}

static void types_that_do_not_say_it_follow_the_option(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    tally_decref(tally_new(guest));
    assert_int_equal(finalized, 1);
    tly_finalize_configure(TALLY_EXECUTOR_PUMPED);
    tally_decref(tally_new(guest));
    assert_int_equal(finalized, 1);
    run_all(self, 1u << TALLY_EXECUTOR_PUMPED);
    assert_int_equal(finalized, 2);
}

static void objects_of_any_length_can_wait(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    size_t lengths[] = {0, 1, 2, 31, 1000, 100000};
    for (unsigned n = 0; n < 6; n++) {
        struct links *list = tally_new_items(links, lengths[n]);
        if (lengths[n])
            tally_ref_set(list, &list->items[lengths[n] - 1], list);
        if (lengths[n]) // whole, though the link lies right behind
            tally_ref_set(list, &list->items[lengths[n] - 1], NULL);
        tally_decref(list);
    }
    assert_int_equal(tly_finalize_waiting(), 6);
    run_all(self, TLY_BY_ANY);
    assert_int_equal(finalized, 6);
    assert_int_equal(self->counters.destroyed, self->counters.made);
}

static void claims_are_made_once_and_take_a_unit(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    struct tly_claims claims = {.count = 0};
    struct guest *guest[3];
    struct plain *plain = tally_new(plain);
    for (unsigned n = 0; n < 3; n++)
        guest[n] = tally_new(guest);
    struct pumped *pumped = tally_new(pumped);
    tly_claims_add(&claims, &plain->head);
    assert_int_equal(claims.count, 0);
    for (unsigned n = 0; n < 3; n++)
        tly_claims_add(&claims, &guest[n]->head);
    tly_claims_add(&claims, &guest[0]->head); // for the second time
    tly_claims_add(&claims, &pumped->guest.head);
    assert_int_equal(claims.count, 4);
    assert_int_equal(total_of(guest[0]), 2);
    assert_int_equal(tly_finalize_waiting(), 0);
    tly_claims_give(&claims, self);
    assert_int_equal(claims.count, 0);
    assert_int_equal(tly_finalize_waiting(), 4);
    tly_finish(self, true);
    assert_int_equal(finalized, 3);
    for (unsigned n = 0; n < 3; n++) {
        assert_ptr_equal(order[n], guest[n]);
        assert_int_equal(total_of(guest[n]), 1);
        tally_decref(guest[n]);
    }
    assert_int_equal(finalized, 3); // not again
    run_all(self, TLY_BY_ANY);
    assert_int_equal(finalized, 4);
    tally_decref(pumped);
    tally_decref(plain);
    assert_int_equal(self->counters.destroyed, self->counters.made);
}

static void who_runs_one_asks_for_the_second_look(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    struct tly_mutator *m = tly_mutator_in(self);
    tally_decref(tally_new(guest));
    assert_false(m->breaker.bits_ & TLY_BREAK_COLLECT);
    tly_store_relaxed(&tly_finalize_awaited, 1);
    tally_decref(tally_new(guest));
    assert_true(m->breaker.bits_ & TLY_BREAK_COLLECT);
}

static void no_finalizer_runs_under_the_collectors_lock(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    self->collector = 1;
    tally_decref(tally_new(guest));
    tly_finish(self, true);
    assert_int_equal(finalized, 0);
    assert_true(tly_mutator_in(self)->breaker.bits_ & TLY_BREAK_FINISH);
    self->collector = 0;
    poll_now();
    assert_int_equal(finalized, 1);
}

static void errno_is_kept_around_finalizers(void **state) {
    (void)state;
    local_make();
    errno = 3;
    tally_decref(tally_new(guest));
    assert_int_equal(errno, 3);
    assert_int_equal(finalized, 1);
}

static const void *told[4];
static void tell(const tally_type *type, void *object, tally_status status,
                 const char *text, void *arg) {
    told[0] = type;
    told[1] = object;
    told[2] = text;
    told[3] = arg;
    assert_int_equal(status, TALLY_LIMIT);
    errno = 1;
}

static void a_report_has_a_text_even_if_none_is_given(void **state) {
    (void)state;
    local_make();
    struct plain *plain = tally_new(plain);
    tally_set_error_sink(tell, told);
    errno = 8;
    tally_finalize_error(plain, TALLY_LIMIT, NULL);
    assert_int_equal(errno, 8);
    assert_ptr_equal(told[0], TALLY_TYPE_OF(plain));
    assert_ptr_equal(told[1], plain);
    assert_string_equal(told[2], "");
    assert_ptr_equal(told[3], told);
    tally_set_error_sink(NULL, NULL);
    tally_decref(plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        finalize_test(what_waits_keeps_its_unit_and_comes_in_order),
        finalize_test(each_executor_has_a_queue_of_its_own),
        finalize_test(work_for_the_runtimes_thread_is_told),
        finalize_test(types_that_do_not_say_it_follow_the_option),
        finalize_test(objects_of_any_length_can_wait),
        finalize_test(claims_are_made_once_and_take_a_unit),
        finalize_test(who_runs_one_asks_for_the_second_look),
        finalize_test(no_finalizer_runs_under_the_collectors_lock),
        finalize_test(errno_is_kept_around_finalizers),
        finalize_test(a_report_has_a_text_even_if_none_is_given),
    };
    return cmocka_run_group_tests_name("object/finalize", tests, NULL, NULL);
}
