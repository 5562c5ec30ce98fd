// Threads and their mutators: coming, going, blocking, and being adopted.

#include "api.h"
#include "threads.h"

#include <limits.h>

struct node {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(node, TALLY_REF(next));

struct bulk {
    tally_object head;
    uint64_t length;
    char item[];
};
static atomic_int bulks_destroyed;
static void bulk_destroy(void *object) {
    (void)object;
    atomic_fetch_add(&bulks_destroyed, 1);
}
TALLY_TYPE(bulk, TALLY_ITEMS(item, length), TALLY_DESTROY(bulk_destroy));

static struct node *node_new(long key) {
    struct node *node = tally_new(node);
    must(node);
    node->key = key;
    return node;
}

static void *first_use(void *arg) {
    (void)arg;
    must(tally_mutator_number() == 0);
    struct node *node = node_new(1);
    must(tally_mutator_number() > 0);
    must(tally_counts_of(node).owner == tally_mutator_number());
    tally_decref(node);
    return NULL;
}

static void a_thread_attaches_on_first_use(void **state) {
    (void)state;
    thread_run(first_use, NULL);
}

static void *attach_twice(void *arg) {
    (void)arg;
    must(tally_attach("by name") == TALLY_OK);
    uint32_t number = tally_mutator_number();
    must(number > 0 && number <= TALLY_MUTATORS_MAX);
    must(tally_attach(NULL) == TALLY_OK);
    must(tally_mutator_number() == number);
    tally_detach();
    must(tally_mutator_number() == 0);
    tally_detach();
    return NULL;
}

static void attaching_twice_is_attaching_once(void **state) {
    (void)state;
    thread_run(attach_twice, NULL);
}

static void a_thread_gives_its_mutator_up_when_it_ends(void **state) {
    (void)state;
    thread_run(first_use, NULL);
    uint64_t attached = stats_now().attached, records = stats_now().mutators;
    for (int n = 0; n < 100; n++)
        thread_run(first_use, NULL);
    assert_int_equal(stats_now().attached, attached);
    assert_int_equal(stats_now().mutators, records);
}

// ---- using the heap while a thread's own destructors run

static pthread_key_t late_key;
static atomic_int late_runs;

static void late_destroy(void *value) {
    struct node *node = node_new(2);
    must(node->key == 2);
    tally_decref(node);
    // Again, until the library's own destructor has run before this one.
    if ((uintptr_t)value > 1)
        must(pthread_setspecific(late_key, (void *)((uintptr_t)value - 1)) ==
             0);
    atomic_fetch_add(&late_runs, 1);
}

static void *end_late(void *arg) {
    (void)arg;
    must(pthread_setspecific(late_key, (void *)2) == 0);
    tally_decref(node_new(1));
    return NULL;
}

static void a_destructor_of_the_thread_may_use_the_heap(void **state) {
    (void)state;
    assert_int_equal(pthread_key_create(&late_key, late_destroy), 0);
    uint64_t attached = stats_now().attached;
    for (int n = 0; n < 20; n++)
        thread_run(end_late, NULL);
    assert_int_equal(atomic_load(&late_runs), 40);
    assert_int_equal(stats_now().attached, attached);
    pthread_key_delete(late_key);
}

// In each round, and the last is the thread's end. A round later it would be
// none of ThreadSanitizer's.
#define LAST_ROUND (PTHREAD_DESTRUCTOR_ITERATIONS - UNDER_TSAN)
static struct node *given; // by the main thread
static atomic_uint in_last_round;

static void last_destroy(void *value) {
    uintptr_t round = (uintptr_t)value & 0xff, first = (uintptr_t)value >> 8;
    if (round < LAST_ROUND)
        must(pthread_setspecific(late_key, (char *)value + 1) == 0);
    if (round < first)
        return;
    in_last_round += round == LAST_ROUND;
    struct node *node = node_new(2);
    TALLY_BORROW { must(tally_get(node, next) == NULL); }
    tally_set(node, next, given);
    tally_decref(node);
    must(tally_attach("last") == TALLY_OK);
    TALLY_BLOCKING { sched_yield(); }
    if (round == LAST_ROUND)
        must(tally_borrow_enter() == TALLY_OK); // for good
}

static void *end_last(void *first) {
    must(pthread_setspecific(late_key, (char *)first + 1) == 0);
    return NULL;
}

static void destructors_may_use_the_heap_in_the_last_round_too(void **state) {
    (void)state;
    assert_int_equal(pthread_key_create(&late_key, last_destroy), 0);
    uint64_t attached = stats_now().attached, records = stats_now().mutators;
    given = node_new(3);
    // Also if a thread comes to the heap first in a later round.
    for (uintptr_t first = 1; first <= LAST_ROUND; first++) {
        thread_run(end_last, (void *)(first << 8));
        assert_int_equal(in_last_round, first);
        assert_int_equal(stats_now().attached, attached);
    }
    assert_true(stats_now().mutators <= records + 1);
    assert_int_equal(tally_stop_world(), TALLY_OK);
    tally_start_world();
    assert_int_equal(tally_synchronize(), TALLY_OK);
    assert_true(tally_is_unique(given));
    tally_decref(given);
    pthread_key_delete(late_key);
}

// ---- adoption

struct legacy {
    struct node *node[100];
    void *raw;
    uint32_t number;
};

static void *leave_behind(void *arg) {
    struct legacy *legacy = arg;
    for (int n = 0; n < 100; n++)
        legacy->node[n] = node_new(n);
    must((legacy->raw = tally_alloc(100)));
    legacy->number = tally_mutator_number();
    return NULL;
}

static void *adopt(void *arg) {
    struct legacy *legacy = arg;
    must(tally_attach(NULL) == TALLY_OK);
    must(tally_mutator_number() == legacy->number);
    for (int n = 0; n < 100; n++) {
        struct tally_counts counts = tally_counts_of(legacy->node[n]);
        must(counts.owner == tally_mutator_number());
        must(tally_is_unique(legacy->node[n]));
        uint64_t before = live_objects();
        tally_decref(legacy->node[n]);
        must(live_objects() == before - 1);
    }
    tally_free(legacy->raw);
    return NULL;
}

static void the_next_thread_owns_what_the_last_one_left(void **state) {
    (void)state;
    struct legacy legacy;
    thread_run(leave_behind, &legacy);
    thread_run(adopt, &legacy);
}

static void objects_of_an_exited_thread_die_by_their_last_drop(void **state) {
    (void)state;
    struct legacy legacy;
    thread_run(leave_behind, &legacy);
    uint64_t before = live_objects();
    for (int n = 0; n < 100; n++) {
        tally_decref(legacy.node[n]);
        assert_int_equal(live_objects(), before - (unsigned)n - 1);
    }
    tally_free(legacy.raw);
}

// ---- blocking

static void blocking_regions_nest(void **state) {
    (void)state;
    uint32_t number = 0;
    must(tally_attach(NULL) == TALLY_OK);
    number = tally_mutator_number();
    tally_blocking_enter();
    assert_int_equal(tally_mutator_number(), 0);
    tally_blocking_enter();
    tally_blocking_exit();
    assert_int_equal(tally_mutator_number(), 0);
    tally_blocking_exit();
    assert_int_equal(tally_mutator_number(), number);
    TALLY_BLOCKING { assert_int_equal(tally_mutator_number(), 0); }
    assert_int_equal(tally_mutator_number(), number);
}

static int block_and_return(void) {
    TALLY_BLOCKING return 5;
    return 0;
}

static void a_blocking_region_may_be_left_early(void **state) {
    (void)state;
    must(tally_attach(NULL) == TALLY_OK);
    uint32_t number = tally_mutator_number();
    assert_int_equal(block_and_return(), 5);
    assert_int_equal(tally_mutator_number(), number);
    for (;;)
        TALLY_BLOCKING {
            if (number)
                goto out;
        }
out:
    assert_int_equal(tally_mutator_number(), number);
}

static void leaving_a_blocking_region_keeps_errno(void **state) {
    (void)state;
    tally_blocking_enter();
    errno = 4711;
    tally_blocking_exit();
    assert_int_equal(errno, 4711);
}

static void *block_unattached(void *arg) {
    (void)arg;
    TALLY_BLOCKING { sched_yield(); }
    must(tally_mutator_number() == 0);
    tally_decref(node_new(1));
    return NULL;
}

static void a_thread_that_never_attached_may_block(void **state) {
    (void)state;
    thread_run(block_unattached, NULL);
}

struct owner {
    struct bulk *bulk[200];
    stage at;
};

static void *own_and_block(void *arg) {
    struct owner *owner = arg;
    for (int n = 0; n < 200; n++) {
        owner->bulk[n] = tally_new_items(bulk, 1 << 20);
        must(owner->bulk[n]);
    }
    stage_set(&owner->at, 1);
    stage_wait(&owner->at, 2);
    return NULL;
}

static void a_blocked_owner_holds_nothing_back(void **state) {
    (void)state;
    static struct owner owner;
    pthread_t thread = thread_start(own_and_block, &owner);
    stage_wait(&owner.at, 1);
    // It enters its blocking region after that.
    sleep_ms(50);
    for (int n = 0; n < 200; n++) {
        int before = atomic_load(&bulks_destroyed);
        tally_decref(owner.bulk[n]);
        assert_int_equal(atomic_load(&bulks_destroyed), before + 1);
    }
    stage_set(&owner.at, 2);
    thread_join(thread);
}

static void *own_and_poll(void *arg) {
    struct owner *owner = arg;
    for (int n = 0; n < 200; n++)
        must((owner->bulk[n] = tally_new_items(bulk, 100)));
    stage_set(&owner->at, 1);
    stage_poll(&owner->at, 2);
    return NULL;
}

static void an_owner_that_polls_destroys_what_others_drop(void **state) {
    (void)state;
    static struct owner owner;
    int before = atomic_load(&bulks_destroyed);
    pthread_t thread = thread_start(own_and_poll, &owner);
    stage_wait(&owner.at, 1);
    for (int n = 0; n < 200; n++)
        tally_decref(owner.bulk[n]);
    // A blocking region tells the owner what is cached here.
    uint64_t until = now_ns() + 10000000000u;
    while (atomic_load(&bulks_destroyed) < before + 200 && now_ns() < until)
        TALLY_BLOCKING { sched_yield(); }
    assert_int_equal(atomic_load(&bulks_destroyed), before + 200);
    stage_set(&owner.at, 2);
    thread_join(thread);
}

// ---- very many

// So many threads must sleep while they wait.
static pthread_mutex_t crowd_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t crowd_goes = PTHREAD_COND_INITIALIZER;
static bool crowd_may_go;
static atomic_uint crowd_here, crowd_failed;

static void crowd_wait(void) {
    pthread_mutex_lock(&crowd_lock);
    while (!crowd_may_go)
        pthread_cond_wait(&crowd_goes, &crowd_lock);
    pthread_mutex_unlock(&crowd_lock);
}

static void crowd_release(void) {
    pthread_mutex_lock(&crowd_lock);
    crowd_may_go = true;
    pthread_cond_broadcast(&crowd_goes);
    pthread_mutex_unlock(&crowd_lock);
}

static void *stand_in_crowd(void *arg) {
    (void)arg;
    if (tally_attach(NULL) != TALLY_OK) {
        atomic_fetch_add(&crowd_failed, 1);
    } else {
        struct node *node = node_new(9);
        atomic_fetch_add(&crowd_here, 1);
        TALLY_BLOCKING { crowd_wait(); }
        must(node->key == 9);
        tally_decref(node);
    }
    return NULL;
}

static void sixteen_thousand_threads_attach_at_once(void **state) {
    (void)state;
    // ThreadSanitizer ends at 8,128 threads; both want memory for each.
    unsigned wanted = rounds(16000, 1000), count = 0;
    pthread_t *thread = calloc(wanted, sizeof(*thread));
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes,
                              UNDER_TSAN || UNDER_ASAN ? 262144 : 32768);
    while (count < wanted && pthread_create(&thread[count], &attributes,
                                            stand_in_crowd, NULL) == 0)
        count++;
    pthread_attr_destroy(&attributes);
    uint64_t until = now_ns() + 60000000000u;
    while (atomic_load(&crowd_here) + atomic_load(&crowd_failed) < count &&
           now_ns() < until)
        TALLY_BLOCKING { sleep_ms(1); }
    uint64_t attached = stats_now().attached;
    tally_collect();
    crowd_release();
    for (unsigned n = 0; n < count; n++)
        thread_join(thread[n]);
    free(thread);
    assert_int_equal(atomic_load(&crowd_failed), 0);
    if (count < wanted) {
        print_message("only %u threads are to be had here\n", count);
        skip();
    }
    assert_true(attached >= wanted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(a_thread_attaches_on_first_use),
        lively_test(attaching_twice_is_attaching_once),
        quiet_test(a_thread_gives_its_mutator_up_when_it_ends),
        quiet_test(a_destructor_of_the_thread_may_use_the_heap),
        quiet_test(destructors_may_use_the_heap_in_the_last_round_too),
        lively_test(the_next_thread_owns_what_the_last_one_left),
        quiet_test(objects_of_an_exited_thread_die_by_their_last_drop),
        lively_test(blocking_regions_nest),
        lively_test(a_blocking_region_may_be_left_early),
        lively_test(leaving_a_blocking_region_keeps_errno),
        lively_test(a_thread_that_never_attached_may_block),
        lively_test(a_blocked_owner_holds_nothing_back),
        lively_test(an_owner_that_polls_destroys_what_others_drop),
        quiet_test(sixteen_thousand_threads_attach_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
