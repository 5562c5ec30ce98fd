// container/view.h: the word that says who uses a view.

#include "unit_object.h"

#include <errno.h>

#include "container/view.h"

static char memory[16];

static struct tally_view *view_new(void) {
    struct tally_view *view =
        tally_view_of_memory(memory, sizeof(memory), false, NULL, NULL);
    must(view);
    return view;
}

static void too_many_sub_views_are_refused(void **state) {
    (void)state;
    struct tally_view *view = view_new();
    struct tally_buffer buffer = {.data = NULL};
    uint64_t many = TLY_VIEW_MANY - TLY_VIEW_SUB;
    tly_add_relaxed(&view->uses, many);
    struct tally_view *last = tally_view_slice(view, 0, 4, 1);
    must(last);
    assert_null(tally_view_slice(view, 0, 4, 1));
    assert_int_equal(errno, EAGAIN);
    assert_null(tally_view_at(view, 1));
    assert_int_equal(errno, EAGAIN);
    assert_null(tally_view_read_only(view));
    assert_null(tally_view_cast(view, "h", NULL, 0));
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(tally_buffer_get(view, TALLY_BUFFER_SIMPLE, &buffer),
                     TALLY_LIMIT);
    assert_int_equal(view->uses, TLY_VIEW_MANY);
    assert_int_equal(tally_view_release(view), TALLY_EXPORTED);
    tally_decref(last);
    last = tally_view_slice(view, 0, 4, 1);
    assert_non_null(last);
    tally_decref(last);
    tly_add_relaxed(&view->uses, (uint64_t)0 - many);
    assert_int_equal(tally_view_release(view), TALLY_OK);
    assert_null(tally_view_slice(view, 0, 4, 1));
    assert_int_equal(errno, ESTALE);
    tally_decref(view);
}

// A view with more than one dimension is another type, and no other for who
// asks.
static void more_dimensions_are_the_same_type(void **state) {
    (void)state;
    struct tally_view *view = view_new();
    const size_t shape[] = {2, 2, 4};
    struct tally_view *cube = tally_view_cast(view, "B", shape, 3);
    must(cube);
    assert_true(tally_is_instance(cube, &tally_type_view));
    assert_string_equal(tally_type_of(cube)->name, "view");
    assert_int_equal(tly_view_extents(cube), 6);
    struct tally_view *half = tally_view_slice(cube, 1, 2, 1);
    must(half);
    assert_int_equal(tly_view_shape(half)[0], 1);
    assert_int_equal(tly_view_shape(half)[2], 4);
    assert_int_equal(tly_view_strides(half)[0], 8);
    assert_int_equal(tly_view_strides(half)[2], 1);
    tally_decref(half);
    tally_decref(cube);
    tally_decref(view);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        object_test(too_many_sub_views_are_refused),
        object_test(more_dimensions_are_the_same_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
