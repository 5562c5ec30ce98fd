// Callbacks of weak references that end themselves: as garbage, or with who
// held them.

#include "api.h"
#include "threads.h"

static atomic_int calls, leaves_gone, holders_gone;

struct leaf {
    tally_object head;
    long number;
};
static void leaf_gone(void *object) {
    (void)object;
    leaves_gone++;
}
TALLY_TYPE(leaf, TALLY_DESTROY(leaf_gone));

struct holder {
    tally_object head;
    tally_ref self, leaf, weak;
    long number;
};
static void holder_gone(void *object) {
    must(((struct holder *)object)->number == 7);
    holders_gone++;
}
TALLY_TYPE(holder, TALLY_REF(self), TALLY_REF(leaf), TALLY_REF(weak),
           TALLY_DESTROY(holder_gone));

static void count_call(tally_weak *weak, void *arg) {
    (void)weak, (void)arg;
    calls++;
}

static struct holder *holder_new(void) {
    struct holder *holder = tally_new(holder);
    must(holder);
    holder->number = 7;
    return holder;
}

// A ring of one that holds a leaf, and a weak reference to it.
static struct holder *ring_new(tally_weak_hook callback) {
    struct holder *holder = holder_new();
    struct leaf *leaf = tally_new(leaf);
    tally_set(holder, self, holder);
    tally_set_steal(holder, weak, tally_weak_new(leaf, callback, holder));
    tally_set_steal(holder, leaf, leaf);
    return holder;
}

static int begin_counted(void **state) {
    calls = leaves_gone = holders_gone = 0;
    return begin_quiet(state);
}
#define counted_test(name)                                                     \
    cmocka_unit_test_setup_teardown(name, begin_counted, end_clean)

// ---- garbage

enum { RINGS = 200 };

static void garbage_is_not_told_of_what_ends_with_it(void **state) {
    (void)state;
    for (tally_collect_mode mode = 0; mode < 2; mode++) {
        for (int n = 0; n < RINGS; n++)
            tally_decref(ring_new(count_call));
        must(tally_collect_with(mode ? TALLY_STOPPED : TALLY_CONCURRENT,
                                TALLY_FULL, NULL) == TALLY_OK);
        tally_safepoint();
    }
    assert_int_equal(holders_gone, 2 * RINGS);
    assert_int_equal(leaves_gone, 2 * RINGS);
    assert_int_equal(calls, 0);
}

static void a_weak_map_that_is_garbage_ends_with_its_leaves(void **state) {
    (void)state;
    for (int n = 0; n < RINGS; n++) {
        struct holder *holder = holder_new();
        struct leaf *leaf = tally_new(leaf);
        tally_weakmap *map = tally_weakmap_new(n % 2 ? TALLY_WEAKMAP_VALUES
                                                     : TALLY_WEAKMAP_KEYS);
        for (int k = 0; k < 10; k++)
            must(tally_weakmap_set(map, n % 2 ? tally_small(k) : tally_of(leaf),
                                   n % 2 ? tally_of(leaf) : tally_small(k)) ==
                 TALLY_OK);
        tally_set(holder, self, holder);
        tally_set_steal(holder, weak, map);
        tally_set_steal(holder, leaf, leaf);
        tally_decref(holder);
    }
    uint64_t called = stats_now().counters.called;
    tally_collect();
    assert_int_equal(leaves_gone, RINGS);
    assert_int_equal(stats_now().counters.called, called);
}

static void garbage_that_is_called_as_well_is_told_once(void **state) {
    (void)state;
    struct holder *holder = ring_new(count_call);
    tally_weak *weak = tally_weak_new(holder, count_call, NULL);
    tally_decref(holder);
    tally_collect();
    tally_safepoint();
    // Of the ring, by the one outside; of the leaf nobody is told.
    assert_int_equal(calls, 1);
    assert_int_equal(leaves_gone, 1);
    tally_decref(weak);
}

// ---- garbage, and the leaf is another thread's

static stage drops;
static bool meets;

struct meeting {
    tally_object head;
    tally_ref self, weak;
    char room[24];
};
static void meeting_gone(void *object) {
    (void)object;
    if (!meets)
        return;
    meets = false;
    atomic_store(&drops, 1);
    while (atomic_load(&drops) != 2)
        sched_yield();
}
TALLY_TYPE(meeting, TALLY_REF(self), TALLY_REF(weak),
           TALLY_DESTROY(meeting_gone));

static void *leaf_drop(void *arg) {
    stage_wait(&drops, 1);
    tally_decref(arg);
    tally_safepoint();
    atomic_store(&drops, 2);
    return NULL;
}

static void garbage_is_not_told_by_another_thread(void **state) {
    (void)state;
    for (tally_collect_mode mode = 0; mode < 2; mode++) {
        atomic_store(&drops, 0);
        meets = true;
        // Two: one of them is cleared before the other's weak reference.
        struct meeting *a = tally_new(meeting), *b = tally_new(meeting);
        struct leaf *leaf = tally_new(leaf);
        tally_set(a, self, b);
        tally_set_steal(a, weak, tally_weak_new(leaf, count_call, NULL));
        tally_set(b, self, a);
        tally_set_steal(b, weak, tally_weak_new(leaf, count_call, NULL));
        tally_decref(a);
        tally_decref(b);
        must(tally_transfer(leaf) == TALLY_OK);
        pthread_t thread = thread_start(leaf_drop, leaf);
        must(tally_collect_with(mode ? TALLY_STOPPED : TALLY_CONCURRENT,
                                TALLY_FULL, NULL) == TALLY_OK);
        thread_join(thread);
        assert_false(meets);
        assert_int_equal(calls, 0);
    }
    tally_collect();
    assert_int_equal(leaves_gone, 2);
}

// ---- by count

static void none_is_called_after_its_only_holder(void **state) {
    (void)state;
    // In both orders of the fields.
    for (int order = 0; order < 2; order++) {
        struct holder *top = holder_new(), *holder = holder_new();
        struct leaf *leaf = tally_new(leaf);
        tally_set_steal(holder, weak, tally_weak_new(leaf, count_call, holder));
        tally_set_steal(top, self, order ? (void *)leaf : (void *)holder);
        tally_set_steal(top, leaf, order ? (void *)holder : (void *)leaf);
        tally_decref(top);
        tally_safepoint();
    }
    tally_collect();
    assert_int_equal(holders_gone, 4);
    assert_int_equal(leaves_gone, 2);
    assert_int_equal(calls, 0);
}

// The same, where another thread has made it and another drops.
static void *drop_all(void *arg) {
    tally_decref(arg);
    tally_safepoint();
    return NULL;
}

static void nor_when_another_thread_drops_the_holder(void **state) {
    (void)state;
    struct holder *top = holder_new(), *holder = holder_new();
    struct leaf *leaf = tally_new(leaf);
    tally_set_steal(holder, weak, tally_weak_new(leaf, count_call, holder));
    must(tally_transfer(leaf) == TALLY_OK);
    must(tally_transfer(holder) == TALLY_OK);
    must(tally_transfer(top) == TALLY_OK);
    tally_set_steal(top, self, leaf);
    tally_set_steal(top, leaf, holder);
    thread_run(drop_all, top);
    tally_safepoint();
    tally_collect();
    assert_int_equal(holders_gone, 2);
    assert_int_equal(calls, 0);
}

static void one_that_is_dropped_in_time_is_not_called(void **state) {
    (void)state;
    struct leaf *leaf = tally_new(leaf);
    tally_weak *weak = tally_weak_new(leaf, count_call, NULL);
    tally_weak *kept = tally_weak_new(leaf, count_call, NULL);
    // A callback waits for the section's end.
    TALLY_BORROW {
        tally_decref(leaf);
        tally_decref(weak);
    }
    tally_safepoint();
    assert_int_equal(calls, 1);
    tally_decref(kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        counted_test(garbage_is_not_told_of_what_ends_with_it),
        counted_test(a_weak_map_that_is_garbage_ends_with_its_leaves),
        counted_test(garbage_that_is_called_as_well_is_told_once),
        counted_test(garbage_is_not_told_by_another_thread),
        counted_test(none_is_called_after_its_only_holder),
        counted_test(nor_when_another_thread_drops_the_holder),
        counted_test(one_that_is_dropped_in_time_is_not_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
