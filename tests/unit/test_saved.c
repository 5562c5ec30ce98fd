// collector/saved.c: the list of saved garbage.

#include "unit_collector.h"

#include "collector/debug.h"
#include "platform/fault.h"

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

static int saved_end(void **state) {
    tally_garbage_clear();
    tly_saved_end();
    return collector_end(state);
}

#define saved_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, collector_begin, saved_end)

static void *met[10];
static unsigned met_count, met_limit;

static bool note(void *object, void *arg) {
    must(arg == &met_count);
    must(total_of(object) >= 2);
    met[met_count++] = object;
    return met_count < met_limit;
}

static unsigned visit(unsigned limit) {
    met_count = 0;
    met_limit = limit;
    tally_garbage_each(note, &met_count);
    return met_count;
}

static void what_is_added_is_counted_and_visited_in_order(void **state) {
    (void)state;
    local_make();
    assert_int_equal(tly_saved_prepare(), TALLY_OK);
    struct node *node[5];
    for (unsigned n = 0; n < 5; n++) {
        node[n] = tally_new(node);
        assert_true(tly_saved_add(&node[n]->head));
        assert_int_equal(total_of(node[n]), 2);
    }
    assert_int_equal(tally_garbage_count(), 5);
    assert_int_equal(visit(10), 5);
    for (unsigned n = 0; n < 5; n++)
        assert_ptr_equal(met[n], node[n]);
    assert_int_equal(visit(2), 2);
    assert_int_equal(tally_garbage_clear(), 5);
    assert_int_equal(tally_garbage_count(), 0);
    for (unsigned n = 0; n < 5; n++) {
        assert_int_equal(total_of(node[n]), 1);
        tally_decref(node[n]);
    }
}

static void what_only_the_list_holds_ends_with_it(void **state) {
    (void)state;
    local_make();
    assert_int_equal(tly_saved_prepare(), TALLY_OK);
    struct node *node = tally_new(node);
    assert_true(tly_saved_add(&node->head));
    tally_decref(node);
    assert_true(is_object(node));
    assert_int_equal(tally_garbage_clear(), 1);
    assert_false(is_object(node));
}

static bool clear_all(void *object, void *arg) {
    ++*(unsigned *)arg;
    tally_garbage_clear();
    must(is_object(object)); // the visit's own reference
    return true;
}

static void the_list_may_be_dropped_while_it_is_visited(void **state) {
    (void)state;
    local_make();
    assert_int_equal(tly_saved_prepare(), TALLY_OK);
    struct node *node[3];
    for (unsigned n = 0; n < 3; n++) {
        must(tly_saved_add((tally_object *)(node[n] = tally_new(node))));
        tally_decref(node[n]);
    }
    unsigned calls = 0;
    tally_garbage_each(clear_all, &calls);
    assert_int_equal(calls, 1);
    for (unsigned n = 0; n < 3; n++)
        assert_false(is_object(node[n]));
}

static void without_room_nothing_is_added(void **state) {
    (void)state;
    local_make();
    struct node *node = tally_new(node);
    assert_false(tly_saved_add(&node->head)); // not prepared
    const uint32_t kinds[] = {TLY_FAULT_RESERVE, TLY_FAULT_COMMIT};
    for (unsigned n = 0; n < 2; n++) {
        tly_fault_arm(kinds[n], 1, true);
        assert_int_equal(tly_saved_prepare(), TALLY_NO_MEMORY);
        assert_true(tly_fault_disarm(NULL) > 0);
        assert_false(tly_saved_add(&node->head));
        assert_int_equal(total_of(node), 1);
    }
    assert_int_equal(tly_saved_prepare(), TALLY_OK);
    assert_true(tly_saved_add(&node->head));
    tally_decref(node);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        saved_test(what_is_added_is_counted_and_visited_in_order),
        saved_test(what_only_the_list_holds_ends_with_it),
        saved_test(the_list_may_be_dropped_while_it_is_visited),
        saved_test(without_room_nothing_is_added),
    };
    return cmocka_run_group_tests_name("collector/saved", tests, NULL, NULL);
}
