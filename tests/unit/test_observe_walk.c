// observe/walk.c: visiting every live object.

#include "unit_collector.h"

#include <tally/borrow.h>

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf);

struct big {
    tally_object head;
    char bytes[50000];
};
TALLY_TYPE(big);

static void *met[2000];
static unsigned met_count, met_limit;

static bool note(void *object, void *arg) {
    must(arg == &met_count);
    must(tly_self()->stopped_world);
    met[met_count++] = object;
    return met_count < met_limit;
}

static void walk(unsigned limit) {
    met_count = 0;
    met_limit = limit;
    assert_int_equal(tally_walk(note, &met_count), TALLY_OK);
    assert_false(tly_self()->stopped_world);
}

static void each_live_object_is_visited_once_by_address(void **state) {
    (void)state;
    static struct leaf *leaves[1000];
    local_make();
    for (unsigned n = 0; n < 1000; n++)
        leaves[n] = tally_new(leaf);
    for (unsigned n = 0; n < 1000; n += 3)
        tally_decref(leaves[n]);
    walk(2000);
    assert_int_equal(met_count, 666);
    for (unsigned n = 1; n < met_count; n++)
        assert_true((char *)met[n] > (char *)met[n - 1]);
    for (unsigned n = 0; n < met_count; n++)
        assert_int_equal(total_of(met[n]), 1);
}

static void raw_blocks_and_blocks_in_caches_are_not_visited(void **state) {
    (void)state;
    local_make();
    raw_take(48);
    tally_decref(tally_new(leaf));
    walk(2000);
    assert_int_equal(met_count, 0);
}

static void large_objects_are_visited(void **state) {
    (void)state;
    local_make();
    struct big *big = tally_new(big);
    walk(2000);
    assert_int_equal(met_count, 1);
    assert_ptr_equal(met[0], big);
}

static void an_object_that_is_dying_is_not_visited(void **state) {
    (void)state;
    local_make();
    struct leaf *leaf = tally_new(leaf);
    tally_publish(leaf);
    walk(2000);
    assert_int_equal(met_count, 1);
    tally_decref(leaf);
    assert_true(is_object(leaf)); // until the readers are gone
    walk(2000);
    assert_int_equal(met_count, 0);
}

static void a_walk_ends_when_it_is_told_to(void **state) {
    (void)state;
    local_make();
    for (unsigned n = 0; n < 100; n++)
        assert_non_null(tally_new(leaf));
    walk(7);
    assert_int_equal(met_count, 7);
}

static void inside_a_borrow_section_it_is_refused(void **state) {
    (void)state;
    local_make();
    tally_borrow_enter();
    assert_int_equal(tally_walk(note, &met_count), TALLY_DEADLOCK);
    tally_borrow_leave();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(each_live_object_is_visited_once_by_address),
        collector_test(raw_blocks_and_blocks_in_caches_are_not_visited),
        collector_test(large_objects_are_visited),
        collector_test(an_object_that_is_dying_is_not_visited),
        collector_test(a_walk_ends_when_it_is_told_to),
        collector_test(inside_a_borrow_section_it_is_refused),
    };
    return cmocka_run_group_tests_name("observe/walk", tests, NULL, NULL);
}
