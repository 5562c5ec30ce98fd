// Memory views: indices, values, shapes and files at the edges and beyond. What
// is refused changes no memory, and leaves nothing lent.

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "api.h"
#include "matrix.h"

// A view of an array that is to be written, 16 bytes.
static unsigned char memory[16], before[16];

static tally_bytearray *array;

static tally_view *native_view(const char *format) {
    for (unsigned n = 0; n < sizeof(memory); n++)
        before[n] = (unsigned char)(n * 17 + 3);
    array = tally_bytearray_new(before, sizeof(before));
    tally_view *bytes = tally_view_new(array, TALLY_BUFFER_WRITABLE);
    tally_view *view = tally_view_cast(bytes, format, NULL, 0);
    must(view);
    tally_decref(bytes);
    return view;
}

static void check_unchanged(void) {
    must(tally_bytearray_copy(array, 0, 16, memory) == TALLY_OK);
    assert_memory_equal(memory, before, 16);
}

// Nothing is lent any more: the array may change its size.
static void native_end(tally_view *view) {
    assert_int_equal(tally_view_release(view), TALLY_OK);
    assert_int_equal(tally_bytearray_resize(array, 17), TALLY_OK);
    tally_decref(view);
    tally_decref(array);
}

static void check_refused(tally_view *view, tally_value value,
                          tally_status wanted) {
    int64_t second = 1;
    assert_int_equal(tally_view_set(view, &second, 1, value), wanted);
    check_unchanged();
}

// ---- values

// [width] bytes, signed or not.
static const struct {
    const char *format;
    unsigned width;
    bool is_signed;
} integers[] = {{"b", 1, true},
                {"B", 1, false},
                {"h", sizeof(short), true},
                {"H", sizeof(short), false},
                {"@i", sizeof(int), true},
                {"I", sizeof(int), false},
                {"l", sizeof(long), true},
                {"@L", sizeof(long), false},
                {"q", sizeof(long long), true},
                {"Q", sizeof(long long), false},
                {"n", sizeof(size_t), true},
                {"N", sizeof(size_t), false}};

static void check_stored(tally_view *view, int64_t number) {
    tally_value value = tally_integer(number);
    must(tally_view_set(view, (int64_t[]){-1}, 1, value) == TALLY_OK);
    assert_true(integer_in(view, -1) == number);
    must(tally_bytearray_copy(array, 0, 16, before) == TALLY_OK);
    tally_value_decref(value);
}

static void integers_are_as_wide_as_their_format(void **state) {
    (void)state;
    for (size_t n = 0; n < sizeof(integers) / sizeof(integers[0]); n++) {
        tally_view *view = native_view(integers[n].format);
        unsigned bits = 8 * integers[n].width - integers[n].is_signed;
        int64_t most = bits >= 63 ? INT64_MAX : (INT64_C(1) << bits) - 1;
        int64_t least = integers[n].is_signed ? -most - 1 : 0;
        check_stored(view, least);
        check_stored(view, most);
        check_stored(view, 1);
        if (most < INT64_MAX) {
            check_refused(view, tally_small(most + 1), TALLY_RANGE);
            check_refused(view, tally_small(INT64_C(1) << 59), TALLY_RANGE);
        }
        if (least > INT64_MIN) {
            check_refused(view, tally_small(least - 1), TALLY_RANGE);
            check_refused(view, tally_small(-(INT64_C(1) << 59)), TALLY_RANGE);
        }
        native_end(view);
    }
}

static void items_take_values_of_their_kind(void **state) {
    (void)state;
    static const char *const formats[] = {"b", "B", "h", "I", "q", "N",
                                          "f", "d", "e", "?", "c", "P"};
    tally_value text = tally_of(tally_text_of("1")),
                two = tally_of(tally_bytes_new("ab", 2));
    tally_list *list = tally_list_new();
    must(list && tally_object_of(text) && tally_object_of(two));
    for (size_t n = 0; n < sizeof(formats) / sizeof(formats[0]); n++) {
        tally_view *view = native_view(formats[n]);
        bool is_letter = *formats[n] == 'c';
        tally_value bad[] = {tally_nil(), text, tally_of(list), tally_absent()};
        for (size_t v = 0; v < sizeof(bad) / sizeof(bad[0]); v++)
            if (*formats[n] != '?' || tally_is_absent(bad[v])) {
                tally_status s =
                    tally_view_set(view, (int64_t[]){1}, 1, bad[v]);
                if (s != TALLY_WRONG_TYPE && s != TALLY_INVALID)
                    fail_msg("%s, %zu: %s", formats[n], v, tally_strerror(s));
                check_unchanged();
            }
        if (is_letter)
            check_refused(view, tally_small(1), TALLY_WRONG_TYPE);
        check_refused(view, two, is_letter ? TALLY_RANGE : TALLY_WRONG_TYPE);
        native_end(view);
    }
    tally_decref(list);
    tally_value_decref(two);
    tally_value_decref(text);
}

// ---- indices

static void indices_end_where_items_do(void **state) {
    (void)state;
    static const int64_t bad[] = {4,
                                  5,
                                  -5,
                                  -6,
                                  INT64_MAX,
                                  INT64_MAX - 3,
                                  INT64_MIN,
                                  INT64_MIN + 4,
                                  INT64_MAX / 4 + 1,
                                  -(INT64_MAX / 4) - 2};
    tally_view *view = native_view("i");
    tally_value value = tally_nil();
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        assert_int_equal(tally_view_get(view, &bad[n], 1, &value), TALLY_RANGE);
        assert_int_equal(tally_view_set(view, &bad[n], 1, tally_small(1)),
                         TALLY_RANGE);
        errno = 0;
        assert_null(tally_view_at(view, bad[n]));
        assert_int_equal(errno, ERANGE);
    }
    static const int64_t zeros[70] = {0};
    static const unsigned counts[] = {0, 2, 64, 65, UINT_MAX};
    for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
        assert_int_equal(tally_view_get(view, zeros, counts[n], &value),
                         TALLY_INVALID);
        assert_int_equal(tally_view_set(view, zeros, counts[n], tally_small(1)),
                         TALLY_INVALID);
    }
    assert_true(tally_is_nil(value));
    check_unchanged();
    native_end(view);
}

static void a_view_without_dimensions_has_one_item(void **state) {
    (void)state;
    static const size_t none[1] = {0};
    tally_view *view = native_view("B");
    tally_view *first = tally_view_slice(view, 0, 4, 1);
    tally_view *item = tally_view_cast(first, "i", none, 0);
    must(item);
    tally_value value = tally_nil();
    size_t length = 77;
    bool equal = false;
    must(tally_view_set(item, NULL, 0, tally_small(-2)) == TALLY_OK);
    must(tally_view_get(item, NULL, 0, &value) == TALLY_OK);
    assert_int_equal(tally_small_of(value), -2);
    assert_int_equal(tally_view_length(item, &length), TALLY_INVALID);
    assert_int_equal(length, 77);
    assert_int_equal(tally_view_get(item, (int64_t[]){0}, 1, &value),
                     TALLY_INVALID);
    assert_null(tally_view_slice(item, 0, 1, 1));
    assert_int_equal(errno, EINVAL);
    assert_null(tally_view_at(item, 0));
    assert_int_equal(errno, EINVAL);
    must(tally_view_equal(item, item, &equal) == TALLY_OK && equal);
    tally_view *back = tally_view_cast(item, "B", NULL, 0);
    must(back && tally_view_length(back, &length) == TALLY_OK);
    assert_int_equal(length, 4);
    must(tally_view_equal(first, back, &equal) == TALLY_OK && equal);
    must(tally_view_equal(item, back, &equal) == TALLY_OK && !equal);
    tally_decref(back);
    tally_decref(item);
    tally_decref(first);
    native_end(view);
}

// ---- shapes

static void shapes_have_just_the_memory_there_is(void **state) {
    (void)state;
    enum { MANY = TALLY_BUFFER_DIMENSIONS };
    size_t ones[MANY + 1];
    for (size_t n = 0; n < MANY + 1; n++)
        ones[n] = 1;
    tally_view *view = native_view("B");
    ones[MANY - 1] = 4;
    tally_view *most = tally_view_cast(view, "i", ones, MANY);
    must(most);
    int64_t at[MANY] = {0};
    at[MANY - 1] = 3;
    tally_value value = tally_nil();
    assert_int_equal(tally_view_get(most, at, MANY, &value), TALLY_OK);
    tally_value_decref(value);
    tally_decref(most);
    static const struct {
        size_t shape[3];
        unsigned dimensions;
        int error;
    } bad[] = {{{17}, 1, EINVAL},
               {{15}, 1, EINVAL},
               {{0}, 1, EINVAL},
               {{4, 5}, 2, EINVAL},
               {{16, 0}, 2, EINVAL},
               {{SIZE_MAX}, 1, EOVERFLOW},
               {{SIZE_MAX / 2 + 1}, 1, EOVERFLOW},
               {{SIZE_MAX / 2}, 1, EINVAL},
               {{SIZE_MAX / 2, 3}, 2, EOVERFLOW},
               {{(size_t)1 << 32, (size_t)1 << 32}, 2, EOVERFLOW},
               {{(size_t)1 << 60, (size_t)1 << 4, 16}, 3, EOVERFLOW},
               {{SIZE_MAX, SIZE_MAX, 16}, 3, EOVERFLOW},
               {{0, SIZE_MAX, 2}, 3, EOVERFLOW}};
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        errno = 0;
        assert_null(
            tally_view_cast(view, "B", bad[n].shape, bad[n].dimensions));
        if (errno != bad[n].error)
            fail_msg("%zu: %s", n, strerror(errno));
    }
    static const unsigned too_many[] = {MANY + 1, 255, 256, 257, UINT_MAX};
    for (size_t n = 0; n < sizeof(too_many) / sizeof(too_many[0]); n++) {
        errno = 0;
        assert_null(tally_view_cast(view, "B", ones, too_many[n]));
        assert_int_equal(errno, EINVAL);
    }
    check_unchanged();
    native_end(view);
}

static void formats_are_one_native_code_for_a_cast(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",      " ",  "@",   "=i", "!i", ">B", "ii",   "1i1i", "@@i",
        "0B",    "4B", "s",   "4s", "p",  "x",  "T{i}", "(2)i", "\xff",
        "i\xff", "B@", "-1i", "+i", "i ", " i", "1i",   "@ i"};
    tally_view *view = native_view("B");
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        errno = 0;
        if (tally_view_cast(view, bad[n], NULL, 0) || errno != EBADMSG)
            fail_msg("\"%s\": %s", bad[n], strerror(errno));
    }
    assert_null(tally_view_cast(view, "99999999999999999999B", NULL, 0));
    assert_int_equal(errno, EOVERFLOW);
    tally_view *plain = tally_view_cast(view, NULL, NULL, 0);
    assert_non_null(plain);
    tally_decref(plain);
    check_unchanged();
    native_end(view);
}

// ---- copies and hexadecimal

static void copies_say_what_they_cannot(void **state) {
    (void)state;
    tally_view *view = native_view("i");
    unsigned char out[16], same[16];
    memset(out, 0xCD, 16);
    memcpy(same, out, 16);
    for (int order = 0; order < 256; order++)
        if (!strchr("CFA", order) || !order) {
            assert_int_equal(tally_view_copy(view, (char)order, out, 16),
                             TALLY_INVALID);
            errno = 0;
            assert_null(tally_view_bytes(view, (char)order));
            assert_int_equal(errno, EINVAL);
        }
    for (size_t size = 0; size < 16; size++)
        assert_int_equal(tally_view_copy(view, 'A', out, size), TALLY_RANGE);
    assert_memory_equal(out, same, 16);
    assert_int_equal(tally_view_copy(view, 'C', out, SIZE_MAX), TALLY_OK);
    assert_memory_equal(out, before, 16);
    native_end(view);
}

static void separators_are_ascii_and_groups_of_any_size(void **state) {
    (void)state;
    static const int groups[] = {INT_MIN, INT_MIN + 1, -17,         -16,
                                 16,      17,          INT_MAX - 1, INT_MAX};
    tally_view *view = native_view("B");
    for (int c = 128; c < 256; c++) {
        errno = 0;
        assert_null(tally_view_hex(view, (char)c, 1));
        assert_int_equal(errno, EINVAL);
    }
    for (size_t n = 0; n < sizeof(groups) / sizeof(groups[0]); n++) {
        tally_text *text = tally_view_hex(view, ':', groups[n]);
        must(text);
        assert_int_equal(tally_text_length(text), 32);
        tally_decref(text);
    }
    check_unchanged();
    native_end(view);
}

// ---- no memory at all

static void no_bytes_are_a_view_too(void **state) {
    (void)state;
    errno = 0;
    assert_null(tally_view_of_memory(NULL, 1, false, NULL, NULL));
    assert_int_equal(errno, EINVAL);
    char byte = 'x';
    static const size_t huge[] = {(size_t)INT64_MAX + 1, SIZE_MAX - 1,
                                  SIZE_MAX};
    for (size_t n = 0; n < 3; n++) {
        errno = 0;
        assert_null(tally_view_of_memory(&byte, huge[n], true, NULL, NULL));
        assert_int_equal(errno, EINVAL);
    }
    tally_view *none = tally_view_of_memory(NULL, 0, true, NULL, NULL);
    tally_view *other = tally_view_of_memory(&byte, 0, true, NULL, NULL);
    tally_bytes *bytes = tally_view_bytes(none, 'C');
    must(none && other && bytes && tally_bytes_length(bytes) == 0);
    uint64_t hash = 1, of_bytes = 2;
    must(tally_value_hash(tally_of(none), &hash) == TALLY_OK);
    must(tally_value_hash(tally_of(bytes), &of_bytes) == TALLY_OK);
    assert_int_equal(hash, of_bytes);
    bool equal = false;
    must(tally_view_equal(none, other, &equal) == TALLY_OK && equal);
    tally_view *doubles = tally_view_cast(none, "d", (size_t[]){0, 7}, 2);
    tally_view *part = tally_view_slice(doubles, INT64_MIN, INT64_MAX, 1);
    tally_view *flat = tally_view_cast(part, NULL, NULL, 0);
    must(doubles && part && flat);
    must(tally_view_equal(none, flat, &equal) == TALLY_OK && equal);
    assert_int_equal(tally_view_copy(part, 'F', NULL, 0), TALLY_OK);
    size_t moved = 77;
    assert_int_equal(tally_view_write(-1, NULL, 0, &moved), -EBADF);
    tally_view *all[] = {flat, part, doubles, other, none};
    for (size_t n = 0; n < 5; n++)
        tally_decref(all[n]);
    tally_decref(bytes);
}

// ---- files

static void files_are_as_long_as_they_are(void **state) {
    (void)state;
    static const struct {
        uint64_t offset;
        size_t length;
    } bad[] = {{10000, 1},
               {10001, 0},
               {0, 10001},
               {1, 10000},
               {0, SIZE_MAX},
               {9999, SIZE_MAX},
               {1, SIZE_MAX - 4096},
               {UINT64_MAX, 0},
               {UINT64_MAX, 1},
               {UINT64_MAX - 4095, 4096},
               {(uint64_t)INT64_MAX + 1, 1},
               {UINT64_MAX, SIZE_MAX}};
    char name[] = "/tmp/tally_view_XXXXXX";
    static const char page[10000];
    int file = mkstemp(name);
    must(file >= 0 && unlink(name) == 0);
    must(write(file, page, sizeof(page)) == (ssize_t)sizeof(page));
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        errno = 0;
        if (tally_view_of_file(file, bad[n].offset, bad[n].length, false) ||
            errno != ERANGE)
            fail_msg("%zu: %s", n, strerror(errno));
    }
    static const size_t counts[] = {1025, SIZE_MAX / 8, SIZE_MAX};
    size_t moved = 77;
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(tally_view_write(file, NULL, counts[n], &moved),
                         TALLY_RANGE);
        assert_int_equal(tally_view_read(file, NULL, counts[n], &moved),
                         TALLY_RANGE);
    }
    assert_int_equal(moved, 77);
    close(file);
}

// ---- what is not known

static void an_unknown_format_is_lent_and_not_read(void **state) {
    (void)state;
    static char bytes[] = "abcdefgh";
    static const size_t two[] = {2};
    struct matrix *matrix = matrix_new(bytes, 8, 4, "Z?!", 1, two, NULL);
    tally_view *view = tally_view_new(matrix, 0);
    must(view);
    tally_value value = tally_nil();
    int64_t first = 0;
    uint64_t hash;
    assert_int_equal(tally_view_get(view, &first, 1, &value), TALLY_FORMAT);
    assert_int_equal(tally_view_set(view, &first, 1, tally_small(1)),
                     TALLY_FORMAT);
    assert_int_equal(tally_value_hash(tally_of(view), &hash),
                     TALLY_UNSUPPORTED);
    errno = 0;
    assert_null(tally_view_cast(view, "i", NULL, 0));
    assert_int_equal(errno, EBADMSG);
    assert_true(is_text(view, "abcdefgh")); // its bytes are
    tally_view *cast = tally_view_cast(view, "B", NULL, 0);
    assert_true(is_text(cast, "abcdefgh"));
    tally_decref(cast);
    tally_view *back = tally_view_slice(view, INT64_MAX, INT64_MIN, -1);
    assert_true(is_text(back, "efghabcd"));
    struct tally_view_info info;
    must(tally_view_describe(back, &info) == TALLY_OK);
    assert_string_equal(info.format, "Z?!");
    assert_string_equal(bytes, "abcdefgh");
    tally_decref(back);
    tally_decref(view);
    assert_int_equal(matrix->lent, 0);
    tally_decref(matrix);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(integers_are_as_wide_as_their_format),
        lively_test(items_take_values_of_their_kind),
        lively_test(indices_end_where_items_do),
        lively_test(a_view_without_dimensions_has_one_item),
        lively_test(shapes_have_just_the_memory_there_is),
        lively_test(formats_are_one_native_code_for_a_cast),
        lively_test(copies_say_what_they_cannot),
        lively_test(separators_are_ascii_and_groups_of_any_size),
        lively_test(no_bytes_are_a_view_too),
        lively_test(files_are_as_long_as_they_are),
        lively_test(an_unknown_format_is_lent_and_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
