// Published objects, borrow sections and grace periods.

#include "api.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
static int nodes_destroyed;
static void node_destroy(void *object) {
    (void)object;
    nodes_destroyed++;
}
TALLY_TYPE(node, TALLY_REF(next), TALLY_DESTROY(node_destroy));

struct plain {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(plain, TALLY_REF(next));

static struct node *published_new(void) {
    struct node *node = tally_new(node);
    must(node);
    node->key = 7;
    tally_publish(node);
    return node;
}

static void a_borrowed_object_outlives_its_last_reference(void **state) {
    (void)state;
    struct node *node = published_new();
    int before = nodes_destroyed;
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    tally_decref(node);
    assert_int_equal(node->key, 7);
    assert_int_equal(nodes_destroyed, before);
    tally_borrow_leave();
    tally_collect();
    assert_int_equal(nodes_destroyed, before + 1);
}

struct reader {
    struct node *node;
    stage at;
};

static void *borrow_while(void *arg) {
    struct reader *reader = arg;
    must(tally_borrow_enter() == TALLY_OK);
    stage_set(&reader->at, 1);
    stage_spin(&reader->at, 2);
    must(reader->node->key == 7);
    tally_borrow_leave();
    return NULL;
}

static void *synchronize(void *arg) {
    stage *at = arg;
    must(tally_synchronize() == TALLY_OK);
    stage_set(at, 3);
    return NULL;
}

static void a_grace_period_waits_for_the_sections_that_are_open(void **state) {
    (void)state;
    struct reader reader = {.node = published_new()};
    pthread_t borrower = thread_start(borrow_while, &reader);
    stage_wait(&reader.at, 1);
    stage done = 0;
    pthread_t waiter = thread_start(synchronize, &done);
    sleep_ms(50);
    assert_int_equal(atomic_load(&done), 0);
    stage_set(&reader.at, 2);
    thread_join(borrower);
    thread_join(waiter);
    assert_int_equal(atomic_load(&done), 3);
    tally_decref(reader.node);
}

static void sections_nest(void **state) {
    (void)state;
    struct node *node = published_new();
    int before = nodes_destroyed;
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    tally_borrow_leave();
    assert_int_equal(tally_synchronize(), TALLY_DEADLOCK);
    tally_decref(node);
    assert_int_equal(nodes_destroyed, before);
    tally_borrow_leave();
    assert_int_equal(tally_synchronize(), TALLY_OK);
    tally_collect();
    assert_int_equal(nodes_destroyed, before + 1);
}

static void a_stop_in_a_section_is_refused(void **state) {
    (void)state;
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    assert_int_equal(tally_stop_world(), TALLY_DEADLOCK);
    assert_int_equal(tally_verify(1), TALLY_DEADLOCK);
    assert_int_equal(tally_walk(NULL, NULL), TALLY_DEADLOCK);
    tally_borrow_leave();
}

static void grace_periods_are_counted(void **state) {
    (void)state;
    uint64_t before = stats_now().grace_periods;
    assert_int_equal(tally_synchronize(), TALLY_OK);
    assert_int_equal(stats_now().grace_periods, before + 1);
}

static void *drop_and_stay(void *arg) {
    struct reader *reader = arg;
    struct node *node = published_new();
    tally_set(node, next, reader->node);
    tally_decref(node);
    stage_set(&reader->at, 1);
    stage_poll(&reader->at, 2);
    return NULL;
}

static void what_waits_for_a_grace_period_is_no_garbage(void **state) {
    (void)state;
    int before = nodes_destroyed;
    struct reader reader = {.node = published_new()};
    pthread_t thread = thread_start(drop_and_stay, &reader);
    stage_wait(&reader.at, 1);
    assert_true(stats_now().limbo_objects > 0);
    for (int n = 0; n < 3; n++)
        assert_int_equal(tally_collect(), 0);
    assert_int_equal(tally_verify(2), TALLY_OK);
    stage_set(&reader.at, 2);
    thread_join(thread);
    tally_collect();
    assert_int_equal(nodes_destroyed, before + 1);
    tally_decref(reader.node);
}

static void a_list_of_published_objects_goes_in_one_collection(void **state) {
    (void)state;
    int before = nodes_destroyed;
    struct node *list = NULL;
    for (int n = 0; n < 1000; n++) {
        struct node *node = published_new();
        tally_set_steal(node, next, list);
        list = node;
    }
    tally_decref(list);
    tally_collect();
    assert_int_equal(nodes_destroyed, before + 1000);
}

static void a_ring_of_published_objects_is_collected(void **state) {
    (void)state;
    int before = nodes_destroyed;
    struct node *a = published_new(), *b = published_new();
    tally_set(a, next, b);
    tally_set(b, next, a);
    tally_decref(a);
    tally_decref(b);
    assert_int_equal(tally_collect(), 2);
    assert_int_equal(nodes_destroyed, before + 2);
}

static void *borrow_ring(void *arg) {
    struct reader *reader = arg;
    must(tally_borrow_enter() == TALLY_OK);
    stage_set(&reader->at, 1);
    stage_spin(&reader->at, 2);
    // Two steps along the ring, by borrowed references.
    struct node *node = reader->node;
    for (int n = 0; n < 2; n++) {
        must(node->key == 7);
        node = tally_get(node, next);
        must(node);
    }
    tally_borrow_leave();
    return NULL;
}

static void *drop_ring(void *arg) {
    struct reader *reader = arg;
    tally_decref(reader->node);
    tally_collect();
    stage_set(&reader->at, 3);
    return NULL;
}

static void a_collection_leaves_borrowed_garbage_to_its_reader(void **state) {
    (void)state;
    struct node *a = published_new(), *b = published_new();
    tally_set(a, next, b);
    tally_set(b, next, a);
    tally_decref(b);
    struct reader reader = {.node = a};
    pthread_t borrower = thread_start(borrow_ring, &reader);
    stage_wait(&reader.at, 1);
    pthread_t collector = thread_start(drop_ring, &reader);
    sleep_ms(50);
    stage_set(&reader.at, 2);
    thread_join(borrower);
    thread_join(collector);
    tally_collect();
}

static void limbo_stays_within_its_bounds(void **state) {
    (void)state;
    uint64_t most = 0;
    for (int n = 0; n < 10000; n++) {
        struct plain *plain = tally_new(plain);
        tally_publish(plain);
        tally_decref(plain);
        tally_safepoint();
        uint64_t limbo = stats_now().limbo_objects;
        most = limbo > most ? limbo : most;
    }
    assert_in_range(most, 1, 128);
}

static void *drop_published(void *arg) {
    tally_decref(arg);
    return NULL;
}

static void what_an_exited_thread_left_in_limbo_is_destroyed(void **state) {
    (void)state;
    int before = nodes_destroyed;
    for (int n = 0; n < 10; n++) {
        struct node *node = published_new();
        must(tally_transfer(node) == TALLY_OK);
        thread_run(drop_published, node);
    }
    tally_collect();
    assert_int_equal(nodes_destroyed, before + 10);
}

// These look at what waits before it ends: without the runtime's thread, which
// would end it in time (test_due.c).
static int group_begin(void **state) {
    (void)state;
    struct tally_config config = TALLY_CONFIG_INIT;
    config.collector = 0;
    return tally_init(&config) == TALLY_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(a_borrowed_object_outlives_its_last_reference),
        quiet_test(a_grace_period_waits_for_the_sections_that_are_open),
        quiet_test(sections_nest),
        quiet_test(a_stop_in_a_section_is_refused),
        quiet_test(grace_periods_are_counted),
        quiet_test(what_waits_for_a_grace_period_is_no_garbage),
        quiet_test(a_list_of_published_objects_goes_in_one_collection),
        quiet_test(a_ring_of_published_objects_is_collected),
        quiet_test(a_collection_leaves_borrowed_garbage_to_its_reader),
        quiet_test(limbo_stays_within_its_bounds),
        quiet_test(what_an_exited_thread_left_in_limbo_is_destroyed),
    };
    return cmocka_run_group_tests(tests, group_begin, NULL);
}
