// collector/live.c: collections beside threads that run.

#include "unit_collector.h"

#include <tally/weak.h>

#include "collector/find.h"
#include "collector/lock.h"
#include "object/cycle.h"

static atomic_uint ended, finalized, called;
static void node_ends(void *object) {
    (void)object;
    atomic_fetch_add(&ended, 1);
}

struct node {
    tally_object head;
    tally_ref left, right;
    uint64_t canary;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right), TALLY_DESTROY(node_ends));

static void ghost_ends(void *object) {
    (void)object;
    atomic_fetch_add(&finalized, 1);
}
struct ghost {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(ghost, TALLY_REF(next), TALLY_FINALIZE(ghost_ends));

static stage at;
static atomic_bool over;

static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    ended = finalized = called = 0;
    over = false;
    stage_set(&at, 0);
    return tly_local_of(tly_self());
}

#define CANARY 0xC0FFEEC0FFEEC0FFu

static struct node *node_new(void) {
    struct node *node = tally_new(node);
    must(node);
    node->canary = CANARY;
    return node;
}

// Two nodes that refer to each other; the caller has a reference.
static struct node *ring(void) {
    struct node *a = node_new(), *b = node_new();
    tally_set(b, left, a);
    tally_set_steal(a, left, b);
    return a;
}

static struct tally_collection collected(tally_generation generation) {
    struct tally_collection done = {0};
    must(tally_collect_with(TALLY_CONCURRENT, generation, &done) == TALLY_OK);
    assert_true(tables_are_clear());
    return done;
}

static void garbage_is_found_and_what_is_referred_to_lives(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct node *live = ring();
    tally_decref(ring());
    struct tally_collection done = collected(TALLY_FULL);
    assert_int_equal(done.candidates, 4);
    assert_int_equal(done.garbage, 2);
    assert_int_equal(done.freed, 2);
    assert_int_equal(done.pause_ns, 0);
    assert_int_equal(ended, 2);
    tally_decref(live);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
    assert_int_equal(self->counters.made, self->counters.destroyed);
}

static void a_young_collection_looks_at_what_is_new_only(void **state) {
    (void)state;
    begin();
    struct node *old = ring();
    collected(TALLY_YOUNG);
    tally_decref(old);
    tally_decref(ring());
    struct tally_collection done = collected(TALLY_YOUNG);
    assert_int_equal(done.candidates, 2);
    assert_int_equal(done.freed, 2);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
}

static void nobody_holds_or_watches_afterwards(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct node *live = ring();
    tally_decref(ring());
    collected(TALLY_FULL);
    poll_now();
    assert_int_equal(tly_cycle & 1, 0);
    assert_int_equal(self->hold, 0);
    assert_int_equal(tly_pools_held, 0);
    assert_int_equal(tly_weak_phase, TLY_WEAK_OPEN);
    assert_false(live->head.owner_ & TALLY_OWNER_WATCH_);
    assert_null(self->kept);
    tally_decref(live);
    collected(TALLY_FULL);
}

static void a_cycle_through_hot_objects_is_found(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct node *live = ring(), *garbage = ring();
    must(tally_make_hot(live) == TALLY_OK);
    must(tally_make_hot(garbage) == TALLY_OK);
    must(tally_make_hot(tally_get(garbage, left)) == TALLY_OK);
    tly_hot_meet(self);
    tally_incref(live);
    tally_decref(garbage);
    struct tally_collection done = collected(TALLY_FULL);
    assert_int_equal(done.mode, TALLY_CONCURRENT);
    assert_int_equal(done.candidates, 4);
    assert_int_equal(done.freed, 2);
    assert_int_equal(done.pause_ns, 0);
    assert_int_equal(tly_hot_objects(), 1);
    assert_int_equal(live->head.owner_, TALLY_OWNER_HOT_);
    assert_int_equal(total_of(live), 3);
    tally_decref(live);
    assert_int_equal(collected(TALLY_FULL).freed, 0);
    tally_decref(live);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
    assert_int_equal(tly_hot_objects(), 0);
    assert_int_equal(self->counters.made, self->counters.destroyed);
}

static void hot_garbage_with_a_finalizer_goes(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct ghost *ghost = tally_new(ghost);
    tally_set(ghost, next, ghost);
    must(tally_make_hot(ghost) == TALLY_OK);
    tally_decref(ghost);
    struct tally_collection done = collected(TALLY_FULL);
    assert_int_equal(finalized, 1);
    assert_int_equal(done.freed, 1);
    assert_int_equal(tly_hot_objects(), 0);
    assert_int_equal(self->counters.made, self->counters.destroyed);
}

static void a_weak_reference_to_a_hot_object_works(void **state) {
    (void)state;
    begin();
    struct node *node = ring();
    must(tally_make_hot(node) == TALLY_OK);
    tally_weak *weak = tally_weak_new(node, NULL, NULL);
    assert_int_equal(collected(TALLY_FULL).freed, 0);
    assert_ptr_equal(tally_weak_get(weak), node);
    tally_decref(node);
    tally_decref(node);
    assert_ptr_equal(tally_weak_get(weak), node); // nobody knows yet
    tally_decref(node);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
    assert_null(tally_weak_get(weak));
    tally_decref(weak);
}

struct finder {
    tally_weak *_Atomic weak;
    struct node *_Atomic found;
    atomic_uint patience;
};

// Takes a reference when a collection has begun, before it watches: often.
static void *find_when_it_begins(void *arg) {
    struct finder *finder = arg;
    must(tally_attach("finder") == TALLY_OK);
    struct tly_local *self = tly_local_of(tly_self());
    tly_hot_meet(self);
    stage_set(&at, 1);
    for (unsigned waited = 0; !atomic_load(&over);) {
        tally_safepoint();
        waited = self->hold ? waited + 1 : 0;
        tally_weak *weak = waited > atomic_load(&finder->patience)
                               ? atomic_load(&finder->weak)
                               : NULL;
        if (weak && !atomic_load(&finder->found))
            atomic_store(&finder->found, tally_weak_get(weak));
    }
    tally_detach();
    return NULL;
}

static void what_is_found_before_it_is_watched_is_weighed(void **state) {
    (void)state;
    begin();
    struct finder finder = {NULL, NULL, 0};
    struct node *first = node_new();
    for (unsigned n = 0; n < 2000; n++) { // what takes a collection some time
        struct node *node = node_new();
        tally_set_steal(node, left, first);
        first = node;
    }
    must(tally_make_hot(first) == TALLY_OK); // there are rows
    pthread_t thread = thread_start(find_when_it_begins, &finder);
    stage_wait(&at, 1);
    for (unsigned n = 0; n < rounds(30, 10); n++) {
        struct node *node = ring();
        must(tally_make_hot(node) == TALLY_OK);
        tally_weak *weak = tally_weak_new(node, NULL, NULL);
        tally_decref(node);
        atomic_store(&finder.patience, n * 400);
        atomic_store(&finder.weak, weak);
        collected(TALLY_FULL);
        atomic_store(&finder.weak, NULL);
        must(tly_handshake(tly_self(), 0, NULL) == TALLY_OK);
        node = atomic_load(&finder.found);
        must(!node || (is_object(node) && node->canary == CANARY));
        if (node)
            tally_decref(node);
        atomic_store(&finder.found, NULL);
        tally_decref(weak);
    }
    atomic_store(&over, true);
    thread_join(thread);
    tally_decref(first);
    collected(TALLY_FULL);
    assert_int_equal(tly_hot_objects(), 0);
}

static void finalizers_run_before_their_garbage_goes(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct ghost *ghost = tally_new(ghost);
    tally_set(ghost, next, ghost);
    tally_decref(ghost);
    struct tally_collection done = collected(TALLY_FULL);
    assert_int_equal(finalized, 1);
    assert_int_equal(done.finalized, 1);
    assert_int_equal(done.freed, 1);
    assert_int_equal(self->counters.made, self->counters.destroyed);
}

static void call(tally_weak *weak, void *arg) {
    (void)arg;
    must(tally_weak_is_dead(weak));
    must(!tally_weak_get(weak));
    atomic_fetch_add(&called, 1);
}

static void weak_references_to_garbage_die_and_are_called(void **state) {
    (void)state;
    begin();
    struct node *a = ring();
    tally_weak *plain = tally_weak_new(a, NULL, NULL);
    tally_weak *weak = tally_weak_new(a, call, NULL);
    tally_decref(a);
    collected(TALLY_FULL);
    assert_int_equal(called, 1);
    assert_int_equal(ended, 2);
    assert_null(tally_weak_get(plain));
    tally_decref(plain);
    tally_decref(weak);
}

// ---- with another thread

static void *churn(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    stage_set(&at, 1);
    for (unsigned made = 0; !atomic_load(&over); made += 4) {
        struct node *mine = ring();
        tally_decref(ring());
        do
            tally_safepoint();
        while (made > atomic_load(&ended) + 4000 && !atomic_load(&over));
        must(mine->canary == CANARY);
        tally_set(mine, left, NULL);
        tally_decref(mine);
    }
    return arg;
}

static void garbage_is_found_while_another_thread_runs(void **state) {
    (void)state;
    begin();
    pthread_t thread = thread_start(churn, NULL);
    stage_wait(&at, 1);
    for (unsigned n = 0; n < rounds(50, 10); n++) {
        tally_decref(ring());
        unsigned before = ended;
        must(collected(TALLY_FULL).freed >= 2);
        must(ended >= before + 2);
    }
    atomic_store(&over, true);
    thread_join(thread);
    collected(TALLY_FULL);
    assert_int_equal(collected(TALLY_FULL).candidates, 0);
}

// Moves what only a local refers to through a ring: each of its nodes looks
// like garbage at some time, and none is.
enum { NODES = 8 };
static void *move(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    struct node *node[NODES];
    for (unsigned n = 0; n < NODES; n++)
        node[n] = node_new();
    for (unsigned n = 0; n < NODES; n++)
        tally_set(node[n], left, node[(n + 1) % NODES]);
    struct node *held = node[0];
    for (unsigned n = 1; n < NODES; n++)
        tally_decref(node[n]);
    stage_set(&at, 1);
    while (!atomic_load(&over)) {
        must(held->canary == CANARY);
        struct node *next = tally_ref_dup(&held->left);
        must(next->canary == CANARY);
        tally_set_steal(next, right, held);
        held = next;
        struct node *back = tally_ref_exchange(held, &held->right, NULL);
        must(back->canary == CANARY);
        tally_decref(back);
        tally_safepoint();
    }
    for (unsigned n = 0; n < NODES; n++) {
        must(held->canary == CANARY);
        struct node *next = tally_ref_dup(&held->left);
        tally_decref(held);
        held = next;
    }
    must(atomic_load(&ended) == 0);
    tally_decref(held);
    return arg;
}

static void what_moves_meanwhile_is_not_freed(void **state) {
    (void)state;
    begin();
    pthread_t thread = thread_start(move, NULL);
    stage_wait(&at, 1);
    for (unsigned n = 0; n < rounds(300, 50); n++)
        must(collected(TALLY_FULL).freed == 0);
    atomic_store(&over, true);
    thread_join(thread);
    assert_int_equal(collected(TALLY_FULL).freed, NODES);
}

static void *be_busy(void *arg) {
    must(tally_attach("busy") == TALLY_OK);
    struct node *node = ring();
    stage_set(&at, 1);
    stage_spin(&at, 2);
    must(node->canary == CANARY);
    // With what it does not know of, it holds on to what dies.
    tally_decref(node);
    tally_safepoint();
    return arg;
}

static void who_passes_no_safepoint_is_not_waited_for_long(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_found found = {.waiting = false};
    struct node *live = ring(), *hot = ring();
    tally_decref(ring());
    must(tally_make_hot(hot) == TALLY_OK);
    tally_decref(hot);
    pthread_t thread = thread_start(be_busy, NULL);
    stage_wait(&at, 1);
    must(tly_collector_take(tly_self(), NULL));
    for (unsigned n = 0; n < 3; n++) {
        struct tly_patience patience = {.left = 5000000};
        assert_int_equal(tly_find_live(self, TLY_LOOK_FULL, &patience, &found),
                         TALLY_TIMED_OUT);
        assert_true(tly_is_attached(tly_self()));
        assert_true(tables_are_clear());
    }
    tly_collector_give(tly_self());
    assert_int_equal(ended, 0);
    assert_false(live->head.owner_ & TALLY_OWNER_WATCH_);
    assert_int_equal(hot->head.owner_, TALLY_OWNER_HOT_);
    assert_int_equal(total_of(hot), 1);
    stage_set(&at, 2);
    thread_join(thread);
    assert_int_equal(collected(TALLY_FULL).freed, 6);
    tally_decref(live);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
}

static tally_status look(struct tly_local *self, enum tly_look look,
                         uint32_t urgent, struct tly_found *found) {
    *found = (struct tly_found){.waiting = false};
    must(tly_collector_take(tly_self(), NULL));
    tly_collector_heed(true);
    tly_store_relaxed(&tly_collector_urgent, urgent);
    tally_status status = tly_find_live(self, look, NULL, found);
    tly_store_relaxed(&tly_collector_urgent, 0);
    tly_collector_heed(false);
    tly_collector_give(tly_self());
    return status;
}

static void look_in_vain(struct tly_local *self, enum tly_look what,
                         uint32_t urgent, tally_status expected) {
    struct tly_found found;
    assert_int_equal(look(self, what, urgent, &found), expected);
    assert_int_equal(found.garbage, 0);
}

// Colours come again after so many collections.
static void what_no_collection_has_looked_at_does_not_pass_for_new(
    void **state) {
    (void)state;
    struct tly_local *self = begin();
    tally_decref(ring());
    for (unsigned n = 1; n < TLY_COLOURS; n++)
        look_in_vain(self, TLY_LOOK_FULL, 1, TALLY_BUSY);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
    tally_decref(ring());
    for (unsigned n = 1; n < TLY_COLOURS; n++)
        look_in_vain(self, TLY_LOOK_LISTED, 0, TALLY_OK);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
}

static void who_is_needed_at_once_gives_up_and_loses_nothing(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct node *live = ring();
    tally_decref(ring());
    look_in_vain(self, TLY_LOOK_FULL, 1, TALLY_BUSY);
    assert_true(tables_are_clear());
    assert_int_equal(tly_cycle & 1, 0);
    assert_int_equal(tly_pools_held, 0);
    assert_int_equal(ended, 0);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
    tally_decref(live);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
}

// Whose visit, once it is watched, makes it urgent.
struct seen {
    tally_object head;
    tally_ref next;
};
static void seen_visits(void *object, struct tally_visitor *visitor) {
    struct seen *seen = object;
    if (seen->head.owner_ & TALLY_OWNER_WATCH_)
        tly_store_relaxed(&tly_collector_urgent, 1);
    tally_visit(visitor, &seen->next);
}
TALLY_TYPE(seen, TALLY_VISIT_LIVE(seen_visits));

static void who_is_needed_while_it_validates_gives_up_and_loses_nothing(
    void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct seen *a = tally_new(seen);
    tally_set_steal(a, next, tally_new(seen));
    tally_set((struct seen *)tally_get(a, next), next, a);
    struct seen *b = tally_get(a, next);
    tally_decref(a);
    struct tly_found found;
    // Not urgent when it begins.
    assert_int_equal(look(self, TLY_LOOK_FULL, 0, &found), TALLY_BUSY);
    assert_false((a->head.owner_ | b->head.owner_) & TALLY_OWNER_WATCH_);
    assert_true(tables_are_clear());
    assert_int_equal(tly_cycle & 1, 0);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(garbage_is_found_and_what_is_referred_to_lives),
        collector_test(a_young_collection_looks_at_what_is_new_only),
        collector_test(nobody_holds_or_watches_afterwards),
        collector_test(a_cycle_through_hot_objects_is_found),
        collector_test(hot_garbage_with_a_finalizer_goes),
        collector_test(a_weak_reference_to_a_hot_object_works),
        collector_test(what_is_found_before_it_is_watched_is_weighed),
        collector_test(finalizers_run_before_their_garbage_goes),
        collector_test(weak_references_to_garbage_die_and_are_called),
        collector_test(garbage_is_found_while_another_thread_runs),
        collector_test(what_moves_meanwhile_is_not_freed),
        collector_test(who_passes_no_safepoint_is_not_waited_for_long),
        collector_test(what_no_collection_has_looked_at_does_not_pass_for_new),
        collector_test(who_is_needed_at_once_gives_up_and_loses_nothing),
        collector_test(
            who_is_needed_while_it_validates_gives_up_and_loses_nothing),
    };
    return cmocka_run_group_tests_name("collector/live", tests, NULL, NULL);
}
