// collector/debug.c: lines of collections, and garbage that stays.

#include "unit_collector.h"

#include "collector/debug.h"
#include "platform/fault.h"

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

static int debug_end(void **state) {
    must(tally_collect_debug_set(0) == TALLY_OK);
    tally_garbage_clear();
    tally_collect();
    tly_saved_end();
    return collector_end(state);
}

#define debug_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, collector_begin, debug_end)

static struct node *ring_drop(void) {
    struct node *node = tally_new(node);
    tally_set(node, next, node);
    tally_decref(node);
    return node;
}

static void flags_are_set_and_read(void **state) {
    (void)state;
    local_make();
    assert_int_equal(tally_collect_debug_get(), 0);
    assert_int_equal(tally_collect_debug_set(TALLY_DEBUG_ALL), TALLY_OK);
    assert_int_equal(tally_collect_debug_get(), TALLY_DEBUG_ALL);
    assert_int_equal(tally_collect_debug_set(0x10), TALLY_INVALID);
    assert_int_equal(tally_collect_debug_get(), TALLY_DEBUG_ALL);
}

static void talk(void *arg) {
    local_make();
    must(tally_collect_debug_set(*(uint32_t *)arg) == TALLY_OK);
    ring_drop();
    struct node *held = tally_new(node);
    tally_collect();
    tally_decref(held);
}

static void each_flag_has_its_lines_and_no_other(void **state) {
    (void)state;
    const char *line[] = {"stopped full collection: ", "collectable: node at ",
                          "uncollectable: node at "};
    for (uint32_t flags = 0; flags <= TALLY_DEBUG_ALL; flags++) {
        struct child child = child_run(talk, &flags);
        assert_true(child_passed(&child));
        bool saves = flags & TALLY_DEBUG_SAVE_ALL;
        bool has[3];
        for (unsigned n = 0; n < 3; n++) {
            char start[64];
            snprintf(start, sizeof(start), "tally: %s", line[n]);
            has[n] = strstr(child.text, start);
        }
        assert_int_equal(has[0], !!(flags & TALLY_DEBUG_STATS));
        assert_int_equal(has[1], !!(flags & TALLY_DEBUG_COLLECTABLE));
        assert_int_equal(has[2], saves && flags & TALLY_DEBUG_UNCOLLECTABLE);
        if (has[0])
            assert_non_null(strstr(child.text, saves ? "0 freed, 0 rescued, 1 "
                                                       "saved"
                                                     : "1 freed, 0 rescued, 0 "
                                                       "saved"));
    }
}

static void saved_garbage_is_not_found_again(void **state) {
    (void)state;
    local_make();
    assert_int_equal(tally_collect_debug_set(TALLY_DEBUG_SAVE_ALL), TALLY_OK);
    struct node *node = ring_drop();
    struct tally_collection done;
    for (unsigned n = 0; n < 2; n++) {
        assert_int_equal(tally_collect_generation(TALLY_FULL, &done), TALLY_OK);
        assert_int_equal(done.saved, n == 0);
        assert_int_equal(done.garbage, n == 0);
        assert_int_equal(done.freed, 0);
    }
    assert_true(is_object(node));
    assert_int_equal(tally_garbage_count(), 1);
    assert_true(tables_are_clear());
    assert_int_equal(tally_collect_debug_set(0), TALLY_OK);
    assert_int_equal(tally_garbage_clear(), 1);
    assert_int_equal(tally_collect(), 1);
}

static void without_memory_for_the_list_the_flag_is_refused(void **state) {
    (void)state;
    local_make();
    tly_fault_arm(TLY_FAULT_RESERVE, 1, true);
    assert_int_equal(tally_collect_debug_set(TALLY_DEBUG_SAVE_ALL),
                     TALLY_NO_MEMORY);
    assert_true(tly_fault_disarm(NULL) > 0);
    assert_int_equal(tally_collect_debug_get(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        debug_test(flags_are_set_and_read),
        debug_test(each_flag_has_its_lines_and_no_other),
        debug_test(saved_garbage_is_not_found_again),
        debug_test(without_memory_for_the_list_the_flag_is_refused),
    };
    return cmocka_run_group_tests_name("collector/debug", tests, NULL, NULL);
}
