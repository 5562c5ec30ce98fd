// Garbage whose end is the program's code as well: finalizers, hooks, callbacks
// that weak maps have. One thread of the runtime's ends it all, and a thread
// that makes it does not outrun that one: what lives at the most does not
// depend on how much is made.
//
// Without that, half of what is made is there at the end, in each of these.
// Under a sanitizer, which makes the runtime's thread some ten times as slow as
// the makers, a part of it is made, and there is no bound but all of that.

#include "api.h"
#include "threads.h"

#include <tally/weakmap.h>

#define RING 10u
#define RINGS rounds(400000, 10000)
// A quarter of what is made; some three times what there is as a rule, for a
// machine that leaves the runtime's thread waiting.
#define MOST ((uint64_t)RING * RINGS / 4)

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

static unsigned long ended;
static void count_end(void *object) {
    (void)object;
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
}

struct finalized {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(finalized, TALLY_REF(next), TALLY_FINALIZE(count_end));

struct elsewhere {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(elsewhere, TALLY_REF(next), TALLY_FINALIZE(count_end),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

struct hooked {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(hooked, TALLY_REF(next), TALLY_DESTROY(count_end));

// A ring whose first member is of [type]; the rest is plain.
static struct node *ring_new(tally_type *type) {
    struct node *first = tally_object_new(type, 0), *last = first;
    must(first);
    for (unsigned n = 1; n < RING; n++) {
        struct node *node = tally_new(node);
        must(node);
        tally_set_steal(last, next, node);
        last = node;
    }
    tally_set(last, next, first);
    return first;
}

// Makes rings, and drops each; returns the most objects that there were.
static uint64_t most_of(tally_type *type, tally_weakmap *map) {
    uint64_t most = 0;
    tally_collect_enable();
    for (unsigned n = RINGS; n > 0; n--) {
        struct node *ring = ring_new(type);
        if (map)
            must(tally_weakmap_set(map, tally_of(ring), tally_small(n)) ==
                 TALLY_OK);
        tally_decref(ring);
        tally_safepoint();
        if (n % 500)
            continue;
        uint64_t live = live_objects();
        most = live > most ? live : most;
    }
    tally_collect_disable();
    return most;
}

static void stays_below(const char *what, uint64_t most, uint64_t bound) {
    printf("%-20s %7llu objects at most, of %llu\n", what,
           (unsigned long long)most, (unsigned long long)bound);
    assert_in_range(most, 1, rounds(1, 4) * bound);
}

static void rings_with_finalizers_do_not_outrun_them(void **state) {
    (void)state;
    stays_below("finalizers", most_of(TALLY_TYPE_OF(finalized), NULL), MOST);
}

static void nor_those_of_the_runtimes_thread(void **state) {
    (void)state;
    stays_below("of another thread", most_of(TALLY_TYPE_OF(elsewhere), NULL),
                MOST);
    // Nobody waits for those but this test.
    while (mortal_objects() > alive_before) {
        tally_collect();
        TALLY_BLOCKING { sched_yield(); }
    }
}

static void nor_destroy_hooks(void **state) {
    (void)state;
    stays_below("destroy hooks", most_of(TALLY_TYPE_OF(hooked), NULL), MOST);
}

static void nor_the_entries_of_a_weak_map(void **state) {
    (void)state;
    tally_weakmap *map = tally_weakmap_new(TALLY_WEAKMAP_KEYS);
    must(map);
    stays_below("keys of a weak map", most_of(TALLY_TYPE_OF(node), map),
                2 * MOST);
    tally_decref(map);
}

// ---- several threads, and each member a key

#define MAKERS 8u
#define PART rounds(12500, 500) // rings of each

static tally_weakmap *shared;
static uint64_t most_seen; // (a)

static void *make_keys(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned n = PART; n > 0; n--) {
        struct node *ring = ring_new(TALLY_TYPE_OF(node)), *node = ring;
        do {
            must(tally_weakmap_set(shared, tally_of(node), tally_small(n)) ==
                 TALLY_OK);
            node = tally_get(node, next);
        } while (node != ring);
        tally_decref(ring);
        tally_safepoint();
        uint64_t live = n % 100 ? 0 : live_objects();
        if (live > __atomic_load_n(&most_seen, __ATOMIC_RELAXED))
            __atomic_store_n(&most_seen, live, __ATOMIC_RELAXED);
    }
    tally_detach();
    return arg;
}

static void nor_do_several_threads_together(void **state) {
    (void)state;
    pthread_t maker[MAKERS];
    must((shared = tally_weakmap_new(TALLY_WEAKMAP_KEYS)) != NULL);
    tally_collect_enable();
    for (unsigned n = 0; n < MAKERS; n++)
        maker[n] = thread_start(make_keys, NULL);
    for (unsigned n = 0; n < MAKERS; n++)
        thread_join(maker[n]);
    tally_collect_disable();
    stays_below("keys, of 8 threads", most_seen,
                (uint64_t)RING * PART * MAKERS * 3 / 2);
    tally_decref(shared);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        paced_test(rings_with_finalizers_do_not_outrun_them),
        paced_test(nor_those_of_the_runtimes_thread),
        paced_test(nor_destroy_hooks),
        paced_test(nor_the_entries_of_a_weak_map),
        paced_test(nor_do_several_threads_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
