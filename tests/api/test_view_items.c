// Memory views: copies, casts, comparisons, files.

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api.h"
#include "matrix.h"

// ---- copies, casts, equality

static void copies_have_the_order_that_is_asked_for(void **state) {
    (void)state;
    struct matrix *matrix = numbers_new(rows_first);
    tally_view *view = tally_view_new(matrix, 0);
    int32_t out[6];
    assert_int_equal(tally_view_copy(view, 'F', out, sizeof(out)), TALLY_OK);
    assert_memory_equal(out, ((int32_t[]){0, 3, 1, 4, 2, 5}), sizeof(out));
    assert_int_equal(tally_view_copy(view, 'A', out, sizeof(out)), TALLY_OK);
    assert_memory_equal(out, numbers, sizeof(out));
    assert_int_equal(tally_view_copy(view, 'C', out, 23), TALLY_RANGE);
    assert_int_equal(tally_view_copy(view, 'X', out, 24), TALLY_INVALID);
    tally_bytes *bytes = tally_view_bytes(view, 'C');
    assert_memory_equal(tally_bytes_data(bytes), numbers, sizeof(numbers));
    tally_decref(bytes);
    tally_decref(view);
    tally_decref(matrix);
}

static void casts_follow_the_rules(void **state) {
    (void)state;
    char bytes[24] = {1, 0, 0, 0, 2};
    const size_t shape[] = {2, 3}, wrong[] = {2, 2};
    tally_view *view = tally_view_of_memory(bytes, 24, false, NULL, NULL);
    tally_view *ints = tally_view_cast(view, "i", NULL, 0);
    assert_int_equal(integer_in(ints, 1), 2);
    tally_view *square = tally_view_cast(view, "i", shape, 2);
    tally_value value;
    must(tally_view_get(square, (int64_t[]){0, 1}, 2, &value) == TALLY_OK);
    assert_int_equal(tally_small_of(value), 2);
    tally_view *flat = tally_view_cast(square, NULL, NULL, 0);
    assert_int_equal(integer_in(flat, 4), 2);
    static const struct {
        const char *format;
        int error;
    } bad[] = {{"<i", EBADMSG},
               {"2i", EBADMSG},
               {"z", EBADMSG},
               {"5s", EBADMSG},
               {"", EBADMSG}};
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        assert_null(tally_view_cast(view, bad[n].format, NULL, 0));
        assert_int_equal(errno, bad[n].error);
    }
    assert_null(tally_view_cast(view, "i", wrong, 2));
    assert_int_equal(errno, EINVAL);
    assert_null(tally_view_cast(ints, "d", NULL, 0)); // neither is bytes
    assert_int_equal(errno, EINVAL);
    assert_null(tally_view_cast(square, "B", shape, 2)); // both are many
    assert_int_equal(errno, EINVAL);
    const size_t huge[] = {SIZE_MAX, 2};
    assert_null(tally_view_cast(view, "B", huge, 2));
    assert_int_equal(errno, EOVERFLOW);
    tally_view *odd = tally_view_slice(view, 0, 24, 2);
    assert_null(tally_view_cast(odd, "B", NULL, 0));
    assert_int_equal(errno, EXDEV);
    tally_view *some = tally_view_slice(view, 0, 7, 1);
    assert_null(tally_view_cast(some, "i", NULL, 0));
    assert_int_equal(errno, EINVAL);
    tally_view *all[] = {view, ints, square, flat, odd, some};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++)
        tally_decref(all[n]);
}

static void bytes_of_any_format_can_be_had_where_they_lie_in_a_row(
    void **state) {
    (void)state;
    static const char *const formats[] = {"d",  "<d", "=d",
                                          "if", "8s", "T{<i:x:<f:y:}"};
    static char bytes[] = "abcdefghijklmnop";
    static const size_t two[] = {2};
    static const int64_t backwards[] = {-8};
    for (size_t n = 0; n < sizeof(formats) / sizeof(formats[0]); n++) {
        struct matrix *matrix =
            matrix_new(bytes, 16, 8, formats[n], 1, two, NULL);
        tally_view *view = tally_view_new(matrix, 0);
        tally_view *cast = tally_view_cast(view, n % 2 ? "c" : NULL, NULL, 0);
        assert_non_null(cast);
        assert_true(is_text(cast, bytes));
        tally_view *back = tally_view_slice(view, 1, INT64_MIN, -1);
        assert_null(tally_view_cast(back, "B", NULL, 0));
        assert_int_equal(errno, EXDEV);
        tally_decref(back);
        tally_decref(cast);
        tally_decref(view);
        matrix->lends.data = bytes + 8;
        matrix->lends.strides = backwards;
        view = tally_view_new(matrix, 0);
        assert_null(tally_view_cast(view, "B", NULL, 0));
        tally_decref(view);
        tally_decref(matrix);
    }
}

static void without_dimensions_there_is_no_shape(void **state) {
    (void)state;
    double real = 1.5;
    static const size_t shape[] = {1};
    static const int64_t strides[] = {8};
    // Whether the exporter is a view, or tells of what there is none of.
    struct matrix *matrix = matrix_new(&real, 8, 8, "d", 0, shape, strides);
    tally_view *bytes = tally_view_of_memory(&real, 8, false, NULL, NULL);
    tally_view *scalar = tally_view_cast(bytes, "d", shape, 0);
    tally_view *of_matrix = tally_view_new(matrix, 0);
    void *from[] = {scalar, matrix, of_matrix};
    for (size_t n = 0; n < 3; n++) {
        struct tally_buffer buffer;
        must(tally_buffer_get(from[n], TALLY_BUFFER_FULL_RO, &buffer) ==
             TALLY_OK);
        assert_int_equal(buffer.dimensions, 0);
        assert_null(buffer.shape);
        assert_null(buffer.strides);
        assert_null(buffer.suboffsets);
        tally_buffer_release(&buffer);
    }
    bool equal = false;
    must(tally_view_equal(scalar, of_matrix, &equal) == TALLY_OK && equal);
    void *all[] = {scalar, bytes, of_matrix, matrix};
    for (size_t n = 0; n < 4; n++)
        tally_decref(all[n]);
}

static void formats_that_say_the_same_can_be_assigned(void **state) {
    (void)state;
    static const struct {
        const char *to, *from;
        bool same;
    } pairs[] = {{"d", "@d", true},   {"@d", "d", true},  {"d", "q", false},
                 {"8B", "@8B", true}, {"T{", "T{", true}, {"T{", "d", false}};
    static const size_t two[] = {2};
    for (size_t n = 0; n < sizeof(pairs) / sizeof(pairs[0]); n++) {
        double a[2] = {0, 0}, b[2] = {1, 2};
        struct matrix *to = matrix_new(a, 16, 8, pairs[n].to, 1, two, NULL);
        struct matrix *from = matrix_new(b, 16, 8, pairs[n].from, 1, two, NULL);
        tally_view *of_to = tally_view_new(to, TALLY_BUFFER_WRITABLE);
        tally_view *of_from = tally_view_new(from, 0);
        assert_int_equal(tally_view_assign(of_to, of_from),
                         pairs[n].same ? TALLY_OK : TALLY_FORMAT);
        assert_true((a[1] == 2) == pairs[n].same);
        void *all[] = {of_to, of_from, to, from};
        for (size_t m = 0; m < 4; m++)
            tally_decref(all[m]);
    }
}

static void views_are_equal_by_their_items(void **state) {
    (void)state;
    static int16_t small[] = {1, 2, 3};
    static double reals[] = {1, 2, 3};
    static const size_t three[] = {3};
    struct matrix *a = matrix_new(small, 6, 2, "h", 1, three, NULL);
    struct matrix *b = matrix_new(reals, 24, 8, "d", 1, three, NULL);
    tally_view *views[] = {tally_view_new(a, 0), tally_view_new(b, 0),
                           view_of("\1\2\3"), view_of("\1\2\4")};
    bool equal = false;
    assert_int_equal(tally_view_equal(views[0], views[1], &equal), TALLY_OK);
    assert_true(equal);
    must(tally_view_equal(views[0], views[2], &equal) == TALLY_OK && equal);
    must(tally_view_equal(views[0], views[3], &equal) == TALLY_OK && !equal);
    must(tally_value_equal(tally_of(views[1]), tally_of(views[2]), &equal) ==
             TALLY_OK &&
         equal);
    reals[1] = 2.5;
    must(tally_view_equal(views[0], views[1], &equal) == TALLY_OK && !equal);
    reals[1] = 2;
    for (size_t n = 0; n < 4; n++)
        tally_decref(views[n]);
    a->lends.format = "no format";
    tally_view *unknown = tally_view_new(a, 0);
    must(tally_view_equal(unknown, unknown, &equal) == TALLY_OK && !equal);
    tally_value value;
    assert_int_equal(tally_view_get(unknown, (int64_t[]){0}, 1, &value),
                     TALLY_FORMAT);
    tally_decref(unknown);
    tally_decref(a);
    tally_decref(b);
}

// The integer at the end of a path through lists.
static int64_t integer_at(tally_value lists, size_t row, size_t column) {
    tally_value inner = tally_list_get(tally_object_of(lists), row);
    tally_value item = tally_list_get(tally_object_of(inner), column);
    tally_value_decref(inner);
    return tally_small_of(item);
}

static void items_are_listed_by_dimension(void **state) {
    (void)state;
    struct matrix *matrix = numbers_new(rows_first);
    tally_view *view = tally_view_new(matrix, 0);
    tally_value rows = tally_view_values(view);
    assert_int_equal(tally_list_length(tally_object_of(rows)), 2);
    for (size_t n = 0; n < 6; n++)
        assert_int_equal(integer_at(rows, n / 3, n % 3), numbers[n]);
    tally_value_decref(rows);
    tally_view *back = tally_view_slice(view, -1, INT64_MIN, -1);
    rows = tally_view_values(back);
    assert_int_equal(integer_at(rows, 0, 2), numbers[5]);
    assert_int_equal(integer_at(rows, 1, 0), numbers[0]);
    tally_value_decref(rows);
    tally_view *none = tally_view_slice(view, 2, 2, 1);
    rows = tally_view_values(none);
    assert_int_equal(tally_list_length(tally_object_of(rows)), 0);
    tally_value_decref(rows);
    tally_view *row = tally_view_at(view, 1), *one = tally_view_at(row, 2);
    assert_true(tally_is(tally_view_values(one), tally_small(numbers[5])));
    tally_view *views[] = {one, row, none, back, view};
    for (size_t n = 0; n < sizeof(views) / sizeof(views[0]); n++)
        tally_decref(views[n]);
    tally_decref(matrix);
}

static void what_cannot_be_listed_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *format;
        size_t item_size;
        int error;
    } bad[] = {{"hh", 4, ENOSYS}, {"z", 4, EBADMSG}, {"Q", 8, EOVERFLOW}};
    static uint64_t large[3] = {1, UINT64_MAX, 1};
    static const size_t shape[] = {3};
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        struct matrix *matrix =
            matrix_new(large, 3 * bad[n].item_size, bad[n].item_size,
                       bad[n].format, 1, shape, NULL);
        tally_view *view = tally_view_new(matrix, 0);
        must(view);
        assert_true(tally_is_absent(tally_view_values(view)));
        assert_int_equal(errno, bad[n].error);
        must(tally_view_release(view) == TALLY_OK);
        assert_true(tally_is_absent(tally_view_values(view)));
        assert_int_equal(errno, ESTALE);
        tally_decref(view);
        tally_decref(matrix);
    }
}

static void read_only_bytes_are_hashed_as_bytes(void **state) {
    (void)state;
    uint64_t expected = 0, hash = 1;
    tally_bytes *bytes = tally_bytes_new("gfedcba", 7);
    must(tally_value_hash(tally_of(bytes), &expected) == TALLY_OK);
    tally_view *view = view_of("abcdefg");
    tally_view *back = tally_view_slice(view, INT64_MAX, INT64_MIN, -1);
    assert_int_equal(tally_value_hash(tally_of(back), &hash), TALLY_OK);
    assert_int_equal(hash, expected);
    char writable[1] = "x";
    tally_view *other = tally_view_of_memory(writable, 1, false, NULL, NULL);
    assert_int_equal(tally_value_hash(tally_of(other), &hash),
                     TALLY_UNSUPPORTED);
    tally_decref(other);
    tally_decref(back);
    tally_decref(view);
    tally_decref(bytes);
}

static bool values_equal(void *a, void *b) {
    bool one = false, other = true;
    must(tally_value_equal(tally_of(a), tally_of(b), &one) == TALLY_OK);
    must(tally_value_equal(tally_of(b), tally_of(a), &other) == TALLY_OK);
    must(one == other);
    return one;
}

// So a view of bytes finds what the bytes are the key of.
static void a_view_equals_what_has_the_same_bytes(void **state) {
    (void)state;
    tally_bytes *bytes = tally_bytes_new("figs and more", 13);
    tally_bytes *figs = tally_bytes_new("figs", 4);
    tally_bytearray *array = tally_bytearray_new("figs", 4);
    tally_view *all = tally_view_new(bytes, 0);
    tally_view *part = tally_view_slice(all, 0, 4, 1);
    must(part && figs && array);
    assert_true(values_equal(all, bytes));
    assert_true(values_equal(part, figs));
    assert_true(values_equal(part, array));
    assert_false(values_equal(part, bytes));
    tally_text *text = tally_text_of("figs");
    assert_false(values_equal(part, text));
    tally_map *map = tally_map_new(0);
    tally_value found = tally_nil();
    must(tally_map_set(map, tally_of(figs), tally_small(7)) == TALLY_OK);
    must(tally_map_find(map, tally_of(part), &found) == TALLY_OK);
    assert_int_equal(tally_small_of(found), 7);
    must(tally_view_release(part) == TALLY_OK);
    bool same = true;
    assert_int_equal(tally_value_equal(tally_of(part), tally_of(figs), &same),
                     TALLY_RELEASED);
    void *owned[] = {map, text, part, all, array, figs, bytes};
    for (size_t n = 0; n < sizeof(owned) / sizeof(owned[0]); n++)
        tally_decref(owned[n]);
}

static void bytes_are_told_in_hexadecimal(void **state) {
    (void)state;
    static const struct {
        char separator;
        int group;
        const char *text;
    } all[] = {{0, 0, "b901ef"},
               {':', 1, "b9:01:ef"},
               {':', 2, "b9:01ef"},
               {':', -2, "b901:ef"},
               {'_', 9, "b901ef"}};
    tally_view *view = view_of("\xb9\x01\xef");
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        tally_text *text = tally_view_hex(view, all[n].separator, all[n].group);
        must(text);
        assert_string_equal(tally_text_data(text), all[n].text);
        tally_decref(text);
    }
    assert_null(tally_view_hex(view, ':', 0));
    tally_view *none = tally_view_slice(view, 0, 0, 1);
    tally_text *text = tally_view_hex(none, ':', 1);
    assert_string_equal(tally_text_data(text), "");
    tally_decref(text);
    tally_decref(none);
    tally_decref(view);
}

static void items_are_assigned_though_they_overlap(void **state) {
    (void)state;
    char bytes[] = "abcdef";
    tally_view *all = tally_view_of_memory(bytes, 6, false, NULL, NULL);
    tally_view *back = tally_view_slice(all, INT64_MAX, INT64_MIN, -1);
    assert_int_equal(tally_view_assign(all, back), TALLY_OK);
    assert_string_equal(bytes, "fedcba");
    tally_view *first = tally_view_slice(all, 0, 4, 1);
    tally_view *last = tally_view_slice(all, 2, 6, 1);
    assert_int_equal(tally_view_assign(last, first), TALLY_OK);
    assert_string_equal(bytes, "fefedc");
    assert_int_equal(tally_view_assign(all, first), TALLY_INVALID);
    tally_view *fixed = tally_view_read_only(last);
    assert_int_equal(tally_view_assign(fixed, first), TALLY_READ_ONLY);
    assert_int_equal(tally_view_set(fixed, (int64_t[]){0}, 1, tally_small(1)),
                     TALLY_READ_ONLY);
    tally_view *signs = tally_view_cast(first, "b", NULL, 0);
    assert_int_equal(tally_view_assign(last, signs), TALLY_FORMAT);
    tally_view *of_all[] = {signs, fixed, last, first, back, all};
    for (size_t n = 0; n < 6; n++)
        tally_decref(of_all[n]);
}

// ---- files

static void files_are_mapped(void **state) {
    (void)state;
    char name[] = "/tmp/tally_view_XXXXXX", out[4];
    int file = mkstemp(name);
    must(file >= 0 && unlink(name) == 0);
    static char page[10000];
    memcpy(page + 5000, "word", 4);
    must(write(file, page, sizeof(page)) == (ssize_t)sizeof(page));
    tally_view *view = tally_view_of_file(file, 5000, 4, true);
    must(view);
    assert_true(is_text(view, "word"));
    assert_int_equal(tally_view_set(view, (int64_t[]){0}, 1, tally_small('W')),
                     TALLY_OK);
    assert_int_equal(tally_view_release(view), TALLY_OK);
    must(pread(file, out, 4, 5000) == 4);
    assert_memory_equal(out, "Word", 4);
    tally_view *rest = tally_view_of_file(file, 9998, 0, false);
    size_t length = 0;
    must(rest && tally_view_length(rest, &length) == TALLY_OK);
    assert_int_equal(length, 2);
    assert_int_equal(tally_view_set(rest, (int64_t[]){0}, 1, tally_small(1)),
                     TALLY_READ_ONLY);
    assert_null(tally_view_of_file(file, 9998, 3, false));
    assert_int_equal(errno, ERANGE);
    assert_null(tally_view_of_file(file, 10000, 0, false));
    assert_int_equal(errno, ERANGE);
    assert_null(tally_view_of_file(-1, 0, 0, false));
    assert_int_equal(errno, EBADF);
    tally_decref(rest);
    tally_decref(view);
    close(file);
}

static void what_is_gone_of_a_file_is_answered_and_no_signal(void **state) {
    (void)state;
    char name[] = "/tmp/tally_view_XXXXXX";
    enum { PAGES = 4 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = PAGES * page;
    char *bytes = malloc(size), *out = malloc(size);
    int file = mkstemp(name);
    must(bytes && out && file >= 0 && unlink(name) == 0);
    for (size_t n = 0; n < size; n++)
        bytes[n] = (char)(n * 7);
    must(write(file, bytes, size) == (ssize_t)size);
    tally_view *all = tally_view_of_file(file, 0, 0, false);
    tally_view *half = tally_view_slice(all, 0, (int64_t)(2 * page), 1);
    tally_view *odd = tally_view_slice(all, 1, INT64_MAX, 2);
    tally_view *back = tally_view_slice(half, INT64_MAX, INT64_MIN, -1);
    must(all && half && odd && back);
    tally_status status = tally_view_copy_checked(all, out, size);
    if (status != TALLY_UNSUPPORTED) { // in some sandboxes, and emulated
        assert_int_equal(status, TALLY_OK);
        assert_memory_equal(out, bytes, size);
        assert_int_equal(tally_view_copy_checked(all, out, size - 1),
                         TALLY_RANGE);
        must(tally_view_copy_checked(odd, out, size) == TALLY_OK);
        for (size_t n = 0; n < size / 2; n++)
            must(out[n] == bytes[2 * n + 1]);
        must(ftruncate(file, (off_t)(2 * page)) == 0);
        assert_int_equal(tally_view_copy_checked(all, out, size), TALLY_GONE);
        assert_int_equal(tally_view_copy_checked(odd, out, size), TALLY_GONE);
        must(tally_view_copy_checked(back, out, size) == TALLY_OK);
        for (size_t n = 0; n < 2 * page; n++)
            must(out[n] == bytes[2 * page - 1 - n]);
        must(ftruncate(file, 0) == 0);
        assert_int_equal(tally_view_copy_checked(half, out, size), TALLY_GONE);
    }
    void *views[] = {odd, back, half, all};
    for (size_t n = 0; n < 4; n++) {
        must(tally_view_release(views[n]) == TALLY_OK);
        assert_int_equal(tally_view_copy_checked(views[n], out, size),
                         TALLY_RELEASED);
        tally_decref(views[n]);
    }
    close(file);
    free(bytes);
    free(out);
}

static void parts_go_to_files_and_come_back(void **state) {
    (void)state;
    int ends[2];
    size_t bytes = 77;
    char in[6] = "";
    must(pipe(ends) == 0);
    tally_view *hello = view_of("hel"), *lo = view_of("lo");
    assert_int_equal(
        tally_view_write(ends[1], (tally_view *[]){hello, lo}, 2, &bytes),
        TALLY_OK);
    assert_int_equal(bytes, 5);
    tally_view *room = tally_view_of_memory(in, 6, false, NULL, NULL);
    tally_view *some = tally_view_slice(room, 0, 2, 1);
    tally_view *rest = tally_view_slice(room, 2, 6, 1);
    assert_int_equal(
        tally_view_read(ends[0], (tally_view *[]){some, rest}, 2, &bytes),
        TALLY_OK);
    assert_int_equal(bytes, 5);
    assert_string_equal(in, "hello");
    tally_view *odd = tally_view_slice(room, 0, 6, 2);
    bytes = 77;
    assert_int_equal(
        tally_view_write(ends[1], (tally_view *[]){some, odd}, 2, &bytes),
        TALLY_NOT_CONTIGUOUS);
    assert_int_equal(tally_view_read(ends[0], &hello, 1, &bytes),
                     TALLY_READ_ONLY);
    assert_int_equal(tally_view_read(ends[0], &hello, 2000, &bytes),
                     TALLY_RANGE);
    assert_int_equal(tally_view_write(-1, &hello, 1, &bytes), -EBADF);
    assert_int_equal(bytes, 77);
    tally_view *all[] = {odd, rest, some, room, lo, hello};
    for (size_t n = 0; n < 6; n++) {
        assert_int_equal(tally_view_release(all[n]), TALLY_OK);
        tally_decref(all[n]);
    }
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(copies_have_the_order_that_is_asked_for),
        lively_test(casts_follow_the_rules),
        lively_test(bytes_of_any_format_can_be_had_where_they_lie_in_a_row),
        lively_test(without_dimensions_there_is_no_shape),
        lively_test(formats_that_say_the_same_can_be_assigned),
        lively_test(views_are_equal_by_their_items),
        lively_test(items_are_listed_by_dimension),
        lively_test(what_cannot_be_listed_is_refused),
        lively_test(read_only_bytes_are_hashed_as_bytes),
        lively_test(a_view_equals_what_has_the_same_bytes),
        lively_test(bytes_are_told_in_hexadecimal),
        lively_test(items_are_assigned_though_they_overlap),
        lively_test(files_are_mapped),
        lively_test(what_is_gone_of_a_file_is_answered_and_no_signal),
        lively_test(parts_go_to_files_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
