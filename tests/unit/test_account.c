// collector/account.c: the books of collections.

#include "unit_collector.h"

#include "collector/account.h"
#include "threads.h"

#include <tally/watch.h>

static struct tally_collect_stats books(tally_collect_mode mode,
                                        tally_generation generation) {
    struct tally_collect_stats stats = {.size = sizeof(stats)};
    must(tally_collect_stats_get(mode, generation, &stats) == TALLY_OK);
    return stats;
}

static struct tally_collection work(tally_collect_mode mode, uint64_t n) {
    return (struct tally_collection){
        .mode = mode,
        .candidates = n * 10,
        .visited = n * 20,
        .garbage = n * 3,
        .freed = n * 2,
        .rescued = n,
        .saved = n * 4,
        .finalized = n * 5,
        .total_ns = n * 100,
    };
}

static void end(tally_collect_mode mode, tally_generation generation,
                uint64_t n) {
    struct tally_collection done = work(mode, n);
    tly_account_begin(mode, generation);
    tly_account_end(generation, &done, TALLY_OK);
}

static void each_mode_and_generation_has_a_book_of_its_own(void **state) {
    (void)state;
    end(TALLY_STOPPED, TALLY_YOUNG, 1);
    end(TALLY_CONCURRENT, TALLY_FULL, 7);
    end(TALLY_CONCURRENT, TALLY_FULL, 3);
    struct tally_collect_stats s = books(TALLY_CONCURRENT, TALLY_FULL);
    assert_int_equal(s.collections, 2);
    assert_int_equal(s.abandoned, 0);
    assert_int_equal(s.candidates, 100);
    assert_int_equal(s.visited, 200);
    assert_int_equal(s.garbage, 30);
    assert_int_equal(s.collected, 20);
    assert_int_equal(s.rescued, 10);
    assert_int_equal(s.uncollectable, 40);
    assert_int_equal(s.finalized, 50);
    assert_int_equal(s.sum_ns, 1000);
    assert_int_equal(s.max_ns, 700);
    assert_int_equal(books(TALLY_STOPPED, TALLY_YOUNG).candidates, 10);
    assert_int_equal(books(TALLY_STOPPED, TALLY_FULL).collections, 0);
    assert_int_equal(books(TALLY_CONCURRENT, TALLY_YOUNG).collections, 0);
}

static void what_was_given_up_is_counted_and_what_did_not_begin_not(
    void **state) {
    (void)state;
    struct tally_collection done = work(TALLY_STOPPED, 0);
    tly_account_end(TALLY_FULL, &done, TALLY_NO_MEMORY);
    tly_account_end(TALLY_FULL, &done, TALLY_TIMED_OUT);
    tly_account_end(TALLY_FULL, &done, TALLY_BUSY);
    struct tally_collect_stats s = books(TALLY_STOPPED, TALLY_FULL);
    assert_int_equal(s.abandoned, 2);
    assert_int_equal(s.collections, 0);
}

static void a_late_second_look_belongs_to_the_last_collection(void **state) {
    (void)state;
    end(TALLY_STOPPED, TALLY_YOUNG, 1);
    struct tally_collection late = {.freed = 9, .rescued = 4};
    tly_account_late(&late);
    struct tally_collect_stats s = books(TALLY_STOPPED, TALLY_YOUNG);
    assert_int_equal(s.collections, 1);
    assert_int_equal(s.collected, 2 + 9);
    assert_int_equal(s.rescued, 1 + 4);
}

static void what_no_version_has_is_refused(void **state) {
    (void)state;
    struct tally_collect_stats s = {.size = sizeof(s) + 8};
    assert_int_equal(tally_collect_stats_get(TALLY_STOPPED, TALLY_FULL, &s),
                     TALLY_INVALID);
    s.size = 0;
    assert_int_equal(tally_collect_stats_get(TALLY_STOPPED, TALLY_FULL, &s),
                     TALLY_INVALID);
    s.size = sizeof(s);
    assert_int_equal(
        tally_collect_stats_get((tally_collect_mode)2, TALLY_FULL, &s),
        TALLY_INVALID);
    assert_int_equal(
        tally_collect_stats_get(TALLY_STOPPED, (tally_generation)2, &s),
        TALLY_INVALID);
    assert_int_equal(tally_collect_stats_get(TALLY_STOPPED, TALLY_FULL, NULL),
                     TALLY_INVALID);
}

static void an_older_versions_structure_gets_its_part(void **state) {
    (void)state;
    end(TALLY_STOPPED, TALLY_YOUNG, 1);
    struct tally_collect_stats s;
    memset(&s, 0xEE, sizeof(s));
    s.size = offsetof(struct tally_collect_stats, visited);
    assert_int_equal(tally_collect_stats_get(TALLY_STOPPED, TALLY_YOUNG, &s),
                     TALLY_OK);
    assert_int_equal(s.candidates, 10);
    assert_int_equal(s.visited, 0xEEEEEEEEEEEEEEEE);
}

static atomic_bool ended;

// All that is added is a multiple of the same; what was read at different
// moments is not.
static void *read_books(void *arg) {
    uint64_t seen = 0;
    while (!atomic_load(&ended)) {
        struct tally_collect_stats s = books(TALLY_CONCURRENT, TALLY_FULL);
        must(s.collections == s.rescued);
        must(s.candidates == s.rescued * 10);
        must(s.uncollectable == s.rescued * 4);
        must(s.sum_ns == s.rescued * 100);
        must(s.collections >= seen);
        seen = s.collections;
    }
    *(uint64_t *)arg = seen;
    return NULL;
}

static void books_are_never_read_torn(void **state) {
    (void)state;
    uint64_t seen[2];
    pthread_t thread[2];
    atomic_store(&ended, false);
    for (unsigned n = 0; n < 2; n++)
        thread[n] = thread_start(read_books, &seen[n]);
    for (unsigned n = 0; n < rounds(200000, 20000); n++)
        end(TALLY_CONCURRENT, TALLY_FULL, 1);
    atomic_store(&ended, true);
    for (unsigned n = 0; n < 2; n++)
        pthread_join(thread[n], NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(each_mode_and_generation_has_a_book_of_its_own),
        collector_test(what_was_given_up_is_counted_and_what_did_not_begin_not),
        collector_test(a_late_second_look_belongs_to_the_last_collection),
        collector_test(what_no_version_has_is_refused),
        collector_test(an_older_versions_structure_gets_its_part),
        collector_test(books_are_never_read_torn),
    };
    return cmocka_run_group_tests_name("collector/account", tests, NULL, NULL);
}
