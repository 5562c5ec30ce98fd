// What a container held ends when the container lets it go: in that call.

#include "api.h"
#include "threads.h"

static atomic_uint closed;
static void file_close(void *object) {
    (void)object;
    closed++;
}
struct file {
    tally_object head;
};
TALLY_TYPE(file, TALLY_FINALIZE(file_close));

static int begin(void **state) {
    closed = 0;
    return begin_quiet(state);
}
#define ends_test(name) cmocka_unit_test_setup_teardown(name, begin, end_clean)

static tally_value file_new(void) {
    struct file *file = tally_new(file);
    must(file);
    return tally_of(file);
}

static tally_list *list_of_files(unsigned count) {
    tally_list *list = tally_list_new();
    for (unsigned n = 0; n < count; n++)
        must(tally_list_append_steal(list, file_new()) == TALLY_OK);
    return list;
}

static tally_map *map_of_files(unsigned count) {
    tally_map *map = tally_map_new(0);
    for (unsigned n = 0; n < count; n++) {
        tally_value file = file_new();
        must(tally_map_set(map, tally_small((int)n), file) == TALLY_OK);
        tally_value_decref(file);
    }
    return map;
}

static void what_a_list_held_ends_when_it_is_cleared(void **state) {
    (void)state;
    tally_list *list = list_of_files(100);
    tally_list_clear(list);
    assert_int_equal(closed, 100);
    assert_int_equal(tally_list_length(list), 0);
    tally_decref(list);
}

static void what_a_list_held_ends_with_it(void **state) {
    (void)state;
    tally_decref(list_of_files(100));
    assert_int_equal(closed, 100);
}

static void what_an_iterator_held_ends_with_it(void **state) {
    (void)state;
    tally_list *list = list_of_files(3);
    struct tally_list_iterator it;
    tally_value value;
    must(tally_list_begin(list, &it) == TALLY_OK);
    tally_list_clear(list);
    assert_int_equal(closed, 0);
    must(tally_list_next(&it, &value));
    tally_list_end(&it);
    assert_int_equal(closed, 3);
    tally_decref(list);
}

static void what_a_map_held_ends_when_it_is_cleared(void **state) {
    (void)state;
    tally_map *map = map_of_files(100);
    tally_map_clear(map);
    assert_int_equal(closed, 100);
    tally_decref(map);
}

static void what_a_map_held_ends_with_it(void **state) {
    (void)state;
    tally_decref(map_of_files(100));
    assert_int_equal(closed, 100);
}

static void what_a_set_held_ends_with_it(void **state) {
    (void)state;
    tally_set *set = tally_set_new(0);
    for (unsigned n = 0; n < 10; n++) {
        tally_value file = file_new();
        must(tally_set_add(set, file, NULL) == TALLY_OK);
        tally_value_decref(file);
    }
    tally_decref(set);
    assert_int_equal(closed, 10);
}

// What has grown keeps what it holds, and a list that is read meanwhile has
// whole elements or none.
static stage reads, ends;
static void *reads_on(void *list) {
    while (atomic_load(&ends) == 0) {
        tally_value value = tally_list_get(list, 0);
        if (!tally_is_absent(value)) {
            must(
                tally_is_instance(tally_object_of(value), TALLY_TYPE_OF(file)));
            tally_value_decref(value);
        }
        stage_set(&reads, 1);
        tally_safepoint();
    }
    return NULL;
}

static void a_reader_of_what_is_cleared_finds_it_whole_or_not(void **state) {
    (void)state;
    tally_list *list = tally_list_new();
    stage_set(&ends, 0);
    pthread_t thread = thread_start(reads_on, list);
    stage_wait(&reads, 1);
    for (unsigned n = 0; n < 2000; n++) {
        must(tally_list_append_steal(list, file_new()) == TALLY_OK);
        must(tally_list_append_steal(list, file_new()) == TALLY_OK);
        tally_list_clear(list);
        tally_safepoint();
    }
    stage_set(&ends, 1);
    thread_join(thread);
    tally_decref(list);
    tally_collect();
    assert_int_equal(closed, 4000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ends_test(what_a_list_held_ends_when_it_is_cleared),
        ends_test(what_a_list_held_ends_with_it),
        ends_test(what_an_iterator_held_ends_with_it),
        ends_test(what_a_map_held_ends_when_it_is_cleared),
        ends_test(what_a_map_held_ends_with_it),
        ends_test(what_a_set_held_ends_with_it),
        ends_test(a_reader_of_what_is_cleared_finds_it_whole_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
