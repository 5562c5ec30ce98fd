// Misuse: debug builds abort with one line that names the object, its type and
// the thread. Some misuse is caught by every build.

#include "api.h"
#include "child.h"
#include "threads.h"

struct victim {
    tally_object head;
    tally_ref next;
    long key;
};
TALLY_TYPE(victim, TALLY_REF(next));

static struct victim *victim_new(void) {
    struct victim *victim = tally_new(victim);
    must(victim);
    return victim;
}

// Two references to be dropped: one keeps the block from being used again.
static void drop_twice(void *arg) {
    (void)arg;
    struct victim *victim = victim_new();
    tally_decref(victim);
    tally_decref(victim);
}

static void drop_merged_twice(void *arg) {
    (void)arg;
    struct victim *victim = victim_new();
    must(tally_transfer(victim) == TALLY_OK);
    tally_decref(victim);
    tally_decref(victim);
}

static void drop_published_twice(void *arg) {
    (void)arg;
    struct victim *victim = victim_new();
    tally_publish(victim);
    tally_decref(victim);
    tally_decref(victim);
}

static void drop_raw(void *arg) {
    void *block = tally_alloc(*(size_t *)arg);
    must(block);
    tally_decref(block);
}

static void count_dead(void *arg) {
    (void)arg;
    struct victim *victim = victim_new();
    tally_decref(victim);
    tally_incref(victim);
}

static void pin_dead(void *arg) {
    (void)arg;
    struct victim *victim = victim_new();
    tally_decref(victim);
    tally_pin(victim);
}

static void publish_dead(void *arg) {
    (void)arg;
    struct victim *victim = victim_new();
    tally_decref(victim);
    tally_publish(victim);
}

static void count_foreign(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    static uint64_t memory[8];
    tally_incref(memory);
}

static tally_aref loose;

static void upgrade_outside(void *arg) {
    (void)arg;
    struct victim *victim = victim_new();
    tally_aref_set_steal(NULL, &loose, victim);
    must(tally_upgrade(victim) == NULL);
}

static void upgrade_late(void *arg) {
    (void)arg;
    struct victim *victim = NULL;
    tally_aref_set_steal(NULL, &loose, victim_new());
    TALLY_BORROW victim = tally_aref_get(&loose);
    tally_aref_set(NULL, &loose, NULL);
    tally_collect();
    TALLY_BORROW must(tally_upgrade(victim) == NULL);
}

static void upgrade_foreign(void *arg) {
    (void)arg;
    static uint64_t memory[8];
    TALLY_BORROW must(tally_upgrade(memory) == NULL);
}

struct holder {
    tally_object head;
    tally_aref field;
};
TALLY_TYPE(holder, TALLY_AREF(field));

static void store_into_dead(void *arg) {
    (void)arg;
    struct holder *holder = tally_new(holder);
    must(holder);
    tally_decref(holder);
    tally_aref_set(holder, &holder->field, NULL);
}

static void store_beside(void *arg) {
    (void)arg;
    struct holder *holder = tally_new(holder);
    must(holder);
    tally_aref_set(holder, &loose, NULL);
}

static void free_object(void *arg) {
    (void)arg;
    tally_free(victim_new());
}

static void free_foreign(void *arg) {
    void *block = tally_alloc(10);
    must(block);
    tally_free(arg);
}

static void free_middle(void *arg) {
    (void)arg;
    char *block = tally_alloc(100);
    must(block);
    tally_free(block + 16);
}

static void use_in_region(void *arg) {
    (void)arg;
    struct victim *victim = victim_new();
    tally_blocking_enter();
    tally_decref(victim_new());
    tally_decref(victim);
}

static void enable_too_often(void *arg) {
    (void)arg;
    tally_decref(victim_new());
    tally_collect_enable();
}

static void append_in_section(void *arg) {
    (void)arg;
    tally_list *list = tally_list_new();
    must(list && tally_borrow_enter() == TALLY_OK);
    (void)tally_list_append(list, tally_nil());
}

static void set_in_section(void *arg) {
    (void)arg;
    tally_map *map = tally_map_new(0);
    must(map && tally_borrow_enter() == TALLY_OK);
    (void)tally_map_set(map, tally_nil(), tally_nil());
}

static void extend_in_section(void *arg) {
    (void)arg;
    tally_list *list = tally_list_new(), *other = tally_list_new();
    must(list && other && tally_borrow_enter() == TALLY_OK);
    (void)tally_list_extend(list, other);
}

static void store_at_the_same_time(void *arg) {
    (void)arg;
    struct victim *victim = victim_new(), *held = victim_new();
    tally_set_steal(victim, next, held);
    // As another thread's store that comes after this one's look.
    tally_ref_put_(victim, &victim->next, NULL, NULL);
}

// ---- what every build catches

static void leave_without_enter(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    tally_borrow_leave();
}

static void start_without_stop(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    tally_start_world();
}

static void *stop_once(void *arg) {
    must(tally_stop_world() == TALLY_OK);
    tally_start_world();
    return arg;
}

static void block_in_section(void *arg) {
    (void)arg;
    must(tally_borrow_enter() == TALLY_OK);
    tally_blocking_enter();
}

static void detach_in_section(void *arg) {
    (void)arg;
    must(tally_borrow_enter() == TALLY_OK);
    tally_detach();
}

static void leave_region_without_enter(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    tally_blocking_enter();
    tally_blocking_exit();
    tally_blocking_exit();
    tally_blocking_exit();
    // Regions are what they were: this thread is not waited for.
    TALLY_BLOCKING { must(thread_run(stop_once, NULL) == NULL); }
}

static bool finalized;

static void detach_finalizer(void *object) {
    (void)object;
    uint32_t number = tally_mutator_number();
    tally_detach();
    must(tally_mutator_number() == number);
    finalized = true;
}

struct leaver {
    tally_object head;
};
TALLY_TYPE(leaver, TALLY_FINALIZE(detach_finalizer));

static void use_heap_in_region(void *arg) {
    (void)arg;
    must(tally_attach(NULL) == TALLY_OK);
    TALLY_BLOCKING {
        struct victim *victim = tally_new(victim);
        must(victim);
        tally_decref(victim);
    }
}

static void detach_in_finalizer(void *arg) {
    (void)arg;
    struct leaver *leaver = tally_new(leaver);
    must(leaver);
    tally_decref(leaver);
    must(finalized && tally_mutator_number() != 0);
    tally_detach();
    must(tally_mutator_number() == 0);
}

static void free_twice(void *arg) {
    (void)arg;
    void *block = tally_alloc(100);
    must(block);
    tally_free(block);
    tally_free(block);
}

static bool is_debug_build(void) {
    struct child child = child_run(pin_dead, NULL);
    return child_aborted(&child) && strstr(child.text, "misuse");
}

static unsigned lines_of(const char *text) {
    unsigned lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

// Whether [fn] ends in one line with all of these words (NULL: any).
static void expect(child_fn fn, void *arg, const char *word, const char *type) {
    struct child child = child_run(fn, arg);
    bool said = strstr(child.text, word) && (!type || strstr(child.text, type));
    if (!child_aborted(&child) || !said)
        print_message("status %#x: %s\n", (unsigned)child.status, child.text);
    assert_true(child_aborted(&child));
    assert_true(said);
    if (!UNDER_ASAN && !UNDER_TSAN)
        assert_int_equal(lines_of(child.text), 1);
}

// Whether [fn] is caught by a debug build, which names thread and object.
static void expect_debug(child_fn fn, const char *word, const char *type) {
    if (!is_debug_build())
        skip();
    expect(fn, NULL, word, type);
    struct child child = child_run(fn, NULL);
    assert_non_null(strstr(child.text, "tally: misuse: "));
    assert_non_null(strstr(child.text, "thread "));
}

static void dropping_a_reference_twice_is_caught_always(void **state) {
    (void)state;
    expect(drop_twice, NULL, "decref of a dead object", "victim");
    expect(drop_merged_twice, NULL, "decref of a dead object", "victim");
    expect(drop_twice, NULL, "dropped once too often", "thread ");
}

// Its count is a link by then.
static void dropping_what_waits_for_readers_twice_is_caught_always(
    void **state) {
    (void)state;
    expect(drop_published_twice, NULL, "decref of a dead object", "victim");
}

static void dropping_a_raw_block_is_caught(void **state) {
    (void)state;
    size_t sizes[] = {64, 100000, 9000000};
    if (!is_debug_build())
        skip();
    for (unsigned n = 0; n < 3; n++)
        expect(drop_raw, &sizes[n], "a raw block, not an object", "tally_free");
}

static void counting_a_dead_object_is_caught(void **state) {
    (void)state;
    expect_debug(count_dead, "incref", "victim");
}

static void pinning_a_dead_object_is_caught(void **state) {
    (void)state;
    expect_debug(pin_dead, "pin", "victim");
}

static void publishing_a_dead_object_is_caught(void **state) {
    (void)state;
    expect_debug(publish_dead, "publish", "victim");
}

static void counting_what_is_no_object_is_caught(void **state) {
    (void)state;
    expect_debug(count_foreign, "not an object", NULL);
}

static void upgrading_outside_of_a_section_is_caught(void **state) {
    (void)state;
    expect_debug(upgrade_outside, "outside of a borrow section", NULL);
}

static void using_a_borrow_after_its_section_is_caught(void **state) {
    (void)state;
    expect_debug(upgrade_late, "upgrade of a dead object", NULL);
}

static void upgrading_what_is_no_object_is_caught(void **state) {
    (void)state;
    expect_debug(upgrade_foreign, "not an object", NULL);
}

static void storing_into_a_dead_object_is_caught(void **state) {
    (void)state;
    expect_debug(store_into_dead, "of a dead object", "holder");
}

static void storing_into_a_field_of_another_object_is_caught(void **state) {
    (void)state;
    expect_debug(store_beside, "not of the object", NULL);
}

static void freeing_an_object_is_caught(void **state) {
    (void)state;
    expect_debug(free_object, "not a raw block", NULL);
}

static void freeing_the_middle_of_a_block_is_caught(void **state) {
    (void)state;
    expect_debug(free_middle, "not a raw block", NULL);
}

static void freeing_what_another_allocator_gave_is_caught(void **state) {
    (void)state;
    if (!is_debug_build())
        skip();
    void *block = malloc(10);
    expect(free_foreign, block, "not a block of this heap", NULL);
    free(block);
}

static void using_the_heap_in_a_blocking_region_is_caught(void **state) {
    (void)state;
    expect_debug(use_in_region, "blocking region", NULL);
}

static void enabling_too_often_is_caught(void **state) {
    (void)state;
    expect_debug(enable_too_often, "enables collections", NULL);
}

static void changing_a_container_in_a_section_is_caught(void **state) {
    (void)state;
    expect_debug(append_in_section, "inside a borrow section", "list");
    expect_debug(extend_in_section, "inside a borrow section", "lists");
    expect_debug(set_in_section, "inside a borrow section", "map");
}

static void storing_at_the_same_time_is_caught(void **state) {
    (void)state;
    if (!TALLY_CHECKED)
        skip();
    expect_debug(store_at_the_same_time, "while another thread does", "victim");
}

static void leaving_without_entering_is_caught_always(void **state) {
    (void)state;
    expect(leave_without_enter, NULL, "leaves a borrow section", "thread ");
}

static void starting_a_world_that_runs_is_caught_always(void **state) {
    (void)state;
    expect(start_without_stop, NULL, "did not stop", "thread ");
}

static void blocking_in_a_section_is_caught_always(void **state) {
    (void)state;
    expect(block_in_section, NULL, "inside a borrow section", "thread ");
}

static void detaching_in_a_section_is_caught_always(void **state) {
    (void)state;
    expect(detach_in_section, NULL, "inside a borrow section", "thread ");
}

// Whether [fn] is told of in one line, and nothing comes of it.
static void expect_ignored(child_fn fn, const char *word) {
    struct child child = child_run(fn, NULL);
    assert_true(child_passed(&child));
    assert_non_null(strstr(child.text, word));
    assert_int_equal(lines_of(child.text), 1);
}

static void leaving_a_region_too_often_is_ignored(void **state) {
    (void)state;
    expect_ignored(leave_region_without_enter, "leaves a blocking region");
}

static void using_the_heap_in_a_region_ends_it(void **state) {
    (void)state;
    if (is_debug_build())
        expect(use_heap_in_region, NULL, "inside a blocking region", "thread ");
    else
        expect_ignored(use_heap_in_region, "its use of the heap there");
}

static void detaching_in_a_finalizer_is_ignored(void **state) {
    (void)state;
    expect_ignored(detach_in_finalizer, "detaches in a hook");
}

static void freeing_a_block_twice_is_caught_always(void **state) {
    (void)state;
    expect(free_twice, NULL, "tally: ", NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropping_a_reference_twice_is_caught_always),
        cmocka_unit_test(
            dropping_what_waits_for_readers_twice_is_caught_always),
        cmocka_unit_test(dropping_a_raw_block_is_caught),
        cmocka_unit_test(counting_a_dead_object_is_caught),
        cmocka_unit_test(pinning_a_dead_object_is_caught),
        cmocka_unit_test(publishing_a_dead_object_is_caught),
        cmocka_unit_test(counting_what_is_no_object_is_caught),
        cmocka_unit_test(upgrading_outside_of_a_section_is_caught),
        cmocka_unit_test(using_a_borrow_after_its_section_is_caught),
        cmocka_unit_test(upgrading_what_is_no_object_is_caught),
        cmocka_unit_test(storing_into_a_dead_object_is_caught),
        cmocka_unit_test(storing_into_a_field_of_another_object_is_caught),
        cmocka_unit_test(freeing_an_object_is_caught),
        cmocka_unit_test(freeing_the_middle_of_a_block_is_caught),
        cmocka_unit_test(freeing_what_another_allocator_gave_is_caught),
        cmocka_unit_test(using_the_heap_in_a_blocking_region_is_caught),
        cmocka_unit_test(enabling_too_often_is_caught),
        cmocka_unit_test(changing_a_container_in_a_section_is_caught),
        cmocka_unit_test(storing_at_the_same_time_is_caught),
        cmocka_unit_test(leaving_without_entering_is_caught_always),
        cmocka_unit_test(starting_a_world_that_runs_is_caught_always),
        cmocka_unit_test(blocking_in_a_section_is_caught_always),
        cmocka_unit_test(detaching_in_a_section_is_caught_always),
        cmocka_unit_test(leaving_a_region_too_often_is_ignored),
        cmocka_unit_test(using_the_heap_in_a_region_ends_it),
        cmocka_unit_test(detaching_in_a_finalizer_is_ignored),
        cmocka_unit_test(freeing_a_block_twice_is_caught_always),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
