// Values as words, and the shared fields that hold them.

#include "api.h"
#include "threads.h"

static atomic_int boxes_destroyed;
static void box_destroy(void *object) {
    (void)object;
    boxes_destroyed++;
}

struct box {
    tally_object head;
    tally_cell content;
    tally_cell pair[2];
    tally_ref next;
};
TALLY_TYPE(box, TALLY_CELL(content), TALLY_CELL_ARRAY(pair), TALLY_REF(next),
           TALLY_DESTROY(box_destroy));

struct row {
    tally_object head;
    uint32_t n;
    tally_cell items[];
};
TALLY_TYPE(row, TALLY_CELL_ITEMS(items, n));

static struct box *box_new(void) {
    struct box *box = tally_new(box);
    must(box);
    return box;
}

static void what_a_word_is_can_be_told(void **state) {
    (void)state;
    struct box *box = box_new();
    const tally_value all[] = {
        tally_absent(), tally_nil(),     tally_bool(false), tally_bool(true),
        tally_small(0), tally_small(-1), tally_of(box)};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        assert_int_equal(tally_is_absent(all[n]), n == 0);
        assert_int_equal(tally_is_nil(all[n]), n == 1);
        assert_int_equal(tally_is_bool(all[n]), n == 2 || n == 3);
        assert_int_equal(tally_is_small(all[n]), n == 4 || n == 5);
        assert_int_equal(tally_is_object(all[n]), n == 6);
        assert_ptr_equal(tally_object_of(all[n]), n == 6 ? box : NULL);
        for (size_t m = 0; m < sizeof(all) / sizeof(all[0]); m++)
            assert_int_equal(tally_is(all[n], all[m]), n == m);
    }
    tally_decref(box);
}

static void small_integers_come_back(void **state) {
    (void)state;
    const int64_t all[] = {0,
                           1,
                           -1,
                           INT32_MAX,
                           INT32_MIN,
                           TALLY_SMALL_MAX,
                           TALLY_SMALL_MAX - 1,
                           TALLY_SMALL_MIN,
                           TALLY_SMALL_MIN + 1};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++)
        assert_int_equal(tally_small_of(tally_small(all[n])), all[n]);
}

static void a_cell_holds_any_value(void **state) {
    (void)state;
    struct box *box = box_new(), *inner = box_new();
    assert_true(tally_is_absent(tally_cell_dup(&box->content)));
    tally_cell_set(box, &box->content, tally_small(7));
    assert_int_equal(tally_small_of(tally_cell_dup(&box->content)), 7);
    tally_cell_set_steal(box, &box->content, tally_of(inner));
    assert_true(tally_counts_of(inner).flags & TALLY_COUNT_PUBLISHED);
    assert_int_equal(tally_counts_of(inner).owner_count, 1);
    tally_value held = tally_cell_dup(&box->content);
    assert_ptr_equal(tally_object_of(held), inner);
    assert_int_equal(tally_counts_of(inner).owner_count, 2);
    tally_value_decref(held);
    TALLY_BORROW {
        assert_ptr_equal(tally_object_of(tally_cell_get(&box->content)), inner);
    }
    tally_value old = tally_cell_exchange(box, &box->content, tally_bool(true));
    assert_ptr_equal(tally_object_of(old), inner);
    tally_value_decref(old);
    tally_decref(box);
}

static void compare_and_set_stores_what_was_expected_only(void **state) {
    (void)state;
    struct box *box = box_new(), *inner = box_new();
    assert_false(tally_cell_compare_set(box, &box->content, tally_nil(),
                                        tally_of(inner)));
    assert_int_equal(tally_counts_of(inner).owner_count, 1);
    assert_true(tally_cell_compare_set(box, &box->content, tally_absent(),
                                       tally_of(inner)));
    assert_int_equal(tally_counts_of(inner).owner_count, 2);
    assert_true(tally_cell_compare_set(box, &box->content, tally_of(inner),
                                       tally_small(1)));
    assert_int_equal(tally_counts_of(inner).owner_count, 1);
    tally_decref(inner);
    tally_decref(box);
}

static void the_end_of_an_object_drops_what_its_cells_hold(void **state) {
    (void)state;
    tally_collect();
    int before = boxes_destroyed;
    struct box *box = box_new();
    tally_cell_set_steal(box, &box->content, tally_of(box_new()));
    tally_cell_set_steal(box, &box->pair[1], tally_of(box_new()));
    tally_cell_set(box, &box->pair[0], tally_small(-1));
    struct row *row = tally_new_items(row, 5);
    must(row);
    tally_cell_set_steal(row, &row->items[4], tally_of(box_new()));
    tally_cell_set(row, &row->items[0], tally_nil());
    tally_set_steal(box, next, row);
    tally_decref(box);
    tally_collect();
    assert_int_equal(boxes_destroyed, before + 4);
}

// An integer whose word is the address of an object, but for its tag.
static tally_value disguised(const void *object) {
    return tally_small((int64_t)((uintptr_t)object >> 3));
}

static void rings_through_cells_are_collected(void **state) {
    (void)state;
    tally_collect();
    int before = boxes_destroyed;
    struct box *first = box_new(), *last = first;
    for (int n = 0; n < 100; n++) {
        struct box *box = box_new();
        tally_cell_set(box, &box->content, tally_of(last));
        tally_cell_set(box, &box->pair[n % 2], disguised(first));
        if (n)
            tally_decref(last);
        last = box;
    }
    tally_cell_set_steal(first, &first->content, tally_of(last));
    tally_collect();
    assert_int_equal(boxes_destroyed, before);
    tally_decref(first);
    tally_collect();
    assert_int_equal(boxes_destroyed, before + 101);
}

static void an_integer_is_no_reference(void **state) {
    (void)state;
    // Taken for one, its object would be found to have no reference from
    // outside; or garbage would be found to have one.
    struct box *kept = box_new(), *ring = box_new(), *outside = box_new();
    int before = boxes_destroyed;
    tally_cell_set(ring, &ring->content, tally_of(ring));
    tally_cell_set(ring, &ring->pair[0], disguised(kept));
    tally_cell_set(outside, &outside->content, disguised(ring));
    tally_decref(ring);
    tally_collect();
    assert_int_equal(boxes_destroyed, before + 1);
    assert_int_equal(tally_counts_of(kept).owner_count, 1);
    tally_decref(kept);
    tally_decref(outside);
}

static bool count_one(void *object, void *arg) {
    (void)object;
    ++*(int *)arg;
    return true;
}

static void referents_are_the_objects_among_the_values(void **state) {
    (void)state;
    int found = 0;
    struct box *box = box_new();
    tally_cell_set_steal(box, &box->content, tally_of(box_new()));
    tally_cell_set(box, &box->pair[0], disguised(box));
    assert_int_equal(tally_referents_each(box, count_one, &found), TALLY_OK);
    assert_int_equal(found, 1);
    tally_decref(box);
}

enum { ROUNDS = 20000 };

struct shared {
    struct box *box;
    atomic_int wrong;
};

// Writers store integers, and objects that hold one.
static void *write_cell(void *arg) {
    struct shared *shared = arg;
    for (int n = 1; n <= ROUNDS; n++) {
        struct box *inner = box_new();
        tally_cell_set(inner, &inner->content, tally_small(n));
        tally_cell_set_steal(shared->box, &shared->box->content,
                             tally_of(inner));
        tally_cell_set(shared->box, &shared->box->content, tally_small(n));
        tally_safepoint();
    }
    return NULL;
}

static void *read_cell(void *arg) {
    struct shared *shared = arg;
    for (int n = 0; n < ROUNDS; n++) {
        tally_value v = tally_cell_dup(&shared->box->content);
        struct box *inner = tally_object_of(v);
        tally_value number = inner ? tally_cell_dup(&inner->content) : v;
        if (!tally_is_small(number) || tally_small_of(number) < 0 ||
            tally_small_of(number) > ROUNDS)
            shared->wrong++;
        tally_value_decref(v);
        tally_safepoint();
    }
    return NULL;
}

static void readers_see_whole_values(void **state) {
    (void)state;
    struct shared shared = {box_new(), 0};
    tally_cell_set(shared.box, &shared.box->content, tally_small(0));
    pthread_t thread[3];
    for (int n = 0; n < 3; n++)
        thread[n] = thread_start(n ? read_cell : write_cell, &shared);
    for (int n = 0; n < 3; n++)
        thread_join(thread[n]);
    assert_int_equal(shared.wrong, 0);
    tally_decref(shared.box);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(what_a_word_is_can_be_told),
        lively_test(small_integers_come_back),
        lively_test(a_cell_holds_any_value),
        lively_test(compare_and_set_stores_what_was_expected_only),
        quiet_test(the_end_of_an_object_drops_what_its_cells_hold),
        quiet_test(rings_through_cells_are_collected),
        quiet_test(an_integer_is_no_reference),
        lively_test(referents_are_the_objects_among_the_values),
        lively_test(readers_see_whole_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
