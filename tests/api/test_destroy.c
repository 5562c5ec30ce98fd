// The end of objects: in which order, with which hooks, on which stack.

#include "api.h"
#include "threads.h"

#include <stdatomic.h>

// What hooks saw, in order.
static struct {
    int finalized, destroyed;
    int finalized_at_destroy; // finalizers called when destroy came last
    struct note *last;
    bool whole;   // at the last finalizer: what it refers to was alive
    bool emptied; // at the last destroy hook: its references were gone
} seen;

struct note {
    tally_object head;
    tally_ref next;
    long key;
};
static void note_finalize(void *object);
static void note_destroy(void *object);
TALLY_TYPE(note, TALLY_REF(next), TALLY_FINALIZE(note_finalize),
           TALLY_DESTROY(note_destroy));

static void note_finalize(void *object) {
    struct note *note = object;
    struct note *next = tally_get(note, next);
    seen.finalized++;
    seen.last = note;
    seen.whole = !next || (next->key > 0 &&
                           tally_is_instance(next, TALLY_TYPE_OF(note)));
}

static void note_destroy(void *object) {
    struct note *note = object;
    seen.destroyed++;
    seen.finalized_at_destroy = seen.finalized;
    seen.emptied = tally_get(note, next) == NULL;
}

// A list's node, and one with a reference that is not at the begin.
struct plain {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(plain, TALLY_REF(next));

struct typed {
    tally_object head;
    long key;
    tally_ref next;
    long more;
    tally_ref other;
};
TALLY_TYPE(typed, TALLY_REF(next), TALLY_REF(other));

// The hook tells the visitor about fields that no trait names.
struct visited {
    tally_object head;
    long used;
    tally_ref slot[3];
};
static void visited_visit(void *object, struct tally_visitor *visitor) {
    struct visited *visited = object;
    for (long n = 0; n < visited->used; n++)
        tally_visit(visitor, &visited->slot[n]);
}
TALLY_TYPE(visited, TALLY_VISIT(visited_visit));

static struct note *note_new(long key) {
    struct note *note = tally_new(note);
    must(note);
    note->key = key;
    return note;
}

static int begin(void **state) {
    memset(&seen, 0, sizeof(seen));
    return begin_quiet(state);
}

static void the_finalizer_comes_before_the_destroy_hook(void **state) {
    (void)state;
    tally_decref(note_new(1));
    assert_int_equal(seen.finalized, 1);
    assert_int_equal(seen.destroyed, 1);
    assert_int_equal(seen.finalized_at_destroy, 1);
}

static void a_finalizer_sees_the_object_whole(void **state) {
    (void)state;
    struct note *note = note_new(1);
    tally_set_steal(note, next, note_new(2));
    seen.whole = false;
    tally_decref(note);
    assert_true(seen.whole);
    assert_int_equal(seen.finalized, 2);
    assert_int_equal(seen.destroyed, 2);
}

static void a_destroy_hook_sees_its_references_dropped(void **state) {
    (void)state;
    struct note *note = note_new(1);
    tally_set_steal(note, next, note_new(2));
    tally_decref(note);
    assert_true(seen.emptied);
}

// A finalizer that brings its object back.
struct phoenix {
    tally_object head;
    tally_ref self, friend;
    long key;
};
static struct phoenix *risen;
static int phoenix_finalized, phoenix_destroyed;
static void phoenix_finalize(void *object) {
    phoenix_finalized++;
    tally_incref(object);
    risen = object;
}
static void phoenix_destroy(void *object) {
    (void)object;
    phoenix_destroyed++;
}
TALLY_TYPE(phoenix, TALLY_REF(self), TALLY_REF(friend),
           TALLY_FINALIZE(phoenix_finalize), TALLY_DESTROY(phoenix_destroy));

static int begin_phoenix(void **state) {
    risen = NULL;
    phoenix_finalized = phoenix_destroyed = 0;
    return begin(state);
}

static void a_finalizer_may_bring_its_object_back_once(void **state) {
    (void)state;
    struct phoenix *phoenix = tally_new(phoenix);
    phoenix->key = 7;
    tally_set_steal(phoenix, friend, note_new(3));
    tally_decref(phoenix);
    assert_int_equal(phoenix_finalized, 1);
    assert_int_equal(phoenix_destroyed, 0);
    assert_ptr_equal(risen, phoenix);
    assert_int_equal(risen->key, 7);
    struct note *friend = tally_get(risen, friend);
    assert_int_equal(friend->key, 3);
    assert_int_equal(seen.destroyed, 0);
    assert_true(tally_counts_of(risen).flags & TALLY_COUNT_FINALIZED);
    tally_decref(risen);
    assert_int_equal(phoenix_finalized, 1);
    assert_int_equal(phoenix_destroyed, 1);
    assert_int_equal(seen.destroyed, 1);
}

static void an_object_without_an_owner_may_come_back_too(void **state) {
    (void)state;
    struct phoenix *phoenix = tally_new(phoenix);
    assert_int_equal(tally_transfer(phoenix), TALLY_OK);
    tally_decref(phoenix);
    assert_int_equal(phoenix_destroyed, 0);
    assert_ptr_equal(risen, phoenix);
    tally_decref(risen);
    assert_int_equal(phoenix_destroyed, 1);
    assert_int_equal(phoenix_finalized, 1);
}

static void a_collected_object_may_come_back_once(void **state) {
    (void)state;
    struct phoenix *phoenix = tally_new(phoenix);
    tally_set(phoenix, self, phoenix);
    tally_set_steal(phoenix, friend, note_new(4));
    tally_decref(phoenix);
    assert_int_equal(phoenix_finalized, 0);
    tally_collect();
    assert_int_equal(phoenix_finalized, 1);
    assert_int_equal(phoenix_destroyed, 0);
    assert_int_equal(seen.destroyed, 0);
    assert_ptr_equal(tally_get(risen, self), risen);
    tally_decref(risen);
    tally_collect();
    assert_int_equal(phoenix_finalized, 1);
    assert_int_equal(phoenix_destroyed, 1);
    assert_int_equal(seen.destroyed, 1);
}

static void a_published_object_may_come_back(void **state) {
    (void)state;
    struct phoenix *phoenix = tally_new(phoenix);
    tally_publish(phoenix);
    tally_decref(phoenix);
    assert_ptr_equal(risen, phoenix);
    assert_true(tally_try_incref(risen));
    tally_decref(risen);
    tally_decref(risen);
    tally_collect();
    assert_int_equal(phoenix_destroyed, 1);
    assert_int_equal(phoenix_finalized, 1);
}

// Whose finalizer makes more objects, and drops them.
struct maker {
    tally_object head;
    tally_ref next;
};
static void maker_finalize(void *object) {
    (void)object;
    for (int n = 0; n < 100; n++)
        tally_decref(note_new(n + 1));
}
TALLY_TYPE(maker, TALLY_REF(next), TALLY_FINALIZE(maker_finalize));

static void a_finalizer_may_make_and_drop_objects(void **state) {
    (void)state;
    struct maker *maker = tally_new(maker);
    tally_set_steal(maker, next, tally_new(maker));
    tally_decref(maker);
    assert_int_equal(seen.finalized, 200);
    assert_int_equal(seen.destroyed, 200);
}

// ---- long lists, where there is no stack for recursion

#define SMALL_STACK 65536
#define LONG 10000000u
#define LONG_SANITIZED 300000u

enum shape { PLAIN, TYPED, VISITED, SHAPES };

static void *node_new(enum shape shape, void *next) {
    struct plain *plain = NULL;
    struct typed *typed = NULL;
    struct visited *visited = NULL;
    switch (shape) {
    case PLAIN:
        must((plain = tally_new(plain)));
        tally_set_steal(plain, next, next);
        return plain;
    case TYPED:
        must((typed = tally_new(typed)));
        tally_set_steal(typed, other, next);
        return typed;
    default:
        must((visited = tally_new(visited)));
        visited->used = 2;
        tally_set_steal(visited, slot[1], next);
        return visited;
    }
}

struct list {
    enum shape shape;
    unsigned length;
    bool merged;
};

static void *list_live_and_die(void *arg) {
    const struct list *list = arg;
    void *node = NULL;
    for (unsigned n = 0; n < list->length; n++) {
        node = node_new(list->shape, node);
        if (list->merged)
            must(tally_transfer(node) == TALLY_OK);
    }
    uint64_t before = live_objects();
    tally_decref(node);
    must(before - live_objects() == list->length);
    return NULL;
}

static void list_on_small_stack(enum shape shape, bool merged,
                                unsigned divide) {
    struct list list = {shape, rounds(LONG, LONG_SANITIZED) / divide, merged};
    if (!OPTIMIZED)
        list.length /= 5;
    // Sanitizers' own frames want more.
    size_t stack = UNDER_TSAN || UNDER_ASAN ? SMALL_STACK * 8 : SMALL_STACK;
    thread_join(thread_start_on(stack, list_live_and_die, &list));
}

static void a_long_list_dies_on_a_small_stack(void **state) {
    (void)state;
    list_on_small_stack(PLAIN, false, 1);
}

static void a_long_list_without_an_owner_dies_on_a_small_stack(void **state) {
    (void)state;
    list_on_small_stack(PLAIN, true, 1);
}

static void a_long_list_of_typed_references_dies_on_a_small_stack(
    void **state) {
    (void)state;
    list_on_small_stack(TYPED, false, 4);
    list_on_small_stack(TYPED, true, 4);
}

static void a_long_list_of_visited_references_dies_on_a_small_stack(
    void **state) {
    (void)state;
    list_on_small_stack(VISITED, false, 4);
    list_on_small_stack(VISITED, true, 4);
}

static void *finalized_list(void *arg) {
    unsigned length = *(unsigned *)arg;
    struct note *note = NULL;
    for (unsigned n = 0; n < length; n++) {
        struct note *head = note_new(1);
        tally_set_steal(head, next, note);
        note = head;
    }
    tally_decref(note);
    must(seen.finalized == (int)length && seen.destroyed == (int)length);
    return NULL;
}

static void a_long_list_with_hooks_dies_on_a_small_stack(void **state) {
    (void)state;
    unsigned length = rounds(1000000, 50000);
    size_t stack = UNDER_TSAN || UNDER_ASAN ? SMALL_STACK * 8 : SMALL_STACK;
    thread_join(thread_start_on(stack, finalized_list, &length));
}

// A hook that blocks, while another thread collects.
struct closer {
    tally_object head;
    tally_ref next;
};
static stage closer_at;
static int closers;
static void closer_destroy(void *object) {
    (void)object;
    if (++closers > 1)
        return;
    stage_set(&closer_at, 1);
    stage_wait(&closer_at, 2);
}
TALLY_TYPE(closer, TALLY_REF(next), TALLY_DESTROY(closer_destroy));

static void *closer_drop(void *arg) {
    (void)arg;
    struct typed *root = tally_new(typed);
    tally_set_steal(root, next, tally_new(closer));
    tally_set_steal(root, other, tally_new(closer));
    tally_decref(root);
    return NULL;
}

static void what_is_being_destroyed_is_no_garbage(void **state) {
    (void)state;
    pthread_t thread = thread_start(closer_drop, NULL);
    stage_wait(&closer_at, 1);
    assert_int_equal(tally_collect(), 0);
    assert_int_equal(tally_verify(2), TALLY_OK);
    stage_set(&closer_at, 2);
    thread_join(thread);
    assert_int_equal(closers, 2);
}

static void *drop_notes(void *arg) {
    struct note **note = arg;
    for (int n = 0; n < 100; n++)
        tally_decref(note[n]);
    return NULL;
}

static void objects_that_others_drop_last_are_finalized_once(void **state) {
    (void)state;
    struct note *note[100];
    for (int n = 0; n < 100; n++)
        note[n] = note_new(n + 1);
    thread_run(drop_notes, note);
    tally_safepoint();
    assert_int_equal(seen.finalized, 100);
    assert_int_equal(seen.destroyed, 100);
}

#define destroy_test(name)                                                     \
    cmocka_unit_test_setup_teardown(name, begin, end_clean)
#define phoenix_test(name)                                                     \
    cmocka_unit_test_setup_teardown(name, begin_phoenix, end_clean)

// A hook that fails at something.
struct clumsy {
    tally_object head;
};
static atomic_int clumsy_ends;
static void clumsy_destroy(void *object) {
    (void)object;
    errno = EIO;
    atomic_fetch_add(&clumsy_ends, 1);
}
TALLY_TYPE(clumsy, TALLY_DESTROY(clumsy_destroy));

static void *drop_one(void *object) {
    tally_decref((struct clumsy *)object);
    return NULL;
}

static void a_safepoint_keeps_errno_whatever_hooks_do(void **state) {
    (void)state;
    struct clumsy *clumsy = tally_new(clumsy);
    must(clumsy);
    // The last reference is dropped there, and the end left to its owner.
    pthread_t thread = thread_start(drop_one, clumsy);
    must(pthread_join(thread, NULL) == 0);
    errno = 0;
    for (int n = 0; n < 1000 && !atomic_load(&clumsy_ends); n++)
        tally_safepoint();
    assert_int_equal(errno, 0);
    assert_int_equal(atomic_load(&clumsy_ends), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        destroy_test(a_safepoint_keeps_errno_whatever_hooks_do),
        destroy_test(the_finalizer_comes_before_the_destroy_hook),
        destroy_test(a_finalizer_sees_the_object_whole),
        destroy_test(a_destroy_hook_sees_its_references_dropped),
        phoenix_test(a_finalizer_may_bring_its_object_back_once),
        phoenix_test(an_object_without_an_owner_may_come_back_too),
        phoenix_test(a_collected_object_may_come_back_once),
        phoenix_test(a_published_object_may_come_back),
        destroy_test(a_finalizer_may_make_and_drop_objects),
        destroy_test(a_long_list_dies_on_a_small_stack),
        destroy_test(a_long_list_without_an_owner_dies_on_a_small_stack),
        destroy_test(a_long_list_of_typed_references_dies_on_a_small_stack),
        destroy_test(a_long_list_of_visited_references_dies_on_a_small_stack),
        destroy_test(a_long_list_with_hooks_dies_on_a_small_stack),
        destroy_test(what_is_being_destroyed_is_no_garbage),
        destroy_test(objects_that_others_drop_last_are_finalized_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
