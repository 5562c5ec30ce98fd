// Finding objects and what refers to what, in a program with threads.

#include "api.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next));

static struct node *node_new(long key) {
    struct node *node = tally_new(node);
    must(node);
    node->key = key;
    return node;
}

static bool sum(void *object, void *arg) {
    *(long *)arg += ((struct node *)object)->key;
    return true;
}

static long sum_of(uint32_t which) {
    long total = 0;
    must(tally_objects_each(TALLY_TYPE_OF(node), which, sum, &total) ==
         TALLY_OK);
    return total;
}

static void objects_are_found_by_generation(void **state) {
    (void)state;
    struct node *a = node_new(1);
    tally_collect();
    struct node *b = node_new(10), *c = node_new(100);
    tally_untrack(c);
    assert_int_equal(sum_of(TALLY_OBJECTS_OLD), 1);
    assert_int_equal(sum_of(TALLY_OBJECTS_YOUNG), 10);
    assert_int_equal(sum_of(TALLY_OBJECTS_UNTRACKED), 100);
    assert_int_equal(sum_of(TALLY_OBJECTS_ALL), 111);
    assert_int_equal(tally_objects_each(NULL, 0x80u, sum, NULL), TALLY_INVALID);
    tally_decref(a);
    tally_decref(b);
    tally_decref(c);
}

struct lasting {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(lasting, TALLY_REF(next));

static bool count(void *object, void *arg) {
    (void)object;
    ++*(long *)arg;
    return true;
}

static long count_of(tally_type *type, uint32_t which) {
    long total = 0;
    must(tally_objects_each(type, which, count, &total) == TALLY_OK);
    return total;
}

static void immortal_objects_are_untracked(void **state) {
    (void)state;
    struct lasting *lasting = tally_new(lasting);
    tally_type *type = TALLY_TYPE_OF(lasting);
    must(lasting);
    assert_true(tally_is_tracked(lasting));
    tally_immortalize(lasting);
    assert_false(tally_is_tracked(lasting));
    assert_int_equal(tally_track(lasting), TALLY_INVALID);
    assert_int_equal(count_of(type, TALLY_OBJECTS_UNTRACKED), 1);
    assert_int_equal(count_of(type, TALLY_OBJECTS_TRACKED), 0);
}

struct ending {
    tally_object head;
    tally_ref next;
};
static void ending_finalize(void *object);
TALLY_TYPE(ending, TALLY_REF(next), TALLY_FINALIZE(ending_finalize));

static long seen_in_finalizer;

static void ending_finalize(void *object) {
    must(tally_is_finalized(object));
    seen_in_finalizer = count_of(TALLY_TYPE_OF(ending), TALLY_OBJECTS_ALL);
}

static void what_is_being_finalized_is_found(void **state) {
    (void)state;
    struct ending *ending = tally_new(ending);
    must(ending);
    tally_decref(ending);
    assert_int_equal(seen_in_finalizer, 1);
}

static void references_are_found_in_both_directions(void **state) {
    (void)state;
    struct node *a = node_new(1), *b = node_new(10), *c = node_new(100);
    tally_set(a, next, c);
    tally_set(b, next, c);
    long total = 0;
    assert_int_equal(tally_referrers_each(c, sum, &total), TALLY_OK);
    assert_int_equal(total, 11);
    total = 0;
    assert_int_equal(tally_referents_each(a, sum, &total), TALLY_OK);
    assert_int_equal(total, 100);
    tally_decref(a);
    tally_decref(b);
    tally_decref(c);
}

static bool keep(void *object, void *arg) {
    tally_incref(object);
    *(void **)arg = object;
    return false;
}

static atomic_bool finished;
static void *churn(void *arg) {
    (void)arg;
    while (!atomic_load(&finished)) {
        struct node *node = node_new(7);
        tally_set_steal(node, next, node_new(7));
        tally_decref(node);
        tally_safepoint();
    }
    return NULL;
}

// What is found may be another thread's, and be dropped by it at once.
static void what_is_found_can_be_kept_while_others_drop_it(void **state) {
    (void)state;
    atomic_store(&finished, false);
    pthread_t thread = thread_start(churn, NULL);
    for (unsigned n = 0; n < rounds(200, 30); n++) {
        void *kept = NULL;
        assert_int_equal(tally_objects_each(TALLY_TYPE_OF(node),
                                            TALLY_OBJECTS_ALL, keep, &kept),
                         TALLY_OK);
        if (!kept)
            continue;
        assert_int_equal(((struct node *)kept)->key, 7);
        tally_decref(kept);
    }
    atomic_store(&finished, true);
    thread_join(thread);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(objects_are_found_by_generation),
        lively_test(immortal_objects_are_untracked),
        lively_test(what_is_being_finalized_is_found),
        lively_test(references_are_found_in_both_directions),
        lively_test(what_is_found_can_be_kept_while_others_drop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
