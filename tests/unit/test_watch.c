// collector/watch.c: marks on what a concurrent collection proposes.

#include "unit_collector.h"

#include "collector/lock.h"
#include "collector/watch.h"
#include "pool/walk.h"

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

enum { COUNT = 4 };
static struct node *nodes[COUNT];

// Some nodes, and all of them proposed.
static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    for (unsigned n = 0; n < COUNT; n++)
        nodes[n] = tally_new(node);
    trial_begin(false);
    return tly_local_of(tly_self());
}

static void end(struct tly_local *self, struct tly_ended *ended) {
    tly_unwatch_all(ended);
    tly_ended_give(ended, self);
    trial_end();
}

static bool is_watched(const struct node *node) {
    bool watched = node->head.owner_ & TALLY_OWNER_WATCH_;
    must(tly_side_get(tly_sides.watched, tly_granule_of(node)) == watched);
    return watched;
}

static void what_is_proposed_is_watched_until_it_ends(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_ended ended = {NULL};
    tly_watch();
    for (unsigned n = 0; n < COUNT; n++)
        assert_true(is_watched(nodes[n]) && is_member(nodes[n]));
    tly_unwatch_all(&ended);
    for (unsigned n = 0; n < COUNT; n++)
        assert_false(is_watched(nodes[n]) || is_member(nodes[n]));
    assert_null(ended.first);
    assert_true(tables_are_clear());
    end(self, &ended);
}

static void for_who_is_urgent_nothing_more_is_watched(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_ended ended = {NULL};
    tly_collector_heed(true);
    tly_store_relaxed(&tly_collector_urgent, 1);
    tly_watch();
    tly_store_relaxed(&tly_collector_urgent, 0);
    assert_true(tly_collector_is_urgent()); // and so it is given up
    tly_collector_heed(false);
    for (unsigned n = 0; n < COUNT; n++)
        assert_false(is_watched(nodes[n]));
    tly_unwatch_all(&ended);
    assert_true(tables_are_clear());
    end(self, &ended);
}

static void a_touch_of_an_earlier_collection_is_forgotten(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_ended ended = {NULL};
    nodes[0]->head.shared_ |= TLY_DIRTY;
    tly_watch();
    assert_false(nodes[0]->head.shared_ & TLY_DIRTY);
    tally_incref(nodes[1]);
    assert_true(nodes[1]->head.shared_ & TLY_DIRTY);
    tally_decref(nodes[1]);
    end(self, &ended);
    uint64_t shared = nodes[1]->head.shared_;
    tally_incref(nodes[1]);
    tally_decref(nodes[1]);
    assert_true(nodes[1]->head.shared_ == shared);
}

static void what_has_ended_is_neither_watched_nor_a_member(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_ended ended = {NULL};
    // Its block is held, with no header; or about to be.
    tly_cycle = 3;
    tly_cycle_enter(self);
    tally_decref(nodes[0]);
    nodes[1]->head.owner_ |= TALLY_OWNER_DEAD_;
    tly_watch();
    for (unsigned n = 0; n < 2; n++)
        assert_false(is_watched(nodes[n]) || is_member(nodes[n]));
    assert_true(is_watched(nodes[2]));
    nodes[1]->head.owner_ &= (uint16_t)~TALLY_OWNER_DEAD_;
    assert_ptr_equal(self->kept, nodes[0]);
    end(self, &ended);
}

static bool count_pool(void *arg, struct tly_pool *pool) {
    (void)pool;
    ++*(unsigned *)arg;
    return true;
}

static void a_pool_without_a_watched_object_is_not_looked_at(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_ended ended = {NULL};
    for (unsigned n = 0; n < COUNT; n++)
        nodes[n]->head.owner_ |= TALLY_OWNER_DEAD_;
    tly_watch();
    unsigned pools = 0;
    tly_pools_looked(count_pool, &pools);
    assert_int_equal(pools, 0);
    assert_true(tables_are_clear());
    for (unsigned n = 0; n < COUNT; n++)
        nodes[n]->head.owner_ &= (uint16_t)~TALLY_OWNER_DEAD_;
    end(self, &ended);
}

static void what_is_counted_elsewhere_is_not_watched(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_ended ended = {NULL};
    uint16_t owner = nodes[1]->head.owner_;
    tally_immortalize(nodes[0]);
    nodes[1]->head.owner_ = TALLY_OWNER_COOLING_;
    tly_watch();
    assert_false(is_watched(nodes[0]) || is_watched(nodes[1]));
    assert_false(is_member(nodes[0]) || is_member(nodes[1]));
    nodes[1]->head.owner_ = owner;
    end(self, &ended);
}

static void what_ends_watched_is_freed_by_the_collector(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_ended ended = {NULL};
    tly_watch();
    tally_decref(nodes[1]);
    tally_decref(nodes[2]);
    assert_false(block_is_free(nodes[1]) || block_is_free(nodes[2]));
    tly_side_reset(tly_sides.member, tly_granule_of(nodes[1]));
    tly_unwatch_dropped(&ended);
    assert_ptr_equal(ended.first, nodes[1]);
    assert_false(is_object(nodes[1]));
    assert_false(block_is_free(nodes[1]));
    tly_ended_give(&ended, self);
    assert_true(block_is_free(nodes[1]));
    assert_false(block_is_free(nodes[2]));
    end(self, &ended);
    assert_true(block_is_free(nodes[2]));
}

static void only_what_is_dropped_is_let_go(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_ended ended = {NULL};
    tly_watch();
    tly_side_reset(tly_sides.member, tly_granule_of(nodes[2]));
    tly_unwatch_dropped(&ended);
    for (unsigned n = 0; n < COUNT; n++)
        assert_int_equal(is_watched(nodes[n]), n != 2);
    end(self, &ended);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(what_is_proposed_is_watched_until_it_ends),
        collector_test(for_who_is_urgent_nothing_more_is_watched),
        collector_test(a_touch_of_an_earlier_collection_is_forgotten),
        collector_test(what_has_ended_is_neither_watched_nor_a_member),
        collector_test(a_pool_without_a_watched_object_is_not_looked_at),
        collector_test(what_is_counted_elsewhere_is_not_watched),
        collector_test(what_ends_watched_is_freed_by_the_collector),
        collector_test(only_what_is_dropped_is_let_go),
    };
    return cmocka_run_group_tests_name("collector/watch", tests, NULL, NULL);
}
