// collector/announce.c: watchers of collections.

#include "unit_collector.h"

#include "collector/account.h"

#include <tally/watch.h>

static char told[64];
static unsigned told_count;

static void note(const struct tally_collect_event *event, void *arg) {
    (void)event;
    told[told_count++] = *(const char *)arg;
    told[told_count] = 0;
}

static const char *announce(void) {
    static const struct tally_collect_event event;
    told_count = 0;
    told[0] = 0;
    tly_announce(&event);
    return told;
}

static void watchers_are_called_in_the_order_of_adding(void **state) {
    (void)state;
    char a = 'a', b = 'b';
    assert_string_equal(announce(), "");
    assert_int_equal(tally_collect_watch(note, &a), TALLY_OK);
    assert_int_equal(tally_collect_watch(note, &b), TALLY_OK);
    assert_int_equal(tally_collect_watch(note, &a), TALLY_OK);
    assert_string_equal(announce(), "aba");
    assert_int_equal(tally_collect_unwatch(note, &a), TALLY_OK);
    assert_string_equal(announce(), "ba");
    assert_int_equal(tally_collect_unwatch(note, &a), TALLY_OK);
    assert_int_equal(tally_collect_unwatch(note, &a), TALLY_INVALID);
    assert_string_equal(announce(), "b");
    assert_int_equal(tally_collect_unwatch(note, &b), TALLY_OK);
    assert_string_equal(announce(), "");
}

static void no_watcher_and_too_many_are_refused(void **state) {
    (void)state;
    char a = 'a';
    assert_int_equal(tally_collect_watch(NULL, NULL), TALLY_INVALID);
    for (unsigned n = 0; n < 16; n++)
        assert_int_equal(tally_collect_watch(note, &a), TALLY_OK);
    assert_int_equal(tally_collect_watch(note, &a), TALLY_LIMIT);
    assert_string_equal(announce(), "aaaaaaaaaaaaaaaa");
    for (unsigned n = 0; n < 16; n++)
        assert_int_equal(tally_collect_unwatch(note, &a), TALLY_OK);
}

static void collect_inside(const struct tally_collect_event *event, void *arg) {
    (void)event;
    must(!tly_self()->stopped_world);
    ++*(unsigned *)arg;
    tally_collect();
    errno = ENOENT;
}

static void collections_of_a_watcher_are_not_told(void **state) {
    (void)state;
    local_make();
    unsigned calls = 0;
    assert_int_equal(tally_collect_watch(collect_inside, &calls), TALLY_OK);
    errno = 0;
    tally_collect();
    assert_int_equal(errno, 0);
    assert_int_equal(calls, 2);
    assert_int_equal(tally_collect_unwatch(collect_inside, &calls), TALLY_OK);
}

static void unwatch_itself(const struct tally_collect_event *event, void *arg) {
    note(event, arg);
    must(tally_collect_unwatch(unwatch_itself, arg) == TALLY_OK);
}

static void a_watcher_may_take_itself_off(void **state) {
    (void)state;
    char a = 'a', b = 'b';
    assert_int_equal(tally_collect_watch(unwatch_itself, &a), TALLY_OK);
    assert_int_equal(tally_collect_watch(note, &b), TALLY_OK);
    assert_string_equal(announce(), "ab");
    assert_string_equal(announce(), "b");
    assert_int_equal(tally_collect_unwatch(note, &b), TALLY_OK);
}

static void call_locked(void *arg) {
    local_make()->collector = 1; // a fault of the library's
    must(tally_collect_watch(note, arg) == TALLY_OK);
    announce();
}

static void no_watcher_is_called_with_the_collectors_lock(void **state) {
    (void)state;
    char a = 'a';
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(call_locked, &a, "the collector's lock before a watcher");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(watchers_are_called_in_the_order_of_adding),
        collector_test(no_watcher_and_too_many_are_refused),
        collector_test(collections_of_a_watcher_are_not_told),
        collector_test(a_watcher_may_take_itself_off),
        collector_test(no_watcher_is_called_with_the_collectors_lock),
    };
    return cmocka_run_group_tests_name("collector/announce", tests, NULL, NULL);
}
