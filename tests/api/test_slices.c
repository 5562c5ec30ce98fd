// Destruction in slices: whatever is dropped, no call destroys more than so
// many objects, and in the end nothing is left.

#include "api.h"
#include "child.h"
#include "threads.h"

#define SLICE 1000u
#define LONG 1000000u
#define LONG_SANITIZED 50000u

struct plain {
    tally_object head;
    tally_ref next, other;
};
TALLY_TYPE(plain, TALLY_REF(next), TALLY_REF(other));

static atomic_uint hooks, finalizers;

static void hooked_destroy(void *object) {
    (void)object;
    atomic_fetch_add(&hooks, 1);
}
static void last_finalize(void *object) {
    (void)object;
    atomic_fetch_add(&finalizers, 1);
}

struct hooked {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(hooked, TALLY_REF(next), TALLY_DESTROY(hooked_destroy));

struct last {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(last, TALLY_REF(next), TALLY_FINALIZE(last_finalize),
           TALLY_DESTROY(hooked_destroy));

static uint64_t destroyed_now(void) { return stats_now().counters.destroyed; }
static uint64_t dying_now(void) { return stats_now().dying_objects; }

static struct plain *plain_new(void *next, void *other) {
    struct plain *plain = tally_new(plain);
    must(plain);
    tally_set_steal(plain, next, next);
    tally_set_steal(plain, other, other);
    return plain;
}

static unsigned length(void) { return rounds(LONG, LONG_SANITIZED); }

static struct plain *list_new(unsigned nodes, bool merged) {
    struct plain *head = NULL;
    for (unsigned n = 0; n < nodes; n++) {
        head = plain_new(head, NULL);
        if (merged)
            must(tally_transfer(head) == TALLY_OK);
    }
    return head;
}

static struct plain *tree_new(unsigned depth, bool merged) {
    struct plain *tree = depth ? plain_new(tree_new(depth - 1, merged),
                                           tree_new(depth - 1, merged))
                               : plain_new(NULL, NULL);
    if (merged)
        must(tally_transfer(tree) == TALLY_OK);
    return tree;
}

// Drops an object and passes safepoints until it, and [nodes] in all, are
// gone; in each step something and not too much goes.
static void dies_in_slices(void *object, uint64_t nodes, unsigned cost) {
    uint64_t begin = destroyed_now(), before = begin, now;
    tally_decref(object);
    for (unsigned steps = 1;; steps++) {
        now = destroyed_now();
        assert_in_range(now - before, 1, SLICE);
        if (now - begin >= nodes)
            break;
        // Nothing is slow either.
        assert_true(now - begin >= (uint64_t)steps * (SLICE - 80) / cost);
        before = now;
        tally_safepoint();
    }
    assert_int_equal(now - begin, nodes);
    assert_int_equal(dying_now(), 0);
    tally_safepoint();
    assert_int_equal(destroyed_now() - begin, nodes);
}

static void a_list_dies_in_slices(void **state) {
    (void)state;
    dies_in_slices(list_new(length(), false), length(), 1);
}

static void a_list_without_an_owner_dies_in_slices(void **state) {
    (void)state;
    dies_in_slices(list_new(length(), true), length(), 1);
}

static void a_tree_dies_in_slices(void **state) {
    (void)state;
    dies_in_slices(tree_new(14, false), (1u << 15) - 1, 1);
    dies_in_slices(tree_new(14, true), (1u << 15) - 1, 1);
}

// Plain objects, some with hooks, some with finalizers.
static void *mixed_new(unsigned nodes) {
    void *head = NULL;
    for (unsigned n = 0; n < nodes; n++) {
        struct hooked *hooked = n % 5 == 0 ? tally_new(hooked) : NULL;
        struct last *last = n % 7 == 0 ? tally_new(last) : NULL;
        struct plain *plain = plain_new(head, last);
        if (hooked)
            tally_set_steal(hooked, next, plain);
        head = hooked ? (void *)hooked : (void *)plain;
    }
    return head;
}

static void hooks_and_finalizers_are_part_of_a_slice(void **state) {
    (void)state;
    unsigned nodes = 70000, with_hook = nodes / 5, with_finalizer = nodes / 7;
    atomic_store(&hooks, 0);
    atomic_store(&finalizers, 0);
    dies_in_slices(mixed_new(nodes), nodes + with_hook + with_finalizer, 2);
    assert_int_equal(atomic_load(&hooks), with_hook + with_finalizer);
    assert_int_equal(atomic_load(&finalizers), with_finalizer);
}

static void published_objects_wait_for_their_grace_period_too(void **state) {
    (void)state;
    struct plain *head = NULL;
    for (unsigned n = 0; n < 20000; n++) {
        head = plain_new(head, plain_new(NULL, NULL));
        tally_publish(tally_get(head, other));
    }
    uint64_t begin = destroyed_now(), before = begin;
    tally_decref(head);
    while (destroyed_now() - begin < 39000) {
        uint64_t now = destroyed_now();
        // A safepoint that waits for a grace period passes two on the way.
        assert_true(now - before <= 3 * SLICE);
        before = now;
        tally_safepoint();
    }
    tally_collect();
    assert_int_equal(destroyed_now() - begin, 40000);
}

static void other_drops_are_not_kept_back(void **state) {
    (void)state;
    struct plain *list = list_new(20000, false);
    tally_decref(list);
    assert_true(dying_now() > 0);
    // What is dropped on the way dies at once, or has its turn.
    struct plain *one = plain_new(NULL, NULL);
    uint64_t before = destroyed_now();
    tally_decref(one);
    assert_in_range(destroyed_now() - before, 1, SLICE);
    // A count that kills nothing destroys nothing.
    struct plain *shared = plain_new(NULL, NULL);
    must(tally_transfer(shared) == TALLY_OK);
    tally_incref(shared);
    before = destroyed_now();
    tally_decref(shared);
    assert_int_equal(destroyed_now(), before);
    tally_decref(shared);
    while (dying_now())
        tally_safepoint();
}

static bool count_one(void *object, void *arg) {
    (void)object;
    ++*(uint64_t *)arg;
    return true;
}

static void the_heap_is_sound_between_slices(void **state) {
    (void)state;
    struct plain *tree = tree_new(12, true);
    struct plain *held = plain_new(NULL, NULL);
    // The dying refer to what lives on.
    tally_set(tree, next, held);
    uint64_t live = live_objects(), nodes = live;
    void *mixed = mixed_new(10000);
    nodes = live_objects() - live;
    tally_decref(tree);
    tally_decref(mixed);
    assert_true(dying_now() > 0);
    for (unsigned n = 0; n < 10 && dying_now(); n++) {
        uint64_t seen = 0;
        assert_int_equal(tally_verify(2), TALLY_OK);
        assert_int_equal(tally_walk(count_one, &seen), TALLY_OK);
        assert_int_equal(seen, live_objects() - dying_now());
        // It looks at the heap, and does not wait for the end.
        assert_int_equal(tally_collect_generation(TALLY_YOUNG, NULL), TALLY_OK);
        tally_safepoint();
    }
    assert_true(nodes > 10000);
    tally_collect();
    assert_int_equal(dying_now(), 0);
    assert_true(tally_is_unique(held));
    tally_decref(held);
}

static void a_collection_finishes_what_was_begun(void **state) {
    (void)state;
    uint64_t live = live_objects();
    tally_decref(list_new(20000, false));
    assert_true(dying_now() > 0);
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(live_objects(), live);
    assert_int_equal(dying_now(), 0);
}

static stage dropper_at;

static void *drop_and_wait(void *list) {
    must(tally_attach(NULL) == TALLY_OK);
    tally_decref(list);
    must(dying_now() > 0);
    stage_set(&dropper_at, 1);
    // Without a safepoint of its own; then one is asked for.
    stage_spin(&dropper_at, 2);
    while (atomic_load(&dropper_at) < 3)
        tally_safepoint();
    return NULL;
}

static void *release_later(void *arg) {
    (void)arg;
    sleep_ms(20);
    stage_set(&dropper_at, 2);
    return NULL;
}

static void another_threads_collection_finishes_it(void **state) {
    (void)state;
    uint64_t live = live_objects();
    stage_set(&dropper_at, 0);
    struct plain *list = list_new(20000, true);
    pthread_t thread = thread_start(drop_and_wait, list);
    stage_wait(&dropper_at, 1);
    pthread_t later = thread_start(release_later, NULL);
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(live_objects(), live);
    stage_set(&dropper_at, 3);
    thread_join(thread);
    thread_join(later);
}

static void *drop_and_block(void *list) {
    must(tally_attach(NULL) == TALLY_OK);
    tally_decref(list);
    must(dying_now() > 0);
    tally_blocking_enter();
    stage_set(&dropper_at, 1);
    while (atomic_load(&dropper_at) < 2)
        sleep_ms(1);
    tally_blocking_exit();
    return NULL;
}

static void a_thread_that_blocks_holds_nothing_back(void **state) {
    (void)state;
    uint64_t live = live_objects();
    stage_set(&dropper_at, 0);
    pthread_t thread = thread_start(drop_and_block, list_new(20000, true));
    stage_wait(&dropper_at, 1);
    assert_int_equal(live_objects(), live);
    stage_set(&dropper_at, 2);
    thread_join(thread);
}

static void *drop_and_go(void *list) {
    tally_decref(list);
    return NULL;
}

static void *attach_drop_and_go(void *list) {
    must(tally_attach(NULL) == TALLY_OK);
    tally_decref(list);
    must(dying_now() > 0);
    return NULL;
}

static void a_thread_that_ends_holds_nothing_back(void **state) {
    (void)state;
    uint64_t live = live_objects();
    thread_run(attach_drop_and_go, list_new(20000, true));
    assert_int_equal(live_objects(), live);
    thread_run(drop_and_go, list_new(20000, true));
    assert_int_equal(live_objects(), live);
}

static void a_thread_without_a_safepoint_pays_when_it_allocates(void **state) {
    (void)state;
    uint64_t live = live_objects();
    unsigned nodes = length() / 4;
    tally_decref(list_new(nodes, false));
    assert_true(dying_now() > 0);
    struct plain *list = list_new(nodes, false);
    assert_int_equal(dying_now(), 0);
    assert_int_equal(live_objects(), live + nodes);
    tally_decref(list);
    tally_collect();
}

static void allocating_destroys_no_more_than_a_slice(void **state) {
    (void)state;
    tally_decref(list_new(100000, false));
    uint64_t before = destroyed_now();
    struct plain *list = NULL;
    while (dying_now()) {
        list = plain_new(list, NULL);
        uint64_t now = destroyed_now();
        assert_true(now - before <= SLICE);
        before = now;
    }
    tally_decref(list);
    tally_collect();
}

static uint64_t visible_now(void) {
    uint64_t seen = 0;
    must(tally_walk(count_one, &seen) == TALLY_OK);
    return seen;
}

// Forks while a list dies, here or in another thread.
struct dying {
    uint64_t live;
    bool collects;
};

static void child_finishes(void *arg) {
    const struct dying *dying = arg;
    must(dying_now() > 0);
    must(tally_verify(2) == TALLY_OK);
    if (dying->collects)
        must(tally_collect() == 0);
    for (unsigned n = 0; n < 100; n++)
        tally_safepoint();
    // Not by the counters: in the child one of those is behind that the other
    // thread was about to add to.
    must(visible_now() == dying->live);
    must(dying_now() == 0);
    must(tally_verify(2) == TALLY_OK);
}

static void a_forked_child_goes_on_with_it(void **state) {
    (void)state;
    struct dying dying = {visible_now(), false};
    tally_decref(list_new(20000, false));
    struct child child = child_run(child_finishes, &dying);
    assert_true(child_passed(&child));
    child_finishes(&dying);
}

static void *drop_and_exit(void *list) {
    must(tally_attach(NULL) == TALLY_OK);
    tally_decref(list);
    must(dying_now() > 0);
    exit(0);
}

// A hook that passes safepoints: what is behind it waits meanwhile.
static void blocker_destroy(void *object) {
    (void)object;
    stage_set(&dropper_at, 1);
    stage_poll(&dropper_at, 2);
}
struct blocker {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(blocker, TALLY_REF(next), TALLY_DESTROY(blocker_destroy));

static void *drop_until_blocked(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    struct blocker *blocker = tally_new(blocker);
    tally_set_steal(blocker, next, list_new(5000, true));
    struct plain *head = plain_new(NULL, blocker);
    for (unsigned n = 0; n < 2 * SLICE; n++)
        head = plain_new(head, NULL);
    tally_decref(head);
    while (dying_now())
        tally_safepoint();
    return arg;
}

static void a_forked_child_collects_what_died_in_another_thread(void **state) {
    (void)state;
    struct dying dying = {visible_now(), true};
    stage_set(&dropper_at, 0);
    pthread_t thread = thread_start(drop_until_blocked, NULL);
    stage_wait(&dropper_at, 1);
    struct child child = child_run(child_finishes, &dying);
    stage_set(&dropper_at, 2);
    thread_join(thread);
    assert_true(child_passed(&child));
    tally_collect();
    assert_int_equal(visible_now(), dying.live);
}

static void child_exits(void *arg) {
    tally_decref(list_new(20000, false));
    thread_run(drop_and_exit, arg);
    must(false);
}

static void child_shuts_down(void *arg) {
    (void)arg;
    size_t leaked = 1;
    tally_decref(list_new(20000, false));
    must(tally_shutdown(&leaked) == TALLY_OK);
    must(leaked == 0);
}

static void a_process_may_end_meanwhile(void **state) {
    (void)state;
    struct child shuts = child_run(child_shuts_down, NULL);
    assert_true(child_passed(&shuts));
    struct plain *list = list_new(20000, true);
    struct child exits = child_run(child_exits, list);
    assert_true(child_passed(&exits));
    tally_decref(list);
    tally_collect();
}

static int group_begin(void **state) {
    (void)state;
    struct tally_config config = TALLY_CONFIG_INIT;
    config.destroy_slice = SLICE;
    config.collector = 0; // its thread's slices would count beside those here
    return tally_init(&config) == TALLY_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(a_list_dies_in_slices),
        quiet_test(a_list_without_an_owner_dies_in_slices),
        quiet_test(a_tree_dies_in_slices),
        quiet_test(hooks_and_finalizers_are_part_of_a_slice),
        quiet_test(published_objects_wait_for_their_grace_period_too),
        quiet_test(other_drops_are_not_kept_back),
        quiet_test(the_heap_is_sound_between_slices),
        quiet_test(a_collection_finishes_what_was_begun),
        quiet_test(another_threads_collection_finishes_it),
        quiet_test(a_thread_that_blocks_holds_nothing_back),
        quiet_test(a_thread_that_ends_holds_nothing_back),
        quiet_test(a_thread_without_a_safepoint_pays_when_it_allocates),
        quiet_test(allocating_destroys_no_more_than_a_slice),
        quiet_test(a_forked_child_goes_on_with_it),
        quiet_test(a_forked_child_collects_what_died_in_another_thread),
        quiet_test(a_process_may_end_meanwhile),
    };
    return cmocka_run_group_tests(tests, group_begin, NULL);
}
