// epoch/attach.h: visits of threads that are not attached.

#include "unit_epoch.h"

#include "epoch/region.h"
#include "platform/fault.h"

static void what_must_not_fail_borrows_the_mutator_kept_back(void **state) {
    (void)state;
    tly_fault_arm(TLY_FAULT_MUTATOR, 1, true);
    errno = 5;
    struct tly_guest guest = tly_guest_begin();
    struct tly_mutator *m = guest.self;
    assert_int_equal(errno, 5);
    assert_int_equal(m->number, 1);
    assert_int_equal(state_of(m), TLY_ATTACHED);
    assert_ptr_equal(tly_self(), m);
    tly_guest_end(&guest);
    tly_fault_disarm(NULL);
    assert_int_equal(state_of(m), TLY_VACANT);
    assert_false(tly_is_attached(tly_self()));
}

static void an_attached_thread_does_not_need_the_one_kept_back(void **state) {
    (void)state;
    tally_attach("a");
    struct tly_guest guest = tly_guest_begin();
    assert_null(guest.self);
    tly_guest_end(&guest);
    assert_int_equal(tally_mutator_number(), 2);
}

static void a_guest_goes_as_it_came_though_a_hook_is_one_too(void **state) {
    (void)state;
    for (unsigned regions = 0; regions < 2; regions++) {
        for (unsigned n = 0; n < regions; n++)
            tally_blocking_enter();
        struct tly_guest guest = tly_guest_begin();
        assert_true(tly_is_attached(guest.self));
        assert_int_equal(tly_regions, 0);
        struct tly_guest inner = tly_guest_begin();
        tly_guest_end(&inner);
        assert_true(tly_is_attached(tly_self()));
        TALLY_BLOCKING { assert_false(tly_is_attached(tly_self())); }
        tly_guest_end(&guest);
        assert_false(tly_is_attached(tly_self()));
        assert_int_equal(tly_regions, regions);
        for (unsigned n = 0; n < regions; n++)
            tally_blocking_exit();
    }
}

static void a_guest_that_attaches_by_name_stays_in_its_regions(void **state) {
    (void)state;
    tally_blocking_enter();
    struct tly_guest guest = tly_guest_begin();
    tally_attach("a");
    tly_guest_end(&guest);
    assert_true(tly_is_attached(tly_self()));
    assert_int_equal(tly_regions, 1);
    tally_blocking_exit();
}

static uint64_t reserve_used; // by whoever has the reserve

static void *use_reserve(void *arg) {
    for (unsigned n = 0; n < rounds(2000, 200); n++) {
        struct tly_guest guest = tly_guest_begin();
        must(guest.self->number == 1);
        reserve_used++;
        tly_guest_end(&guest);
    }
    return arg;
}

static void the_mutator_kept_back_is_one_threads_at_a_time(void **state) {
    (void)state;
    tly_fault_arm(TLY_FAULT_MUTATOR, 1, true);
    reserve_used = 0;
    pthread_t threads[3];
    for (unsigned n = 0; n < 3; n++)
        threads[n] = thread_start(use_reserve, NULL);
    for (unsigned n = 0; n < 3; n++)
        pthread_join(threads[n], NULL);
    tly_fault_disarm(NULL);
    assert_int_equal(reserve_used, 3 * rounds(2000, 200));
}

static unsigned served;

// The second time something comes meanwhile.
static void orphan_served(struct tly_mutator *self) {
    assert_ptr_equal(tly_self(), self);
    assert_ptr_equal(tly_mine(), self);
    assert_int_equal(state_of(self), TLY_ATTACHED);
    assert_false(tly_load_relaxed(&self->breaker.bits_) & TLY_BREAK_INBOX);
    if (++served == 2)
        tly_break(self, TLY_BREAK_INBOX);
}

static void who_has_no_thread_in_a_forked_child_is_acted_for(void **state) {
    (void)state;
    struct tly_mutator *orphan = tly_registry_create();
    unit_hooks.orphan = orphan_served;
    served = 0;
    for (unsigned attached = 0; attached < 2; attached++) {
        if (attached)
            tally_attach("a");
        struct tly_mutator *self = tly_self(), *mine = tly_mine();
        tly_break(orphan, TLY_BREAK_INBOX | TLY_BREAK_FINISH);
        orphan->state = TLY_VACANT;
        tly_attach_orphan(orphan);
        assert_int_equal(state_of(orphan), TLY_VACANT);
        assert_int_equal(orphan->breaker.bits_, TLY_BREAK_FINISH);
        assert_ptr_equal(tly_self(), self);
        assert_ptr_equal(tly_mine(), mine);
    }
    assert_int_equal(served, 3);
    // A thread has it, which serves itself.
    orphan->state = TLY_DETACHED;
    tly_attach_orphan(orphan);
    assert_int_equal(served, 3);
    orphan->state = TLY_VACANT;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        epoch_test(what_must_not_fail_borrows_the_mutator_kept_back),
        epoch_test(an_attached_thread_does_not_need_the_one_kept_back),
        epoch_test(a_guest_goes_as_it_came_though_a_hook_is_one_too),
        epoch_test(a_guest_that_attaches_by_name_stays_in_its_regions),
        epoch_test(the_mutator_kept_back_is_one_threads_at_a_time),
        epoch_test(who_has_no_thread_in_a_forked_child_is_acted_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
