// Being told of collections.

#include "api.h"
#include "ring.h"
#include "threads.h"

static void note_turn(const struct tally_collect_event *event) {
    static _Thread_local int inside;
    inside += event->phase == TALLY_COLLECT_START ? 1 : -1;
    must(inside == 0 || inside == 1);
    // Nothing is held: allocating, dropping and waiting work.
    ring_drop();
    TALLY_BLOCKING { sched_yield(); }
}

struct log {
    unsigned starts, stops;
    struct tally_collect_event last;
    struct tally_collection done;
};

// Of collections of one thread.
static void note(const struct tally_collect_event *event, void *arg) {
    struct log *log = arg;
    log->starts += event->phase == TALLY_COLLECT_START;
    log->stops += event->phase == TALLY_COLLECT_STOP;
    log->last = *event;
    log->done = *event->done;
    note_turn(event);
}

static void start_and_stop_are_told_with_what_was_done(void **state) {
    (void)state;
    struct log log = {0};
    const tally_collect_mode modes[] = {TALLY_STOPPED, TALLY_CONCURRENT};
    assert_int_equal(tally_collect_watch(note, &log), TALLY_OK);
    for (unsigned n = 0; n < 2; n++) {
        tally_collect();
        log = (struct log){0};
        for (unsigned k = 0; k < 10; k++)
            ring_drop();
        assert_int_equal(tally_collect_with(modes[n], TALLY_YOUNG, NULL),
                         TALLY_OK);
        assert_int_equal(log.starts, 1);
        assert_int_equal(log.stops, 1);
        assert_int_equal(log.last.phase, TALLY_COLLECT_STOP);
        assert_int_equal(log.last.mode, modes[n]);
        assert_int_equal(log.last.generation, TALLY_YOUNG);
        assert_int_equal(log.last.status, TALLY_OK);
        // One that the last stop has made, one that the start has made.
        assert_int_equal(log.done.freed, 10 + 2);
        assert_int_equal(log.done.garbage, 10 + 2);
    }
    assert_int_equal(tally_collect_unwatch(note, &log), TALLY_OK);
    log = (struct log){0};
    tally_collect();
    assert_int_equal(log.starts, 0);
    assert_int_equal(tally_collect_unwatch(note, &log), TALLY_INVALID);
    assert_int_equal(tally_collect_watch(NULL, NULL), TALLY_INVALID);
}

static atomic_uint started, stopped;
static void count(const struct tally_collect_event *event, void *arg) {
    (void)arg;
    if (event->phase == TALLY_COLLECT_START)
        atomic_fetch_add(&started, 1);
    else
        atomic_fetch_add(&stopped, 1);
}
static void count_turn(const struct tally_collect_event *event, void *arg) {
    count(event, arg);
    note_turn(event);
}

static void collections_that_start_by_themselves_are_told(void **state) {
    (void)state;
    atomic_store(&started, 0);
    atomic_store(&stopped, 0);
    assert_int_equal(tally_collect_watch(count_turn, NULL), TALLY_OK);
    tally_collect_enable();
    for (unsigned n = 0; n < 1000000 && atomic_load(&stopped) == 0; n++) {
        ring_drop();
        tally_safepoint();
    }
    tally_collect_disable();
    assert_true(atomic_load(&stopped) > 0);
    // What another thread has begun, it ends.
    while (atomic_load(&started) != atomic_load(&stopped))
        TALLY_BLOCKING { sched_yield(); }
    assert_int_equal(tally_collect_unwatch(count_turn, NULL), TALLY_OK);
}

static void *collects(void *arg) {
    (void)arg;
    for (unsigned n = 0; n < 50; n++) {
        ring_drop();
        tally_collect();
    }
    return NULL;
}

static void watchers_come_and_go_while_threads_collect(void **state) {
    (void)state;
    pthread_t thread[3];
    atomic_store(&stopped, 0);
    assert_int_equal(tally_collect_watch(count, NULL), TALLY_OK);
    for (unsigned n = 0; n < 3; n++)
        thread[n] = thread_start(collects, NULL);
    char other = 0;
    for (unsigned n = 0; n < 1000; n++) {
        assert_int_equal(tally_collect_watch(count, &other), TALLY_OK);
        tally_safepoint();
        assert_int_equal(tally_collect_unwatch(count, &other), TALLY_OK);
    }
    for (unsigned n = 0; n < 3; n++)
        thread_join(thread[n]);
    assert_int_equal(tally_collect_unwatch(count, NULL), TALLY_OK);
    assert_true(atomic_load(&stopped) >= 150);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(start_and_stop_are_told_with_what_was_done),
        paced_test(collections_that_start_by_themselves_are_told),
        quiet_test(watchers_come_and_go_while_threads_collect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
