// collector/collect.c: a collection from end to end.

#include "unit_collector.h"

#include <tally/borrow.h>

#include "epoch/world.h"
#include "platform/fault.h"

static atomic_uint ended;
static struct node *_Atomic shown; // by one thread to another
static void node_ends(void *object);

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right), TALLY_DESTROY(node_ends));

struct plain {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(plain, TALLY_REF(left), TALLY_REF(right));

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf);

static void node_ends(void *object) {
    (void)object;
    atomic_fetch_add(&ended, 1);
}

static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    ended = 0;
    shown = NULL;
    return tly_local_of(tly_self());
}

// Two nodes that refer to each other; the caller has a reference.
static struct node *ring(void) {
    struct node *a = tally_new(node), *b = tally_new(node);
    tally_set(b, left, a);
    tally_set_steal(a, left, b);
    return a;
}

static struct tally_collection collected(tally_generation generation) {
    struct tally_collection done;
    assert_int_equal(tally_collect_generation(generation, &done), TALLY_OK);
    return done;
}

static void a_ring_that_nobody_refers_to_is_destroyed(void **state) {
    (void)state;
    begin();
    tally_decref(ring());
    assert_int_equal(ended, 0);
    struct tally_collection done = collected(TALLY_FULL);
    assert_int_equal(done.candidates, 2);
    assert_int_equal(done.garbage, 2);
    assert_int_equal(done.freed, 2);
    assert_int_equal(done.finalized, 0);
    assert_int_equal(ended, 2);
    assert_true(done.pause_ns > 0 && done.pause_ns <= done.total_ns);
}

static void what_is_referred_to_lives(void **state) {
    (void)state;
    begin();
    struct node *kept = ring(), *dropped = ring();
    tally_set_steal(kept, right, dropped);
    assert_int_equal(collected(TALLY_FULL).freed, 0);
    assert_int_equal(ended, 0);
    tally_decref(kept);
    assert_int_equal(collected(TALLY_FULL).freed, 4);
}

static void an_object_that_refers_to_itself_is_garbage(void **state) {
    (void)state;
    begin();
    struct node *self = tally_new(node);
    tally_set(self, left, self);
    tally_set(self, right, self);
    tally_decref(self);
    assert_int_equal(tally_collect(), 1);
}

static void what_garbage_refers_to_is_dropped(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct node *garbage = ring();
    struct leaf *leaf = tally_new(leaf), *kept = tally_new(leaf);
    tally_set_steal(garbage, right, leaf);
    struct node *inner = tally_get(garbage, left);
    tally_set(inner, right, kept);
    tally_decref(garbage);
    assert_int_equal(tally_collect(), 2);
    assert_false(is_object(leaf));
    assert_true(is_object(kept));
    assert_int_equal(total_of(kept), 1);
    tally_decref(kept);
    assert_int_equal(self->counters.made, self->counters.destroyed);
}

static void the_tables_are_clear_after_each_collection(void **state) {
    (void)state;
    begin();
    for (unsigned n = 0; n < 4; n++) {
        struct node *kept = ring();
        tally_decref(ring());
        collected(n % 2 ? TALLY_YOUNG : TALLY_FULL);
        assert_true(tables_are_clear());
        tally_decref(kept);
        collected(n % 2 ? TALLY_FULL : TALLY_YOUNG);
        assert_true(tables_are_clear());
    }
}

static void blocks_of_garbage_are_used_again(void **state) {
    (void)state;
    struct tly_local *self = begin();
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned n = 0; n < 2000; n++)
            tally_decref(ring());
        assert_int_equal(tally_collect(), 4000);
    }
    assert_int_equal(self->counters.destroyed, 80000);
    assert_true(units_in_use() < 2 * 4000 * 48 / TLY_UNIT_SIZE);
}

// ---- generations

static void a_young_collection_finds_young_garbage_only(void **state) {
    (void)state;
    begin();
    struct node *old = ring();
    collected(TALLY_FULL);
    tally_decref(old);
    tally_decref(ring());
    struct tally_collection done = collected(TALLY_YOUNG);
    assert_int_equal(done.candidates, 2);
    assert_int_equal(done.freed, 2);
    assert_int_equal(collected(TALLY_YOUNG).freed, 0);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
}

static void the_young_that_an_old_object_refers_to_live(void **state) {
    (void)state;
    begin();
    struct node *old = ring();
    collected(TALLY_YOUNG);
    tally_set_steal(old, right, ring());
    assert_int_equal(collected(TALLY_YOUNG).freed, 0);
    tally_decref(old);
    assert_int_equal(collected(TALLY_FULL).freed, 4);
}

static void what_survives_a_collection_is_old(void **state) {
    (void)state;
    begin();
    struct node *node = ring();
    assert_int_equal(node->head.gc_ & TLY_GC_OLD, 0);
    collected(TALLY_YOUNG);
    assert_int_equal(node->head.gc_ & TLY_GC_OLD, TLY_GC_OLD);
    assert_int_equal(collected(TALLY_YOUNG).candidates, 0);
    tally_decref(node);
    tally_collect();
}

// ---- refusals

static void where_it_would_wait_for_itself_it_is_refused(void **state) {
    (void)state;
    begin();
    tally_borrow_enter();
    assert_int_equal(tally_collect_generation(TALLY_FULL, NULL),
                     TALLY_DEADLOCK);
    tally_borrow_leave();
    assert_int_equal(tally_stop_world(), TALLY_OK);
    errno = 0;
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(errno, EDEADLK);
    tally_start_world();
    assert_int_equal(tally_collect_generation((tally_generation)7, NULL),
                     TALLY_INVALID);
}

static void without_memory_for_its_tables_nothing_changes(void **state) {
    (void)state;
    begin();
    tally_decref(ring());
    tly_fault_arm(TLY_FAULT_COMMIT, 1, false);
    assert_int_equal(tally_collect_generation(TALLY_FULL, NULL),
                     TALLY_NO_MEMORY);
    assert_int_equal(tly_fault_disarm(NULL), 1);
    assert_int_equal(ended, 0);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
}

static void a_collection_keeps_errno(void **state) {
    (void)state;
    begin();
    tally_decref(ring());
    errno = 55;
    tally_collect();
    assert_int_equal(errno, 55);
}

// ---- others

static void *own_and_block(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    struct node *mine = ring();
    atomic_store((struct node * _Atomic *)arg, mine);
    TALLY_BLOCKING {
        while (atomic_load((struct node * _Atomic *)arg) == mine)
            sched_yield();
    }
    tally_detach();
    return NULL;
}

static void what_was_dropped_for_a_blocked_owner_is_not_from_outside(
    void **state) {
    (void)state;
    begin();
    shown = NULL;
    pthread_t thread = thread_start(own_and_block, &shown);
    while (!shown)
        sched_yield();
    state_wait(tly_mutator_of(shown->head.owner_), TLY_DETACHED);
    tally_decref(shown);
    assert_int_equal(collected(TALLY_FULL).freed, 2);
    shown = NULL;
    thread_join(thread);
}

// As if it came while its mutator was SUSPENDED for its dead: who sent it has
// left it to who suspended.
static void what_is_handed_over_while_the_dead_are_taken_is_done(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_heap *mine = tly_heap_of(tly_self());
    struct tly_local *other = local_make();
    struct leaf *leaf = tally_new(leaf);
    act_as(mine);
    tly_handover_ask(&leaf->head);
    assert_int_equal(tally_counts_of(leaf).flags, TALLY_COUNT_QUEUED);
    tly_mutator_in(other)->state = TLY_DETACHED;
    tly_store_relaxed(&other->lost, 1);
    tly_settle_rescue(self);
    assert_int_equal(tally_counts_of(leaf).flags, TALLY_COUNT_MERGED);
    tally_decref(leaf);
}

static void garbage_across_owners_is_found(void **state) {
    (void)state;
    struct tly_local *other = local_make();
    ended = 0;
    struct node *theirs = tally_new(node);
    struct tly_local *mine = local_make();
    struct node *own = tally_new(node);
    tally_set_steal(own, left, theirs); // the reference changes hands
    act_as_local(other);
    tally_set(theirs, left, own);
    // As if the other thread stood at a safepoint.
    flush_now();
    tly_mutator_in(other)->state = TLY_DETACHED;
    act_as_local(mine);
    tally_decref(own);
    assert_int_equal(tally_collect(), 2);
    assert_int_equal(ended, 2);
}

// Random graphs against reachability by hand.
#define NODES 500u
static struct plain *nodes[NODES];
static bool rooted[NODES], reached[NODES];

static void reach(unsigned n) {
    static unsigned stack[3 * NODES];
    unsigned top = 0;
    stack[top++] = n;
    while (top > 0) {
        n = stack[--top];
        if (reached[n])
            continue;
        reached[n] = true;
        struct plain *to[] = {tally_get(nodes[n], left),
                              tally_get(nodes[n], right)};
        for (unsigned i = 0; i < NODES; i++)
            if (nodes[i] && (nodes[i] == to[0] || nodes[i] == to[1]))
                stack[top++] = i;
    }
}

static void random_round(uint64_t *random) {
    for (unsigned n = 0; n < NODES; n++)
        if (!nodes[n])
            nodes[n] = tally_new(plain);
        else if (!rooted[n]) // so that none dies before the references change
            tally_incref(nodes[n]);
    for (unsigned n = 0; n < NODES; n++)
        rooted[n] = true;
    for (unsigned n = 0; n < 2 * NODES; n++) {
        struct plain *from = nodes[unit_random(random) % NODES];
        struct plain *to =
            unit_random(random) % 4 ? nodes[unit_random(random) % NODES] : NULL;
        if (unit_random(random) % 2)
            tally_set(from, left, to);
        else
            tally_set(from, right, to);
    }
    memset(reached, 0, sizeof(reached));
    // Keep a tenth of the references from outside; the rest is dropped below.
    bool keep[NODES];
    for (unsigned n = 0; n < NODES; n++)
        keep[n] = rooted[n] && unit_random(random) % 10 == 0;
    for (unsigned n = 0; n < NODES; n++)
        if (keep[n])
            reach(n);
    for (unsigned n = 0; n < NODES; n++)
        if (rooted[n] && !keep[n]) {
            rooted[n] = false;
            tally_decref(nodes[n]);
        }
}

static void exactly_what_is_unreachable_goes(void **state) {
    (void)state;
    uint64_t random = 5;
    begin();
    memset(nodes, 0, sizeof(nodes));
    for (unsigned round = 0; round < rounds(30, 8); round++) {
        random_round(&random);
        tally_collect();
        assert_true(tables_are_clear());
        for (unsigned n = 0; n < NODES; n++) {
            assert_int_equal(is_object(nodes[n]), reached[n]);
            if (!reached[n])
                nodes[n] = NULL;
        }
    }
}

// ---- threads that mutate while others collect

static atomic_bool stop_mutating;

static void *mutate(void *arg) {
    uint64_t random = (uintptr_t)arg;
    must(tally_attach(NULL) == TALLY_OK);
    struct node *mine[8] = {NULL};
    while (!stop_mutating) {
        unsigned n = (unsigned)unit_random(&random) % 8;
        if (!mine[n]) {
            // Nobody waits for the collector: the heap would overflow.
            if (tly_pool_live_bytes() < 2 << 20)
                mine[n] = ring();
        } else if (unit_random(&random) % 3 == 0) {
            tally_decref(mine[n]);
            mine[n] = NULL;
        } else {
            struct node *to = mine[unit_random(&random) % 8];
            tally_set(mine[n], right, to);
        }
        tally_safepoint();
    }
    for (unsigned n = 0; n < 8; n++)
        if (mine[n])
            tally_decref(mine[n]);
    tally_detach();
    return NULL;
}

static uint64_t counted(bool destroyed) {
    uint64_t sum = 0;
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        struct tly_local *local = tly_local_of(tly_mutator_of(n));
        sum += tly_load_relaxed(destroyed ? &local->counters.destroyed
                                          : &local->counters.made);
    }
    return sum;
}

static void threads_mutate_while_another_collects(void **state) {
    (void)state;
    pthread_t threads[3];
    begin();
    stop_mutating = false;
    for (uintptr_t n = 0; n < 3; n++)
        threads[n] = thread_start(mutate, (void *)(n + 1));
    for (unsigned n = 0; n < rounds(100, 30); n++)
        collected(n % 4 ? TALLY_YOUNG : TALLY_FULL);
    stop_mutating = true;
    for (unsigned n = 0; n < 3; n++)
        thread_join(threads[n]);
    tally_collect();
    tally_collect();
    assert_true(tables_are_clear());
    assert_int_equal(counted(true), counted(false));
}

// ---- zeal

static void zealous_safepoints(unsigned every) {
    struct tally_config config = TALLY_CONFIG_INIT;
    config.collect = 0;
    config.mode = TALLY_STOPPED;
    config.zeal = every;
    tly_collector_configure(&config);
}

static void zeal_collects_at_one_in_so_many_safepoints(void **state) {
    (void)state;
    struct tly_local *self = begin();
    zealous_safepoints(3);
    for (unsigned n = 0; n < 6; n++) {
        unsigned before = ended;
        tally_decref(ring());
        tly_collector_zeal(self);
        // The next is one that has something to do.
        assert_int_not_equal(tally_breaker_->bits_, 0);
        assert_int_equal(ended - before, n == 0 ? 2 : n == 3 ? 6 : 0);
    }
    zealous_safepoints(0);
    tly_collector_zeal(self);
    tly_collector_zeal(self);
    assert_int_equal(ended, 8);
    assert_int_equal(tally_collect(), 4);
}

static void zeal_collects_not_where_nobody_may(void **state) {
    (void)state;
    struct tly_local *self = begin();
    zealous_safepoints(1);
    tally_decref(ring());
    TALLY_BORROW { tly_collector_zeal(self); }
    self->finishing++;
    tly_collector_zeal(self);
    self->finishing--;
    tally_collect_disable();
    tly_collector_zeal(self);
    tally_collect_enable();
    assert_int_equal(ended, 0);
    tly_collector_zeal(self);
    assert_int_equal(ended, 2);
    zealous_safepoints(0);
}

// Its bit is its own: by TLY_BREAK_FINISH a drop would leave what died to the
// next safepoint.
static void zeal_leaves_nothing_dead_to_the_next_safepoint(void **state) {
    (void)state;
    struct tly_local *self = begin();
    poll_now();
    zealous_safepoints(1);
    tly_collector_zeal(self);
    assert_int_equal(tally_breaker_->bits_, TLY_BREAK_ZEAL);
    zealous_safepoints(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(a_ring_that_nobody_refers_to_is_destroyed),
        collector_test(what_is_referred_to_lives),
        collector_test(an_object_that_refers_to_itself_is_garbage),
        collector_test(what_garbage_refers_to_is_dropped),
        collector_test(the_tables_are_clear_after_each_collection),
        collector_test(blocks_of_garbage_are_used_again),
        collector_test(a_young_collection_finds_young_garbage_only),
        collector_test(the_young_that_an_old_object_refers_to_live),
        collector_test(what_survives_a_collection_is_old),
        collector_test(where_it_would_wait_for_itself_it_is_refused),
        collector_test(without_memory_for_its_tables_nothing_changes),
        collector_test(a_collection_keeps_errno),
        collector_test(
            what_was_dropped_for_a_blocked_owner_is_not_from_outside),
        collector_test(what_is_handed_over_while_the_dead_are_taken_is_done),
        collector_test(garbage_across_owners_is_found),
        collector_test(exactly_what_is_unreachable_goes),
        collector_test(threads_mutate_while_another_collects),
        collector_test(zeal_collects_at_one_in_so_many_safepoints),
        collector_test(zeal_collects_not_where_nobody_may),
        collector_test(zeal_leaves_nothing_dead_to_the_next_safepoint),
    };
    return cmocka_run_group_tests_name("collector/collect", tests, NULL, NULL);
}
