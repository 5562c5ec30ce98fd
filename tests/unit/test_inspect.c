// observe/inspect.c: objects by type and age, referents and referrers.

#include "unit_collector.h"

#include <tally/borrow.h>

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

// References of every kind: its own, of a base, items, and what a hook visits.
struct hidden {
    tally_ref ref;
};
struct all {
    struct node node;
    struct hidden hidden;
    tally_aref shared;
    uint32_t length;
    tally_ref item[];
};
static void visit_hidden(void *object, struct tally_visitor *visitor) {
    tally_visit(visitor, &((struct all *)object)->hidden.ref);
}
TALLY_TYPE(all, TALLY_BASE(node), TALLY_AREF(shared),
           TALLY_REF_ITEMS(item, length), TALLY_VISIT(visit_hidden));

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf);

static void *met[100];
static unsigned met_count, met_limit;

static bool note(void *object, void *arg) {
    must(arg == &met_count);
    met[met_count++] = object;
    return met_count < met_limit;
}

static bool has_met(const void *object) {
    unsigned times = 0;
    for (unsigned n = 0; n < met_count; n++)
        times += met[n] == object;
    must(times <= 1);
    return times;
}

static unsigned objects(const tally_type *type, uint32_t which) {
    met_count = 0;
    met_limit = 100;
    must(tally_objects_each(type, which, note, &met_count) == TALLY_OK);
    return met_count;
}

static unsigned referents(void *object, unsigned limit) {
    met_count = 0;
    met_limit = limit;
    must(tally_referents_each(object, note, &met_count) == TALLY_OK);
    return met_count;
}

static unsigned referrers(const void *object, unsigned limit) {
    met_count = 0;
    met_limit = limit;
    must(tally_referrers_each(object, note, &met_count) == TALLY_OK);
    return met_count;
}

static void objects_are_found_by_type_and_base(void **state) {
    (void)state;
    local_make();
    struct node *node = tally_new(node);
    struct all *all = tally_new(all);
    struct leaf *leaf = tally_new(leaf);
    assert_int_equal(objects(NULL, TALLY_OBJECTS_ALL), 3);
    assert_int_equal(objects(TALLY_TYPE_OF(node), TALLY_OBJECTS_ALL), 2);
    assert_true(has_met(node) && has_met(all));
    assert_int_equal(objects(TALLY_TYPE_OF(all), TALLY_OBJECTS_ALL), 1);
    assert_int_equal(objects(TALLY_TYPE_OF(leaf), TALLY_OBJECTS_ALL), 1);
    assert_true(has_met(leaf));
    assert_int_equal(objects(TALLY_TYPE_OF(leaf), TALLY_OBJECTS_TRACKED), 0);
}

static void objects_are_found_by_age_and_tracking(void **state) {
    (void)state;
    local_make();
    struct node *old = tally_new(node);
    tally_collect();
    struct node *young = tally_new(node), *free = tally_new(node);
    tally_untrack(free);
    assert_int_equal(objects(NULL, TALLY_OBJECTS_OLD), 1);
    assert_true(has_met(old));
    assert_int_equal(objects(NULL, TALLY_OBJECTS_YOUNG), 1);
    assert_true(has_met(young));
    assert_int_equal(objects(NULL, TALLY_OBJECTS_UNTRACKED), 1);
    assert_true(has_met(free));
    assert_int_equal(objects(NULL, TALLY_OBJECTS_TRACKED), 2);
}

static void what_is_no_choice_is_refused(void **state) {
    (void)state;
    local_make();
    assert_int_equal(tally_objects_each(NULL, 0, note, NULL), TALLY_INVALID);
    assert_int_equal(
        tally_objects_each(NULL, TALLY_OBJECTS_ALL | 1u << 31, note, NULL),
        TALLY_INVALID);
}

static bool keep(void *object, void *arg) {
    tally_incref(object);
    *(void **)arg = object;
    return true;
}

static void a_callback_may_keep_what_it_finds(void **state) {
    (void)state;
    local_make();
    struct node *node = tally_new(node);
    tally_set(node, left, node);
    tally_decref(node); // garbage
    void *kept = NULL;
    assert_int_equal(tally_objects_each(NULL, TALLY_OBJECTS_ALL, keep, &kept),
                     TALLY_OK);
    assert_ptr_equal(kept, node);
    assert_int_equal(tally_collect(), 0);
    tally_decref(kept);
    assert_int_equal(tally_collect(), 1);
}

// One with a leaf in each of its fields.
static struct all *all_new(struct leaf *leaf[7]) {
    struct all *all = tally_new_items(all, 3);
    for (unsigned n = 0; n < 7; n++)
        must((leaf[n] = tally_new(leaf)));
    tally_set_steal(&all->node, left, leaf[0]);
    tally_set_steal(&all->node, right, leaf[1]);
    for (unsigned n = 0; n < 3; n++)
        tally_set_steal(all, item[n], leaf[2 + n]);
    tally_aref_set(all, &all->shared, leaf[5]);
    tally_decref(leaf[5]);
    tally_ref_set_steal(all, &all->hidden.ref, leaf[6]);
    return all;
}

static void referents_of_every_kind_are_visited_once(void **state) {
    (void)state;
    local_make();
    struct leaf *leaf[7];
    struct all *all = all_new(leaf);
    assert_int_equal(referents(all, 100), 7);
    for (unsigned n = 0; n < 7; n++)
        assert_true(has_met(leaf[n]));
    assert_false(tly_self()->stopped_world);
    assert_int_equal(referents(leaf[0], 100), 0);
    tally_decref(all);
}

static void a_reference_that_is_held_twice_is_visited_twice(void **state) {
    (void)state;
    local_make();
    struct node *node = tally_new(node), *child = tally_new(node);
    tally_set(node, left, child);
    tally_set_steal(node, right, child);
    assert_int_equal(referents(node, 100), 2);
    // Its referrer is one object.
    assert_int_equal(referrers(child, 100), 1);
    tally_decref(node);
}

static void visits_end_when_they_are_told_to(void **state) {
    (void)state;
    local_make();
    struct leaf *leaf[7];
    struct all *all = all_new(leaf);
    for (unsigned limit = 1; limit <= 7; limit++)
        assert_int_equal(referents(all, limit), limit);
    struct node *node[5];
    for (unsigned n = 0; n < 5; n++) {
        node[n] = tally_new(node);
        tally_set(node[n], right, leaf[0]);
    }
    assert_int_equal(referrers(leaf[0], 3), 3);
    assert_int_equal(referrers(leaf[0], 100), 6);
    for (unsigned n = 0; n < 5; n++)
        tally_decref(node[n]);
    tally_decref(all);
}

static void referrers_are_found_by_fields_of_every_kind(void **state) {
    (void)state;
    local_make();
    struct leaf *leaf[7];
    struct all *all = all_new(leaf);
    struct node *node = tally_new(node);
    tally_set(node, right, all);
    for (unsigned n = 0; n < 7; n++) {
        assert_int_equal(referrers(leaf[n], 100), 1);
        assert_true(has_met(all));
    }
    assert_int_equal(referrers(all, 100), 1);
    assert_true(has_met(node));
    assert_int_equal(referrers(node, 100), 0);
    tally_untrack(node); // what refers, whether it is looked at or not
    assert_int_equal(referrers(all, 100), 1);
    tally_decref(node);
    tally_decref(all);
}

static void inside_a_borrow_section_walks_are_refused(void **state) {
    (void)state;
    local_make();
    struct node *node = tally_new(node);
    tally_set(node, left, node);
    tally_borrow_enter();
    assert_int_equal(tally_objects_each(NULL, TALLY_OBJECTS_ALL, note, NULL),
                     TALLY_DEADLOCK);
    assert_int_equal(tally_referrers_each(node, note, NULL), TALLY_DEADLOCK);
    assert_int_equal(referents(node, 100), 1); // stops nobody
    tally_borrow_leave();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(objects_are_found_by_type_and_base),
        collector_test(objects_are_found_by_age_and_tracking),
        collector_test(what_is_no_choice_is_refused),
        collector_test(a_callback_may_keep_what_it_finds),
        collector_test(referents_of_every_kind_are_visited_once),
        collector_test(a_reference_that_is_held_twice_is_visited_twice),
        collector_test(visits_end_when_they_are_told_to),
        collector_test(referrers_are_found_by_fields_of_every_kind),
        collector_test(inside_a_borrow_section_walks_are_refused),
    };
    return cmocka_run_group_tests_name("observe/inspect", tests, NULL, NULL);
}
