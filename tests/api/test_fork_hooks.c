// fork from the program's own code that the library calls: the child works, and
// no hook runs in the handlers of fork.

#include "api.h"
#include "child.h"
#include "threads.h"

// Drops of other threads' objects are on their way when it forks.
static atomic_uint calls;

struct plain {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(plain, TALLY_REF(next));

static void ring_drop(int length) {
    struct plain *first = tally_new(plain), *last = first;
    must(first);
    for (int n = 1; n < length; n++) {
        struct plain *node = tally_new(plain);
        must(node);
        tally_set_steal(last, next, node);
        last = node;
    }
    tally_set(last, next, first);
    tally_decref(first);
}

static void *use_heap(void *arg) {
    ring_drop(10);
    return arg;
}

// In a hook of a collection nothing collects.
static void child_allocates(void *arg) {
    (void)arg;
    for (int n = 0; n < 100; n++)
        ring_drop(3);
    void *raw = tally_alloc(3 << 20);
    must(raw);
    tally_free(raw);
    thread_run(use_heap, NULL);
}

static void child_works(void *arg) {
    uint64_t before = live_objects();
    child_allocates(arg);
    tally_collect();
    must(live_objects() <= before);
    must(tally_verify(2) == TALLY_OK);
}

static void forks(child_fn fn) {
    struct child child = child_run(fn, NULL);
    must(child_passed(&child));
    atomic_fetch_add(&calls, 1);
}

// ---- the ends of objects

static void destroyed(void *object) {
    (void)object;
    forks(child_allocates);
}

static void finalized(void *object) {
    (void)object;
    forks(child_works);
}

struct holder {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(holder, TALLY_REF(next), TALLY_DESTROY(destroyed));
struct closer {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(closer, TALLY_REF(next), TALLY_FINALIZE(finalized));

static void a_destroy_hook_may_fork(void **state) {
    (void)state;
    atomic_store(&calls, 0);
    tally_decref(tally_new(holder));
    assert_int_equal(calls, 1);
}

static void a_destroy_hook_of_a_collection_may_fork(void **state) {
    (void)state;
    for (int mode = TALLY_CONCURRENT; mode <= TALLY_STOPPED; mode++) {
        atomic_store(&calls, 0);
        struct holder *holder = tally_new(holder);
        tally_set(holder, next, holder);
        tally_decref(holder);
        struct tally_collection done;
        assert_int_equal(
            tally_collect_with((tally_collect_mode)mode, TALLY_FULL, &done),
            TALLY_OK);
        assert_int_equal(calls, 1);
        assert_int_equal(done.freed, 1);
    }
}

static void a_finalizer_may_fork(void **state) {
    (void)state;
    atomic_store(&calls, 0);
    tally_decref(tally_new(closer));
    struct closer *ring = tally_new(closer);
    tally_set(ring, next, ring);
    tally_decref(ring);
    assert_int_equal(tally_collect(), 1);
    assert_int_equal(calls, 2);
}

// What the child's thread is inside of it is the child's: no other runs these.
static atomic_uint served;
static void serve(void *object) {
    (void)object;
    atomic_fetch_add(&served, 1);
}
struct job {
    tally_object head;
};
TALLY_TYPE(job, TALLY_FINALIZE(serve),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

static void *drop_job(void *arg) {
    tally_decref(tally_new(job));
    for (int n = 0; n < 100; n++) {
        tally_safepoint();
        TALLY_BLOCKING { usleep(500); }
    }
    return arg;
}

static void child_serves(void *arg) {
    child_works(arg);
    thread_run(drop_job, NULL);
    must(atomic_load(&served) == 0);
}

static void served_finalized(void *object) {
    (void)object;
    forks(child_serves);
}
struct worker {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(worker, TALLY_REF(next), TALLY_FINALIZE(served_finalized),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

static void a_finalizer_of_the_runtimes_thread_may_fork(void **state) {
    (void)state;
    atomic_store(&calls, 0);
    tally_decref(tally_new(worker));
    while (atomic_load(&calls) == 0) {
        tally_safepoint();
        TALLY_BLOCKING { sched_yield(); }
    }
    while (tally_finalize_pending(0), stats_now().finalizers_waiting) {
        tally_safepoint();
        TALLY_BLOCKING { sched_yield(); }
    }
}

static void weak_died(tally_weak *weak, void *arg) {
    (void)weak;
    (void)arg;
    forks(child_works);
}

static void a_weak_callback_may_fork(void **state) {
    (void)state;
    atomic_store(&calls, 0);
    struct plain *plain = tally_new(plain);
    tally_weak *weak = tally_weak_new(plain, weak_died, NULL);
    assert_non_null(weak);
    tally_decref(plain);
    tally_synchronize();
    tally_collect();
    assert_int_equal(calls, 1);
    tally_decref(weak);
}

static void deferred(void *arg) {
    (void)arg;
    forks(child_works);
}

static void a_deferred_call_may_fork(void **state) {
    (void)state;
    atomic_store(&calls, 0);
    assert_int_equal(tally_defer(deferred, NULL), TALLY_OK);
    tally_collect();
    assert_int_equal(calls, 1);
}

// ---- values

struct key {
    tally_object head;
    long number;
};

static tally_status key_equal(void *object, tally_value value, bool *ret) {
    struct key *key = object, *other = tally_object_of(value);
    forks(child_works);
    *ret = key->number == other->number;
    return TALLY_OK;
}

static tally_status key_hash(void *object, uint64_t *ret) {
    (void)object;
    forks(child_works);
    *ret = 7;
    return TALLY_OK;
}

static tally_status key_compare(void *object, tally_value value, int *ret) {
    struct key *key = object, *other = tally_object_of(value);
    forks(child_works);
    *ret = (key->number > other->number) - (key->number < other->number);
    return TALLY_OK;
}

static const tally_protocol key_protocol = {
    .equal = key_equal, .hash = key_hash, .compare = key_compare};
TALLY_TYPE(key, TALLY_PROTOCOL(key_protocol));

static tally_value key_new(long number) {
    struct key *key = tally_new(key);
    must(key);
    key->number = number;
    return tally_of(key);
}

static void hooks_of_keys_in_a_map_may_fork(void **state) {
    (void)state;
    atomic_store(&calls, 0);
    tally_map *map = tally_map_new(0);
    tally_value first = key_new(1), second = key_new(2);
    assert_int_equal(tally_map_set(map, first, tally_small(1)), TALLY_OK);
    assert_int_equal(tally_map_set(map, second, tally_small(2)), TALLY_OK);
    assert_true(tally_is(tally_map_get(map, second), tally_small(2)));
    assert_true(calls >= 4);
    assert_int_equal(tally_map_delete(map, first), TALLY_OK);
    tally_value_decref(first);
    tally_value_decref(second);
    tally_decref(map);
}

static void hooks_that_order_a_list_may_fork(void **state) {
    (void)state;
    atomic_store(&calls, 0);
    tally_list *list = tally_list_new();
    for (long n = 3; n > 0; n--) {
        tally_value key = key_new(n);
        assert_int_equal(tally_list_append(list, key), TALLY_OK);
        tally_value_decref(key);
    }
    assert_int_equal(tally_list_sort(list, NULL, NULL), TALLY_OK);
    assert_true(calls >= 2);
    tally_decref(list);
}

// ---- collections

static void watches(const struct tally_collect_event *event, void *arg) {
    (void)event;
    (void)arg;
    forks(child_allocates);
}

static void a_watcher_may_fork(void **state) {
    (void)state;
    atomic_store(&calls, 0);
    assert_int_equal(tally_collect_watch(watches, NULL), TALLY_OK);
    tally_collect();
    assert_int_equal(tally_collect_unwatch(watches, NULL), TALLY_OK);
    assert_true(calls >= 2);
}

static void child_starts_world(void *arg) {
    tally_start_world();
    child_works(arg);
}

static void a_thread_that_has_stopped_the_world_may_fork(void **state) {
    (void)state;
    assert_int_equal(tally_stop_world(), TALLY_OK);
    struct child child = child_run(child_starts_world, NULL);
    tally_start_world();
    assert_true(child_passed(&child));
}

// ---- no code of the program's in the handlers

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
// Of this thread: the runtime's may end what is dead beside it.
static _Thread_local bool in_fork;

static void takes_lock(void *arg) {
    must(!in_fork);
    TALLY_BLOCKING { must(pthread_mutex_lock(&lock) == 0); }
    must(pthread_mutex_unlock(&lock) == 0);
    atomic_fetch_add(&calls, 1);
    (void)arg;
}

static void destroyed_calmly(void *object) { takes_lock(object); }

struct calm {
    tally_object head;
};
TALLY_TYPE(calm, TALLY_DESTROY(destroyed_calmly));

static void child_ends(void *arg) { (void)arg; }

static void fork_once(void) {
    in_fork = true;
    must(pthread_mutex_lock(&lock) == 0);
    struct child child = child_run(child_ends, NULL);
    must(pthread_mutex_unlock(&lock) == 0);
    in_fork = false;
    must(child_passed(&child));
}

static void *drop(void *object) {
    tally_decref(object);
    return NULL;
}

static void *own_dead(void *arg) {
    // Dropped by another, which hands it to this thread.
    struct calm *calm = tally_new(calm);
    must(calm);
    pthread_t other = thread_start(drop, calm);
    must(pthread_join(other, NULL) == 0);
    must(tally_defer(takes_lock, NULL) == TALLY_OK);
    fork_once();
    return arg;
}

static void what_waits_for_a_safepoint_waits_beyond_a_fork(void **state) {
    (void)state;
    atomic_store(&calls, 0);
    thread_run(own_dead, NULL);
    tally_collect();
    assert_int_equal(calls, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(a_destroy_hook_may_fork),
        quiet_test(a_destroy_hook_of_a_collection_may_fork),
        quiet_test(a_finalizer_may_fork),
        lively_test(a_finalizer_of_the_runtimes_thread_may_fork),
        lively_test(a_weak_callback_may_fork),
        lively_test(a_deferred_call_may_fork),
        lively_test(hooks_of_keys_in_a_map_may_fork),
        lively_test(hooks_that_order_a_list_may_fork),
        quiet_test(a_watcher_may_fork),
        quiet_test(a_thread_that_has_stopped_the_world_may_fork),
        lively_test(what_waits_for_a_safepoint_waits_beyond_a_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
