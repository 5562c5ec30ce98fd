// collector/clear.h: what becomes of garbage, and what finalizers bring back.

#include "unit_collector.h"

#include <tally/borrow.h>

static unsigned ended, finalized;
static struct node *saved; // a finalizer stores its object here
static bool saves;
static void node_ends(void *object);
static void last_finalizes(void *object);

struct node {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right), TALLY_DESTROY(node_ends));

struct last {
    struct node node;
};
TALLY_TYPE(last, TALLY_BASE(node), TALLY_FINALIZE(last_finalizes));

static void node_ends(void *object) {
    (void)object;
    ended++;
}

static void last_finalizes(void *object) {
    struct last *last = object;
    finalized++;
    // Nothing that it refers to has been touched yet.
    assert_true(!tally_get(&last->node, left) ||
                is_object(tally_get(&last->node, left)));
    if (saves) {
        tally_incref(last);
        saved = &last->node;
        saves = false;
    }
}

static struct tly_local *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    ended = finalized = 0;
    saved = NULL;
    saves = false;
    return tly_local_of(tly_self());
}

// Two nodes that refer to each other; the caller has a reference.
static struct node *ring(void) {
    struct node *a = tally_new(node), *b = tally_new(node);
    tally_set(b, left, a);
    tally_set_steal(a, left, b);
    return a;
}

static struct tally_collection collected(tally_generation generation) {
    struct tally_collection done;
    assert_int_equal(tally_collect_generation(generation, &done), TALLY_OK);
    assert_true(tables_are_clear());
    return done;
}

static void finalizers_of_garbage_run_once_before_it_ends(void **state) {
    (void)state;
    begin();
    struct node *a = (struct node *)tally_new(last);
    struct node *b = (struct node *)tally_new(last);
    tally_set(a, left, b);
    tally_set_steal(b, left, a);
    tally_decref(b);
    struct tally_collection done = collected(TALLY_FULL);
    assert_int_equal(done.finalized, 2);
    assert_int_equal(finalized, 2);
    assert_int_equal(done.freed, 2);
    assert_int_equal(ended, 2);
}

static void what_a_finalizer_brings_back_lives_with_all_it_refers_to(
    void **state) {
    (void)state;
    begin();
    struct node *a = (struct node *)tally_new(last), *b = tally_new(node);
    tally_set(a, left, b);
    tally_set_steal(b, left, a);
    tally_decref(b);
    tally_decref(ring());
    saves = true;
    struct tally_collection done = collected(TALLY_FULL);
    assert_int_equal(done.garbage, 4);
    assert_int_equal(done.freed, 2);
    assert_ptr_equal(saved, a);
    assert_true(is_object(a) && is_object(b));
    assert_int_equal(total_of(a), 2);
    assert_int_equal(total_of(b), 1);
    // Its finalizer has run: the next time it just ends.
    tally_decref(saved);
    done = collected(TALLY_FULL);
    assert_int_equal(done.finalized, 0);
    assert_int_equal(done.freed, 2);
    assert_int_equal(finalized, 1);
}

static tally_status inner_status;
static void asking_finalizes(void *object) {
    (void)object;
    inner_status = tally_collect_generation(TALLY_FULL, NULL);
}
struct asking {
    tally_object head;
    tally_ref self;
};
TALLY_TYPE(asking, TALLY_REF(self), TALLY_FINALIZE(asking_finalizes));

static void a_collection_ends_before_its_finalizers_run(void **state) {
    (void)state;
    begin();
    struct asking *asking = tally_new(asking);
    tally_set(asking, self, asking);
    tally_decref(asking);
    assert_int_equal(collected(TALLY_FULL).freed, 1);
    assert_int_equal(inner_status, TALLY_OK);
}

static void telling_ends(void *object);
struct telling {
    tally_object head;
    tally_ref self;
};
TALLY_TYPE(telling, TALLY_REF(self), TALLY_DESTROY(telling_ends));

static void telling_ends(void *object) {
    (void)object;
    inner_status = tally_collect_generation(TALLY_FULL, NULL);
}

static void a_destroy_hook_of_a_collection_may_collect(void **state) {
    (void)state;
    begin();
    struct telling *telling = tally_new(telling);
    tally_set(telling, self, telling);
    tally_decref(telling);
    assert_int_equal(collected(TALLY_FULL).freed, 1);
    assert_int_equal(inner_status, TALLY_OK);
}

// Its own finalizer is claimed: nothing waits, nothing else is held up.
static void what_waits_for_a_finalizer_keeps_what_it_refers_to(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct tly_patience patience = tly_patience_begin();
    tly_finalize_configure(TALLY_EXECUTOR_PUMPED);
    struct node *a = (struct node *)tally_new(last), *b = ring();
    tally_set(a, left, a);
    tally_set_steal(a, right, b);
    tally_decref(a);
    tally_decref(ring());
    struct tally_collection done;
    assert_int_equal(tally_collect_generation(TALLY_FULL, &done), TALLY_OK);
    assert_int_equal(done.garbage, 5);
    assert_int_equal(done.freed, 2);
    assert_int_equal(total_of(a), 2);
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(finalized, 0);
    assert_int_equal(tly_pump(self, TLY_BY_ANY, 9), 1);
    assert_int_equal(finalized, 1);
    assert_int_equal(ended, 2);
    assert_int_equal(tly_second_look(self, &patience), 3);
    assert_int_equal(ended, 5);
    assert_true(tables_are_clear());
    tly_finalize_configure(TALLY_EXECUTOR_INLINE);
}

static void entering_finalizes(void *object) {
    (void)object;
    must(tally_borrow_enter() == TALLY_OK);
}
struct entering {
    tally_object head;
    tally_ref self;
};
TALLY_TYPE(entering, TALLY_REF(self), TALLY_FINALIZE(entering_finalizes));

// The second look cannot be taken: nothing may be destroyed.
static void garbage_is_spared_when_a_finalizer_stays_in_a_section(
    void **state) {
    (void)state;
    begin();
    struct entering *entering = tally_new(entering);
    tally_set(entering, self, entering);
    tally_decref(entering);
    tally_decref(ring());
    struct tally_collection done;
    assert_int_equal(tally_collect_generation(TALLY_FULL, &done), TALLY_OK);
    assert_int_equal(done.garbage, 3);
    assert_int_equal(done.freed, 0);
    assert_true(is_object(entering));
    assert_int_equal(total_of(entering), 1);
    // Made up for as soon as the section has ended.
    tally_borrow_leave();
    tally_safepoint();
    assert_int_equal(ended, 2);
    assert_false(is_object(entering));
    assert_int_equal(collected(TALLY_FULL).freed, 0);
}

static void making_ends(void *object);
struct making {
    tally_object head;
    tally_ref self;
    struct making **keep;
};
TALLY_TYPE(making, TALLY_REF(self), TALLY_DESTROY(making_ends));

static void making_ends(void *object) {
    struct making *making = object;
    ended++;
    if (making->keep)
        *making->keep = tally_new(making);
}

static void objects_made_by_destroy_hooks_live(void **state) {
    (void)state;
    enum { COUNT = 300 };
    static struct making *kept[COUNT];
    begin();
    for (unsigned n = 0; n < COUNT; n++) {
        struct making *making = tally_new(making);
        tally_set(making, self, making);
        making->keep = &kept[n];
        tally_decref(making);
    }
    assert_int_equal(collected(TALLY_FULL).freed, COUNT);
    assert_int_equal(ended, COUNT);
    for (unsigned n = 0; n < COUNT; n++) {
        assert_true(is_object(kept[n]));
        assert_int_equal(total_of(kept[n]), 1);
        assert_null(tally_get(kept[n], self));
        tally_decref(kept[n]);
    }
    assert_int_equal(ended, 2 * COUNT);
}

struct links {
    tally_object head;
    uint64_t length;
    tally_ref items[];
};
TALLY_TYPE(links, TALLY_REF_ITEMS(items, length));

static void garbage_of_any_size_gives_its_memory_back(void **state) {
    (void)state;
    struct tly_local *self = begin();
    size_t counts[] = {1, 100, 5000, 100000, 1000000};
    for (unsigned n = 0; n < 5; n++) {
        struct links *list = tally_new_items(links, counts[n]);
        assert_non_null(list);
        tally_ref_set(list, &list->items[0], list);
        tally_ref_set(list, &list->items[counts[n] - 1], list);
        tally_decref(list);
    }
    assert_int_equal(collected(TALLY_FULL).freed, 5);
    tly_heap_empty(&self->heap, true);
    assert_int_equal(units_in_use(), 0);
}

static void garbage_of_another_owners_pool_goes_back_to_it(void **state) {
    (void)state;
    struct tly_local *other = local_make();
    ended = 0;
    for (unsigned n = 0; n < 100; n++) {
        struct node *node = tally_new(node);
        tally_set(node, left, node);
        tally_decref(node);
    }
    tly_mutator_in(other)->state = TLY_VACANT;
    struct tly_local *mine = local_make();
    assert_int_equal(collected(TALLY_FULL).freed, 100);
    assert_int_equal(ended, 100);
    assert_int_equal(mine->counters.destroyed, 100);
    flush_now();
    tly_heap_empty(&mine->heap, true);
    act_as_local(other);
    tly_heap_empty(&other->heap, true);
    assert_int_equal(units_in_use(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(finalizers_of_garbage_run_once_before_it_ends),
        collector_test(
            what_a_finalizer_brings_back_lives_with_all_it_refers_to),
        collector_test(a_collection_ends_before_its_finalizers_run),
        collector_test(a_destroy_hook_of_a_collection_may_collect),
        collector_test(what_waits_for_a_finalizer_keeps_what_it_refers_to),
        collector_test(garbage_is_spared_when_a_finalizer_stays_in_a_section),
        collector_test(objects_made_by_destroy_hooks_live),
        collector_test(garbage_of_any_size_gives_its_memory_back),
        collector_test(garbage_of_another_owners_pool_goes_back_to_it),
    };
    return cmocka_run_group_tests_name("collector/clear", tests, NULL, NULL);
}
