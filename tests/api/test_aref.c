// Shared fields: read by any thread while others change them.

#include "api.h"
#include "threads.h"

static atomic_int nodes_destroyed;
static void node_destroy(void *object) {
    (void)object;
    nodes_destroyed++;
}

struct node {
    tally_object head;
    tally_aref next;
    tally_aref pair[2];
    long key;
};
TALLY_TYPE(node, TALLY_AREF(next), TALLY_AREF_ARRAY(pair),
           TALLY_DESTROY(node_destroy));

struct row {
    tally_object head;
    uint32_t n;
    tally_aref items[];
};
TALLY_TYPE(row, TALLY_AREF_ITEMS(items, n));

static tally_aref root = TALLY_AREF_INIT;

static struct node *node_new(long key) {
    struct node *node = tally_new(node);
    must(node);
    node->key = key;
    return node;
}

static bool is_published(const void *object) {
    return tally_counts_of(object).flags & TALLY_COUNT_PUBLISHED;
}

static void a_stored_object_is_published_and_counted(void **state) {
    (void)state;
    struct node *node = node_new(1);
    assert_false(is_published(node));
    tally_aref_set(NULL, &root, node);
    assert_true(is_published(node));
    assert_int_equal(tally_counts_of(node).owner_count, 2);
    tally_decref(node);
    TALLY_BORROW {
        struct node *borrowed = tally_aref_get(&root);
        assert_ptr_equal(borrowed, node);
        assert_int_equal(borrowed->key, 1);
    }
    tally_aref_set(NULL, &root, NULL);
}

static void a_borrow_lasts_to_the_end_of_its_section(void **state) {
    (void)state;
    int before = nodes_destroyed;
    tally_aref_set_steal(NULL, &root, node_new(5));
    TALLY_BORROW {
        struct node *borrowed = tally_aref_get(&root);
        tally_aref_set(NULL, &root, NULL);
        assert_int_equal(borrowed->key, 5);
        assert_null(tally_upgrade(borrowed));
        assert_int_equal(nodes_destroyed, before);
    }
    tally_collect();
    assert_int_equal(nodes_destroyed, before + 1);
}

static void a_borrow_can_be_kept(void **state) {
    (void)state;
    int before = nodes_destroyed;
    struct node *kept = NULL;
    tally_aref_set_steal(NULL, &root, node_new(5));
    TALLY_BORROW {
        kept = tally_upgrade(tally_aref_get(&root));
        assert_null(tally_upgrade(NULL));
    }
    assert_non_null(kept);
    tally_aref_set(NULL, &root, NULL);
    tally_collect();
    assert_int_equal(nodes_destroyed, before);
    tally_decref(kept);
    tally_collect();
    assert_int_equal(nodes_destroyed, before + 1);
}

static void a_counted_load_owns_what_it_reads(void **state) {
    (void)state;
    assert_null(tally_aref_dup(&root));
    tally_aref_set_steal(NULL, &root, node_new(9));
    struct node *node = tally_aref_dup(&root);
    assert_int_equal(tally_counts_of(node).owner_count, 2);
    tally_aref_set(NULL, &root, NULL);
    assert_int_equal(node->key, 9);
    tally_decref(node);
}

static void exchange_returns_what_the_field_held(void **state) {
    (void)state;
    struct node *a = node_new(1), *b = node_new(2);
    assert_null(tally_aref_exchange(NULL, &root, a));
    assert_ptr_equal(tally_aref_exchange(NULL, &root, b), a);
    assert_ptr_equal(tally_aref_take(NULL, &root), b);
    assert_null(tally_aref_take(NULL, &root));
    tally_decref(a);
    tally_decref(b);
}

static void compare_and_set_stores_only_over_what_is_expected(void **state) {
    (void)state;
    struct node *a = node_new(1), *b = node_new(2);
    assert_false(tally_aref_compare_set(NULL, &root, b, a));
    assert_int_equal(tally_counts_of(a).owner_count, 1);
    assert_true(tally_aref_compare_set(NULL, &root, NULL, a));
    assert_int_equal(tally_counts_of(a).owner_count, 2);
    assert_true(tally_aref_compare_set(NULL, &root, a, b));
    assert_int_equal(tally_counts_of(a).owner_count, 1);
    assert_true(tally_aref_compare_set(NULL, &root, b, NULL));
    assert_int_equal(tally_counts_of(b).owner_count, 1);
    tally_decref(a);
    tally_decref(b);
}

static void fields_of_objects_are_dropped_with_them(void **state) {
    (void)state;
    int before = nodes_destroyed;
    struct node *node = node_new(1);
    tally_aref_set_steal(node, &node->next, node_new(2));
    tally_aref_set_steal(node, &node->pair[0], node_new(3));
    tally_aref_set_steal(node, &node->pair[1], node_new(4));
    tally_decref(node);
    tally_collect();
    assert_int_equal(nodes_destroyed, before + 4);
}

static void cycles_through_shared_fields_are_collected(void **state) {
    (void)state;
    int before = nodes_destroyed;
    struct node *a = node_new(1), *b = node_new(2);
    struct row *row = tally_new_items(row, 3);
    tally_aref_set(a, &a->pair[1], b);
    tally_aref_set(b, &b->next, row);
    tally_aref_set(row, &row->items[2], a);
    tally_decref(a);
    tally_decref(b);
    tally_decref(row);
    assert_int_equal(tally_collect(), 3);
    assert_int_equal(nodes_destroyed, before + 2);
}

static void private_until_stored(void **state) {
    (void)state;
    // What was never stored does not wait for a grace period.
    int before = nodes_destroyed;
    TALLY_BORROW {
        struct node *node = node_new(1);
        tally_decref(node);
    }
    tally_safepoint();
    assert_int_equal(nodes_destroyed, before + 1);
    uint64_t limbo = stats_now().limbo_objects;
    assert_int_equal(limbo, 0);
}

static int leave_early(int how) {
    for (int n = 0; n < 3; n++) {
        TALLY_BORROW {
            if (how == 0)
                break;
            if (how == 1)
                return n;
            if (how == 2)
                goto out;
        }
    }
out:
    return how;
}

static void a_section_may_be_left_early(void **state) {
    (void)state;
    for (int how = 0; how < 4; how++) {
        leave_early(how);
        // Refused while a section is open.
        assert_int_equal(tally_synchronize(), TALLY_OK);
    }
}

static atomic_int finalized;
static void finalize(void *object) {
    (void)object;
    must(tally_synchronize() == TALLY_OK); // would wait for itself in a section
    finalized++;
}
struct final {
    tally_object head;
};
TALLY_TYPE(final, TALLY_FINALIZE(finalize));

static void no_finalizer_runs_inside_a_section(void **state) {
    (void)state;
    finalized = 0;
    TALLY_BORROW {
        tally_decref(tally_new(final));
        assert_int_equal(finalized, 0);
    }
    assert_int_equal(finalized, 1);
}

#define TURNS 20000

static void *read_often(void *arg) {
    stage *at = arg;
    long last = 0;
    while (atomic_load(at) == 0) {
        TALLY_BORROW {
            struct node *node = tally_aref_get(&root);
            must(node && node->key >= last);
            last = node->key;
        }
        struct node *mine = tally_aref_dup(&root);
        must(mine && mine->key >= last);
        tally_decref(mine);
    }
    return NULL;
}

static void readers_see_the_old_or_the_new(void **state) {
    (void)state;
    stage over = 0;
    tally_aref_set_steal(NULL, &root, node_new(0));
    pthread_t readers[3];
    for (int n = 0; n < 3; n++)
        readers[n] = thread_start(read_often, &over);
    for (long key = 1; key < TURNS; key++) {
        tally_aref_set_steal(NULL, &root, node_new(key));
        tally_safepoint();
    }
    stage_set(&over, 1);
    for (int n = 0; n < 3; n++)
        thread_join(readers[n]);
    tally_aref_set(NULL, &root, NULL);
}

static atomic_int taken;

static void *take_often(void *arg) {
    stage *at = arg;
    while (atomic_load(at) == 0) {
        struct node *node = tally_aref_take(NULL, &root);
        if (node) {
            taken++;
            tally_decref(node);
        }
        tally_safepoint();
    }
    return NULL;
}

static void one_taker_gets_each_reference(void **state) {
    (void)state;
    stage over = 0;
    taken = 0;
    pthread_t takers[2];
    for (int n = 0; n < 2; n++)
        takers[n] = thread_start(take_often, &over);
    int stored = 0;
    for (int n = 0; n < TURNS; n++) {
        struct node *node = node_new(n);
        stored += tally_aref_compare_set(NULL, &root, NULL, node);
        tally_decref(node);
        tally_safepoint();
    }
    stage_set(&over, 1);
    for (int n = 0; n < 2; n++)
        thread_join(takers[n]);
    struct node *last = tally_aref_take(NULL, &root);
    assert_int_equal(taken + (last != NULL), stored);
    if (last)
        tally_decref(last);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(a_stored_object_is_published_and_counted),
        quiet_test(a_borrow_lasts_to_the_end_of_its_section),
        quiet_test(a_borrow_can_be_kept),
        lively_test(a_counted_load_owns_what_it_reads),
        lively_test(exchange_returns_what_the_field_held),
        lively_test(compare_and_set_stores_only_over_what_is_expected),
        quiet_test(fields_of_objects_are_dropped_with_them),
        quiet_test(cycles_through_shared_fields_are_collected),
        quiet_test(private_until_stored),
        lively_test(a_section_may_be_left_early),
        lively_test(no_finalizer_runs_inside_a_section),
        lively_test(readers_see_the_old_or_the_new),
        lively_test(one_taker_gets_each_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
