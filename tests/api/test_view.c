// Memory views: making, slicing and ending them.

#include <errno.h>
#include <string.h>

#include "api.h"
#include "matrix.h"
#include "threads.h"

// ---- buffers

static tally_status ask(void *object, unsigned flags) {
    struct tally_buffer buffer;
    tally_status status = tally_buffer_get(object, flags, &buffer);
    if (status == TALLY_OK)
        tally_buffer_release(&buffer);
    else
        assert_null(buffer.exporter);
    return status;
}

static void bytes_lend_themselves_to_read(void **state) {
    (void)state;
    struct tally_buffer buffer;
    tally_bytes *bytes = tally_bytes_new("abc", 3);
    assert_int_equal(tally_buffer_get(bytes, TALLY_BUFFER_SIMPLE, &buffer),
                     TALLY_OK);
    assert_int_equal(buffer.length, 3);
    assert_ptr_equal(buffer.data, tally_bytes_data(bytes));
    assert_true(buffer.read_only);
    assert_null(buffer.shape);
    assert_null(buffer.format);
    tally_decref(bytes); // the buffer keeps them
    assert_memory_equal(buffer.data, "abc", 3);
    tally_buffer_release(&buffer);
    tally_buffer_release(&buffer);
}

static void what_cannot_be_met_is_refused(void **state) {
    (void)state;
    tally_bytes *bytes = tally_bytes_new("abc", 3);
    tally_text *text = tally_text_of("abc");
    assert_int_equal(ask(bytes, TALLY_BUFFER_WRITABLE), TALLY_READ_ONLY);
    assert_int_equal(ask(bytes, TALLY_BUFFER_FULL_RO), TALLY_OK);
    assert_int_equal(ask(bytes, 0x2), TALLY_INVALID);
    assert_int_equal(ask(text, TALLY_BUFFER_SIMPLE), TALLY_UNSUPPORTED);
    struct matrix *rows = numbers_new(rows_first);
    struct matrix *columns = numbers_new(columns_first);
    assert_int_equal(ask(rows, TALLY_BUFFER_SIMPLE), TALLY_OK);
    assert_int_equal(ask(rows, TALLY_BUFFER_C), TALLY_OK);
    assert_int_equal(ask(rows, TALLY_BUFFER_F), TALLY_NOT_CONTIGUOUS);
    assert_int_equal(ask(rows, TALLY_BUFFER_ANY), TALLY_OK);
    assert_int_equal(ask(columns, TALLY_BUFFER_SIMPLE), TALLY_NOT_CONTIGUOUS);
    assert_int_equal(ask(columns, TALLY_BUFFER_ND), TALLY_NOT_CONTIGUOUS);
    assert_int_equal(ask(columns, TALLY_BUFFER_C), TALLY_NOT_CONTIGUOUS);
    assert_int_equal(ask(columns, TALLY_BUFFER_F), TALLY_OK);
    assert_int_equal(ask(columns, TALLY_BUFFER_ANY), TALLY_OK);
    assert_int_equal(ask(columns, TALLY_BUFFER_STRIDES), TALLY_OK);
    assert_int_equal(rows->lent + columns->lent, 0);
    tally_decref(rows);
    tally_decref(columns);
    tally_decref(bytes);
    tally_decref(text);
}

static void what_does_not_add_up_is_refused(void **state) {
    (void)state;
    static const size_t huge[] = {SIZE_MAX / 2, SIZE_MAX / 2};
    struct matrix *matrix = numbers_new(rows_first);
    matrix->lends.length = 23;
    assert_int_equal(ask(matrix, TALLY_BUFFER_FULL_RO), TALLY_CORRUPT);
    matrix->lends.length = 0;
    matrix->lends.shape = huge;
    assert_int_equal(ask(matrix, TALLY_BUFFER_FULL_RO), TALLY_CORRUPT);
    matrix->lends.dimensions = 65;
    assert_int_equal(ask(matrix, TALLY_BUFFER_FULL_RO), TALLY_CORRUPT);
    matrix->lends.item_size = 0; // it refuses itself
    assert_int_equal(ask(matrix, TALLY_BUFFER_FULL_RO), TALLY_BUSY);
    assert_int_equal(matrix->lent, 0);
    tally_decref(matrix);
}

// ---- slices

// As Python's slice.indices has it, item by item.
static void check_slice(tally_view *view, const char *all, int64_t start,
                        int64_t stop, int64_t step) {
    char expected[32];
    size_t count = 0;
    int64_t length = (int64_t)strlen(all), low = step < 0 ? -1 : 0;
    int64_t high = step < 0 ? length - 1 : length;
    int64_t from = start < 0 ? start + length : start;
    int64_t to = stop < 0 ? stop + length : stop;
    from = from < low ? low : from > high ? high : from;
    to = to < low ? low : to > high ? high : to;
    for (int64_t n = from; step < 0 ? n > to : n < to; n += step)
        expected[count++] = all[n];
    expected[count] = '\0';
    tally_view *part = tally_view_slice(view, start, stop, step);
    must(part);
    if (!is_text(part, expected))
        fail_msg("[%d:%d:%d]", (int)start, (int)stop, (int)step);
    tally_decref(part);
}

static void slices_are_those_of_python(void **state) {
    (void)state;
    tally_view *view = view_of("abcdefg");
    for (int64_t start = -9; start <= 9; start++)
        for (int64_t stop = -9; stop <= 9; stop++)
            for (int64_t step = -4; step <= 4; step++)
                if (step)
                    check_slice(view, "abcdefg", start, stop, step);
    assert_null(tally_view_slice(view, 0, 1, 0));
    assert_int_equal(errno, EINVAL);
    static const struct {
        int64_t start, stop, step;
        const char *text;
    } ends[] = {{INT64_MIN, INT64_MAX, 1, "abcdefg"},
                {INT64_MAX, INT64_MIN, -1, "gfedcba"},
                {0, INT64_MAX, INT64_MAX, "a"},
                {INT64_MAX, INT64_MIN, INT64_MIN, "g"},
                {INT64_MAX, INT64_MAX, 1, ""},
                {-1, INT64_MIN, INT64_MIN + 1, "g"}};
    for (size_t n = 0; n < sizeof(ends) / sizeof(ends[0]); n++) {
        tally_view *part =
            tally_view_slice(view, ends[n].start, ends[n].stop, ends[n].step);
        must(part);
        assert_true(is_text(part, ends[n].text));
        tally_decref(part);
    }
    tally_decref(view);
}

static void slices_of_slices_are_of_the_same_memory(void **state) {
    (void)state;
    char bytes[] = "abcdefgh";
    tally_view *all = tally_view_of_memory(bytes, 8, false, NULL, NULL);
    tally_view *odd = tally_view_slice(all, 1, INT64_MAX, 2);           // bdfh
    tally_view *back = tally_view_slice(odd, INT64_MAX, INT64_MIN, -2); // hd
    assert_true(is_text(back, "hd"));
    assert_int_equal(tally_view_set(back, (int64_t[]){1}, 1, tally_small('x')),
                     TALLY_OK);
    assert_string_equal(bytes, "abcxefgh");
    tally_decref(all);
    tally_decref(odd);
    assert_int_equal(integer_in(back, -1), 'x');
    tally_decref(back);
}

static void items_of_several_dimensions_are_found(void **state) {
    (void)state;
    tally_value value;
    struct matrix *matrix = numbers_new(rows_first);
    tally_view *view = tally_view_new(matrix, 0);
    assert_int_equal(tally_view_get(view, (int64_t[]){1, -1}, 2, &value),
                     TALLY_OK);
    assert_int_equal(tally_small_of(value), 5);
    assert_int_equal(tally_view_get(view, (int64_t[]){2, 0}, 2, &value),
                     TALLY_RANGE);
    assert_int_equal(tally_view_get(view, (int64_t[]){0, INT64_MIN}, 2, &value),
                     TALLY_RANGE);
    assert_int_equal(tally_view_get(view, (int64_t[]){0, INT64_MAX}, 2, &value),
                     TALLY_RANGE);
    assert_int_equal(tally_view_get(view, (int64_t[]){0}, 1, &value),
                     TALLY_INVALID);
    tally_view *row = tally_view_at(view, -1);
    assert_int_equal(integer_in(row, 0), 3);
    assert_null(tally_view_at(view, 2));
    assert_int_equal(errno, ERANGE);
    tally_decref(row);
    tally_decref(view);
    tally_decref(matrix);
}

static void pointers_are_followed(void **state) {
    (void)state;
    static char red[] = "red", blue[] = "blu";
    static char *lines[] = {red, blue};
    static const size_t shape[] = {2, 3};
    static const int64_t strides[] = {sizeof(char *), 1}, sub[] = {0, -1};
    struct matrix *matrix = matrix_new(lines, 6, 1, "c", 2, shape, strides);
    matrix->lends.suboffsets = sub;
    assert_int_equal(ask(matrix, TALLY_BUFFER_STRIDES), TALLY_NOT_CONTIGUOUS);
    tally_view *view = tally_view_new(matrix, 0);
    assert_true(is_text(view, "redblu"));
    tally_view *reversed = tally_view_slice(view, INT64_MAX, INT64_MIN, -1);
    assert_true(is_text(reversed, "blured"));
    tally_view *line = tally_view_at(reversed, 0);
    assert_true(is_text(line, "blu"));
    tally_decref(line);
    tally_decref(reversed);
    tally_decref(view);
    tally_decref(matrix);
}

// ---- the end

static void note_release(void *data, size_t length, void *arg) {
    (void)data;
    *(size_t *)arg += length;
}

static void release_waits_for_sub_views(void **state) {
    (void)state;
    size_t released = 0;
    char bytes[] = "abc";
    tally_view *view =
        tally_view_of_memory(bytes, 3, false, note_release, &released);
    tally_view *part = tally_view_slice(view, 0, 1, 1);
    assert_int_equal(tally_view_release(view), TALLY_EXPORTED);
    assert_int_equal(tally_view_release(part), TALLY_OK);
    assert_int_equal(tally_view_release(view), TALLY_OK);
    assert_int_equal(released, 3);
    assert_int_equal(tally_view_release(view), TALLY_OK);
    tally_decref(view);
    tally_decref(part);
    assert_int_equal(released, 3);
}

static void what_is_released_is_not_used(void **state) {
    (void)state;
    tally_view *view = view_of("abc"), *other = view_of("abc");
    struct tally_view_info info;
    struct tally_buffer buffer;
    tally_value value = tally_small(1);
    size_t length;
    bool equal;
    uint64_t hash;
    char out[3];
    must(tally_view_release(view) == TALLY_OK);
    int64_t zero = 0;
    assert_int_equal(tally_view_describe(view, &info), TALLY_RELEASED);
    assert_int_equal(tally_view_length(view, &length), TALLY_RELEASED);
    assert_int_equal(tally_view_get(view, &zero, 1, &value), TALLY_RELEASED);
    assert_int_equal(tally_view_set(view, &zero, 1, value), TALLY_RELEASED);
    assert_int_equal(tally_view_copy(view, 'C', out, 3), TALLY_RELEASED);
    assert_int_equal(tally_view_assign(view, other), TALLY_RELEASED);
    assert_int_equal(tally_view_assign(other, view), TALLY_RELEASED);
    assert_int_equal(tally_view_equal(view, other, &equal), TALLY_RELEASED);
    assert_int_equal(tally_view_equal(other, view, &equal), TALLY_RELEASED);
    assert_int_equal(tally_value_hash(tally_of(view), &hash), TALLY_RELEASED);
    assert_int_equal(tally_buffer_get(view, 0, &buffer), TALLY_RELEASED);
    void *none[] = {tally_view_slice(view, 0, 1, 1),
                    tally_view_at(view, 0),
                    tally_view_cast(view, "B", NULL, 0),
                    tally_view_read_only(view),
                    tally_view_bytes(view, 'C'),
                    tally_view_hex(view, 0, 0),
                    tally_view_new(view, 0)};
    for (size_t n = 0; n < sizeof(none) / sizeof(none[0]); n++)
        assert_null(none[n]);
    assert_int_equal(errno, ESTALE);
    // Nothing counts the other as in use.
    assert_int_equal(tally_view_release(other), TALLY_OK);
    tally_decref(view);
    tally_decref(other);
}

static void the_exporter_is_told_once(void **state) {
    (void)state;
    struct matrix *matrix = numbers_new(rows_first);
    {
        TALLY_VIEW_SCOPE view = tally_view_new(matrix, 0);
        tally_view *again = tally_view_new(view, 0);
        tally_view *row = tally_view_at(view, 0);
        assert_int_equal(matrix->lent, 1);
        assert_int_equal(tally_view_release(view), TALLY_EXPORTED);
        tally_decref(again);
        tally_decref(row);
    }
    assert_int_equal(matrix->lent, 0);
    tally_decref(matrix);
}

static void views_in_rings_with_their_exporter_are_collected(void **state) {
    (void)state;
    tally_collect();
    int before = matrices_destroyed;
    struct matrix *matrix = numbers_new(rows_first);
    tally_view *view = tally_view_new(matrix, 0);
    tally_view *row = tally_view_at(view, 0);
    tally_decref(view);
    tally_set_steal(matrix, other, row);
    tally_decref(matrix);
    tally_collect();
    tally_collect();
    assert_int_equal(matrices_destroyed, before + 1);
}

// ---- threads

enum { ROUNDS = 3000, READERS = 3 };

struct raced {
    tally_view *view;
    atomic_bool gone;
    atomic_int wrong;
};

static void wipe(void *data, size_t length, void *arg) {
    memset(data, 0xDD, length);
    atomic_store(&((struct raced *)arg)->gone, true);
}

static void *read_until_released(void *arg) {
    struct raced *raced = arg;
    for (;;) {
        tally_value value;
        tally_status status =
            tally_view_get(raced->view, (int64_t[]){1}, 1, &value);
        if (status == TALLY_RELEASED)
            return NULL;
        if (status != TALLY_OK || tally_small_of(value) != 'b')
            raced->wrong++;
        tally_view *part = tally_view_slice(raced->view, 0, 2, 1);
        if (part)
            tally_decref(part);
        tally_safepoint();
    }
}

static void release_races_with_use(void **state) {
    (void)state;
    for (int n = 0; n < ROUNDS / 100; n++) {
        char bytes[] = "abc";
        struct raced raced = {NULL, false, 0};
        raced.view = tally_view_of_memory(bytes, 3, true, wipe, &raced);
        pthread_t thread[READERS];
        for (int t = 0; t < READERS; t++)
            thread[t] = thread_start(read_until_released, &raced);
        while (tally_view_release(raced.view) != TALLY_OK)
            tally_safepoint();
        assert_true(raced.gone);
        for (int t = 0; t < READERS; t++)
            thread_join(thread[t]);
        assert_int_equal(raced.wrong, 0);
        tally_decref(raced.view);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(bytes_lend_themselves_to_read),
        lively_test(what_cannot_be_met_is_refused),
        lively_test(what_does_not_add_up_is_refused),
        lively_test(slices_are_those_of_python),
        lively_test(slices_of_slices_are_of_the_same_memory),
        lively_test(items_of_several_dimensions_are_found),
        lively_test(pointers_are_followed),
        lively_test(release_waits_for_sub_views),
        lively_test(what_is_released_is_not_used),
        lively_test(the_exporter_is_told_once),
        quiet_test(views_in_rings_with_their_exporter_are_collected),
        lively_test(release_races_with_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
