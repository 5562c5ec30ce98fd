// epoch/registry.h

#include "unit_epoch.h"

#include "platform/fault.h"

// One record has been made by epoch_begin.

static void mutators_are_numbered_from_1_on(void **state) {
    (void)state;
    for (uint16_t n = 2; n < 20; n++) {
        struct tly_mutator *m = tly_registry_create();
        assert_int_equal(m->number, n);
        assert_ptr_equal(m, tly_mutator_of(n));
        assert_int_equal(tly_registry_count(), n);
    }
}

static void a_new_record_is_attached_and_otherwise_zero(void **state) {
    (void)state;
    struct tly_mutator *m = tly_registry_create();
    assert_int_equal(state_of(m), TLY_ATTACHED);
    m->state = 0;
    m->number = 0;
    m->header = 0;
    assert_ptr_equal(m->breaker.reader_, &tly_no_reader);
    m->breaker.reader_ = NULL;
    const char *record = (const char *)m;
    for (size_t n = 0; n < sizeof(union tly_record); n++)
        assert_int_equal(record[n], 0);
}

static void its_cold_part_is_its_own_and_zero(void **state) {
    (void)state;
    for (unsigned n = 2; n < 200; n++) {
        struct tly_mutator *m = tly_registry_create();
        char *cold = tly_cold_of(m);
        for (size_t i = 0; i < TLY_COLD_SIZE; i++)
            assert_int_equal(cold[i], 0);
        memset(cold, 0xEE, TLY_COLD_SIZE);
    }
}

static void a_vacant_mutator_is_adopted_once(void **state) {
    (void)state;
    struct tly_mutator *m = tly_registry_create();
    assert_null(tly_registry_adopt());
    m->state = TLY_VACANT;
    tly_registry_vacate(m);
    assert_ptr_equal(tly_registry_adopt(), m);
    assert_int_equal(state_of(m), TLY_ATTACHED);
    assert_null(tly_registry_adopt());
}

static void a_mutator_that_is_not_vacant_is_not_adopted(void **state) {
    (void)state;
    struct tly_mutator *m = tly_registry_create();
    tly_registry_vacate(m);
    for (uint32_t s = TLY_DETACHED; s <= TLY_SUSPENDED; s++) {
        m->state = s;
        assert_null(tly_registry_adopt());
        assert_int_equal(m->state, s);
    }
    m->state = TLY_VACANT;
    assert_ptr_equal(tly_registry_adopt(), m);
}

static void the_record_that_is_kept_back_is_not_adopted(void **state) {
    (void)state;
    assert_int_equal(state_of(tly_mutator_of(1)), TLY_VACANT);
    assert_null(tly_registry_adopt());
}

static void without_memory_there_is_no_record_and_nothing_changes(
    void **state) {
    (void)state;
    tly_fault_arm(TLY_FAULT_MUTATOR, 1, false);
    errno = 0;
    assert_null(tly_registry_create());
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(tly_fault_disarm(NULL), 1);
    assert_int_equal(tly_registry_count(), 1);
    assert_int_equal(tly_registry_create()->number, 2);
}

static void records_are_committed_eight_at_a_time(void **state) {
    (void)state;
    // Record 0 is nobody's, 1 is there.
    for (unsigned n = 2; n < 8; n++)
        assert_non_null(tly_registry_create());
    assert_int_equal(tly_registry_bytes(), 7 * TLY_RECORD_SIZE);
    tly_fault_arm(TLY_FAULT_COMMIT, 1, false);
    assert_null(tly_registry_create());
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(tly_fault_disarm(NULL), 1);
    assert_int_equal(tly_registry_bytes(), 7 * TLY_RECORD_SIZE);
    assert_non_null(tly_registry_create());
    assert_int_equal(tly_registry_bytes(), 8 * TLY_RECORD_SIZE);
}

static void there_are_16367_mutators_and_no_more(void **state) {
    (void)state;
    for (unsigned n = 2; n <= TALLY_OWNER_MAX_; n++) {
        struct tly_mutator *m = tly_registry_create();
        assert_non_null(m);
        assert_int_equal(m->number, n);
    }
    errno = 0;
    assert_null(tly_registry_create());
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(tly_registry_count(), 16367);
    assert_int_not_equal(tly_mutator_of(16367)->number, TALLY_OWNER_NOBODY_);
}

#define THREADS 4
#define EACH 200

static void *create_many(void *arg) {
    for (unsigned n = 0; n < EACH; n++)
        must(tly_registry_create() != NULL);
    return arg;
}

static void records_made_at_the_same_time_are_different_ones(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (unsigned n = 0; n < THREADS; n++)
        threads[n] = thread_start(create_many, NULL);
    for (unsigned n = 0; n < THREADS; n++)
        pthread_join(threads[n], NULL);
    assert_int_equal(tly_registry_count(), 1 + THREADS * EACH);
    for (unsigned n = 1; n <= tly_registry_count(); n++)
        assert_int_equal(tly_mutator_of(n)->number, n);
}

static void *adopt_one(void *arg) {
    (void)arg;
    return tly_registry_adopt();
}

static void of_two_threads_one_adopts_a_mutator(void **state) {
    (void)state;
    struct tly_mutator *m = tly_registry_create();
    for (unsigned n = 0; n < rounds(500, 100); n++) {
        m->state = TLY_VACANT;
        tly_registry_vacate(m);
        pthread_t thread = thread_start(adopt_one, NULL);
        void *mine = tly_registry_adopt(), *others;
        pthread_join(thread, &others);
        assert_true((mine == m) != (others == m));
        assert_true(mine == NULL || others == NULL);
    }
}

static const struct tly_mutator *registry_mine;

static bool is_mine(const struct tly_mutator *mutator) {
    return mutator == registry_mine;
}

static void in_a_forked_child_all_but_one_are_vacant(void **state) {
    (void)state;
    struct tly_mutator *self = tly_registry_create();
    struct tly_mutator *other = tly_registry_create();
    other->rcu_ours = true;
    registry_mine = self;
    tly_registry_forked(is_mine);
    assert_int_equal(self->state, TLY_ATTACHED);
    assert_int_equal(other->state, TLY_VACANT);
    assert_false(other->rcu_ours);
    assert_ptr_equal(tly_registry_adopt(), other);
    assert_null(tly_registry_adopt());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        epoch_test(mutators_are_numbered_from_1_on),
        epoch_test(a_new_record_is_attached_and_otherwise_zero),
        epoch_test(its_cold_part_is_its_own_and_zero),
        epoch_test(a_vacant_mutator_is_adopted_once),
        epoch_test(a_mutator_that_is_not_vacant_is_not_adopted),
        epoch_test(the_record_that_is_kept_back_is_not_adopted),
        epoch_test(without_memory_there_is_no_record_and_nothing_changes),
        epoch_test(records_are_committed_eight_at_a_time),
        epoch_test(there_are_16367_mutators_and_no_more),
        epoch_test(records_made_at_the_same_time_are_different_ones),
        epoch_test(of_two_threads_one_adopts_a_mutator),
        epoch_test(in_a_forked_child_all_but_one_are_vacant),
    };
    return cmocka_run_group_tests_name("epoch/registry", tests, NULL, NULL);
}
