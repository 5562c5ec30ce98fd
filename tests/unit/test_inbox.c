// pool/inbox.c: pools that others did something to.

#include "unit_pool.h"

static struct tly_heap *mine, *owner;
static struct tly_pool *pools[20];
static unsigned drained[20];
static struct tly_heap *drained_for;

static void note_drain(struct tly_heap *heap, struct tly_pool *pool) {
    drained_for = heap;
    must(pool->in_inbox == 0);
    for (unsigned n = 0; n < 20; n++)
        drained[n] += pool == pools[n];
}

static unsigned drained_sum(void) {
    unsigned sum = 0;
    for (unsigned n = 0; n < 20; n++)
        sum += drained[n];
    return sum;
}

// Pools of the owner's that are full and parked.
static void begin(void) {
    owner = heap_make();
    mine = heap_make();
    act_as(mine);
    memset(drained, 0, sizeof(drained));
    unit_pool_hooks.drain = note_drain;
    for (unsigned n = 0; n < 20; n++) {
        pools[n] = tly_pool_carve(TLY_POOL_RAW, tly_class_of(32),
                                  owner->mutator.number);
        memset(pools[n]->free, 0, sizeof(pools[n]->free));
        pools[n]->used = pools[n]->blocks;
        pools[n]->parked = 1;
    }
}

static void a_pool_lies_in_its_owners_inbox_once(void **state) {
    (void)state;
    begin();
    tly_inbox_send(pools[0]);
    tly_inbox_send(pools[0]);
    tly_inbox_send(pools[0]);
    assert_int_equal(pools[0]->in_inbox, 1);
    tly_inbox_drain(owner, UINT32_MAX);
    assert_int_equal(drained[0], 1);
    assert_ptr_equal(drained_for, owner);
    assert_int_equal(pools[0]->in_inbox, 0);
    assert_false(tly_inbox_has(owner));
}

static void a_running_owner_is_asked_and_not_helped(void **state) {
    (void)state;
    begin();
    tly_inbox_send(pools[0]);
    assert_true(owner->mutator.breaker.bits_ & TLY_BREAK_INBOX);
    assert_int_equal(drained_sum(), 0);
    assert_true(tly_inbox_has(owner));
    act_as(owner);
    tally_safepoint_slow_();
    assert_int_equal(drained[0], 1);
}

static void for_an_owner_that_does_not_run_the_sender_does_it(void **state) {
    (void)state;
    for (uint32_t idle = TLY_VACANT; idle <= TLY_DETACHED; idle++) {
        begin();
        owner->mutator.state = idle;
        tly_inbox_send(pools[0]);
        assert_int_equal(drained[0], 1);
        assert_ptr_equal(drained_for, owner);
        assert_int_equal(owner->mutator.state, idle);
        assert_false(tly_inbox_has(owner));
        assert_int_equal(owner->mutator.breaker.bits_ & TLY_BREAK_INBOX, 0);
    }
}

static void an_owner_for_whom_another_acts_is_left_to_that_one(void **state) {
    (void)state;
    begin();
    owner->mutator.state = TLY_SUSPENDED;
    tly_inbox_send(pools[0]);
    assert_int_equal(drained_sum(), 0);
    assert_true(owner->mutator.breaker.bits_ & TLY_BREAK_INBOX);
    // As that one does when it has given the mutator back.
    tly_mutator_resume(&owner->mutator, TLY_VACANT);
    tly_inbox_help(owner);
    assert_int_equal(drained[0], 1);
}

static void nobody_helps_where_nothing_is_asked(void **state) {
    (void)state;
    begin();
    tly_inbox_send(pools[0]);
    owner->mutator.breaker.bits_ = 0;
    owner->mutator.state = TLY_VACANT;
    tly_inbox_help(owner);
    assert_int_equal(drained_sum(), 0);
    assert_int_equal(owner->mutator.state, TLY_VACANT);
}

static void a_drain_takes_as_many_pools_as_it_may(void **state) {
    (void)state;
    begin();
    for (unsigned n = 0; n < 20; n++)
        tly_inbox_send(pools[n]);
    owner->mutator.breaker.bits_ = 0;
    tly_inbox_drain(owner, 7);
    assert_int_equal(drained_sum(), 7);
    assert_true(tly_inbox_has(owner));
    assert_true(owner->mutator.breaker.bits_ & TLY_BREAK_INBOX);
    tly_inbox_drain(owner, UINT32_MAX);
    for (unsigned n = 0; n < 20; n++)
        assert_int_equal(drained[n], 1);
}

static void a_helper_goes_on_until_the_inbox_is_empty(void **state) {
    (void)state;
    begin();
    for (unsigned n = 0; n < 19; n++)
        tly_inbox_send(pools[n]);
    assert_int_equal(drained_sum(), 0);
    owner->mutator.state = TLY_DETACHED;
    tly_inbox_send(pools[19]);
    for (unsigned n = 0; n < 20; n++)
        assert_int_equal(drained[n], 1);
    assert_int_equal(owner->mutator.state, TLY_DETACHED);
}

static void a_pool_that_changed_hands_is_sent_on(void **state) {
    (void)state;
    begin();
    tly_inbox_send(pools[0]);
    // Released and carved for another between the send and the drain.
    pools[0]->owner = mine->mutator.number;
    tly_inbox_drain(owner, UINT32_MAX);
    assert_int_equal(drained_sum(), 0);
    assert_false(tly_inbox_has(owner));
    assert_true(tly_inbox_has(mine));
    assert_true(mine->mutator.breaker.bits_ & TLY_BREAK_INBOX);
    tly_inbox_drain(mine, UINT32_MAX);
    assert_int_equal(drained[0], 1);
    assert_ptr_equal(drained_for, mine);
}

static void a_pool_that_is_nobodys_is_let_go(void **state) {
    (void)state;
    begin();
    tly_inbox_send(pools[0]);
    pools[0]->owner = 0;
    tly_inbox_drain(owner, UINT32_MAX);
    assert_int_equal(drained_sum(), 0);
    assert_int_equal(pools[0]->in_inbox, 0);
    tly_inbox_send(pools[0]);
    assert_int_equal(pools[0]->in_inbox, 0);
    pools[0]->owner = owner->mutator.number;
    tly_inbox_send(pools[0]);
    assert_true(tly_inbox_has(owner));
}

static void a_drained_pool_is_harvested_and_settled(void **state) {
    (void)state;
    begin();
    pools[0]->remote[1] = 0xFF;
    tly_inbox_send(pools[0]);
    tly_inbox_drain(owner, UINT32_MAX);
    assert_int_equal(pools[0]->used, pools[0]->blocks - 8);
    assert_int_equal(pools[0]->listed, 1);
    assert_int_equal(pools[0]->parked, 0);
}

static void a_full_pool_that_was_woken_for_nothing_parks_again(void **state) {
    (void)state;
    begin();
    pools[0]->parked = 0;
    tly_inbox_send(pools[0]);
    tly_inbox_drain(owner, UINT32_MAX);
    assert_int_equal(pools[0]->parked, 1);
    assert_int_equal(pools[0]->listed, 0);
}

// ---- threads send to an owner that comes and goes; no bit is left behind

static atomic_uint sent;
static uint64_t taken; // by whoever drains

static void take_drops(struct tly_heap *heap, struct tly_pool *pool) {
    (void)heap;
    taken += tly_bit_count(tly_exchange_acq_rel(&pool->drop[0], 0));
}

static void *send_bits(void *arg) {
    uint64_t bit = (uint64_t)1 << *(unsigned *)arg;
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned n = 0; n < rounds(20000, 2000); n++) {
        struct tly_pool *pool = pools[n % 3];
        if (!(tly_or_acq_rel(&pool->drop[0], bit) & bit))
            atomic_fetch_add(&sent, 1);
        tly_inbox_send(pool);
        tally_safepoint();
    }
    tally_detach();
    return NULL;
}

static void no_bit_is_left_behind_when_the_owner_comes_and_goes(void **state) {
    (void)state;
    unsigned numbers[2] = {0, 1};
    pthread_t threads[2];
    begin();
    act_as(NULL);
    owner->mutator.state = TLY_VACANT;
    sent = 0;
    taken = 0;
    unit_pool_hooks.drain = take_drops;
    tly_registry_vacate(&owner->mutator);
    must(tally_attach(NULL) == TALLY_OK);
    must(tly_self() == &owner->mutator);
    for (unsigned n = 0; n < 2; n++)
        threads[n] = thread_start(send_bits, &numbers[n]);
    for (unsigned n = 0; n < rounds(5000, 500); n++) {
        tally_blocking_enter();
        sched_yield();
        tally_blocking_exit();
        tally_safepoint();
    }
    tally_blocking_enter();
    for (unsigned n = 0; n < 2; n++)
        pthread_join(threads[n], NULL);
    assert_false(tly_inbox_has(owner));
    assert_int_equal(taken, sent);
    tally_blocking_exit();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        pool_test(a_pool_lies_in_its_owners_inbox_once),
        pool_test(a_running_owner_is_asked_and_not_helped),
        pool_test(for_an_owner_that_does_not_run_the_sender_does_it),
        pool_test(an_owner_for_whom_another_acts_is_left_to_that_one),
        pool_test(nobody_helps_where_nothing_is_asked),
        pool_test(a_drain_takes_as_many_pools_as_it_may),
        pool_test(a_helper_goes_on_until_the_inbox_is_empty),
        pool_test(a_pool_that_changed_hands_is_sent_on),
        pool_test(a_pool_that_is_nobodys_is_let_go),
        pool_test(a_drained_pool_is_harvested_and_settled),
        pool_test(a_full_pool_that_was_woken_for_nothing_parks_again),
        pool_test(no_bit_is_left_behind_when_the_owner_comes_and_goes),
    };
    return cmocka_run_group_tests_name("pool/inbox", tests, NULL, NULL);
}
