// collector/mark.c: a queue that is too small is no error.

#include "unit_collector.h"

struct node {
    tally_object head;
    tally_ref left, right;
    uint64_t number;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

struct links {
    tally_object head;
    uint64_t length;
    tally_ref items[];
};
TALLY_TYPE(links, TALLY_REF_ITEMS(items, length));

#define NODES 20000u
static struct node *nodes[NODES];

// Nodes that refer to others at random; every tenth has a reference from
// outside.
static void graph_make(uint64_t seed) {
    uint64_t random = seed;
    for (unsigned n = 0; n < NODES; n++)
        (nodes[n] = tally_new(node))->number = n;
    for (unsigned n = 0; n < NODES; n++) {
        if (unit_random(&random) % 3)
            tally_set(nodes[n], left, nodes[unit_random(&random) % NODES]);
        if (unit_random(&random) % 3)
            tally_set(nodes[n], right, nodes[unit_random(&random) % NODES]);
    }
}

// The same by hand: which nodes are reached from the roots.
static bool reached[NODES];

static unsigned number_of(const struct node *node) {
    return (unsigned)node->number;
}

static void reach(unsigned root) {
    static unsigned stack[2 * NODES + 1];
    unsigned top = 0;
    stack[top++] = root;
    while (top > 0) {
        unsigned n = stack[--top];
        if (reached[n])
            continue;
        reached[n] = true;
        if (tally_get(nodes[n], left))
            stack[top++] = number_of(tally_get(nodes[n], left));
        if (tally_get(nodes[n], right))
            stack[top++] = number_of(tally_get(nodes[n], right));
    }
}

// Marks with a queue of so many entries, and compares.
static void mark_with(size_t queue_size, uint64_t seed) {
    local_make();
    graph_make(seed);
    memset(reached, 0, sizeof(reached));
    for (unsigned n = 0; n < NODES; n += 10)
        reach(n);
    // Every tenth stays ours; the others are the graph's alone.
    for (unsigned n = 0; n < NODES; n++)
        if (n % 10) {
            // No drop: it might end here what the collector is to find.
            nodes[n]->head.local_--;
        }
    trial_begin(false);
    size_t size = tly_sides.queue_size;
    tly_sides.queue_size = queue_size;
    tly_trial_mark();
    tly_sides.queue_size = size;
    for (unsigned n = 0; n < NODES; n++)
        assert_int_equal(is_member(nodes[n]), !reached[n]);
    trial_end();
}

static void marking_finds_what_is_reached_and_no_more(void **state) {
    (void)state;
    mark_with(100000, 1);
}

static void any_number_of_workers_finds_the_same(void **state) {
    for (unsigned workers = 2; workers <= 4; workers++) {
        for (unsigned n = 0; n < 4; n++) {
            tly_workers_configure(workers);
            mark_with(n % 2 ? 40 : 100000, 10 * workers + n);
            assert_int_equal(tly_workers_threads(), workers - 1);
            must(collector_end(state) == 0 && collector_begin(state) == 0);
        }
    }
}

static void a_queue_of_one_entry_is_enough(void **state) {
    (void)state;
    mark_with(1, 2);
}

static void a_queue_of_a_few_entries_is_enough(void **state) {
    (void)state;
    mark_with(7, 3);
}

static void a_queue_that_is_full_at_times_is_enough(void **state) {
    (void)state;
    mark_with(40, 4);
}

static void an_object_with_more_references_than_the_queue_has_entries(
    void **state) {
    (void)state;
    local_make();
    struct links *list = tally_new_items(links, 500);
    for (unsigned n = 0; n < 500; n++) {
        struct node *node = tally_new(node);
        tally_ref_set_steal(list, &list->items[n], node);
        tally_set_steal(node, left, tally_new(node));
    }
    trial_begin(false);
    tly_sides.queue_size = 3;
    tly_trial_mark();
    assert_int_equal(tly_trial_garbage(false), 0);
    trial_end();
}

static void a_chain_is_marked_to_its_end(void **state) {
    (void)state;
    local_make();
    struct node *first = tally_new(node), *last = first;
    for (unsigned n = 0; n < 100000; n++) {
        struct node *next = tally_new(node);
        tally_set_steal(last, right, next);
        last = next;
    }
    trial_begin(false);
    tly_trial_mark();
    assert_false(is_member(last));
    assert_int_equal(tly_trial_garbage(false), 0);
    trial_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(marking_finds_what_is_reached_and_no_more),
        collector_test(any_number_of_workers_finds_the_same),
        collector_test(a_queue_of_one_entry_is_enough),
        collector_test(a_queue_of_a_few_entries_is_enough),
        collector_test(a_queue_that_is_full_at_times_is_enough),
        collector_test(
            an_object_with_more_references_than_the_queue_has_entries),
        collector_test(a_chain_is_marked_to_its_end),
    };
    return cmocka_run_group_tests_name("collector/mark", tests, NULL, NULL);
}
