// An object at its end: its last reference was dropped, and its finalizer waits
// or runs. Nobody is given it but its finalizer, and who finds it where that
// has put it.

#include "api.h"
#include "threads.h"

struct door {
    tally_object head;
    atomic_int open;
    void (*closing)(struct door *door); // what else its finalizer does
    void *arg;
};
static atomic_int doors_gone;
static void door_close(void *object) {
    struct door *door = object;
    door->open = 0;
    if (door->closing)
        door->closing(door);
}
static void door_gone(void *object) {
    (void)object;
    doors_gone++;
}
TALLY_TYPE(door, TALLY_FINALIZE(door_close), TALLY_DESTROY(door_gone),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));

// One whose finalizer runs in the drop.
struct inline_door {
    struct door door;
};
TALLY_TYPE(inline_door, TALLY_BASE(door),
           TALLY_FINALIZE_BY(TALLY_EXECUTOR_INLINE));

static struct door *door_of(tally_type *type) {
    struct door *door = tally_object_new(type, 0);
    must(door);
    door->open = 1;
    return door;
}
static struct door *door_new(void) { return door_of(TALLY_TYPE_OF(door)); }

static tally_aref saved;
static void come_back(struct door *door) { tally_aref_set(NULL, &saved, door); }

// ---- while the finalizer waits

static void an_object_at_its_end_is_not_counted_up(void **state) {
    (void)state;
    for (int published = 0; published < 2; published++) {
        struct door *door = door_new(), *cached = door;
        if (published)
            tally_publish(door);
        assert_true(tally_try_incref(cached));
        tally_decref(door);
        assert_true(tally_try_incref(cached)); // not the last
        tally_decref(cached);
        tally_decref(door);
        assert_false(tally_try_incref(cached));
        assert_int_equal(cached->open, 1); // it waits
        assert_int_equal(tally_finalize_pending(9), 1);
    }
}

static void what_its_finalizer_brings_back_is_counted_again(void **state) {
    (void)state;
    struct door *door = door_new(), *cached = door;
    door->closing = come_back;
    tally_decref(door);
    assert_false(tally_try_incref(cached));
    assert_int_equal(tally_finalize_pending(9), 1);
    assert_true(tally_try_incref(cached));
    tally_decref(cached);
    int gone = doors_gone;
    tally_aref_set(NULL, &saved, NULL);
    tally_collect();
    assert_int_equal(doors_gone, gone + 1);
}

static void *try_it(void *object) {
    must(tally_attach(NULL) == TALLY_OK);
    return tally_try_incref(object) ? object : NULL;
}

static void another_thread_is_not_given_it_either(void **state) {
    (void)state;
    struct door *door = door_new(), *cached = door;
    tally_publish(door);
    must(thread_run(try_it, cached) == cached);
    tally_decref(door);
    tally_decref(cached);
    tally_safepoint();
    assert_null(thread_run(try_it, cached));
    assert_int_equal(tally_finalize_pending(9), 1);
}

static void a_weak_reference_gives_none_and_is_not_dead(void **state) {
    (void)state;
    struct door *door = door_new();
    door->closing = come_back;
    tally_weak *weak = tally_weak_new(door, NULL, NULL);
    tally_decref(door);
    assert_null(tally_weak_get(weak));
    assert_false(tally_weak_is_dead(weak));
    assert_int_equal(tally_finalize_pending(9), 1);
    struct door *got = tally_weak_get(weak);
    assert_ptr_equal(got, door); // it came back
    tally_decref(got);
    tally_aref_set(NULL, &saved, NULL);
    tally_collect();
    assert_true(tally_weak_is_dead(weak));
    tally_decref(weak);
}

static void a_weak_map_replaces_it(void **state) {
    (void)state;
    tally_weakmap *map = tally_weakmap_new(TALLY_WEAKMAP_VALUES);
    struct door *old = door_new(), *new = door_new();
    must(tally_weakmap_set(map, tally_small(1), tally_of(old)) == TALLY_OK);
    tally_decref(old);
    assert_true(tally_is_absent(tally_weakmap_get(map, tally_small(1))));
    struct tally_weakmap_iterator it;
    tally_value key, value;
    tally_weakmap_begin(map, &it);
    assert_false(tally_weakmap_next(&it, &key, &value));
    tally_weakmap_end(&it);
    must(tally_weakmap_get_or_set(map, tally_small(1), tally_of(new), &value) ==
         TALLY_OK);
    assert_ptr_equal(tally_object_of(value), new);
    tally_value_decref(value);
    tally_decref(map);
    tally_decref(new);
    while (tally_finalize_pending(9))
        tally_safepoint();
}

// ---- its finalizer

static tally_weak *own_weak;
static bool own_given;
static void look_at_itself(struct door *door) {
    struct door *got = tally_weak_get(own_weak);
    own_given = got == door && tally_try_incref(door);
    if (got)
        tally_decref(got);
    if (own_given)
        tally_decref(door);
}

static void its_finalizer_is_given_it(void **state) {
    (void)state;
    struct door *door = door_of(TALLY_TYPE_OF(inline_door));
    door->closing = look_at_itself;
    own_weak = tally_weak_new(door, NULL, NULL);
    own_given = false;
    tally_decref(door);
    tally_safepoint();
    assert_true(own_given);
    tally_decref(own_weak);
}

// ---- where its finalizer has put it: others find it there, and wait for
// nothing, while the finalizer goes on

static tally_cell cell_saved;
static tally_list *list;
static tally_map *map;
static stage put, looked;
static struct door *found[6];

static void put_everywhere(struct door *door) {
    tally_value value = tally_of(door), text = tally_of(door->arg);
    tally_aref_set(NULL, &saved, door);
    tally_cell_set(NULL, &cell_saved, value);
    must(tally_list_append(list, value) == TALLY_OK);
    must(tally_map_set(map, tally_small(1), value) == TALLY_OK);
    must(tally_map_set(map, text, value) == TALLY_OK);
    stage_set(&put, 1);
    stage_wait(&looked, 1);
}

static void *look_everywhere(void *text) {
    stage_wait(&put, 1);
    found[0] = tally_aref_dup(&saved);
    found[1] = tally_object_of(tally_cell_dup(&cell_saved));
    found[2] = tally_object_of(tally_list_get(list, 0));
    found[3] = tally_object_of(tally_map_get(map, tally_small(1)));
    found[4] = tally_object_of(tally_map_get(map, tally_of(text)));
    struct tally_map_iterator it;
    tally_value key, value;
    tally_map_begin(map, &it);
    must(tally_map_next(&it, &key, &value));
    tally_map_end(&it);
    found[5] = tally_object_of(value);
    for (int n = 0; n < 6; n++)
        if (found[n])
            tally_decref(found[n]);
    stage_set(&looked, 1);
    return NULL;
}

static void others_find_it_where_its_finalizer_has_put_it(void **state) {
    (void)state;
    list = tally_list_new();
    map = tally_map_new(0);
    tally_text *text = tally_text_new("door", 4);
    stage_set(&put, 0);
    stage_set(&looked, 0);
    struct door *door = door_of(TALLY_TYPE_OF(inline_door));
    door->closing = put_everywhere;
    door->arg = text;
    pthread_t thread = thread_start(look_everywhere, text);
    tally_decref(door);
    thread_join(thread);
    for (int n = 0; n < 6; n++)
        assert_ptr_equal(found[n], door);
    int gone = doors_gone;
    tally_aref_set(NULL, &saved, NULL);
    tally_cell_set(NULL, &cell_saved, tally_nil());
    tally_decref(list);
    tally_decref(map);
    tally_decref(text);
    tally_collect();
    assert_int_equal(doors_gone, gone + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        quiet_test(an_object_at_its_end_is_not_counted_up),
        quiet_test(what_its_finalizer_brings_back_is_counted_again),
        quiet_test(another_thread_is_not_given_it_either),
        quiet_test(a_weak_reference_gives_none_and_is_not_dead),
        quiet_test(a_weak_map_replaces_it),
        quiet_test(its_finalizer_is_given_it),
        quiet_test(others_find_it_where_its_finalizer_has_put_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
