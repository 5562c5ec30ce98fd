// collector/freeze.c: what lives is put out of the collections' sight.

#include "unit_collector.h"

#include <tally/borrow.h>

#include "object/cycle.h"

// As the runtime has it, so that handshakes make mutators take a new colour.
static void freeze_poll(struct tly_mutator *self, uint32_t bits, bool open) {
    tly_cycle_enter(tly_local_of(self));
    object_poll(self, bits, open);
}
static void freeze_acknowledge(struct tly_mutator *self, uint32_t kinds) {
    (void)kinds;
    tly_cycle_enter(tly_local_of(self));
}

static int freeze_begin(void **state) {
    int result = collector_begin(state);
    unit_hooks.poll = freeze_poll;
    unit_hooks.acknowledge = freeze_acknowledge;
    return result;
}

#define freeze_test(name)                                                      \
    cmocka_unit_test_setup_teardown(name, freeze_begin, collector_end)

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

struct big {
    tally_object head;
    tally_ref next;
    char bytes[50000];
};
TALLY_TYPE(big, TALLY_REF(next));

static size_t frozen(void) {
    size_t count = SIZE_MAX;
    must(tally_freeze_count(&count) == TALLY_OK);
    return count;
}

static void young_objects_become_old(void **state) {
    (void)state;
    local_make();
    struct node *node = tally_new(node);
    assert_false(node->head.gc_ & TLY_GC_OLD);
    assert_int_equal(tally_freeze(), TALLY_OK);
    assert_true(node->head.gc_ & TLY_GC_OLD);
    assert_false(tly_load_relaxed(&tly_pools_held));
    assert_int_equal(tly_load_relaxed(&tly_cycle) & 1, 0);
    tally_decref(node);
    assert_int_equal(tally_unfreeze(), TALLY_OK);
}

static void what_is_frozen_is_counted(void **state) {
    (void)state;
    local_make();
    struct node *node[100];
    assert_int_equal(frozen(), 0);
    for (unsigned n = 0; n < 100; n++)
        node[n] = tally_new(node);
    struct big *big = tally_new(big);
    void *raw = raw_take(48);
    assert_int_equal(tally_freeze(), TALLY_OK);
    assert_int_equal(frozen(), 101);
    struct node *fresh = tally_new(node);
    assert_int_equal(frozen(), 101);
    assert_ptr_not_equal(tly_pool_of(fresh), tly_pool_of(node[0]));
    for (unsigned n = 0; n < 100; n += 2)
        tally_decref(node[n]);
    assert_int_equal(frozen(), 51);
    tally_decref(big);
    assert_int_equal(frozen(), 50);
    // Again: what came since is added.
    assert_int_equal(tally_freeze(), TALLY_OK);
    assert_int_equal(frozen(), 51);
    assert_int_equal(tally_unfreeze(), TALLY_OK);
    assert_int_equal(frozen(), 0);
    for (unsigned n = 1; n < 100; n += 2)
        tally_decref(node[n]);
    tally_decref(fresh);
    tly_block_give_any(tly_heap_of(tly_self()), raw);
}

static struct node *ring_drop(void) {
    struct node *node = tally_new(node);
    tally_set(node, next, node);
    tally_decref(node);
    return node;
}

static void frozen_garbage_stays_until_it_is_thawed(void **state) {
    (void)state;
    local_make();
    struct node *garbage = ring_drop();
    struct big *big = tally_new(big);
    tally_set(big, next, big);
    tally_decref(big);
    assert_int_equal(tally_freeze(), TALLY_OK);
    struct node *fresh = ring_drop();
    assert_int_equal(tally_collect(), 1);
    assert_false(is_object(fresh));
    assert_true(is_object(garbage) && is_object(big));
    assert_true(tables_are_clear());
    assert_int_equal(tally_unfreeze(), TALLY_OK);
    assert_int_equal(tally_collect(), 2);
}

static void what_frozen_objects_refer_to_stays(void **state) {
    (void)state;
    local_make();
    struct node *root = tally_new(node);
    assert_int_equal(tally_freeze(), TALLY_OK);
    struct node *ring = tally_new(node);
    tally_set(ring, next, ring);
    tally_set_steal(root, next, ring);
    assert_int_equal(tally_collect(), 0);
    assert_true(is_object(ring));
    // A frozen object still ends by its count.
    tally_decref(root);
    assert_false(is_object(root));
    assert_int_equal(tally_collect(), 1);
    assert_int_equal(tally_unfreeze(), TALLY_OK);
}

static void blocks_of_frozen_objects_are_used_again_after_the_thaw(
    void **state) {
    (void)state;
    local_make();
    struct node *node[400];
    for (unsigned n = 0; n < 400; n++)
        node[n] = tally_new(node);
    struct tly_pool *pool = tly_pool_of(node[0]);
    assert_int_equal(tally_freeze(), TALLY_OK);
    for (unsigned n = 0; n < 400; n++)
        if (tly_pool_of(node[n]) == pool && n % 2)
            tally_decref(node[n]);
    struct node *other[1000];
    for (unsigned n = 0; n < 1000; n++) {
        other[n] = tally_new(node);
        assert_ptr_not_equal(tly_pool_of(other[n]), pool);
    }
    assert_int_equal(tally_unfreeze(), TALLY_OK);
    poll_now();
    unsigned again = 0;
    struct node *more[2000];
    for (unsigned n = 0; n < 2000; n++) {
        more[n] = tally_new(node);
        again += tly_pool_of(more[n]) == pool;
    }
    assert_true(again > 100);
    for (unsigned n = 0; n < 400; n++)
        if (tly_pool_of(node[n]) != pool || n % 2 == 0)
            tally_decref(node[n]);
    for (unsigned n = 0; n < 1000; n++)
        tally_decref(other[n]);
    for (unsigned n = 0; n < 2000; n++)
        tally_decref(more[n]);
}

static void objects_of_mutators_that_do_not_run_are_frozen(void **state) {
    (void)state;
    struct tly_local *idle = local_make();
    struct node *node = tally_new(node);
    act_as(NULL);
    struct tly_local *self = local_make();
    act_as_local(self);
    tly_store_relaxed(&tly_mutator_in(idle)->state, TLY_DETACHED);
    assert_int_equal(tally_freeze(), TALLY_OK);
    assert_int_equal(frozen(), 1);
    assert_true(node->head.gc_ & TLY_GC_OLD);
    assert_int_equal(tally_unfreeze(), TALLY_OK);
    assert_int_equal(frozen(), 0);
    tally_decref(node);
}

static void where_it_would_wait_for_itself_it_is_refused(void **state) {
    (void)state;
    local_make();
    size_t count = 7;
    tally_borrow_enter();
    assert_int_equal(tally_freeze(), TALLY_DEADLOCK);
    assert_int_equal(tally_unfreeze(), TALLY_DEADLOCK);
    assert_int_equal(tally_freeze_count(&count), TALLY_DEADLOCK);
    assert_int_equal(count, 7);
    tally_borrow_leave();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        freeze_test(young_objects_become_old),
        freeze_test(what_is_frozen_is_counted),
        freeze_test(frozen_garbage_stays_until_it_is_thawed),
        freeze_test(what_frozen_objects_refer_to_stays),
        freeze_test(blocks_of_frozen_objects_are_used_again_after_the_thaw),
        freeze_test(objects_of_mutators_that_do_not_run_are_frozen),
        freeze_test(where_it_would_wait_for_itself_it_is_refused),
    };
    return cmocka_run_group_tests_name("collector/freeze", tests, NULL, NULL);
}
