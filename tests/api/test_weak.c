// Weak references: what keeps alive, who is told, and in which order.

#include "api.h"
#include "threads.h"

static atomic_int nodes_destroyed;
static void node_destroy(void *object) {
    (void)object;
    nodes_destroyed++;
}

struct node {
    tally_object head;
    tally_ref next;
    tally_ref other;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next), TALLY_REF(other),
           TALLY_DESTROY(node_destroy));

static struct node *node_new(long key) {
    struct node *node = tally_new(node);
    must(node);
    node->key = key;
    return node;
}

// ---- what happened, one letter each

static char events[32];
static unsigned event_count;
static void event(char what) {
    must(event_count < sizeof(events) - 1);
    events[event_count++] = what;
    events[event_count] = '\0';
}
static void events_clear(void) {
    event_count = 0;
    events[0] = '\0';
}

static void note(tally_weak *weak, void *arg) {
    must(tally_weak_get(weak) == NULL);
    event(*(const char *)arg);
}
static void *letter(const char *text) { return (void *)(uintptr_t)text; }

// ---- objects with finalizers

static tally_weak *in_finalizer; // looked at by a finalizer
static bool seen_in_finalizer;   // and found
static tally_aref saved;         // where a finalizer brings its object back
static bool bring_back, make_weak, collects; // what finalizers do
static tally_weak *made_late;                // by a finalizer

struct final {
    tally_object head;
    tally_ref next;
};
static void final_run(void *object) {
    event('f');
    if (collects)
        tally_collect();
    if (in_finalizer) {
        void *found = tally_weak_get(in_finalizer);
        seen_in_finalizer = found != NULL;
        if (found)
            tally_decref(found);
    }
    if (bring_back)
        tally_aref_set(NULL, &saved, object);
    if (make_weak) {
        made_late = tally_weak_new(object, note, letter("x"));
        must(made_late);
    }
}
static void final_gone(void *object) {
    (void)object;
    event('d');
}
TALLY_TYPE(final, TALLY_REF(next), TALLY_FINALIZE(final_run),
           TALLY_DESTROY(final_gone));

static int begin_final(void **state) {
    events_clear();
    in_finalizer = made_late = NULL;
    seen_in_finalizer = bring_back = make_weak = collects = false;
    return begin_quiet(state);
}
#define final_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, begin_final, end_clean)

static struct final *final_ring(void) {
    struct final *a = tally_new(final), *b = tally_new(final);
    must(a && b);
    tally_set(a, next, b);
    tally_set_steal(b, next, a);
    return b;
}

// ---- deaths by count

static void it_does_not_keep_alive(void **state) {
    (void)state;
    struct node *node = node_new(3);
    tally_weak *weak = tally_weak_new(node, NULL, NULL);
    struct node *got = tally_weak_get(weak);
    assert_int_equal(got->key, 3);
    tally_decref(got);
    assert_false(tally_weak_is_dead(weak));
    tally_decref(node);
    assert_true(tally_weak_is_dead(weak));
    assert_null(tally_weak_get(weak));
    tally_decref(weak);
}

static void it_is_an_object_that_fields_hold(void **state) {
    (void)state;
    struct node *node = node_new(3), *holder = node_new(4);
    tally_set_steal(holder, next, tally_weak_new(node, NULL, NULL));
    struct node *got = tally_weak_get(tally_get(holder, next));
    assert_ptr_equal(got, node);
    tally_decref(got);
    tally_decref(node);
    assert_true(tally_weak_is_dead(tally_get(holder, next)));
    tally_decref(holder);
}

static void the_finalizer_comes_first_and_still_finds_it(void **state) {
    (void)state;
    struct final *object = tally_new(final);
    tally_weak *weak = tally_weak_new(object, note, letter("c"));
    in_finalizer = tally_weak_new(object, NULL, NULL);
    tally_decref(object);
    tally_safepoint();
    tally_collect();
    assert_string_equal(events, "fcd");
    assert_true(seen_in_finalizer);
    tally_decref(weak);
    tally_decref(in_finalizer);
}

static void of_what_comes_back_nothing_happened(void **state) {
    (void)state;
    struct final *object = tally_new(final);
    tally_weak *weak = tally_weak_new(object, note, letter("c"));
    bring_back = true;
    tally_decref(object);
    tally_safepoint();
    assert_string_equal(events, "f");
    void *found = tally_weak_get(weak);
    assert_ptr_equal(found, object);
    tally_decref(found);
    tally_aref_set(NULL, &saved, NULL);
    tally_safepoint();
    tally_collect();
    assert_string_equal(events, "fcd");
    tally_decref(weak);
}

static void use_the_heap(tally_weak *weak, void *arg) {
    (void)weak;
    struct node *node = node_new(1);
    tally_set(node, next, node);
    tally_decref(node);
    must(tally_collect() == 1);
    must(tally_synchronize() == TALLY_OK);
    ++*(int *)arg;
}

static void a_callback_may_use_the_heap(void **state) {
    (void)state;
    int called = 0;
    struct node *node = node_new(1);
    tally_weak *weak = tally_weak_new(node, use_the_heap, &called);
    tally_decref(node);
    tally_safepoint();
    assert_int_equal(called, 1);
    tally_decref(weak);
}

static void *drop_it(void *arg) {
    tally_decref(arg);
    return NULL;
}

static void another_thread_may_drop_the_last(void **state) {
    (void)state;
    int called = 0;
    struct node *node = node_new(1);
    tally_weak *weak = tally_weak_new(node, use_the_heap, &called);
    must(tally_transfer(node) == TALLY_OK);
    thread_run(drop_it, node);
    tally_safepoint();
    assert_int_equal(called, 1);
    assert_true(tally_weak_is_dead(weak));
    tally_decref(weak);
}

// ---- deaths by collection

static void garbage_is_dead_to_weak_references(void **state) {
    (void)state;
    struct node *a = node_new(1), *b = node_new(2);
    tally_set(a, next, b);
    tally_set(b, next, a);
    tally_weak *weak = tally_weak_new(a, NULL, NULL);
    tally_weak *last = tally_weak_new(b, NULL, NULL);
    tally_decref(a);
    tally_decref(b);
    assert_false(tally_weak_is_dead(weak));
    assert_int_equal(tally_collect(), 2);
    assert_true(tally_weak_is_dead(weak));
    assert_true(tally_weak_is_dead(last));
    tally_decref(weak);
    tally_decref(last);
}

static void garbage_is_called_before_it_is_destroyed(void **state) {
    (void)state;
    struct node *a = node_new(1);
    tally_set(a, next, a);
    events_clear();
    tally_weak *first = tally_weak_new(a, note, letter("1"));
    tally_weak *second = tally_weak_new(a, note, letter("2"));
    tally_decref(a);
    int before = nodes_destroyed;
    tally_collect();
    assert_string_equal(events, "21");
    assert_int_equal(nodes_destroyed, before + 1);
    tally_decref(first);
    tally_decref(second);
}

static void callbacks_come_before_finalizers_of_garbage(void **state) {
    (void)state;
    struct final *ring = final_ring();
    tally_weak *weak = tally_weak_new(ring, note, letter("c"));
    in_finalizer = tally_weak_new(ring, NULL, NULL);
    tally_decref(ring);
    tally_collect();
    assert_string_equal(events, "cffdd");
    assert_true(seen_in_finalizer);
    assert_true(tally_weak_is_dead(in_finalizer));
    tally_decref(weak);
    tally_decref(in_finalizer);
}

static void garbage_that_comes_back_keeps_the_plain_ones(void **state) {
    (void)state;
    struct final *ring = final_ring();
    tally_weak *called = tally_weak_new(ring, note, letter("c"));
    tally_weak *plain = tally_weak_new(ring, NULL, NULL);
    bring_back = true;
    tally_decref(ring);
    tally_collect();
    assert_string_equal(events, "cff");
    assert_true(tally_weak_is_dead(called));
    assert_false(tally_weak_is_dead(plain));
    bring_back = false;
    tally_aref_set(NULL, &saved, NULL);
    tally_collect();
    assert_string_equal(events, "cffdd");
    assert_true(tally_weak_is_dead(plain));
    tally_decref(called);
    tally_decref(plain);
}

static void those_that_finalizers_make_are_not_called(void **state) {
    (void)state;
    struct final *object = tally_new(final);
    tally_set(object, next, object);
    make_weak = true;
    tally_decref(object);
    tally_collect();
    tally_safepoint();
    assert_string_equal(events, "fd");
    assert_true(tally_weak_is_dead(made_late));
    tally_decref(made_late);
}

static void what_led_to_a_finalizer_is_there_when_it_runs(void **state) {
    (void)state;
    // The finalizer collects, and then looks for what referred to its object.
    struct node *upstream = node_new(1);
    struct final *object = tally_new(final);
    tally_set(upstream, next, upstream);
    tally_set_steal(upstream, other, object);
    in_finalizer = tally_weak_new(upstream, NULL, NULL);
    collects = true;
    tally_decref(upstream);
    tally_collect();
    assert_string_equal(events, "fd");
    assert_true(seen_in_finalizer);
    assert_true(tally_weak_is_dead(in_finalizer));
    tally_decref(in_finalizer);
}

static void a_weak_reference_in_the_garbage_is_not_called(void **state) {
    (void)state;
    struct node *a = node_new(1);
    tally_set(a, next, a);
    events_clear();
    tally_set_steal(a, other, tally_weak_new(a, note, letter("1")));
    tally_decref(a);
    tally_collect();
    tally_safepoint();
    assert_string_equal(events, "");
}

static tally_weak *revived_by;
static void revive(tally_weak *weak, void *arg) {
    (void)weak;
    void *found = tally_weak_get(arg);
    if (found)
        tally_aref_set_steal(NULL, &saved, found);
}

static void a_callback_may_bring_garbage_back(void **state) {
    (void)state;
    struct node *a = node_new(7);
    tally_set(a, next, a);
    revived_by = tally_weak_new(a, NULL, NULL);
    tally_weak *weak = tally_weak_new(a, revive, revived_by);
    int before = nodes_destroyed;
    tally_decref(a);
    tally_collect();
    assert_int_equal(nodes_destroyed, before);
    assert_false(tally_weak_is_dead(revived_by));
    tally_aref_set(NULL, &saved, NULL);
    tally_collect();
    assert_int_equal(nodes_destroyed, before + 1);
    tally_decref(weak);
    tally_decref(revived_by);
}

// ---- threads

#define ROUNDS 2000

struct race {
    tally_aref weak; // of the round's object
    stage round;
};

static void *get_often(void *arg) {
    struct race *race = arg;
    while (atomic_load(&race->round) < ROUNDS) {
        tally_weak *weak = tally_aref_dup(&race->weak);
        struct node *node = weak ? tally_weak_get(weak) : NULL;
        if (node) {
            must(node->key == 5);
            tally_decref(node);
        }
        if (weak)
            tally_decref(weak);
        tally_safepoint();
    }
    return NULL;
}

static void getting_races_with_the_last_drop(void **state) {
    (void)state;
    static struct race race;
    pthread_t threads[2];
    int before = nodes_destroyed;
    stage_set(&race.round, 0);
    for (int n = 0; n < 2; n++)
        threads[n] = thread_start(get_often, &race);
    for (unsigned n = 1; n <= ROUNDS; n++) {
        struct node *node = node_new(5);
        tally_aref_set_steal(NULL, &race.weak,
                             tally_weak_new(node, NULL, NULL));
        if (n % 4 == 0)
            tally_set(node, next, node);
        tally_decref(node);
        if (n % 64 == 0)
            tally_collect();
        tally_safepoint();
        stage_set(&race.round, n);
    }
    for (int n = 0; n < 2; n++)
        thread_join(threads[n]);
    tally_aref_set(NULL, &race.weak, NULL);
    tally_collect();
    assert_int_equal(nodes_destroyed, before + ROUNDS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(it_does_not_keep_alive),
        lively_test(it_is_an_object_that_fields_hold),
        final_test(the_finalizer_comes_first_and_still_finds_it),
        final_test(of_what_comes_back_nothing_happened),
        quiet_test(a_callback_may_use_the_heap),
        quiet_test(another_thread_may_drop_the_last),
        quiet_test(garbage_is_dead_to_weak_references),
        quiet_test(garbage_is_called_before_it_is_destroyed),
        final_test(callbacks_come_before_finalizers_of_garbage),
        final_test(garbage_that_comes_back_keeps_the_plain_ones),
        final_test(those_that_finalizers_make_are_not_called),
        final_test(what_led_to_a_finalizer_is_there_when_it_runs),
        quiet_test(a_weak_reference_in_the_garbage_is_not_called),
        quiet_test(a_callback_may_bring_garbage_back),
        lively_test(getting_races_with_the_last_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
