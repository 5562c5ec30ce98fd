// tally/collect.h: threads that change the heap while a collection reads it.
//
// A visit hook that may be called beside the threads is called by a collection
// in the middle of its work: there a test stops it, and goes on in its own
// thread.

#include "api.h"
#include "threads.h"

static atomic_uint ended;
static void node_ends(void *object) {
    (void)object;
    atomic_fetch_add(&ended, 1);
}

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right), TALLY_DESTROY(node_ends));

struct big {
    tally_object head;
    uint64_t size;
    char data[];
};
static void big_ends(void *object) {
    (void)object;
    atomic_fetch_add(&ended, 1);
}
TALLY_TYPE(big, TALLY_ITEMS(data, size), TALLY_DESTROY(big_ends));

// ---- a collection that waits

struct gate {
    tally_object head;
    tally_ref next;
};
static stage gate_stage; // 1: open at the next visit; 2: in it; 3: go on
static void gate_visit(void *object, struct tally_visitor *visitor) {
    struct gate *gate = object;
    unsigned armed = 1;
    if (atomic_compare_exchange_strong(&gate_stage, &armed, 2))
        stage_spin(&gate_stage, 3);
    tally_visit(visitor, &gate->next);
}
TALLY_TYPE(gate, TALLY_VISIT_LIVE(gate_visit));

static struct tally_collection found;
static void *collects(void *arg) {
    (void)arg;
    must(tally_attach("collects") == TALLY_OK);
    must(tally_collect_with(TALLY_CONCURRENT, TALLY_FULL, &found) == TALLY_OK);
    tally_detach();
    return NULL;
}

// Begins a collection, which stands still in the visit of [gate].
static pthread_t collection_begin(void) {
    pthread_t thread;
    stage_set(&gate_stage, 1);
    thread = thread_start(collects, NULL);
    stage_poll(&gate_stage, 2);
    return thread;
}

static void collection_end(pthread_t thread) {
    stage_set(&gate_stage, 3);
    thread_join(thread);
}

// ---- tests

// More than a collection prepares for beforehand.
#define FAR ((size_t)48 << 20)

static void garbage_may_refer_to_memory_that_was_taken_meanwhile(void **state) {
    (void)state;
    ended = 0;
    struct gate *gate = tally_new(gate);
    struct node *victim = tally_new(node);
    tally_set(victim, left, victim);
    pthread_t thread = collection_begin();
    void *room = tally_alloc(FAR);
    struct big *far = tally_new_items(big, FAR);
    must(room && far);
    tally_set_steal(victim, right, far);
    tally_decref(victim);
    collection_end(thread);
    tally_free(room);
    tally_decref(gate);
    tally_collect();
    assert_int_equal(ended, 2);
}

static void what_the_heap_grows_by_meanwhile_is_not_looked_at(void **state) {
    (void)state;
    struct gate *gate = tally_new(gate);
    struct node *held[8];
    pthread_t thread = collection_begin();
    for (unsigned n = 0; n < 8; n++) {
        must(held[n] = tally_new(node));
        struct big *far = tally_new_items(big, FAR / 4);
        must(far);
        tally_set_steal(held[n], left, far);
    }
    collection_end(thread);
    assert_int_equal(found.freed, 0);
    for (unsigned n = 0; n < 8; n++)
        tally_decref(held[n]);
    tally_decref(gate);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(garbage_may_refer_to_memory_that_was_taken_meanwhile),
        quiet_test(what_the_heap_grows_by_meanwhile_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
