// What is put off ends though nothing else goes on: no other deaths, no other
// waits, no collection.

#include "api.h"
#include "child.h"
#include "threads.h"

struct file {
    tally_object head;
};
static atomic_int closed;
static void file_close(void *object) {
    (void)object;
    atomic_fetch_add(&closed, 1);
}
TALLY_TYPE(file, TALLY_FINALIZE(file_close));

// A list in a list in a list, so many deep, with a file in the innermost.
static tally_list *list_of_file(unsigned depth) {
    struct file *file = tally_new(file);
    must(file);
    void *inner = file;
    tally_list *list = NULL;
    for (unsigned n = 0; n < depth; n++) {
        list = tally_list_new();
        must(list);
        must(tally_list_append_steal(list, tally_of(inner)) == TALLY_OK);
        inner = list;
    }
    return list;
}

struct link {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(link, TALLY_REF(next));

// The same of published objects.
static struct link *links_to_file(unsigned count) {
    void *inner = tally_new(file);
    struct link *link = NULL;
    for (unsigned n = 0; n < count; n++) {
        link = tally_new(link);
        must(link && inner);
        tally_set_steal(link, next, inner);
        tally_publish(link);
        inner = link;
    }
    return link;
}

// Half a minute, if the machine lets it be one, and no sooner done than that.
#define PATIENCE 6000
#define NAP_MS 5

// Passes safepoints, and does nothing else, until so many are closed.
static bool comes_at_safepoints(int count) {
    for (int n = 0; n < PATIENCE && atomic_load(&closed) < count; n++) {
        for (int m = 0; m < 100; m++)
            tally_safepoint();
        sleep_ms(NAP_MS);
    }
    return atomic_load(&closed) == count;
}

// Sleeps until so many are closed: others do it.
static bool comes_asleep(int count) {
    bool came = false;
    TALLY_BLOCKING {
        for (int n = 0; n < PATIENCE && atomic_load(&closed) < count; n++)
            sleep_ms(NAP_MS);
        came = atomic_load(&closed) == count;
    }
    return came;
}

static void begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    atomic_store(&closed, 0);
}

static void what_a_list_held_ends_while_its_thread_passes_safepoints(
    void **state) {
    (void)state;
    begin();
    tally_decref(list_of_file(1));
    assert_true(comes_at_safepoints(1));
    tally_list *list = list_of_file(1);
    tally_list_clear(list);
    assert_true(comes_at_safepoints(2));
    tally_decref(list);
}

static void nested_lists_end_level_by_level(void **state) {
    (void)state;
    begin();
    tally_decref(list_of_file(16));
    assert_true(comes_at_safepoints(1));
}

static void published_objects_end_one_by_one(void **state) {
    (void)state;
    begin();
    tally_decref(links_to_file(1));
    assert_true(comes_at_safepoints(1));
    tally_decref(links_to_file(16));
    assert_true(comes_at_safepoints(2));
    tally_decref(links_to_file(100));
    assert_true(comes_asleep(3));
}

static void what_a_list_held_ends_while_its_thread_blocks(void **state) {
    (void)state;
    begin();
    tally_decref(list_of_file(1));
    assert_true(comes_asleep(1));
    tally_decref(list_of_file(16));
    assert_true(comes_asleep(2));
}

static void *drop_and_go(void *arg) {
    (void)arg;
    tally_decref(list_of_file(3));
    return NULL;
}

static void what_a_list_held_ends_when_its_thread_is_gone(void **state) {
    (void)state;
    begin();
    thread_run(drop_and_go, NULL);
    assert_true(comes_asleep(1));
}

static void count_close(void *arg) {
    (void)arg;
    atomic_fetch_add(&closed, 1);
}

static void a_deferred_call_is_made_in_time(void **state) {
    (void)state;
    begin();
    must(tally_defer(count_close, NULL) == TALLY_OK);
    assert_true(comes_at_safepoints(1));
    must(tally_defer(count_close, NULL) == TALLY_OK);
    assert_true(comes_asleep(2));
}

static void a_buffered_drop_is_made_in_time(void **state) {
    (void)state;
    begin();
    struct file *file = tally_new(file);
    must(file);
    tally_decref_later(file);
    assert_true(comes_at_safepoints(1));
}

// A reader that leaves its sections only to begin others.
static atomic_bool reads;
static void *read_always(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    while (atomic_load(&reads)) {
        TALLY_BORROW { stage_set(arg, 1); }
    }
    return NULL;
}

static void readers_that_come_and_go_hold_up_nothing(void **state) {
    (void)state;
    begin();
    stage at = 0;
    atomic_store(&reads, true);
    pthread_t thread = thread_start(read_always, &at);
    stage_wait(&at, 1);
    tally_decref(list_of_file(2));
    bool came = comes_at_safepoints(1);
    atomic_store(&reads, false);
    thread_join(thread);
    assert_true(came);
}

static void *read_long(void *arg) {
    stage *at = arg;
    TALLY_BORROW {
        stage_set(at, 1);
        stage_spin(at, 2);
    }
    return NULL;
}

static void a_section_that_stays_holds_up_what_waits(void **state) {
    (void)state;
    begin();
    stage at = 0;
    pthread_t thread = thread_start(read_long, &at);
    stage_wait(&at, 1);
    must(tally_defer(count_close, NULL) == TALLY_OK);
    tally_decref(links_to_file(1));
    for (int n = 0; n < 20; n++) {
        tally_safepoint();
        TALLY_BLOCKING { sleep_ms(NAP_MS); }
    }
    assert_int_equal(atomic_load(&closed), 0);
    stage_set(&at, 2);
    thread_join(thread);
    assert_true(comes_at_safepoints(2));
}

static void a_section_that_stays_stops_no_end_in_child(void *arg) {
    (void)arg;
    begin();
    stage at = 0;
    pthread_t thread = thread_start(read_long, &at);
    stage_wait(&at, 1);
    must(tally_defer(count_close, NULL) == TALLY_OK);
    for (int n = 0; n < 20; n++) {
        tally_safepoint();
        TALLY_BLOCKING { sleep_ms(NAP_MS); }
    }
    must(atomic_load(&closed) == 0);
    // Not TALLY_TIMED_OUT: the runtime's thread has ended.
    must(tally_shutdown(NULL) == TALLY_BUSY);
    must(atomic_load(&closed) == 0);
    stage_set(&at, 2);
    thread_join(thread);
    must(comes_at_safepoints(1));
    must(tally_shutdown(NULL) == TALLY_OK);
}

static void a_section_that_stays_stops_no_end(void **state) {
    (void)state;
    struct child child =
        child_run(a_section_that_stays_stops_no_end_in_child, NULL);
    assert_true(child_passed(&child));
}

static void restarts_in_child(void *arg) {
    (void)arg;
    for (int n = 0; n < 3; n++) {
        begin();
        tally_decref(list_of_file(2));
        must(comes_asleep(1));
        begin();
        tally_decref(list_of_file(2));
        must(tally_shutdown(NULL) == TALLY_OK);
        must(atomic_load(&closed) == 1);
    }
}

static void it_comes_after_a_restart(void **state) {
    (void)state;
    struct child child = child_run(restarts_in_child, NULL);
    assert_true(child_passed(&child));
}

static void waits_in_child(void *arg) {
    (void)arg;
    must(comes_at_safepoints(1));
    tally_decref(list_of_file(2));
    must(comes_asleep(2));
}

static void it_comes_in_a_forked_child(void **state) {
    (void)state;
    if (UNDER_TSAN) // does not follow a fork of several threads
        skip();
    begin();
    tally_decref(list_of_file(1));
    assert_true(comes_at_safepoints(1)); // the runtime's thread is there
    begin();
    tally_decref(list_of_file(12));
    struct child child = child_run(waits_in_child, NULL);
    assert_true(child_passed(&child));
    assert_true(comes_asleep(1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(what_a_list_held_ends_while_its_thread_passes_safepoints),
        quiet_test(nested_lists_end_level_by_level),
        quiet_test(published_objects_end_one_by_one),
        quiet_test(what_a_list_held_ends_while_its_thread_blocks),
        quiet_test(what_a_list_held_ends_when_its_thread_is_gone),
        quiet_test(a_deferred_call_is_made_in_time),
        quiet_test(a_buffered_drop_is_made_in_time),
        quiet_test(readers_that_come_and_go_hold_up_nothing),
        quiet_test(a_section_that_stays_holds_up_what_waits),
        quiet_test(a_section_that_stays_stops_no_end),
        cmocka_unit_test(it_comes_after_a_restart),
        quiet_test(it_comes_in_a_forked_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
