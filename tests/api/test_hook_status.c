// include/tally/status.h: what hooks fail with, beside what containers answer.

#include "api.h"
#include "containers.h"

static struct {
    tally_value a, b; // two points that are equal
    tally_list *list;
    tally_map *map, *other;
    tally_set *set, *with;
    tally_weakmap *weak;
} on;

// Each container has the first of the points; others have the second.
static void make(void) {
    on.a = tally_of(point_new(7));
    on.b = tally_of(point_new(7));
    must((on.list = tally_list_new()) && (on.map = tally_map_new(0)));
    must((on.other = tally_map_new(0)) && (on.set = tally_set_new(0)));
    must((on.with = tally_set_new(0)) &&
         (on.weak = tally_weakmap_new(TALLY_WEAKMAP_VALUES)));
    must(tally_list_append(on.list, on.a) == TALLY_OK);
    must(tally_map_set(on.map, on.a, tally_nil()) == TALLY_OK);
    must(tally_map_set(on.other, on.b, tally_nil()) == TALLY_OK);
    must(tally_set_add(on.set, on.a, NULL) == TALLY_OK);
    must(tally_set_add(on.with, on.b, NULL) == TALLY_OK);
    must(tally_weakmap_set(on.weak, on.a, on.b) == TALLY_OK);
}

static void end(void) {
    point_equal_status = TALLY_OK;
    tally_decref(on.list);
    tally_decref(on.map);
    tally_decref(on.other);
    tally_decref(on.set);
    tally_decref(on.with);
    tally_decref(on.weak);
    tally_value_decref(on.a);
    tally_value_decref(on.b);
}

static tally_status update(void *arg, tally_value old, tally_value *ret_value) {
    (void)arg;
    *ret_value = tally_value_incref(old);
    return TALLY_OK;
}

// What each call that compares says.
static void all_say(tally_status status) {
    bool is = false;
    size_t at = 0;
    tally_value v = tally_absent();
    assert_int_equal(tally_value_equal(on.a, on.b, &is), status);
    assert_int_equal(tally_list_contains(on.list, on.b, &is), status);
    assert_int_equal(tally_list_find(on.list, on.b, 0, &at), status);
    assert_int_equal(tally_map_contains(on.map, on.b, &is), status);
    assert_int_equal(tally_map_find(on.map, on.b, &v), status);
    assert_int_equal(tally_map_set(on.map, on.b, tally_nil()), status);
    assert_int_equal(tally_map_get_or_set(on.map, on.b, tally_nil(), &v),
                     status);
    assert_int_equal(tally_map_update(on.map, on.b, update, NULL), status);
    assert_int_equal(tally_map_pop(on.map, on.b, &v), status);
    assert_int_equal(tally_map_delete(on.map, on.b), status);
    assert_int_equal(tally_map_merge(on.map, on.other), status);
    assert_int_equal(tally_set_contains(on.set, on.b, &is), status);
    assert_int_equal(tally_set_find(on.set, on.b, &v), status);
    assert_int_equal(tally_set_add(on.set, on.b, NULL), status);
    assert_int_equal(tally_set_remove(on.set, on.b), status);
    assert_int_equal(tally_set_merge(on.set, on.with), status);
    assert_int_equal(tally_set_is_disjoint(on.set, on.with, &is), status);
    assert_int_equal(tally_set_is_subset(on.set, on.with, &is), status);
    assert_int_equal(tally_weakmap_find(on.weak, on.b, &v), status);
    assert_int_equal(tally_weakmap_set(on.weak, on.b, on.a), status);
    assert_int_equal(tally_weakmap_get_or_set(on.weak, on.b, on.a, &v), status);
    assert_int_equal(tally_weakmap_pop(on.weak, on.b, &v), status);
    assert_int_equal(tally_weakmap_delete(on.weak, on.b), status);
    assert_int_equal(
        tally_value_equal(tally_of(on.map), tally_of(on.other), &is), status);
    assert_int_equal(
        tally_value_equal(tally_of(on.set), tally_of(on.with), &is), status);
    // Nothing was changed, and nothing answered.
    assert_true(tally_is_absent(v));
    assert_false(is);
    assert_int_equal(tally_map_length(on.map), 1);
    assert_int_equal(tally_set_length(on.set), 1);
    assert_int_equal(tally_weakmap_length(on.weak), 1);
}

static void no_set_is_made(int error) {
    tally_set *(*const making[])(tally_set *, tally_set *) = {
        tally_set_union, tally_set_intersection, tally_set_difference,
        tally_set_symmetric_difference};
    for (size_t n = 0; n < sizeof(making) / sizeof(making[0]); n++) {
        errno = 0;
        assert_null(making[n](on.set, on.with));
        assert_int_equal(errno, error);
    }
    errno = 0;
    assert_true(tally_is_absent(tally_map_get(on.map, on.b)));
    assert_int_equal(errno, error);
}

static void whatever_a_hook_fails_with_comes_back_from_every_call(
    void **state) {
    (void)state;
    static const tally_status failures[] = {
        -EIO,   -ENOENT,   -EPROTOTYPE,   -EBUSY, -ENOSYS,
        -EPERM, TALLY_OWN, TALLY_OWN - 1, 1,      TALLY_NO_MEMORY,
        -4095,  INT32_MAX, INT32_MIN + 1, -EAGAIN};
    make();
    for (size_t n = 0; n < sizeof(failures) / sizeof(failures[0]); n++) {
        point_equal_status = failures[n];
        all_say(failures[n]);
        no_set_is_made(-failures[n]);
    }
    end();
}

static void an_answer_of_containers_is_no_failure_of_a_hook(void **state) {
    (void)state;
    make();
    point_equal_status = TALLY_NOT_FOUND;
    all_say(TALLY_HOOK_FAILED);
    no_set_is_made(ECANCELED);
    end();
}

static void no_errno_is_an_answer(void **state) {
    (void)state;
    for (int error = 1; error < 4096; error++) {
        assert_int_not_equal(-error, TALLY_NOT_FOUND);
        assert_int_not_equal(-error, TALLY_WRONG_TYPE);
    }
    assert_true(TALLY_NOT_FOUND > TALLY_OWN && TALLY_WRONG_TYPE > TALLY_OWN);
}

// ---- errno is no part of what a hook says

#define LEFT EDOM // by each hook
static unsigned hooks_run;
static tally_status leave_errno(void) {
    errno = LEFT;
    hooks_run++;
    return TALLY_OK;
}
static tally_status odd_equal(void *object, tally_value other,
                              bool *ret_equal) {
    *ret_equal = tally_is(tally_of(object), other);
    return leave_errno();
}
static tally_status odd_hash(void *object, uint64_t *ret_hash) {
    (void)object;
    *ret_hash = 1;
    return leave_errno();
}
static tally_status odd_compare(void *object, tally_value other,
                                int *ret_order) {
    (void)object, (void)other;
    *ret_order = 1;
    return leave_errno();
}
static tally_status odd_text(void *object, tally_text **ret_text) {
    (void)object;
    *ret_text = text("odd");
    return leave_errno();
}
static tally_status odd_call(void *object, const tally_value *arguments,
                             size_t count, tally_value *ret_result) {
    (void)object, (void)arguments, (void)count;
    *ret_result = tally_nil();
    return leave_errno();
}
static char memory[8];
static tally_status odd_get(void *object, struct tally_buffer *buffer,
                            unsigned flags) {
    (void)object;
    (void)tally_buffer_fill(buffer, memory, sizeof(memory), false, flags);
    return leave_errno();
}
static void odd_release(void *object, struct tally_buffer *buffer) {
    (void)object, (void)buffer;
    leave_errno();
}
static const tally_protocol odd_hooks = {
    .equal = odd_equal,
    .hash = odd_hash,
    .compare = odd_compare,
    .text = odd_text,
    .call = odd_call,
    .get_buffer = odd_get,
    .release_buffer = odd_release,
};
struct odd {
    tally_object head;
    tally_ref next;
};
static void odd_visit(void *object, struct tally_visitor *visitor) {
    tally_visit(visitor, &((struct odd *)object)->next);
    leave_errno();
}
static void odd_end(void *object) {
    (void)object;
    leave_errno();
}
TALLY_TYPE(odd, TALLY_VISIT(odd_visit), TALLY_PROTOCOL(odd_hooks),
           TALLY_FINALIZE(odd_end), TALLY_DESTROY(odd_end));

static tally_status odd_update(void *arg, tally_value old,
                               tally_value *ret_value) {
    (void)arg;
    *ret_value = tally_value_incref(old);
    return leave_errno();
}

static void watch(const struct tally_collect_event *event, void *arg) {
    (void)event, (void)arg;
    leave_errno();
}
static void gone(tally_weak *weak, void *arg) {
    (void)weak, (void)arg;
    leave_errno();
}
static void later(void *arg) {
    (void)arg;
    leave_errno();
}
static void freed(void *data, size_t length, void *arg) {
    (void)data, (void)length, (void)arg;
    leave_errno();
}

// Hooks have run since, and errno is as it was.
static void errno_is_kept(void) {
    assert_int_equal(errno, 0);
    assert_true(hooks_run > 0);
    hooks_run = 0;
}

static void hooks_of_values_keep_errno(void **state) {
    (void)state;
    tally_value a = tally_of(tally_new(odd)), b = tally_of(tally_new(odd));
    tally_map *map = tally_map_new(0);
    tally_list *list = tally_list_new();
    tally_text *string = NULL;
    tally_value value;
    struct tally_buffer buffer;
    uint64_t hash;
    bool equal;
    int order;
    errno = 0;
    hooks_run = 0;
    must(tally_value_equal(a, b, &equal) == TALLY_OK);
    errno_is_kept();
    must(tally_value_hash(a, &hash) == TALLY_OK);
    errno_is_kept();
    must(tally_value_compare(a, b, &order) == TALLY_OK);
    errno_is_kept();
    must(tally_value_text(a, &string) == TALLY_OK);
    errno_is_kept();
    must(tally_value_call(a, NULL, 0, &value) == TALLY_OK);
    errno_is_kept();
    must(tally_buffer_get(tally_object_of(a), 0, &buffer) == TALLY_OK);
    errno_is_kept();
    tally_buffer_release(&buffer);
    errno_is_kept();
    must(tally_map_set(map, a, tally_nil()) == TALLY_OK);
    errno_is_kept();
    // It would be a failure.
    assert_true(tally_is_absent(tally_map_get(map, b)));
    errno_is_kept();
    must(tally_map_update(map, a, odd_update, NULL) == TALLY_OK);
    errno_is_kept();
    must(tally_list_append(list, a) == TALLY_OK);
    must(tally_list_append(list, b) == TALLY_OK);
    must(tally_list_contains(list, b, &equal) == TALLY_OK);
    errno_is_kept();
    tally_decref(map);
    tally_decref(list);
    tally_decref(string);
    tally_value_decref(a);
    errno_is_kept();
    tally_value_decref(b);
    errno_is_kept();
}

static void hooks_of_the_runtime_keep_errno(void **state) {
    (void)state;
    struct odd *odd = tally_new(odd), *ring = tally_new(odd);
    tally_set(ring, next, ring);
    tally_decref(ring);
    tally_weak *weak = tally_weak_new(odd, gone, NULL);
    must(tally_collect_watch(watch, NULL) == TALLY_OK);
    errno = 0;
    hooks_run = 0;
    tally_decref(odd);
    errno_is_kept();
    tally_collect();
    errno_is_kept();
    must(tally_collect_with(TALLY_STOPPED, TALLY_FULL, NULL) == TALLY_OK);
    errno_is_kept();
    tally_collect_unwatch(watch, NULL);
    must(tally_defer(later, NULL) == TALLY_OK);
    tally_collect();
    errno_is_kept();
    tally_view *view =
        tally_view_of_memory(memory, sizeof(memory), false, freed, NULL);
    errno = 0;
    tally_decref(view);
    errno_is_kept();
    tally_decref(weak);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(hooks_of_values_keep_errno),
        quiet_test(hooks_of_the_runtime_keep_errno),
        lively_test(whatever_a_hook_fails_with_comes_back_from_every_call),
        lively_test(an_answer_of_containers_is_no_failure_of_a_hook),
        lively_test(no_errno_is_an_answer),
    };
    return cmocka_run_group_tests_name("hook_status", tests, NULL, NULL);
}
