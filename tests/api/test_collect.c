// Collections: what is garbage, what is not, and what they refuse.

#include "api.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref left, right;
    long key;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

struct table {
    tally_object head;
    uint32_t length;
    tally_ref item[];
};
TALLY_TYPE(table, TALLY_REF_ITEMS(item, length));

// As large as a node, without references.
struct leaf {
    tally_object head;
    long key[3];
};
TALLY_TYPE(leaf);

static struct node *node_new(void) {
    struct node *node = tally_new(node);
    must(node);
    return node;
}

// A ring of so many nodes; the caller has a reference to one.
static struct node *ring_new(unsigned length) {
    struct node *first = node_new(), *last = first;
    for (unsigned n = 1; n < length; n++) {
        struct node *node = node_new();
        tally_set_steal(last, left, node);
        last = node;
    }
    tally_set(last, left, first);
    return first;
}

static void a_dropped_ring_is_destroyed(void **state) {
    (void)state;
    tally_decref(ring_new(1000));
    assert_int_equal(tally_collect(), 1000);
    assert_int_equal(tally_collect(), 0);
}

static void an_object_that_refers_to_itself_is_destroyed(void **state) {
    (void)state;
    struct node *node = node_new();
    tally_set(node, left, node);
    tally_set(node, right, node);
    tally_decref(node);
    assert_int_equal(tally_collect(), 1);
}

static void a_ring_that_is_held_stays(void **state) {
    (void)state;
    struct node *ring = ring_new(1000);
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(tally_counts_of(ring).owner_count, 2);
    tally_decref(ring);
    assert_int_equal(tally_collect(), 1000);
}

static void what_a_live_object_refers_to_stays(void **state) {
    (void)state;
    struct node *root = node_new();
    tally_set_steal(root, left, ring_new(10));
    tally_decref(ring_new(10));
    assert_int_equal(tally_collect(), 10);
    tally_decref(root);
    assert_int_equal(tally_collect(), 10);
}

static void what_only_garbage_refers_to_goes_with_it(void **state) {
    (void)state;
    uint64_t before = live_objects();
    struct node *ring = ring_new(10);
    tally_set_steal(ring, right, node_new());
    struct node *tail = tally_get(ring, right);
    tally_set_steal(tail, right, tally_new(leaf));
    tally_decref(ring);
    tally_collect();
    assert_int_equal(live_objects(), before);
}

static void what_garbage_refers_to_and_others_hold_stays(void **state) {
    (void)state;
    struct node *ring = ring_new(10), *held = node_new();
    tally_set(ring, right, held);
    tally_decref(ring);
    assert_int_equal(tally_collect(), 10);
    assert_int_equal(tally_counts_of(held).owner_count, 1);
    tally_decref(held);
}

// A hub that [outside] references from outside lead to, and its own ring.
static void a_hub_stays(unsigned outside) {
    struct node *hub = node_new();
    struct node *other = node_new();
    tally_set_steal(hub, left, other);
    tally_set(other, left, hub);
    for (unsigned n = 1; n < outside; n++)
        tally_incref(hub);
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(tally_counts_of(hub).owner_count, outside + 1);
    for (unsigned n = 0; n < outside; n++)
        tally_decref(hub);
    assert_int_equal(tally_collect(), 2);
}

static void a_hub_stays_whatever_the_number_of_references(void **state) {
    (void)state;
    const unsigned outside[] = {1,   2,   255,  256,  257,  511,   512,
                                513, 768, 1000, 1024, 1256, 65536, 131072};
    for (size_t n = 0; n < sizeof(outside) / sizeof(outside[0]); n++)
        a_hub_stays(outside[n]);
}

static void many_hubs_at_once_stay(void **state) {
    (void)state;
    enum { HUBS = 1000, OUTSIDE = 256 };
    static struct node *hub[HUBS];
    for (unsigned n = 0; n < HUBS; n++) {
        hub[n] = node_new();
        tally_set(hub[n], left, hub[n]);
        for (unsigned k = 1; k < OUTSIDE; k++)
            tally_incref(hub[n]);
    }
    assert_int_equal(tally_collect(), 0);
    for (unsigned n = 0; n < HUBS; n++)
        for (unsigned k = n % 2; k < OUTSIDE; k++)
            tally_decref(hub[n]);
    assert_int_equal(tally_collect(), HUBS / 2);
    for (unsigned n = 1; n < HUBS; n += 2)
        tally_decref(hub[n]);
    assert_int_equal(tally_collect(), HUBS / 2);
}

static void a_hub_that_only_garbage_refers_to_is_destroyed(void **state) {
    (void)state;
    struct table *table = tally_new_items(table, 1256);
    struct node *hub = node_new();
    for (unsigned n = 0; n < 1256; n++)
        tally_set(table, item[n], hub);
    tally_set_steal(hub, left, table);
    tally_decref(hub);
    assert_int_equal(tally_collect(), 2);
}

static void an_immortal_objects_references_count_from_outside(void **state) {
    (void)state;
    struct node *root = node_new();
    tally_set_steal(root, left, ring_new(10));
    tally_immortalize(root);
    tally_decref(root);
    assert_int_equal(tally_collect(), 0);
    tally_set(root, left, NULL);
    assert_int_equal(tally_collect(), 10);
}

static void a_pinned_ring_stays(void **state) {
    (void)state;
    struct node *ring = ring_new(10);
    tally_pin(ring);
    tally_decref(ring);
    assert_int_equal(tally_collect(), 0);
    tally_unpin(ring);
    assert_int_equal(tally_collect(), 10);
}

static uint64_t freed_by(tally_generation generation) {
    struct tally_collection done = {0};
    must(tally_collect_generation(generation, &done) == TALLY_OK);
    return done.freed;
}

static void a_young_collection_destroys_young_garbage_only(void **state) {
    (void)state;
    struct node *old = ring_new(10);
    freed_by(TALLY_YOUNG);
    tally_decref(old);
    tally_decref(ring_new(20));
    assert_int_equal(freed_by(TALLY_YOUNG), 20);
    assert_int_equal(freed_by(TALLY_YOUNG), 0);
    assert_int_equal(freed_by(TALLY_FULL), 10);
}

static void a_young_object_that_an_old_one_refers_to_stays(void **state) {
    (void)state;
    struct node *old = node_new();
    freed_by(TALLY_FULL);
    tally_set_steal(old, left, ring_new(10));
    tally_decref(ring_new(10));
    assert_int_equal(freed_by(TALLY_YOUNG), 10);
    tally_decref(old);
    assert_int_equal(freed_by(TALLY_FULL), 10);
}

static void garbage_in_the_blocks_of_old_leaves_is_young(void **state) {
    (void)state;
    struct leaf *leaf[8];
    for (int n = 0; n < 8; n++)
        leaf[n] = tally_new(leaf);
    freed_by(TALLY_FULL);
    for (int n = 0; n < 8; n++)
        tally_decref(leaf[n]);
    for (int n = 0; n < 6; n++)
        tally_decref(ring_new(1));
    assert_int_equal(freed_by(TALLY_YOUNG), 6);
}

static void a_collection_says_what_it_did(void **state) {
    (void)state;
    struct node *held = ring_new(5);
    tally_decref(ring_new(7));
    struct tally_collection done;
    memset(&done, 0xFF, sizeof(done));
    assert_int_equal(tally_collect_with(TALLY_STOPPED, TALLY_FULL, &done),
                     TALLY_OK);
    assert_int_equal(done.candidates, 12);
    assert_int_equal(done.garbage, 7);
    assert_int_equal(done.freed, 7);
    assert_int_equal(done.finalized, 0);
    assert_true(done.pause_ns > 0 && done.pause_ns <= done.total_ns);
    tally_decref(ring_new(7));
    assert_int_equal(tally_collect_with(TALLY_CONCURRENT, TALLY_FULL, &done),
                     TALLY_OK);
    assert_int_equal(done.candidates, 12);
    assert_int_equal(done.freed, 7);
    assert_int_equal(done.pause_ns, 0);
    tally_decref(held);
    assert_int_equal(tally_collect_generation(TALLY_FULL, NULL), TALLY_OK);
}

static void a_mode_or_generation_that_there_is_not_is_refused(void **state) {
    (void)state;
    assert_int_equal(
        tally_collect_with((tally_collect_mode)2, TALLY_FULL, NULL),
        TALLY_INVALID);
    assert_int_equal(
        tally_collect_with(TALLY_STOPPED, (tally_generation)2, NULL),
        TALLY_INVALID);
}

static void large_objects_are_collected(void **state) {
    (void)state;
    const unsigned items[] = {1000, 5000, 100000, 600000};
    struct node *ring = node_new();
    for (int n = 0; n < 4; n++) {
        struct table *table = tally_new_items(table, items[n]);
        tally_set(table, item[0], table);
        tally_set(table, item[items[n] - 1], ring);
        if (n == 3)
            tally_set(ring, left, table);
        tally_decref(table);
    }
    tally_decref(ring);
    assert_int_equal(tally_collect(), 5);
}

struct crossing {
    struct node *mine, *theirs;
    stage at;
};

static void *cross(void *arg) {
    struct crossing *c = arg;
    c->theirs = node_new();
    tally_set(c->theirs, left, c->mine);
    stage_set(&c->at, 1);
    stage_poll(&c->at, 2);
    return NULL;
}

static void a_ring_through_two_threads_is_destroyed(void **state) {
    (void)state;
    for (int ends = 0; ends < 2; ends++) {
        struct crossing c = {.mine = node_new()};
        pthread_t thread = thread_start(cross, &c);
        stage_wait(&c.at, 1);
        tally_set(c.mine, left, c.theirs);
        if (ends) {
            stage_set(&c.at, 2);
            thread_join(thread);
        }
        tally_decref(c.mine);
        tally_decref(c.theirs);
        assert_int_equal(tally_collect(), 2);
        if (!ends) {
            stage_set(&c.at, 2);
            thread_join(thread);
        }
    }
}

static void *hold_one(void *arg) {
    struct crossing *c = arg;
    tally_incref(c->mine);
    stage_set(&c->at, 1);
    stage_poll(&c->at, 2);
    tally_decref(c->mine);
    return NULL;
}

static void what_another_thread_counts_stays(void **state) {
    (void)state;
    struct crossing c = {.mine = ring_new(10)};
    pthread_t thread = thread_start(hold_one, &c);
    stage_wait(&c.at, 1);
    tally_decref(c.mine);
    assert_int_equal(tally_collect(), 0);
    stage_set(&c.at, 2);
    thread_join(thread);
    assert_int_equal(tally_collect(), 10);
}

static unsigned automatic(void) {
    struct tally_stats before = stats_now();
    for (int n = 0; n < 400000; n++) {
        tally_decref(ring_new(1));
        tally_safepoint();
    }
    struct tally_stats after = stats_now();
    return (unsigned)(after.collections[0] - before.collections[0] +
                      after.collections[1] - before.collections[1]);
}

static void no_collection_starts_while_any_disable_stands(void **state) {
    (void)state;
    tally_collect_disable();
    assert_int_equal(automatic(), 0);
    tally_collect_enable();
    assert_int_equal(automatic(), 0);
    tally_collect_enable();
    // The runtime's thread may take its time.
    unsigned collections = 0;
    for (int n = 0; n < 100 && !collections; n++)
        collections = automatic();
    assert_true(collections > 0);
    tally_collect_disable();
    tally_collect(); // waits for one that had begun before
    tally_decref(ring_new(1));
    assert_true(tally_collect() > 0);
}

static void a_collection_in_a_borrow_section_is_refused(void **state) {
    (void)state;
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    struct tally_collection done = {.freed = 77};
    assert_int_equal(tally_collect_generation(TALLY_FULL, &done),
                     TALLY_DEADLOCK);
    assert_int_equal(done.freed, 77);
    errno = 0;
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(errno, EDEADLK);
    tally_borrow_leave();
}

static void a_collection_in_a_stopped_world_is_refused(void **state) {
    (void)state;
    assert_int_equal(tally_stop_world(), TALLY_OK);
    assert_int_equal(tally_collect_generation(TALLY_YOUNG, NULL),
                     TALLY_DEADLOCK);
    errno = 0;
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(errno, EDEADLK);
    tally_start_world();
}

static void an_unknown_generation_is_refused(void **state) {
    (void)state;
    assert_int_equal(tally_collect_generation((tally_generation)2, NULL),
                     TALLY_INVALID);
}

// Two threads make a chain, in turn; then they only pass safepoints.
static struct relay {
    struct node *head;
    stage at;
} relay;
#define RELAY_TURNS 3u

static void *relay_run(void *arg) {
    unsigned self = (unsigned)(uintptr_t)arg;
    for (unsigned turn = self; turn < RELAY_TURNS; turn += 2) {
        stage_poll(&relay.at, turn);
        struct node *node = node_new();
        tally_set_steal(node, left, relay.head);
        relay.head = node;
        stage_set(&relay.at, turn + 1);
    }
    stage_poll(&relay.at, RELAY_TURNS + 1);
    return NULL;
}

// The head dies in one thread, which drops what the other owns, and so on;
// only then is the ring at the end garbage.
static void what_threads_hand_each_other_is_waited_for(void **state) {
    (void)state;
    pthread_t thread[2];
    relay = (struct relay){.head = ring_new(3)};
    for (uintptr_t n = 0; n < 2; n++)
        thread[n] = thread_start(relay_run, (void *)n);
    stage_wait(&relay.at, RELAY_TURNS);
    tally_decref(relay.head);
    tally_collect();
    assert_int_equal(mortal_objects(), alive_before);
    stage_set(&relay.at, RELAY_TURNS + 1);
    for (int n = 0; n < 2; n++)
        thread_join(thread[n]);
}

static void a_collection_keeps_errno(void **state) {
    (void)state;
    tally_decref(ring_new(3));
    errno = 4711;
    assert_int_equal(tally_collect(), 3);
    assert_int_equal(errno, 4711);
}

// A buffer of 1 MiB that is told and not there, in a ring of one.
struct texture {
    tally_object head;
    tally_ref self;
};

static atomic_uint textures;

static void texture_gone(void *object) {
    (void)object;
    tally_memory_pressure(-(1 << 20));
    atomic_fetch_sub(&textures, 1);
}
TALLY_TYPE(texture, TALLY_REF(self), TALLY_DESTROY(texture_gone));

static void memory_that_is_told_starts_collections(void **state) {
    (void)state;
    tally_collect_enable();
    unsigned most = 0;
    for (unsigned n = 0; n < 1000; n++) {
        struct texture *texture = tally_new(texture);
        must(texture);
        tally_set(texture, self, texture);
        tally_memory_pressure(1 << 20);
        atomic_fetch_add(&textures, 1);
        tally_decref(texture);
        tally_safepoint();
        unsigned there = atomic_load(&textures);
        most = there > most ? there : most;
    }
    tally_collect_disable();
    tally_collect();
    // young_bytes is 4 MiB, and the runtime's thread may be late.
    assert_in_range(most, 3, 500);
    assert_int_equal(atomic_load(&textures), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(a_dropped_ring_is_destroyed),
        quiet_test(an_object_that_refers_to_itself_is_destroyed),
        quiet_test(a_ring_that_is_held_stays),
        quiet_test(what_a_live_object_refers_to_stays),
        quiet_test(what_only_garbage_refers_to_goes_with_it),
        quiet_test(what_garbage_refers_to_and_others_hold_stays),
        quiet_test(a_hub_stays_whatever_the_number_of_references),
        quiet_test(many_hubs_at_once_stay),
        quiet_test(a_hub_that_only_garbage_refers_to_is_destroyed),
        quiet_test(an_immortal_objects_references_count_from_outside),
        quiet_test(a_pinned_ring_stays),
        quiet_test(a_young_collection_destroys_young_garbage_only),
        quiet_test(a_young_object_that_an_old_one_refers_to_stays),
        quiet_test(garbage_in_the_blocks_of_old_leaves_is_young),
        quiet_test(a_collection_says_what_it_did),
        cmocka_unit_test(a_mode_or_generation_that_there_is_not_is_refused),
        quiet_test(large_objects_are_collected),
        quiet_test(a_ring_through_two_threads_is_destroyed),
        quiet_test(what_another_thread_counts_stays),
        paced_test(no_collection_starts_while_any_disable_stands),
        quiet_test(a_collection_in_a_borrow_section_is_refused),
        quiet_test(a_collection_in_a_stopped_world_is_refused),
        quiet_test(an_unknown_generation_is_refused),
        quiet_test(what_threads_hand_each_other_is_waited_for),
        quiet_test(a_collection_keeps_errno),
        paced_test(memory_that_is_told_starts_collections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
