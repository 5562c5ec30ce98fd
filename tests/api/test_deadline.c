// Waits for threads: each ends at its deadline, leaves all as it was, and says
// for which thread it waited. Time is what the waits ask for (virtual.h).

#include "sleeper.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *sleep_in_section(void *arg) {
    must(tally_attach("sleeper") == TALLY_OK);
    TALLY_BORROW {
        stage_set(&at, 1);
        gate_wait();
    }
    return arg;
}

static void *sleep_for_lock(void *arg) {
    must(tally_attach("sleeper") == TALLY_OK);
    stage_set(&at, 1);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static struct node *hot; // of this thread's

static tally_status make_hot(void) { return tally_make_hot(owned); }
static tally_status make_cold(void) { return tally_make_cold(hot); }
static const wait_fn waits[] = {WAITS_OF_ALL, make_hot, make_cold};
#define WAITS (sizeof(waits) / sizeof(waits[0]))

static void all_end(void *arg) {
    (void)arg;
    pthread_t thread = sleeper_start(sleep_attached);
    must((hot = tally_new(node)));
    must(tally_make_hot(hot) == TALLY_OK);
    for (unsigned n = 0; n < WAITS; n++)
        expect_late(waits[n]);
    // Of the thread's object a reference is needed from here on.
    tally_incref(owned);
    sleeper_end(thread);
    for (unsigned n = 0; n < WAITS; n++)
        must(waits[n]() == TALLY_OK);
    tally_decref(owned);
    tally_decref(hot);
    must(tally_collect() <= 2);
    must(mortal_objects() == 0);
}

static void each_ends_at_its_deadline_and_works_again(void **state) {
    (void)state;
    struct child child = child_run(all_end, NULL);
    assert_true(child_passed(&child));
}

// ---- what is said

static unsigned occurrences(const char *text, const char *word) {
    unsigned count = 0;
    for (; (text = strstr(text, word)); text++)
        count++;
    return count;
}

static void one_ends(void *arg) {
    pthread_t thread = sleeper_start(sleep_attached);
    expect_late(*(wait_fn *)arg);
    sleeper_end(thread);
}

static void the_thread_is_named_once_with_what_it_is_at(void **state) {
    (void)state;
    for (unsigned n = 0; n < WAITS; n++) {
        wait_fn fn = waits[n];
        if (fn == make_cold)
            continue;
        struct child child = child_run(one_ends, &fn);
        assert_true(child_passed(&child));
        assert_int_equal(occurrences(child.text, "has waited 1.0 s"), 1);
        assert_int_equal(occurrences(child.text, "(waiter)"), 1);
        assert_non_null(strstr(child.text, "(sleeper, mutator 3)"));
        assert_int_equal(occurrences(child.text, "gives up"), 1);
        if (EMULATED)
            continue; // whose /proc is the emulator's
        assert_non_null(strstr(child.text, "sleeps in read"));
        if (!UNDER_ASAN) // whose frames below the call are large
            assert_non_null(
                strstr(child.text, "called from test_api_deadline+0x"));
        assert_non_null(strstr(child.text, "put TALLY_BLOCKING"));
    }
}

static void section_ends(void *arg) {
    (void)arg;
    pthread_t thread = sleeper_start(sleep_in_section);
    // What waits for a grace period.
    must(tally_defer_free(tally_alloc(8)) == TALLY_OK);
    expect_late(collect_full);
    sleeper_end(thread);
    must(collect_full() == TALLY_OK);
}

static void a_section_that_does_not_end_is_given_up_too(void **state) {
    (void)state;
    struct child child = child_run(section_ends, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "a borrow section must neither"));
}

static void lock_ends(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex);
    pthread_t thread = sleeper_start(sleep_for_lock);
    sleep_ms(20); // until it waits, for its advice
    expect_late(collect_full);
    pthread_mutex_unlock(&mutex);
    thread_join(thread);
}

static void a_lock_across_a_safepoint_is_given_up_too(void **state) {
    (void)state;
    struct child child = child_run(lock_ends, NULL);
    assert_true(child_passed(&child));
}

static void finalize_locking(void *object) {
    (void)object;
    stage_set(&at, 1);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

struct locking {
    tally_object head;
};
TALLY_TYPE(locking, TALLY_FINALIZE(finalize_locking));

static void *sleep_in_finalizer(void *arg) {
    must(tally_attach("sleeper") == TALLY_OK);
    tally_decref(tally_new(locking));
    return arg;
}

static void finalizer_ends(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex);
    pthread_t thread = sleeper_start(sleep_in_finalizer);
    sleep_ms(20); // until it waits, for its advice
    expect_late(collect_full);
    virtual_begin();
    pid_t child = fork();
    virtual_end();
    if (child == 0)
        _exit(0);
    must(waitpid(child, NULL, 0) == child);
    pthread_mutex_unlock(&mutex);
    thread_join(thread);
}

static void the_hook_that_a_late_thread_is_in_is_told_also_by_a_fork(
    void **state) {
    (void)state;
    struct child child = child_run(finalizer_ends, NULL);
    assert_true(child_passed(&child));
    const char *at_what = "which sleeps in futex in a finalizer of type "
                          "locking";
    const char *cure = "it must not need what the thread that it runs on";
    assert_non_null(strstr(child.text, "fork waits: no safepoint"));
    if (EMULATED)
        return;
    // Of the collection; of the fork after a second, and when it gives up.
    assert_int_equal(occurrences(child.text, at_what), 3);
    assert_int_equal(occurrences(child.text, cure), 3);
}

static void *come_back(void *arg) {
    must(tally_attach("parked") == TALLY_OK);
    stand_after_region(NULL);
    return arg;
}

static void world_stands(void *arg) {
    (void)arg;
    (void)world_stands_for(come_back);
}

static void who_has_stopped_the_world_for_long_is_named(void **state) {
    (void)state;
    struct child child = child_run(world_stands, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "(waiter) has stopped the world"));
}

// It has stood still for a second before the stop has come to its end.
static atomic_uint stood;
static void has_stood(const uint32_t *word, uint32_t value) {
    (void)word;
    (void)value;
    stood++;
}
static void *stand_first(void *arg) {
    must(tally_attach("parked") == TALLY_OK);
    stage_set(&at, 2);
    virtual_asleep = has_stood;
    virtual_begin();
    while (!virtual_endless)
        tally_safepoint();
    virtual_end();
    return arg;
}
static void *come_last(void *arg) {
    must(tally_attach("last") == TALLY_OK);
    stage_set(&at, 3);
    while (!stood && !virtual_endless)
        sched_yield();
    tally_safepoint();
    return arg;
}

static void stop_ends_late(void *arg) {
    (void)arg;
    sleeper_end(sleeper_start(sleep_attached));
    pthread_t first = thread_start(stand_first, NULL);
    stage_wait(&at, 2);
    pthread_t last = thread_start(come_last, NULL);
    stage_wait(&at, 3);
    world_stop_until_told();
    thread_join(first);
    thread_join(last);
}

static void also_by_who_stood_still_before_all_others_did(void **state) {
    (void)state;
    struct child child = child_run(stop_ends_late, NULL);
    assert_true(child_passed(&child));
    assert_int_equal(occurrences(child.text, "(waiter) has stopped the"), 1);
}

// ---- threads that never asked to be attached

static struct node *given;

static void *drop_and_sleep(void *arg) {
    tally_decref(given);
    must(tally_mutator_number() == 0);
    stage_set(&at, 3);
    gate_wait();
    return arg;
}

static void *drop_in_region_and_sleep(void *arg) {
    TALLY_BLOCKING { (void)drop_and_sleep(arg); }
    return arg;
}

// What cannot fail, and makes nothing that is the thread's.
static tally_list *list;
static tally_map *map;
static void containers_make(void) {
    must((list = tally_list_new()) && (map = tally_map_new(0)));
    must(tally_list_append(list, tally_small(1)) == TALLY_OK);
    must(tally_map_set(map, tally_small(1), tally_small(2)) == TALLY_OK);
}
static tally_aref field;
static tally_cell cell;
static void *change_and_sleep(void *arg) {
    tally_list_clear(list);
    tally_map_clear(map);
    tally_aref_set(NULL, &field, given);
    must(tally_aref_compare_set(NULL, &field, given, NULL));
    tally_cell_set_steal(NULL, &cell, tally_of(given));
    must(tally_cell_compare_set(NULL, &cell, tally_of(given), tally_absent()));
    must(tally_mutator_number() == 0);
    stage_set(&at, 3);
    gate_wait();
    return arg;
}

static void *make_and_sleep(void *arg) {
    struct node *node = tally_new(node);
    must(node);
    stage_set(&at, 3);
    gate_wait();
    tally_decref(node);
    return arg;
}

// After a thread that has ended.
static pthread_t foreign_start(thread_fn fn) {
    sleeper_end(sleeper_start(sleep_attached));
    must((given = tally_new(node)));
    if (fn == change_and_sleep)
        containers_make();
    pthread_t thread = thread_start(fn, NULL);
    stage_wait(&at, 3);
    return thread;
}

// Of what was made [left] objects are there afterwards.
static void go_elsewhere(thread_fn fn, uint64_t left) {
    pthread_t thread = foreign_start(fn);
    virtual_begin();
    must(collect_full() == TALLY_OK && stop() == TALLY_OK);
    must(virtual_sleeps == 0);
    virtual_end();
    must(mortal_objects() == left);
    sleeper_end(thread);
}

static void drop_elsewhere(void *arg) {
    (void)arg;
    go_elsewhere(drop_and_sleep, 0);
}
static void drop_in_region_elsewhere(void *arg) {
    (void)arg;
    go_elsewhere(drop_in_region_and_sleep, 0);
}
static void change_elsewhere(void *arg) {
    (void)arg;
    go_elsewhere(change_and_sleep, 2);
    must(tally_list_length(list) == 0 && tally_map_length(map) == 0);
}

static void a_thread_that_drops_a_reference_is_not_waited_for(void **state) {
    (void)state;
    void (*const elsewhere[])(void *) = {
        change_elsewhere, drop_in_region_elsewhere, drop_elsewhere};
    for (unsigned n = 0; n < 3; n++) {
        struct child child = child_run(elsewhere[n], NULL);
        assert_true(child_passed(&child));
        assert_string_equal(child.text, "");
    }
}

static void make_elsewhere(void *arg) {
    (void)arg;
    pthread_t thread = foreign_start(make_and_sleep);
    tally_decref(given);
    expect_late(collect_full);
    sleeper_end(thread);
    must(collect_full() == TALLY_OK);
}

static void a_thread_that_was_attached_unasked_is_told_as_such(void **state) {
    (void)state;
    struct child child = child_run(make_elsewhere, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "attached by its first use"));
}

// ---- who does not wait

static void trim_beside(void *arg) {
    (void)arg;
    pthread_t thread = sleeper_start(sleep_attached);
    virtual_begin();
    tally_trim();
    must(virtual_sleeps == 0);
    virtual_end();
    sleeper_end(thread);
}

static void a_trim_waits_for_nobody(void **state) {
    (void)state;
    struct child child = child_run(trim_beside, NULL);
    assert_true(child_passed(&child));
    assert_string_equal(child.text, "");
}

static void *collect_beside(void *arg) {
    must(tally_attach("collects") == TALLY_OK);
    stage_set(&at, 2);
    must(tally_collect_generation(TALLY_FULL, NULL) == TALLY_OK);
    return arg;
}

static void go_on_beside(void *arg) {
    (void)arg;
    pthread_t sleeper = sleeper_start(sleep_attached);
    pthread_t thread = thread_start(collect_beside, NULL);
    stage_wait(&at, 2);
    for (unsigned n = 0; n < 20; n++) {
        TALLY_BLOCKING { sleep_ms(1); }
        tally_trim();
        struct node *node = tally_new(node);
        must(node && tally_make_hot(node) == TALLY_OK);
        tally_decref(node);
    }
    sleeper_end(sleeper);
    thread_join(thread);
}

static void others_go_on_while_a_collection_waits(void **state) {
    (void)state;
    struct child child = child_run(go_on_beside, NULL);
    assert_true(child_passed(&child));
}

// ---- the runtime's end

static void finalize_slowly(void *object) {
    (void)object;
    stage_set(&at, 1);
    TALLY_BLOCKING { gate_wait(); }
}

struct slow {
    tally_object head;
};
TALLY_TYPE(slow, TALLY_FINALIZE(finalize_slowly),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

static void shut_down(void *arg) {
    (void)arg;
    struct tally_config config = TALLY_CONFIG_INIT;
    config.deadline_ms = DEADLINE_MS;
    (void)unsetenv("TALLY_CONF");
    must(pipe(gate) == 0 && tally_init(&config) == TALLY_OK);
    struct slow *slow = tally_new(slow);
    must(slow);
    tally_decref(slow);
    stage_poll(&at, 1);
    virtual_begin();
    must(tally_shutdown(NULL) == TALLY_TIMED_OUT);
    virtual_end();
    must(write(gate[1], "", 1) == 1);
    must(tally_shutdown(NULL) == TALLY_OK);
}

static void a_finalizer_that_does_not_return_keeps_the_runtime(void **state) {
    (void)state;
    struct child child = child_run(shut_down, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, "(tally-finalize) is in a finalizer of "
                                       "type slow"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ends_at_its_deadline_and_works_again),
        cmocka_unit_test(the_thread_is_named_once_with_what_it_is_at),
        cmocka_unit_test(a_section_that_does_not_end_is_given_up_too),
        cmocka_unit_test(a_lock_across_a_safepoint_is_given_up_too),
        cmocka_unit_test(
            the_hook_that_a_late_thread_is_in_is_told_also_by_a_fork),
        cmocka_unit_test(who_has_stopped_the_world_for_long_is_named),
        cmocka_unit_test(also_by_who_stood_still_before_all_others_did),
        cmocka_unit_test(a_thread_that_drops_a_reference_is_not_waited_for),
        cmocka_unit_test(a_thread_that_was_attached_unasked_is_told_as_such),
        cmocka_unit_test(a_trim_waits_for_nobody),
        cmocka_unit_test(others_go_on_while_a_collection_waits),
        cmocka_unit_test(a_finalizer_that_does_not_return_keeps_the_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
