// HOT objects: counted by each thread apart.

#include "api.h"
#include "child.h"
#include "threads.h"

static atomic_int nodes_destroyed, nodes_finalized;
static void node_destroy(void *object) {
    (void)object;
    nodes_destroyed++;
}
static void node_finalize(void *object) {
    (void)object;
    nodes_finalized++;
}

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next), TALLY_DESTROY(node_destroy));

struct leaf {
    tally_object head;
    long key;
};
TALLY_TYPE(leaf, TALLY_DESTROY(node_destroy));

struct last {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(last, TALLY_REF(next), TALLY_FINALIZE(node_finalize));

static void *made(void *object) {
    must(object);
    nodes_destroyed = nodes_finalized = 0;
    return object;
}

static void *made_hot(void *object) {
    must(tally_make_hot(made(object)) == TALLY_OK);
    return object;
}

static bool is_hot(const void *object) {
    return tally_counts_of(object).flags & TALLY_COUNT_HOT;
}

static int64_t references(const void *object) {
    struct tally_counts counts = tally_counts_of(object);
    return counts.owner_count + counts.shared_count;
}

static void a_hot_object_is_told_from_others(void **state) {
    (void)state;
    uint64_t before = stats_now().hot_objects;
    struct leaf *leaf = made(tally_new(leaf));
    assert_false(is_hot(leaf));
    assert_int_equal(tally_make_hot(leaf), TALLY_OK);
    assert_true(is_hot(leaf));
    assert_int_equal(tally_counts_of(leaf).owner, 0);
    assert_int_equal(tally_counts_of(leaf).owner_count, 0);
    assert_int_equal(tally_counts_of(leaf).shared_count, 1);
    assert_int_equal(stats_now().hot_objects, before + 1);
    assert_true(stats_now().hot_bytes > 0);
    assert_int_equal(tally_make_cold(leaf), TALLY_OK);
    assert_false(is_hot(leaf));
    assert_int_equal(stats_now().hot_objects, before);
    tally_decref(leaf);
    assert_int_equal(nodes_destroyed, 1);
}

struct crowd {
    void *object;
    unsigned rounds;
    atomic_bool cold; // one of them makes it cold while the others count
};

static void *count_and_keep(void *arg) {
    struct crowd *crowd = arg;
    for (unsigned n = 0; n < crowd->rounds; n++) {
        for (int k = 0; k < 100; k++)
            tally_incref(crowd->object);
        for (int k = 0; k < 99; k++)
            tally_decref(crowd->object);
        if (n % 16 == 0)
            tally_safepoint();
        if (n == crowd->rounds / 2 && atomic_exchange(&crowd->cold, false))
            must(tally_make_cold(crowd->object) == TALLY_OK);
    }
    return NULL;
}

static void no_count_is_lost(bool cold) {
    struct leaf *leaf = made_hot(tally_new(leaf));
    struct crowd crowd = {leaf, rounds(400, 100), cold};
    pthread_t thread[4];
    for (int n = 0; n < 4; n++)
        thread[n] = thread_start(count_and_keep, &crowd);
    for (int n = 0; n < 4; n++)
        thread_join(thread[n]);
    // Once it is cold, it may become HOT by itself.
    assert_true(is_hot(leaf) || cold);
    assert_int_equal(references(leaf), 1 + 4 * crowd.rounds);
    assert_int_equal(tally_verify(2), TALLY_OK);
    assert_int_equal(tally_make_cold(leaf), TALLY_OK);
    assert_int_equal(references(leaf), 1 + 4 * crowd.rounds);
    for (unsigned n = 0; n < 4 * crowd.rounds; n++)
        tally_decref(leaf);
    assert_int_equal(nodes_destroyed, 0);
    tally_decref(leaf);
    assert_int_equal(nodes_destroyed, 1);
}

static void what_many_threads_count_adds_up(void **state) {
    (void)state;
    no_count_is_lost(false);
}

static void what_they_count_while_it_is_made_cold_adds_up(void **state) {
    (void)state;
    no_count_is_lost(true);
}

static void its_end_is_found_by_a_full_collection(void **state) {
    (void)state;
    struct leaf *leaf = made_hot(tally_new(leaf));
    tally_decref(leaf);
    assert_int_equal(nodes_destroyed, 0);
    assert_int_equal(tally_collect_generation(TALLY_YOUNG, NULL), TALLY_OK);
    assert_int_equal(nodes_destroyed, 0);
    struct tally_collection done;
    assert_int_equal(tally_collect_generation(TALLY_FULL, &done), TALLY_OK);
    assert_int_equal(nodes_destroyed, 1);
    assert_int_equal(done.garbage, 1);
    assert_int_equal(done.freed, 1);
    assert_int_equal(stats_now().hot_objects, 0);
}

static void *drop(void *object) {
    tally_decref(object);
    return NULL;
}

static void references_made_here_are_dropped_there(void **state) {
    (void)state;
    struct leaf *leaf = made_hot(tally_new(leaf));
    for (int n = 0; n < 10; n++)
        tally_incref(leaf);
    for (int n = 0; n < 10; n++)
        thread_run(drop, leaf);
    for (int n = 0; n < 3; n++)
        tally_collect();
    assert_int_equal(nodes_destroyed, 0);
    assert_true(is_hot(leaf));
    assert_int_equal(references(leaf), 1);
    thread_run(drop, leaf);
    tally_collect();
    assert_int_equal(nodes_destroyed, 1);
}

static void a_chain_of_hot_objects_goes_in_one_collection(void **state) {
    (void)state;
    struct node *list = NULL;
    for (int n = 0; n < 100; n++) {
        struct node *node = tally_new(node);
        must(node);
        tally_set_steal(node, next, list);
        must(tally_make_hot(node) == TALLY_OK);
        list = node;
    }
    nodes_destroyed = 0;
    tally_collect();
    assert_int_equal(nodes_destroyed, 0);
    tally_decref(list);
    assert_int_equal(tally_collect(), 100);
    assert_int_equal(nodes_destroyed, 100);
}

static void what_only_garbage_refers_to_goes_in_the_same_one(void **state) {
    (void)state;
    // A chain of objects that end by their counts, each after the collection
    // has counted, and HOT leaves that collections do not look at.
    tally_object *list = NULL;
    for (int n = 0; n < 20; n++) {
        struct last *last = tally_new(last);
        struct node *node = tally_new(node);
        struct leaf *leaf = n ? NULL : tally_new(leaf);
        must(last && node);
        tally_set_steal(node, next, leaf ? (void *)leaf : (void *)list);
        tally_set_steal(last, next, node);
        must(!leaf || tally_make_hot(leaf) == TALLY_OK);
        must(tally_make_hot(last) == TALLY_OK);
        list = &last->head;
    }
    nodes_destroyed = nodes_finalized = 0;
    tally_decref(list);
    tally_collect();
    assert_int_equal(nodes_destroyed, 21);
    assert_int_equal(nodes_finalized, 20);
    assert_int_equal(stats_now().hot_objects, 0);
}

static void a_cycle_through_a_hot_object_is_collected(void **state) {
    (void)state;
    struct node *a = made(tally_new(node)), *b = made(tally_new(node));
    tally_set(a, next, b);
    tally_set_steal(b, next, a);
    must(tally_make_hot(b) == TALLY_OK);
    tally_incref(b);
    assert_int_equal(tally_collect(), 0);
    tally_decref(b);
    assert_int_equal(tally_collect(), 0); // one reference is ours still
    tally_decref(b);
    assert_int_equal(tally_collect_generation(TALLY_YOUNG, NULL), TALLY_OK);
    assert_int_equal(nodes_destroyed, 0);
    assert_int_equal(tally_collect(), 2);
    assert_int_equal(nodes_destroyed, 2);
}

struct counted {
    struct leaf *leaf[2];
    stage at;
    atomic_bool over;
};

static void *count_them(void *arg) {
    struct counted *counted = arg;
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&counted->at, 1);
    while (!counted->over)
        for (int n = 0; n < 2; n++) {
            tally_incref(counted->leaf[n]);
            tally_incref(counted->leaf[!n]);
            tally_decref(counted->leaf[n]);
            tally_decref(counted->leaf[!n]);
            tally_safepoint();
        }
    tally_detach();
    return NULL;
}

static struct node *hot_ring(struct leaf *leaf) {
    struct node *a = tally_new(node), *b = tally_new(node),
                *c = tally_new(node);
    must(a && b && c);
    tally_set(a, next, b);
    tally_set_steal(b, next, a);
    tally_set(c, next, leaf);
    tally_decref(c);
    must(tally_make_hot(b) == TALLY_OK);
    return b;
}

static void garbage_through_hot_objects_is_found_beside_the_threads(
    void **state) {
    (void)state;
    struct counted counted = {.over = false};
    for (int n = 0; n < 2; n++)
        counted.leaf[n] = made_hot(tally_new(leaf));
    struct node *live = hot_ring(counted.leaf[0]);
    pthread_t thread[3];
    for (int n = 0; n < 3; n++)
        thread[n] = thread_start(count_them, &counted);
    stage_wait(&counted.at, 1);
    nodes_destroyed = 0;
    for (int n = 0; n < 20; n++) {
        struct tally_collection done;
        tally_incref(live);
        tally_decref(hot_ring(counted.leaf[n % 2]));
        assert_int_equal(
            tally_collect_with(TALLY_CONCURRENT, TALLY_FULL, &done), TALLY_OK);
        assert_int_equal(done.mode, TALLY_CONCURRENT);
        assert_int_equal(done.pause_ns, 0);
        assert_int_equal(done.freed, 2);
        assert_int_equal(nodes_destroyed, 3 * (n + 1));
        tally_decref(live);
    }
    counted.over = true;
    for (int n = 0; n < 3; n++)
        thread_join(thread[n]);
    for (int n = 0; n < 2; n++) {
        assert_true(is_hot(counted.leaf[n]));
        assert_int_equal(references(counted.leaf[n]), 1);
        tally_decref(counted.leaf[n]);
    }
    assert_int_equal(references(live), 2);
    tally_decref(live);
    assert_int_equal(tally_collect(), 4);
    assert_int_equal(stats_now().hot_objects, 0);
    assert_int_equal(tally_verify(2), TALLY_OK);
}

static void a_young_collection_spares_what_a_hot_object_refers_to(
    void **state) {
    (void)state;
    struct node *hot = made_hot(tally_new(node));
    struct node *a = tally_new(node), *b = tally_new(node);
    tally_set_steal(hot, next, a);
    tally_set_steal(a, next, b);
    tally_set(b, next, a);
    assert_int_equal(tally_collect_generation(TALLY_YOUNG, NULL), TALLY_OK);
    assert_int_equal(nodes_destroyed, 0);
    assert_int_equal(tally_verify(2), TALLY_OK);
    tally_decref(hot);
    tally_collect();
    assert_int_equal(nodes_destroyed, 3);
}

static void its_finalizer_runs_once(void **state) {
    (void)state;
    struct last *last = made_hot(tally_new(last));
    tally_decref(last);
    assert_int_equal(nodes_finalized, 0);
    tally_collect();
    assert_int_equal(nodes_finalized, 1);
    // By its count, once it is cold.
    last = made_hot(tally_new(last));
    must(tally_make_cold(last) == TALLY_OK);
    tally_decref(last);
    assert_int_equal(nodes_finalized, 1);
}

static void a_published_one_waits_for_its_readers(void **state) {
    (void)state;
    static tally_aref root = TALLY_AREF_INIT;
    struct leaf *leaf = made_hot(tally_new(leaf));
    leaf->key = 5;
    tally_aref_set_steal(NULL, &root, leaf);
    TALLY_BORROW {
        struct leaf *borrowed = tally_aref_get(&root);
        struct leaf *kept = tally_upgrade(borrowed);
        assert_ptr_equal(kept, leaf);
        tally_decref(kept);
        tally_aref_set(NULL, &root, NULL);
        assert_int_equal(borrowed->key, 5);
    }
    tally_collect();
    assert_int_equal(nodes_destroyed, 1);
}

static void an_immortal_one_gives_its_column_back(void **state) {
    (void)state;
    struct leaf *leaf = made_hot(tally_new(leaf));
    tally_immortalize(leaf);
    tally_decref(leaf);
    tally_collect();
    assert_int_equal(stats_now().hot_objects, 0);
    assert_int_equal(tally_make_hot(leaf), TALLY_OK);
    assert_int_equal(tally_make_cold(leaf), TALLY_OK);
    assert_false(is_hot(leaf));
    assert_int_equal(nodes_destroyed, 0);
}

struct owner {
    struct leaf *_Atomic leaf;
    stage at;
};

static void *own(void *arg) {
    struct owner *owner = arg;
    owner->leaf = tally_new(leaf);
    must(owner->leaf);
    tally_incref(owner->leaf); // the main thread's
    stage_set(&owner->at, 1);
    stage_poll(&owner->at, 2);
    tally_decref(owner->leaf);
    return NULL;
}

static void another_threads_object_is_waited_for(void **state) {
    (void)state;
    struct owner owner = {.leaf = NULL};
    pthread_t thread = thread_start(own, &owner);
    stage_wait(&owner.at, 1);
    made(owner.leaf);
    assert_int_equal(tally_make_hot(owner.leaf), TALLY_OK);
    assert_true(is_hot(owner.leaf));
    assert_int_equal(references(owner.leaf), 2);
    stage_set(&owner.at, 2);
    thread_join(thread);
    assert_int_equal(references(owner.leaf), 1);
    tally_decref(owner.leaf);
    tally_collect();
    assert_int_equal(nodes_destroyed, 1);
}

static void there_is_no_room_for_too_many(void **state) {
    (void)state;
    struct leaf *leaf[TALLY_HOT_OBJECTS_MAX + 1];
    for (unsigned n = 0; n <= TALLY_HOT_OBJECTS_MAX; n++) {
        leaf[n] = tally_new(leaf);
        must(leaf[n]);
        assert_int_equal(tally_make_hot(leaf[n]),
                         n < TALLY_HOT_OBJECTS_MAX ? TALLY_OK : TALLY_LIMIT);
    }
    for (unsigned n = 0; n <= TALLY_HOT_OBJECTS_MAX; n++)
        tally_decref(leaf[n]);
    nodes_destroyed = 0;
    assert_int_equal(tally_collect(), TALLY_HOT_OBJECTS_MAX);
}

static void waiting_where_one_must_not_is_refused(void **state) {
    (void)state;
    struct leaf *leaf = made_hot(tally_new(leaf));
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    assert_int_equal(tally_make_cold(leaf), TALLY_DEADLOCK);
    tally_borrow_leave();
    assert_true(is_hot(leaf));
    tally_decref(leaf);
}

static void child_ends(void *object) {
    struct leaf *leaf = object;
    must(is_hot(leaf));
    tally_incref(leaf);
    must(tally_verify(2) == TALLY_OK);
    must(tally_make_cold(leaf) == TALLY_OK);
    must(references(leaf) == 2);
    must(tally_make_hot(leaf) == TALLY_OK);
    tally_decref(leaf);
    tally_decref(leaf);
    must(tally_collect() == 1);
    must(nodes_destroyed == 1);
}

static void a_forked_child_counts_on(void **state) {
    (void)state;
    struct leaf *leaf = made_hot(tally_new(leaf));
    struct child child = child_run(child_ends, leaf);
    assert_true(child_passed(&child));
    assert_int_equal(references(leaf), 1);
    tally_decref(leaf);
}

static void without_the_option(void *arg) {
    (void)arg;
    setenv("TALLY_CONF", "hot:0", 1);
    struct leaf *leaf = tally_new(leaf);
    must(tally_make_hot(leaf) == TALLY_OK);
    tally_decref(leaf);
    size_t leaked = 1;
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
    must(nodes_destroyed == 1);
    must(stats_now().hot_objects == 0);
}

int main(void) {
    // In a process that has not begun.
    struct child child = child_run(without_the_option, NULL);
    must(child_passed(&child));
    const struct CMUnitTest tests[] = {
        quiet_test(a_hot_object_is_told_from_others),
        lively_test(what_many_threads_count_adds_up),
        lively_test(what_they_count_while_it_is_made_cold_adds_up),
        quiet_test(its_end_is_found_by_a_full_collection),
        quiet_test(references_made_here_are_dropped_there),
        quiet_test(a_chain_of_hot_objects_goes_in_one_collection),
        quiet_test(what_only_garbage_refers_to_goes_in_the_same_one),
        quiet_test(a_cycle_through_a_hot_object_is_collected),
        quiet_test(garbage_through_hot_objects_is_found_beside_the_threads),
        quiet_test(a_young_collection_spares_what_a_hot_object_refers_to),
        quiet_test(its_finalizer_runs_once),
        quiet_test(a_published_one_waits_for_its_readers),
        quiet_test(an_immortal_one_gives_its_column_back),
        quiet_test(another_threads_object_is_waited_for),
        quiet_test(there_is_no_room_for_too_many),
        quiet_test(waiting_where_one_must_not_is_refused),
        lively_test(a_forked_child_counts_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
