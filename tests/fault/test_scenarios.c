// Every scenario, with the n-th fault point failing, for every n until none is
// left to fail: once that one alone, once all from it on. Afterwards the heap
// is whole, nothing is lost, and trying again works.

#include "api.h"
#include "object/finish.h"
#include "platform/fault.h"
#include "scenario.h"

// Points beyond this are sampled, ever more thinly.
#define EACH (UNDER_TSAN ? 3u : 8u)

static uint64_t injected;

// The state that scenarios start from: caches empty, nothing alive.
static void settle(void) {
    // What one collection finds may wait for the pump.
    while (tally_collect() + tally_finalize_pending(SIZE_MAX) > 0) {
    }
    (void)tally_collect();
    (void)tally_trim();
}

static void check_after(const struct scenario *scenario, uint64_t alive) {
    must(tally_verify(2) == TALLY_OK);
    settle();
    uint64_t now = live_objects();
    if (now != alive)
        fprintf(stderr, "%s: %lld objects are lost\n", scenario->name,
                (long long)(now - alive));
    must(now == alive);
    must(scenario->run());
    settle();
    must(live_objects() == alive);
    must(tally_verify(2) == TALLY_OK);
}

// Returns how many points the scenario passed.
static uint64_t fail_at(const struct scenario *scenario, uint32_t kinds,
                        uint64_t nth, bool persistent) {
    settle();
    uint64_t alive = live_objects(), seen = 0;
    tly_fault_arm(kinds, nth, persistent);
    bool done = scenario->run();
    uint64_t fired = tly_fault_disarm(&seen);
    injected += fired;
    must(fired > 0 || done);
    if (fired > 0 || nth == 1)
        check_after(scenario, alive);
    return fired > 0 ? seen : 0;
}

static void fail_each(const struct scenario *scenario, uint32_t kinds) {
    for (int persistent = 0; persistent < 2; persistent++)
        for (uint64_t n = 1;; n += n < EACH ? 1 : n)
            if (!fail_at(scenario, kinds, n, persistent))
                break;
}

static void fail_all(uint32_t kinds) {
    for (size_t s = 0; s < SCENARIOS; s++)
        fail_each(&scenarios[s], kinds);
}

static void no_reservation_failing_loses_anything(void **state) {
    (void)state;
    fail_all(TLY_FAULT_RESERVE);
}

static void no_commitment_failing_loses_anything(void **state) {
    (void)state;
    fail_all(TLY_FAULT_COMMIT);
}

static void no_purge_failing_loses_anything(void **state) {
    (void)state;
    fail_all(TLY_FAULT_PURGE);
}

static void no_refill_failing_loses_anything(void **state) {
    (void)state;
    fail_all(TLY_FAULT_REFILL);
}

static void no_new_mutator_failing_loses_anything(void **state) {
    (void)state;
    fail_all(TLY_FAULT_MUTATOR);
}

static void nothing_failing_loses_anything(void **state) {
    (void)state;
    fail_all(TLY_FAULT_ALL);
}

// Lists that die while others are made, without a safepoint.
static inline bool lists_scenario(void) {
    bool done = true;
    for (int round = 0; round < 4 && done; round++) {
        struct thing *list = NULL;
        struct guest *guest = tally_new(guest);
        if (refused(guest))
            done = false;
        for (int n = 0; n < 1500 && done; n++) {
            struct thing *thing = tally_new(thing);
            if (refused(thing)) {
                done = false;
                break;
            }
            tally_set_steal(thing, left, list);
            if (n == 500)
                tally_set(thing, right, guest);
            list = thing;
        }
        if (guest)
            tally_decref(guest);
        if (list)
            tally_decref(list);
        void *block = tally_alloc((size_t)1 << 20);
        if (refused(block))
            done = false;
        tally_free(block);
    }
    return done;
}

static void nothing_failing_between_slices_loses_anything(void **state) {
    (void)state;
    static const struct scenario lists = {"lists", lists_scenario};
    tly_destroy_configure(128);
    fail_each(&lists, TLY_FAULT_REFILL);
    fail_each(&lists, TLY_FAULT_ALL);
    tly_destroy_configure(0);
}

// Where no mutator is to be had, references can still be dropped.
static void *take_mutator(void *arg) {
    stage *at = arg;
    (void)tally_attach(NULL);
    atomic_fetch_add(at, 1);
    stage_wait(at, 100);
    return NULL;
}

struct takers {
    stage at;
    pthread_t thread[16];
};

// Vacant mutators would be taken over: other threads take them first.
static void takers_begin(struct takers *takers) {
    tly_fault_arm(TLY_FAULT_MUTATOR, 1, true);
    takers->at = 0;
    for (int n = 0; n < 16; n++)
        takers->thread[n] = thread_start(take_mutator, &takers->at);
    while (atomic_load(&takers->at) < 16)
        TALLY_BLOCKING { sched_yield(); }
}

// Returns how often there was no mutator.
static uint64_t takers_end(struct takers *takers) {
    uint64_t fired = tly_fault_disarm(NULL);
    stage_set(&takers->at, 100);
    for (int n = 0; n < 16; n++)
        thread_join(takers->thread[n]);
    return fired;
}

static struct thing *thing_made_here(void) {
    struct thing *thing = tally_new(thing);
    must(thing);
    return thing;
}

static void a_thread_that_cannot_attach_drops_references(void **state) {
    (void)state;
    uint64_t alive = live_objects();
    struct thing *thing[3];
    for (int n = 0; n < 3; n++)
        thing[n] = thing_made_here();
    tally_transfer(thing[1]);
    tally_publish(thing[2]);
    struct takers takers;
    takers_begin(&takers);
    for (int n = 0; n < 3; n++)
        thread_run(thread_drops, thing[n]);
    assert_true(takers_end(&takers) > 3);
    settle();
    assert_int_equal(live_objects(), alive);
    assert_int_equal(tally_verify(2), TALLY_OK);
}

static void a_thread_that_cannot_attach_leaves_bytes_alone(void **state) {
    (void)state;
    uint64_t alive = live_objects();
    tally_bytearray *array = tally_bytearray_new("0123", 4);
    must(array);
    struct takers takers;
    takers_begin(&takers);
    must(tally_bytearray_set(array, 0, 'x') == TALLY_OK); // this one is
    void *done = thread_join(thread_start(bytes_by_stranger, array));
    uint8_t byte = 0;
    must(takers_end(&takers) > 0);
    assert_null(done);
    must(tally_bytearray_get(array, 0, &byte) == TALLY_OK);
    assert_int_equal(byte, 'x');
    assert_ptr_equal(thread_join(thread_start(bytes_by_stranger, array)),
                     array);
    tally_decref(array);
    settle();
    assert_int_equal(live_objects(), alive);
}

static int group_end(void **state) {
    (void)state;
    print_message("%llu faults injected\n", (unsigned long long)injected);
    return injected > 100 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(no_reservation_failing_loses_anything),
        quiet_test(no_commitment_failing_loses_anything),
        quiet_test(no_purge_failing_loses_anything),
        quiet_test(no_refill_failing_loses_anything),
        quiet_test(no_new_mutator_failing_loses_anything),
        quiet_test(nothing_failing_loses_anything),
        quiet_test(nothing_failing_between_slices_loses_anything),
        quiet_test(a_thread_that_cannot_attach_drops_references),
        quiet_test(a_thread_that_cannot_attach_leaves_bytes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, group_end);
}
