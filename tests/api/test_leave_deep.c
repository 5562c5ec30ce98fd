// Hooks that are left, by a longjmp or by an unwinding as of an exception, to
// code that goes on deeper than where they were called.

#include "api.h"
#include "leave.h"

#define DEEP 40u // frames
#define OBJECTS 1000u

static unsigned runs[OBJECTS]; // by object
static unsigned nested, nested_most, ended;

static void hook(void) {
    nested++;
    nested_most = nested > nested_most ? nested : nested_most;
    if (leaves > 0) {
        leaves--;
        nested--;
        leave_by();
    }
    nested--;
    ended++;
}

struct node {
    tally_object head;
    tally_ref left, right;
    size_t number;
};
static void node_destroy(void *object) {
    runs[((struct node *)object)->number]++;
    hook();
}
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right),
           TALLY_DESTROY(node_destroy));

struct file {
    tally_object head;
};
static void file_finalize(void *object) {
    (void)object;
    hook();
}
TALLY_TYPE(file, TALLY_FINALIZE(file_finalize));

static int begin(void **state) {
    leaves = 0;
    nested = nested_most = ended = 0;
    memset(runs, 0, sizeof(runs));
    return begin_quiet(state);
}
#define leave_test(name) cmocka_unit_test_setup_teardown(name, begin, end_clean)

static void file_drop(void) {
    struct file *file = tally_new(file);
    tally_decref(file);
}
static void files_drop(void) {
    for (unsigned n = 0; n < 10; n++)
        file_drop();
}

static __attribute__((noinline)) void leave_one(void (*by)(void)) {
    catcher = __builtin_frame_address(0);
    leave_by = by;
    leaves = 1;
    if (!setjmp(away)) {
        file_drop();
        fail();
    }
    assert_int_equal(leaves, 0);
}

// Each is there at once, in the drop that asks: none waits for a safepoint.
static void goes_on_deeper_after(void (*by)(void)) {
    leave_one(by);
    deeper(DEEP, files_drop);
    assert_int_equal(ended, 10);
    assert_int_equal(stats_now().finalizers_waiting, 0);
    tally_collect();
}
static void a_hook_left_by_longjmp_has_ended_for_code_that_is_deeper(
    void **state) {
    (void)state;
    goes_on_deeper_after(by_longjmp);
}
static void a_hook_left_by_an_exception_has_ended_for_code_that_is_deeper(
    void **state) {
    (void)state;
    goes_on_deeper_after(by_exception);
}

// ---- an exception is noticed when it passes, not when somebody looks

static void files_drop_with_no_look(void) {
    leave_one(by_exception);
    // A hook that runs would refuse it.
    deeper(DEEP, tally_detach);
}
static void an_exception_has_ended_its_hook_when_it_is_caught(void **state) {
    (void)state;
    files_drop_with_no_look();
    assert_int_equal(tally_mutator_number(), 0);
}

// ---- hooks that are not left are inside of themselves, however deep

static void drops_many(void) {
    for (unsigned n = 0; n < 500; n++)
        deeper(n % 7, files_drop);
}
static void deep_hook(void) {
    // It is called as the one that leaves, and does not.
    nested++;
    drops_many();
    for (unsigned n = 0; n < 300; n++)
        tally_safepoint();
    nested--;
}
static void a_hook_that_is_not_left_has_no_other_inside(void **state) {
    (void)state;
    leave_by = deep_hook;
    leaves = 1;
    deeper(3, file_drop);
    tally_safepoint();
    assert_int_equal(nested_most, 1);
    assert_int_equal(ended, 5001);
}

// ---- families: nine hooks of ten are left

static void *made; // one reference
static struct node *node_new(size_t number) {
    struct node *node = tally_new(node);
    node->number = number;
    return node;
}
static void list_make(void) {
    struct node *list = NULL;
    for (size_t n = 0; n < OBJECTS; n++) {
        struct node *node = node_new(n);
        if (list)
            tally_set_steal(node, left, list);
        list = node;
    }
    made = list;
}
static struct node *tree_of(size_t from, size_t count) {
    if (count == 0)
        return NULL;
    struct node *node = node_new(from);
    struct node *left = tree_of(from + 1, (count - 1) / 2);
    struct node *right =
        tree_of(from + 1 + (count - 1) / 2, count - 1 - (count - 1) / 2);
    if (left)
        tally_set_steal(node, left, left);
    if (right)
        tally_set_steal(node, right, right);
    return node;
}
static void tree_make(void) { made = tree_of(0, OBJECTS); }

struct wide {
    tally_object head;
    tally_ref item[OBJECTS];
};
TALLY_TYPE(wide, TALLY_REF_ARRAY(item));
static void array_make(void) {
    struct wide *wide = tally_new(wide);
    for (size_t n = 0; n < OBJECTS; n++)
        tally_set_steal(wide, item[n], node_new(n));
    made = wide;
}
// Rings of ten, which only a collection frees.
static void rings_make(void) {
    for (size_t n = 0; n < OBJECTS; n += 10) {
        struct node *first = node_new(n), *last = first;
        for (size_t i = 1; i < 10; i++) {
            struct node *node = node_new(n + i);
            tally_set_steal(last, left, node);
            last = node;
        }
        tally_set_steal(last, left, first);
    }
    made = NULL;
}

static void make_dead(void) {
    void *object = made;
    made = NULL;
    if (object)
        tally_decref(object);
    tally_safepoint();
    tally_collect();
}

static unsigned left_times;
static __attribute__((noinline)) void family_round(void) {
    catcher = __builtin_frame_address(0);
    if (setjmp(away)) {
        left_times++;
        return;
    }
    make_dead();
}
static void family_rounds(void) {
    for (unsigned n = 0; n < 2 * OBJECTS; n++)
        deeper(n % 5, family_round);
}
// Nine of ten are left, the tenth returns.
static unsigned hooks;
static void (*family_by)(void);
static void nine_of_ten(void) {
    leaves++;
    if (++hooks % 10)
        family_by();
}

static void family_ends(void (*make)(void), void (*by)(void)) {
    memset(runs, 0, sizeof(runs));
    left_times = hooks = nested = 0;
    make();
    leave_by = nine_of_ten;
    family_by = by;
    leaves = 1;
    family_rounds();
    leaves = 0;
    assert_int_equal(left_times, OBJECTS - OBJECTS / 10);
    for (size_t n = 0; n < OBJECTS; n++)
        assert_int_equal(runs[n], 1);
    assert_int_equal(tally_verify(2), TALLY_OK);
    assert_int_equal(mortal_objects(), alive_before);
}

static void families_end_though_hooks_are_left_by_longjmp(void **state) {
    (void)state;
    family_ends(list_make, by_longjmp);
    family_ends(array_make, by_longjmp);
    family_ends(tree_make, by_longjmp);
    family_ends(rings_make, by_longjmp);
}
static void families_end_though_hooks_are_left_by_exceptions(void **state) {
    (void)state;
    family_ends(list_make, by_exception);
    family_ends(array_make, by_exception);
    family_ends(tree_make, by_exception);
    family_ends(rings_make, by_exception);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        leave_test(a_hook_left_by_longjmp_has_ended_for_code_that_is_deeper),
        leave_test(
            a_hook_left_by_an_exception_has_ended_for_code_that_is_deeper),
        leave_test(an_exception_has_ended_its_hook_when_it_is_caught),
        leave_test(a_hook_that_is_not_left_has_no_other_inside),
        leave_test(families_end_though_hooks_are_left_by_longjmp),
        leave_test(families_end_though_hooks_are_left_by_exceptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
