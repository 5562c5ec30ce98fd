// object/finish.h: destruction without recursion, hooks where they may run.

#include "unit_object.h"

#include <tally/borrow.h>
#include <tally/weak.h>

#include "object/finalize.h"
#include "object/weak.h"
#include "sync/rank.h"

static unsigned ended, finalized;
static void *ended_order[16];
static void node_ends(void *object);
static void node_finalizes(void *object);

struct pair {
    tally_object head;
    tally_ref left, right;
};
TALLY_TYPE(pair, TALLY_REF(left), TALLY_REF(right));

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next), TALLY_DESTROY(node_ends));

struct last {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(last, TALLY_REF(next), TALLY_FINALIZE(node_finalizes),
           TALLY_DESTROY(node_ends));

struct links {
    tally_object head;
    uint64_t length;
    tally_ref items[];
};
TALLY_TYPE(links, TALLY_REF_ITEMS(items, length));

static void node_ends(void *object) {
    if (ended < 16)
        ended_order[ended] = object;
    ended++;
}

static void node_finalizes(void *object) {
    struct last *last = object;
    finalized++;
    // What it refers to is complete still.
    if (tally_get(last, next))
        assert_true(is_object(tally_get(last, next)));
}

static struct tly_local *begin(void) {
    ended = finalized = 0;
    return local_make();
}

// A chain of so many, through the field [left].
static struct pair *chain(unsigned length) {
    struct pair *first = NULL;
    for (unsigned n = 0; n < length; n++) {
        struct pair *pair = tally_new(pair);
        tally_set_steal(pair, left, first);
        first = pair;
    }
    return first;
}

static void an_objects_references_are_dropped(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct pair *parent = tally_new(pair), *left = tally_new(pair);
    struct pair *right = tally_new(pair);
    tally_set_steal(parent, left, left);
    tally_set(parent, right, right);
    tally_decref(parent);
    assert_false(is_object(parent));
    assert_false(is_object(left));
    assert_true(is_object(right));
    assert_int_equal(total_of(right), 1);
    tally_decref(right);
    assert_int_equal(self->counters.destroyed, 3);
}

static void an_object_referred_to_twice_by_its_parent_ends_once(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct pair *parent = tally_new(pair), *child = tally_new(pair);
    tally_set(parent, left, child);
    tally_set_steal(parent, right, child);
    tally_decref(parent);
    assert_int_equal(self->counters.destroyed, 2);
}

static void *drop_chain(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    tally_decref(chain(rounds(1000000, 100000)));
    must(tly_local_of(tly_self())->counters.destroyed ==
         rounds(1000000, 100000));
    tally_detach();
    return NULL;
}

static void a_long_chain_needs_no_stack(void **state) {
    (void)state;
    pthread_t thread = thread_start_on(
        UNDER_TSAN || UNDER_ASAN ? 262144 : 65536, drop_chain, NULL);
    pthread_join(thread, NULL);
    assert_int_equal(units_in_use() <= 4, 1);
}

static void a_deep_tree_of_merged_objects_needs_no_stack(void **state) {
    (void)state;
    struct tly_local *self = begin(), *other;
    struct pair *first = NULL;
    unsigned count = rounds(100000, 20000);
    for (unsigned n = 0; n < count; n++) {
        struct pair *pair = tally_new(pair);
        tally_set_steal(pair, right, first);
        tally_transfer(pair);
        first = pair;
    }
    other = local_make();
    tally_decref(first);
    flush_now();
    assert_int_equal(other->counters.destroyed, count);
    act_as_local(self);
    poll_now();
    tly_heap_empty(&self->heap, true);
    assert_int_equal(units_in_use(), 0);
}

static void every_node_of_a_tree_ends_once(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct pair *level[1024];
    for (unsigned n = 0; n < 1024; n++)
        level[n] = tally_new(pair);
    for (unsigned width = 512; width > 0; width /= 2)
        for (unsigned n = 0; n < width; n++) {
            struct pair *parent = tally_new(pair);
            tally_set_steal(parent, left, level[2 * n]);
            tally_set_steal(parent, right, level[2 * n + 1]);
            level[n] = parent;
        }
    tally_decref(level[0]);
    assert_int_equal(self->counters.made, 2047);
    assert_int_equal(self->counters.destroyed, 2047);
    assert_null(self->dead);
    tly_heap_empty(&self->heap, true);
    assert_int_equal(units_in_use(), 0);
}

static void items_are_dropped(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct links *list = tally_new_items(links, 100);
    for (unsigned n = 0; n < 100; n += 2)
        tally_ref_set_steal(list, &list->items[n], tally_new(pair));
    tally_decref(list);
    assert_int_equal(self->counters.destroyed, 51);
}

static void destroy_hooks_run_once_parents_first(void **state) {
    (void)state;
    begin();
    struct node *a = tally_new(node), *b = tally_new(node);
    tally_set_steal(a, next, b);
    tally_decref(a);
    assert_int_equal(ended, 2);
    assert_ptr_equal(ended_order[0], a);
    assert_ptr_equal(ended_order[1], b);
}

static void hooks_wait_where_they_may_not_run(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct node *node = tally_new(node);
    struct pair *simple = tally_new(pair);
    tly_count_act(self, &node->head, tly_count_drop(self, &node->head));
    tly_count_act(self, &simple->head, tly_count_drop(self, &simple->head));
    tly_finish(self, false);
    assert_int_equal(ended, 0);
    assert_true(is_object(node));
    assert_false(is_object(simple));
    assert_ptr_equal(self->held, node);
    assert_true(tly_self()->breaker.bits_ & TLY_BREAK_FINISH);
    tally_safepoint();
    assert_int_equal(ended, 1);
    assert_true(!self->dead && !self->held && !self->finalize);
}

static void finalizers_run_before_what_they_see_ends(void **state) {
    (void)state;
    begin();
    struct last *a = tally_new(last), *b = tally_new(last);
    tally_set_steal(a, next, b);
    tally_decref(a);
    assert_int_equal(finalized, 2);
    assert_int_equal(ended, 2);
    assert_ptr_equal(ended_order[0], a);
}

static unsigned depth, deepest;
static void nest_ends(void *object);
struct nest {
    tally_object head;
    struct nest *hidden; // a reference that no trait tells of
};
TALLY_TYPE(nest, TALLY_DESTROY(nest_ends));

static void nest_ends(void *object) {
    struct nest *nest = object;
    depth++;
    deepest = depth > deepest ? depth : deepest;
    if (nest->hidden)
        tally_decref(nest->hidden);
    ended++;
    depth--;
}

static void a_hook_that_drops_does_not_recurse(void **state) {
    (void)state;
    struct nest *first = NULL;
    begin();
    depth = deepest = 0;
    for (unsigned n = 0; n < 1000; n++) {
        struct nest *nest = tally_new(nest);
        nest->hidden = first;
        first = nest;
    }
    tally_decref(first);
    assert_int_equal(ended, 1000);
    assert_true(deepest <= 2);
}

static void maker_ends(void *object);
struct maker {
    tally_object head;
    uint64_t left;
};
TALLY_TYPE(maker, TALLY_DESTROY(maker_ends));

static void maker_ends(void *object) {
    struct maker *maker = object;
    ended++;
    if (maker->left == 0)
        return;
    struct maker *next = tally_new(maker);
    next->left = maker->left - 1;
    tally_decref(next);
}

static void a_hook_that_makes_and_drops_comes_to_an_end(void **state) {
    (void)state;
    struct tly_local *self = begin();
    struct maker *maker = tally_new(maker);
    maker->left = 1000;
    tally_decref(maker);
    assert_int_equal(ended, 1001);
    assert_int_equal(self->counters.destroyed, self->counters.made);
}

// ---- slices (destroy.c)

static void slice_set(uint64_t slice) { tly_destroy_configure(slice); }

static int slice_end(void **state) {
    slice_set(0);
    return object_end(state);
}

#define slice_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, object_begin, slice_end)

// A tree of so many levels, of which each but the last has two nodes a node.
static struct pair *tree(unsigned levels) {
    struct pair *pair = tally_new(pair);
    if (levels > 1) {
        tally_set_steal(pair, left, tree(levels - 1));
        tally_set_steal(pair, right, tree(levels - 1));
    }
    return pair;
}

static unsigned listed(const tally_object *object) {
    unsigned count = 0;
    for (; object; object = tly_dead_next(object), count++) {
        assert_true(is_object(object));
        assert_true(object->shared_ & TLY_DYING);
    }
    return count;
}

static void a_slice_leaves_the_rest_linked(void **state) {
    (void)state;
    struct tly_local *self = begin();
    slice_set(128);
    tally_decref(tree(12));
    for (uint64_t before = 0; self->dead;) {
        assert_in_range(self->counters.destroyed - before, 50, 128);
        before = self->counters.destroyed;
        assert_int_equal(listed(self->dead), self->dying);
        assert_true(tly_self()->breaker.bits_ & TLY_BREAK_FINISH);
        poll_now();
    }
    assert_int_equal(self->counters.destroyed, 4095);
    assert_int_equal(self->dying, 0);
    assert_false(tly_self()->breaker.bits_ & TLY_BREAK_FINISH);
    tly_heap_empty(&self->heap, true);
    assert_int_equal(units_in_use(), 0);
}

static void a_slice_has_hooks_and_finalizers_too(void **state) {
    (void)state;
    struct tly_local *self = begin();
    slice_set(128);
    struct links *list = tally_new_items(links, 2000);
    for (unsigned n = 0; n < 2000; n++) {
        struct last *last = tally_new(last);
        tally_set_steal(last, next, tally_new(node));
        tally_ref_set_steal(list, &list->items[n], last);
    }
    unsigned before = 0;
    tally_decref(list);
    for (; self->dead || self->finalize; before = ended + finalized, poll_now())
        assert_in_range(ended + finalized - before, 1, 3 * 128);
    assert_int_equal(finalized, 2000);
    assert_int_equal(ended, 4000);
}

static void what_may_not_run_hooks_has_slices_too(void **state) {
    (void)state;
    struct tly_local *self = begin();
    slice_set(128);
    struct links *list = tally_new_items(links, 1000);
    for (unsigned n = 0; n < 1000; n++)
        tally_ref_set_steal(list, &list->items[n], tally_new(node));
    tly_count_act(self, &list->head, tly_count_drop(self, &list->head));
    tly_finish(self, false);
    assert_in_range(listed(self->held), 50, 128);
    assert_int_equal(listed(self->held) + listed(self->dead), 1000);
    assert_int_equal(self->dying, 1000);
    tly_finish_all(self, false);
    assert_int_equal(listed(self->held), 1000);
    tly_finish_all(self, true);
    assert_int_equal(ended, 1000);
    assert_int_equal(self->dying, 0);
}

static void all_comes_to_an_end_inside_a_borrow_section(void **state) {
    (void)state;
    struct tly_local *self = begin();
    slice_set(128);
    struct pair *pair = chain(1000);
    struct node *node = tally_new(node);
    tally_set_steal(pair, right, node);
    assert_int_equal(tally_borrow_enter(), TALLY_OK);
    tally_decref(pair);
    tly_finish_all(self, true);
    assert_null(self->dead);
    assert_ptr_equal(self->held, node);
    tally_borrow_leave();
    assert_int_equal(ended, 1);
    assert_int_equal(self->counters.destroyed, 1001);
}

static void the_dead_of_a_mutator_that_does_not_run_are_taken_over(
    void **state) {
    (void)state;
    slice_set(128);
    struct tly_local *other = begin(), *self;
    tally_decref(chain(1000));
    assert_true(other->dead);
    struct node *node = tally_new(node);
    tly_count_act(other, &node->head, tly_count_drop(other, &node->head));
    tly_finish(other, false);
    tly_mutator_in(other)->state = TLY_SUSPENDED;
    self = local_make();
    tly_destroy_rescue(self, other);
    assert_true(!other->dead && !other->held && !other->dying);
    tly_mutator_in(other)->state = TLY_ATTACHED;
    tly_finish_all(self, true);
    flush_now();
    act_as_local(other);
    tly_finish_all(other, true);
    // It counts the rest of the chain itself.
    for (unsigned n = 0; n < 2000; n++)
        poll_now();
    assert_int_equal(other->counters.destroyed + self->counters.destroyed,
                     1001);
    assert_int_equal(ended, 1);
}

static void freed_payload_is_overwritten_in_test_builds(void **state) {
    (void)state;
    if (!TLY_POISON || UNDER_ASAN)
        skip();
    begin();
    struct pair *pair = tally_new(pair);
    tally_decref(pair);
    assert_true((uintptr_t)pair->left.object_ == 0xDDDDDDDDDDDDDDDDu);
    assert_int_equal(pair->head.shared_ == 0xDDDDDDDDDDDDDDDDu, 0);
}

// ---- locks where the program's code comes

// A fault of the library's: what it calls with the collector's lock, or with
// one that has a rank.
static void taken(struct tly_local *self, bool collector) {
    if (collector)
        self->collector = 1;
    else
        tly_rank_enter(TLY_RANK_HOT);
}

static void calls_destroy(void *collector) {
    struct tly_local *self = begin();
    struct node *node = tally_new(node);
    taken(self, *(bool *)collector);
    tly_destroy_one(self, &node->head);
}

static void calls_finalizer(void *collector) {
    struct tly_local *self = begin();
    struct last *last = tally_new(last);
    taken(self, *(bool *)collector);
    tly_finalize_call(self, &last->head);
}

static void told(tally_weak *weak, void *arg) { (void)weak, (void)arg; }

static void calls_weakly(void *collector) {
    struct tly_local *self = begin();
    struct pair *pair = tally_new(pair);
    tally_weak *weak = tally_weak_new(pair, told, NULL);
    self->finishing = 1;
    tally_decref(pair);
    self->finishing = 0;
    while (self->dead || self->weak_controls)
        tly_finish(self, false);
    must(weak && self->weak_calls);
    taken(self, *(bool *)collector);
    tly_weak_finish(self, true);
}

static void no_code_of_the_programs_is_called_with_a_lock(void **state) {
    (void)state;
    static const struct {
        child_fn fn;
        const char *words;
    } calls[] = {
        {calls_destroy, "the collector's lock before a destroy hook"},
        {calls_finalizer, "the collector's lock before a finalizer"},
        {calls_weakly, "the collector's lock before a callback of a weak"},
    };
    if (TLY_CHECK == 0)
        skip();
    for (unsigned n = 0; n < sizeof(calls) / sizeof(calls[0]); n++)
        for (int collector = 0; collector < 2; collector++)
            assert_aborts(calls[n].fn, &(bool){collector},
                          strstr(calls[n].words, collector ? "the" : "before"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(an_objects_references_are_dropped),
        object_test(an_object_referred_to_twice_by_its_parent_ends_once),
        object_test(a_long_chain_needs_no_stack),
        object_test(a_deep_tree_of_merged_objects_needs_no_stack),
        object_test(every_node_of_a_tree_ends_once),
        object_test(items_are_dropped),
        object_test(destroy_hooks_run_once_parents_first),
        object_test(hooks_wait_where_they_may_not_run),
        object_test(finalizers_run_before_what_they_see_ends),
        object_test(a_hook_that_drops_does_not_recurse),
        object_test(a_hook_that_makes_and_drops_comes_to_an_end),
        slice_test(a_slice_leaves_the_rest_linked),
        slice_test(a_slice_has_hooks_and_finalizers_too),
        slice_test(what_may_not_run_hooks_has_slices_too),
        slice_test(all_comes_to_an_end_inside_a_borrow_section),
        slice_test(the_dead_of_a_mutator_that_does_not_run_are_taken_over),
        object_test(freed_payload_is_overwritten_in_test_builds),
        object_test(no_code_of_the_programs_is_called_with_a_lock),
    };
    return cmocka_run_group_tests_name("object/finish", tests, NULL, NULL);
}
