// Finalizers of garbage: all of them before anything is cleared, each once,
// and what they bring back is spared with all that it leads to.

#include "api.h"
#include "threads.h"

struct guest {
    tally_object head;
    tally_ref next, other;
    long key;
};
static void guest_finalize(void *object);
static void guest_destroy(void *object);
TALLY_TYPE(guest, TALLY_REF(next), TALLY_REF(other),
           TALLY_FINALIZE(guest_finalize), TALLY_DESTROY(guest_destroy));

struct plain {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(plain, TALLY_REF(next));

// What the finalizers of a test do, besides counting.
static struct {
    void (*finalize)(struct guest *guest);
    // By several threads at once. early: destroyed before all finalized.
    atomic_int finalized, destroyed, early;
    int expected;
    void *kept;
} plan;

static void guest_finalize(void *object) {
    plan.finalized++;
    if (plan.destroyed > 0)
        plan.early++;
    if (plan.finalize)
        plan.finalize(object);
}

static void guest_destroy(void *object) {
    (void)object;
    plan.destroyed++;
    if (plan.finalized < plan.expected)
        plan.early++;
}

static int begin(void **state) {
    memset(&plan, 0, sizeof(plan));
    return begin_quiet(state);
}

static struct guest *ring_new(int length) {
    struct guest *first = tally_new(guest), *last = first;
    must(first);
    first->key = 1;
    for (int n = 1; n < length; n++) {
        struct guest *guest = tally_new(guest);
        must(guest);
        guest->key = n + 1;
        tally_set_steal(last, next, guest);
        last = guest;
    }
    tally_set(last, next, first);
    return first;
}

static void all_finalizers_run_before_any_clearing(void **state) {
    (void)state;
    plan.expected = 200;
    tally_decref(ring_new(100));
    tally_decref(ring_new(100));
    struct tally_collection done;
    assert_int_equal(tally_collect_generation(TALLY_FULL, &done), TALLY_OK);
    assert_int_equal(done.finalized, 200);
    assert_int_equal(done.freed, 200);
    assert_int_equal(plan.finalized, 200);
    assert_int_equal(plan.destroyed, 200);
    assert_int_equal(plan.early, 0);
}

static void sees_whole(struct guest *guest) {
    struct guest *next = tally_get(guest, next);
    must(next && next->key > 0);
    must(tally_type_of(next) == TALLY_TYPE_OF(guest));
    must(tally_get(next, next));
}

static void a_finalizer_of_garbage_sees_the_ring_whole(void **state) {
    (void)state;
    plan.finalize = sees_whole;
    tally_decref(ring_new(50));
    assert_int_equal(tally_collect(), 50);
}

static void keep_one(struct guest *guest) {
    if (guest->key != 7)
        return;
    tally_incref(guest);
    plan.kept = guest;
}

static void resurrection_spares_all_that_is_reached(void **state) {
    (void)state;
    plan.finalize = keep_one;
    tally_decref(ring_new(20));
    struct guest *lost = ring_new(3);
    tally_set_steal(lost, other, tally_new(plain));
    tally_decref(lost);
    assert_int_equal(tally_collect(), 4);
    assert_int_equal(plan.finalized, 23);
    struct guest *guest = plan.kept;
    for (int n = 0; n < 20; n++) {
        assert_true(guest->key > 0);
        guest = tally_get(guest, next);
    }
    assert_ptr_equal(guest, plan.kept);
    tally_decref(guest);
    assert_int_equal(tally_collect(), 20);
    assert_int_equal(plan.finalized, 23);
    assert_int_equal(plan.destroyed, 23);
}

static struct guest *shelf;

static void put_on_shelf(struct guest *guest) {
    if (guest->key == 1)
        tally_set(shelf, other, guest);
}

static void storing_it_in_a_live_object_resurrects_too(void **state) {
    (void)state;
    shelf = tally_new(guest);
    shelf->key = 100;
    plan.finalize = put_on_shelf;
    tally_decref(ring_new(10));
    assert_int_equal(tally_collect(), 0);
    struct guest *first = tally_get(shelf, other);
    assert_int_equal(first->key, 1);
    tally_decref(shelf);
    assert_int_equal(tally_collect(), 10);
    assert_int_equal(plan.destroyed, 11);
}

static void break_ring(struct guest *guest) { tally_set(guest, next, NULL); }

static void a_finalizer_may_take_the_ring_apart(void **state) {
    (void)state;
    plan.finalize = break_ring;
    tally_decref(ring_new(50));
    tally_collect();
    assert_int_equal(plan.finalized, 50);
    assert_int_equal(plan.destroyed, 50);
}

static bool walk_nothing(void *object, void *arg) {
    (void)object;
    (void)arg;
    return true;
}

static void collect_inside(struct guest *guest) {
    must(guest->key > 0);
    struct plain *plain = tally_new(plain);
    tally_set(plain, next, plain);
    tally_decref(plain);
    must(tally_collect() == 1);
    must(tally_collect_generation(TALLY_YOUNG, NULL) == TALLY_OK);
    must(tally_verify(2) == TALLY_OK);
    must(tally_walk(walk_nothing, NULL) == TALLY_OK);
    must(plan.destroyed == 0);
    must(guest->key > 0 && tally_get(guest, next));
}

static void a_finalizer_may_collect_and_verify(void **state) {
    (void)state;
    plan.finalize = collect_inside;
    tally_decref(ring_new(5));
    assert_int_equal(tally_collect(), 5);
    assert_int_equal(plan.finalized, 5);
    assert_int_equal(plan.destroyed, 5);
    // By count alone.
    plan.destroyed = 0;
    struct guest *guest = tally_new(guest), *next = tally_new(guest);
    guest->key = 1;
    tally_set_steal(guest, next, next);
    next->key = 2;
    tally_set(next, next, guest);
    tally_set(guest, next, NULL);
    plan.finalize = NULL;
    tally_decref(guest);
    assert_int_equal(plan.destroyed, 2);
}

// Each finalizer makes the next ring and collects: the finalizers that this
// finds run when it has returned, not inside.
static int deep, deepest;

static void make_and_collect(struct guest *guest) {
    if (++deep > deepest)
        deepest = deep;
    if (guest->key < 200) {
        struct guest *next = tally_new(guest);
        next->key = guest->key + 1;
        tally_set(next, next, next);
        tally_decref(next);
        tally_collect();
    }
    deep--;
}

static void finalizers_that_collect_do_not_nest(void **state) {
    (void)state;
    plan.finalize = make_and_collect;
    deepest = 0;
    tally_decref(ring_new(1));
    tally_collect();
    assert_int_equal(plan.finalized, 200);
    assert_int_equal(deepest, 1);
    tally_collect();
    assert_int_equal(plan.destroyed, 200);
}

static void make_rings(struct guest *guest) {
    if (guest->key > 5)
        return;
    struct plain *plain = tally_new(plain);
    tally_set(plain, next, plain);
    tally_decref(plain);
    for (int n = 0; n < 20; n++)
        tally_decref(tally_new(plain));
}

static void a_finalizer_may_make_garbage(void **state) {
    (void)state;
    plan.finalize = make_rings;
    tally_decref(ring_new(10));
    assert_int_equal(tally_collect(), 10);
    assert_int_equal(tally_collect(), 5);
}

static void garbage_without_finalizers_beside_it_goes_too(void **state) {
    (void)state;
    struct guest *guest = ring_new(3);
    struct plain *plain = tally_new(plain);
    tally_set(plain, next, plain);
    tally_set(guest, other, plain);
    tally_decref(guest);
    tally_decref(plain);
    assert_int_equal(tally_collect(), 4);
}

static stage other_at;

static void let_other_collect(struct guest *guest) {
    (void)guest;
    stage_set(&other_at, 1);
    TALLY_BLOCKING { sleep_ms(20); }
}

static void *collect_too(void *arg) {
    stage_wait(&other_at, 1);
    struct guest *guest = tally_new(guest);
    guest->key = 3;
    tally_set(guest, next, guest);
    tally_decref(guest);
    *(size_t *)arg = tally_collect();
    return NULL;
}

static void a_collection_does_not_wait_for_anothers_finalizers(void **state) {
    (void)state;
    size_t freed = 0;
    plan.finalize = let_other_collect;
    tally_decref(ring_new(2));
    pthread_t thread = thread_start(collect_too, &freed);
    assert_true(tally_collect() >= 2);
    thread_join(thread);
    tally_collect();
    assert_int_equal(plan.finalized, 3);
    assert_int_equal(plan.destroyed, 3);
}

// A thread that holds a lock of the program's and collects: a finalizer that
// wants the lock gets it when the collection has ended.
static pthread_mutex_t program_lock = PTHREAD_MUTEX_INITIALIZER;
static stage lock_at;

static void want_lock(struct guest *guest) {
    if (guest->key != 1)
        return;
    stage_set(&lock_at, 2);
    TALLY_BLOCKING { pthread_mutex_lock(&program_lock); }
    pthread_mutex_unlock(&program_lock);
}

static void *collect_with_lock(void *arg) {
    pthread_mutex_lock(&program_lock);
    stage_set(&lock_at, 1);
    stage_poll(&lock_at, 2);
    must(tally_collect_generation(TALLY_FULL, NULL) == TALLY_OK);
    pthread_mutex_unlock(&program_lock);
    return arg;
}

static void a_finalizer_may_wait_for_a_thread_that_collects(void **state) {
    (void)state;
    plan.finalize = want_lock;
    stage_set(&lock_at, 0);
    tally_decref(ring_new(3));
    pthread_t thread = thread_start(collect_with_lock, NULL);
    stage_wait(&lock_at, 1);
    tally_collect();
    thread_join(thread);
    tally_collect();
    assert_int_equal(plan.finalized, 3);
    assert_int_equal(plan.destroyed, 3);
}

static void keep_it(struct guest *guest) {
    tally_incref(guest);
    plan.kept = guest;
}

static void it_runs_once_whatever_way_the_object_goes(void **state) {
    (void)state;
    plan.finalize = keep_it;
    struct guest *guest = tally_new(guest);
    guest->key = 1;
    tally_decref(guest); // by count: it comes back
    assert_ptr_equal(plan.kept, guest);
    assert_int_equal(plan.finalized, 1);
    tally_set(guest, next, guest);
    tally_decref(guest); // now by a collection
    assert_int_equal(tally_collect(), 1);
    assert_int_equal(plan.finalized, 1);
    assert_int_equal(plan.destroyed, 1);
    // The other way round.
    guest = ring_new(1);
    tally_decref(guest);
    assert_int_equal(tally_collect(), 0);
    assert_ptr_equal(plan.kept, guest);
    tally_set(guest, next, NULL);
    tally_decref(guest);
    assert_int_equal(plan.finalized, 2);
    assert_int_equal(plan.destroyed, 2);
}

static void store_in_new(struct guest *guest) {
    struct plain *plain = plan.kept;
    if (guest->key == 1)
        tally_set(plain, next, guest);
}

static void a_young_collection_runs_them_too(void **state) {
    (void)state;
    struct plain *plain = tally_new(plain);
    plan.kept = plain;
    plan.finalize = store_in_new;
    tally_decref(ring_new(3));
    tally_decref(ring_new(3));
    struct guest *other = ring_new(2);
    other->key = 5;
    tally_decref(other);
    struct tally_collection done;
    assert_int_equal(tally_collect_generation(TALLY_YOUNG, &done), TALLY_OK);
    assert_int_equal(done.finalized, 8);
    assert_int_equal(done.garbage, 8);
    assert_int_equal(done.freed, 5); // the last of the rings came back
    tally_decref(plain);
    assert_int_equal(tally_collect(), 3);
    assert_int_equal(plan.destroyed, 8);
}

static void stop_inside(struct guest *guest) {
    (void)guest;
    must(tally_stop_world() == TALLY_OK);
    must(tally_verify(1) == TALLY_OK);
    tally_start_world();
    must(tally_borrow_enter() == TALLY_OK);
    tally_borrow_leave();
    must(tally_synchronize() == TALLY_OK);
}

static void a_finalizer_may_stop_the_world_and_borrow(void **state) {
    (void)state;
    plan.finalize = stop_inside;
    tally_decref(ring_new(3));
    assert_int_equal(tally_collect(), 3);
    struct guest *guest = tally_new(guest);
    tally_decref(guest);
    assert_int_equal(plan.destroyed, 4);
}

static void forget_to_leave(struct guest *guest) {
    if (guest->key == 1)
        must(tally_borrow_enter() == TALLY_OK);
}

static void a_finalizer_that_stays_in_a_section_spares_the_garbage(
    void **state) {
    (void)state;
    plan.finalize = forget_to_leave;
    tally_decref(ring_new(4));
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(plan.destroyed, 0);
    // Made up for as soon as the section has ended.
    tally_borrow_leave();
    tally_safepoint();
    assert_int_equal(tally_verify(2), TALLY_OK);
    assert_int_equal(plan.finalized, 4);
    assert_int_equal(plan.destroyed, 4);
}

#define plan_test(name) cmocka_unit_test_setup_teardown(name, begin, end_clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        plan_test(all_finalizers_run_before_any_clearing),
        plan_test(a_finalizer_of_garbage_sees_the_ring_whole),
        plan_test(resurrection_spares_all_that_is_reached),
        plan_test(storing_it_in_a_live_object_resurrects_too),
        plan_test(a_finalizer_may_take_the_ring_apart),
        plan_test(a_finalizer_may_collect_and_verify),
        plan_test(finalizers_that_collect_do_not_nest),
        plan_test(a_finalizer_may_wait_for_a_thread_that_collects),
        plan_test(it_runs_once_whatever_way_the_object_goes),
        plan_test(a_young_collection_runs_them_too),
        plan_test(a_finalizer_may_make_garbage),
        plan_test(garbage_without_finalizers_beside_it_goes_too),
        plan_test(a_collection_does_not_wait_for_anothers_finalizers),
        plan_test(a_finalizer_may_stop_the_world_and_borrow),
        plan_test(a_finalizer_that_stays_in_a_section_spares_the_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
