// Stopping the world: who stands still, who gets through, who waits.

#include "api.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next));

struct runner {
    atomic_ulong steps;
    atomic_bool end;
};

static void *run(void *arg) {
    struct runner *runner = arg;
    must(tally_attach(NULL) == TALLY_OK);
    while (!atomic_load(&runner->end)) {
        atomic_fetch_add(&runner->steps, 1);
        tally_safepoint();
    }
    return NULL;
}

static void the_others_stand_still(void **state) {
    (void)state;
    struct runner runner[3] = {0};
    pthread_t thread[3];
    for (int n = 0; n < 3; n++)
        thread[n] = thread_start(run, &runner[n]);
    for (int round = 0; round < 20; round++) {
        while (!atomic_load(&runner[round % 3].steps))
            TALLY_BLOCKING { sched_yield(); }
        assert_int_equal(tally_stop_world(), TALLY_OK);
        unsigned long before[3], after[3];
        for (int n = 0; n < 3; n++)
            before[n] = atomic_load(&runner[n].steps);
        sleep_ms(2);
        for (int n = 0; n < 3; n++)
            after[n] = atomic_load(&runner[n].steps);
        tally_start_world();
        assert_memory_equal(before, after, sizeof(before));
    }
    for (int n = 0; n < 3; n++)
        atomic_store(&runner[n].end, true);
    for (int n = 0; n < 3; n++)
        thread_join(thread[n]);
}

static void the_others_go_on_afterwards(void **state) {
    (void)state;
    struct runner runner = {0};
    pthread_t thread = thread_start(run, &runner);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    unsigned long before = atomic_load(&runner.steps);
    tally_start_world();
    while (atomic_load(&runner.steps) < before + 100)
        TALLY_BLOCKING { sched_yield(); }
    atomic_store(&runner.end, true);
    thread_join(thread);
}

static void *attach_late(void *arg) {
    stage *at = arg;
    stage_set(at, 1);
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(at, 2);
    return NULL;
}

static void who_attaches_waits(void **state) {
    (void)state;
    stage at = 0;
    assert_int_equal(tally_stop_world(), TALLY_OK);
    pthread_t thread = thread_start(attach_late, &at);
    stage_spin(&at, 1);
    sleep_ms(30);
    assert_int_equal(atomic_load(&at), 1);
    tally_start_world();
    thread_join(thread);
    assert_int_equal(atomic_load(&at), 2);
}

static void *block_through(void *arg) {
    stage *at = arg;
    must(tally_attach(NULL) == TALLY_OK);
    tally_blocking_enter();
    stage_set(at, 1);
    stage_spin(at, 2);
    tally_blocking_exit();
    stage_set(at, 3);
    return NULL;
}

static void who_leaves_a_blocking_region_waits(void **state) {
    (void)state;
    stage at = 0;
    pthread_t thread = thread_start(block_through, &at);
    stage_wait(&at, 1);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    stage_set(&at, 2);
    sleep_ms(30);
    assert_int_equal(atomic_load(&at), 2);
    tally_start_world();
    thread_join(thread);
    assert_int_equal(atomic_load(&at), 3);
}

static void a_second_stop_is_refused(void **state) {
    (void)state;
    assert_int_equal(tally_stop_world(), TALLY_OK);
    assert_int_equal(tally_stop_world(), TALLY_DEADLOCK);
    tally_start_world();
    assert_int_equal(tally_stop_world(), TALLY_OK);
    tally_start_world();
}

static void the_heap_can_be_used_in_a_stopped_world(void **state) {
    (void)state;
    assert_int_equal(tally_stop_world(), TALLY_OK);
    for (int n = 0; n < 10000; n++) {
        struct node *node = tally_new(node);
        assert_non_null(node);
        tally_decref(node);
        tally_safepoint();
    }
    assert_int_equal(tally_verify(2), TALLY_OK);
    tally_start_world();
}

// ---- a storm of stops

static atomic_bool storm_end;
static atomic_ulong storm_stops;

static void *storm(void *arg) {
    (void)arg;
    while (!atomic_load(&storm_end)) {
        must(tally_stop_world() == TALLY_OK);
        atomic_fetch_add(&storm_stops, 1);
        tally_start_world();
    }
    return NULL;
}

static void *come_and_go(void *arg) {
    (void)arg;
    for (int n = 0; n < 50; n++) {
        must(tally_attach(NULL) == TALLY_OK);
        struct node *node = tally_new(node);
        must(node);
        TALLY_BLOCKING { sched_yield(); }
        tally_decref(node);
        tally_detach();
    }
    return NULL;
}

static void attaching_gets_through_a_storm_of_stops(void **state) {
    (void)state;
    atomic_store(&storm_end, false);
    pthread_t stormer[2], thread[3];
    for (int n = 0; n < 2; n++)
        stormer[n] = thread_start(storm, NULL);
    for (int n = 0; n < 3; n++)
        thread[n] = thread_start(come_and_go, NULL);
    for (int n = 0; n < 3; n++)
        thread_join(thread[n]);
    atomic_store(&storm_end, true);
    for (int n = 0; n < 2; n++)
        thread_join(stormer[n]);
    assert_true(atomic_load(&storm_stops) > 0);
}

static void a_stop_gets_through_while_collections_are_due(void **state) {
    (void)state;
    atomic_store(&storm_end, false);
    tally_collect_enable();
    pthread_t stormer = thread_start(storm, NULL);
    for (int round = 0; round < 5; round++) {
        // Growth that makes a collection due, without a safepoint.
        for (int n = 0; n < 200000; n++) {
            struct node *node = tally_new(node);
            tally_set(node, next, node);
            tally_decref(node);
        }
        assert_int_equal(tally_stop_world(), TALLY_OK);
        tally_start_world();
    }
    atomic_store(&storm_end, true);
    thread_join(stormer);
    tally_collect_disable();
}

static bool count_nodes(void *object, void *arg) {
    *(unsigned *)arg += tally_is_instance(object, TALLY_TYPE_OF(node));
    return true;
}

static void walks_and_stops_share_the_world(void **state) {
    (void)state;
    atomic_store(&storm_end, false);
    struct node *node = tally_new(node);
    pthread_t stormer = thread_start(storm, NULL);
    for (int n = 0; n < 100; n++) {
        unsigned count = 0;
        assert_int_equal(tally_walk(count_nodes, &count), TALLY_OK);
        assert_int_equal(count, 1);
        assert_int_equal(tally_verify(1), TALLY_OK);
        assert_int_equal(tally_collect(), 0);
    }
    atomic_store(&storm_end, true);
    thread_join(stormer);
    tally_decref(node);
}

// ---- collections

// A collection beside the threads calls this hook while it reads the heap: its
// thread is DETACHED then, and nobody waits for it.
static stage visit_stage; // 1: wait at the next visit; 2: in it; 3: go on
static void gate_visit(void *object, struct tally_visitor *visitor) {
    (void)object, (void)visitor;
    unsigned armed = 1;
    if (atomic_compare_exchange_strong(&visit_stage, &armed, 2))
        stage_spin(&visit_stage, 3);
}
struct gate {
    tally_object head;
};
TALLY_TYPE(gate, TALLY_VISIT_LIVE(gate_visit));

static void *collects(void *arg) {
    (void)arg;
    must(tally_attach("collects") == TALLY_OK);
    must(tally_collect_with(TALLY_CONCURRENT, TALLY_FULL, NULL) == TALLY_OK);
    tally_detach();
    return NULL;
}

static void *opens(void *arg) {
    (void)arg;
    sleep_ms(20);
    stage_set(&visit_stage, 3);
    return NULL;
}

static void no_collection_goes_on_in_a_world_that_the_program_stops(
    void **state) {
    (void)state;
    struct gate *gate = tally_new(gate);
    stage_set(&visit_stage, 1);
    pthread_t collector = thread_start(collects, NULL);
    stage_poll(&visit_stage, 2);
    pthread_t opener = thread_start(opens, NULL);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    // It has ended, or has been given up.
    assert_int_equal(atomic_load(&visit_stage), 3);
    assert_int_equal(tally_verify(2), TALLY_OK);
    tally_start_world();
    thread_join(opener);
    thread_join(collector);
    tally_decref(gate);
}

static tally_status in_hook[3];
static void stops_and_looks(void *object) {
    (void)object;
    unsigned count = 0;
    must(tally_stop_world() == TALLY_OK);
    in_hook[0] = tally_verify(2);
    in_hook[1] = tally_walk(count_nodes, &count);
    tally_start_world();
    in_hook[2] = tally_verify(2);
}
struct curious {
    tally_object head;
    tally_ref self;
};
TALLY_TYPE(curious, TALLY_REF(self), TALLY_DESTROY(stops_and_looks));

static void a_hook_of_a_collection_sees_a_sound_heap_that_stands_still(
    void **state) {
    (void)state;
    struct curious *curious = tally_new(curious);
    tally_set(curious, self, curious);
    tally_decref(curious);
    assert_int_equal(tally_collect(), 1);
    for (unsigned n = 0; n < 3; n++)
        assert_int_equal(in_hook[n], TALLY_OK);
    assert_int_equal(tally_verify(2), TALLY_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(the_others_stand_still),
        lively_test(the_others_go_on_afterwards),
        quiet_test(who_attaches_waits),
        lively_test(who_leaves_a_blocking_region_waits),
        lively_test(a_second_stop_is_refused),
        lively_test(the_heap_can_be_used_in_a_stopped_world),
        lively_test(attaching_gets_through_a_storm_of_stops),
        quiet_test(a_stop_gets_through_while_collections_are_due),
        quiet_test(walks_and_stops_share_the_world),
        quiet_test(no_collection_goes_on_in_a_world_that_the_program_stops),
        quiet_test(a_hook_of_a_collection_sees_a_sound_heap_that_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
