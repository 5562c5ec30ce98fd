// include/tally/buffer.h: which request is met by which memory, and what an
// exporter may not answer.

#include <errno.h>
#include <string.h>

#include "api.h"
#include "matrix.h"

// ---- every request of every layout

// What lends itself: an exporter, and what is true of its memory.
struct layout {
    const char *name;
    void *exporter;
    bool is_view; // and as strict as Python's memoryview
    bool read_only, c, f, indirect;
    unsigned dimensions;
};

static bool has(unsigned flags, unsigned all) { return (flags & all) == all; }

// As PEP 3118 has it, and Python's memoryview.
static tally_status expected(const struct layout *l, unsigned flags) {
    if (has(flags, TALLY_BUFFER_WRITABLE) && l->read_only)
        return TALLY_READ_ONLY;
    if (l->indirect && !has(flags, TALLY_BUFFER_INDIRECT))
        return TALLY_NOT_CONTIGUOUS;
    if (has(flags, TALLY_BUFFER_C) && !l->c)
        return TALLY_NOT_CONTIGUOUS;
    if (has(flags, TALLY_BUFFER_F) && !l->f)
        return TALLY_NOT_CONTIGUOUS;
    if (has(flags, TALLY_BUFFER_ANY) && !l->c && !l->f)
        return TALLY_NOT_CONTIGUOUS;
    if (!has(flags, TALLY_BUFFER_STRIDES) && !l->c)
        return TALLY_NOT_CONTIGUOUS;
    if (has(flags, TALLY_BUFFER_FORMAT) && !has(flags, TALLY_BUFFER_ND)) {
        if (l->is_view)
            return TALLY_FORMAT;
        if (l->dimensions > 1)
            return TALLY_CORRUPT;
    }
    return TALLY_OK;
}

static void check_answer(const struct layout *l, unsigned flags,
                         const struct tally_buffer *b) {
    assert_ptr_equal(b->exporter, l->exporter);
    assert_int_equal(b->read_only, l->read_only);
    assert_int_equal(b->format != NULL, has(flags, TALLY_BUFFER_FORMAT));
    if (!has(flags, TALLY_BUFFER_ND)) {
        assert_null(b->shape);
        assert_int_equal(b->dimensions, 1);
    } else {
        assert_int_equal(b->dimensions, l->dimensions);
    }
    if (!has(flags, TALLY_BUFFER_STRIDES))
        assert_null(b->strides);
    if (!has(flags, TALLY_BUFFER_INDIRECT))
        assert_null(b->suboffsets);
}

static void check_requests(const struct layout *l) {
    for (unsigned flags = 0; flags < 0x400; flags++) {
        struct tally_buffer buffer;
        memset(&buffer, 0xAB, sizeof(buffer));
        tally_status status = tally_buffer_get(l->exporter, flags, &buffer);
        tally_status wanted =
            flags & ~TALLY_BUFFER_ALL ? TALLY_INVALID : expected(l, flags);
        if (status != wanted)
            fail_msg("%s, flags %#x: %s, not: %s", l->name, flags,
                     tally_strerror(status), tally_strerror(wanted));
        if (status != TALLY_OK)
            assert_null(buffer.exporter);
        else
            check_answer(l, flags, &buffer);
        tally_buffer_release(&buffer);
        tally_buffer_release(&buffer);
        assert_null(buffer.exporter);
    }
}

// A view of an exporter, checked like that itself.
static void check_with_view(struct layout l) {
    check_requests(&l);
    tally_view *view = tally_view_new(l.exporter, 0);
    must(view);
    l.exporter = view;
    l.is_view = true;
    check_requests(&l);
    assert_int_equal(tally_view_release(view), TALLY_OK); // nothing is lent
    tally_decref(view);
}

static void bytes_answer_each_request(void **state) {
    (void)state;
    tally_bytes *bytes = tally_bytes_new("abc", 3);
    tally_bytearray *array = tally_bytearray_new("abc", 3);
    tally_bytearray *none = tally_bytearray_new(NULL, 0);
    must(bytes && array && none);
    const struct layout all[] = {
        {"bytes", bytes, false, true, true, true, false, 1},
        {"array", array, false, false, true, true, false, 1},
        {"none", none, false, false, true, true, false, 1}};
    for (size_t n = 0; n < 3; n++) {
        check_with_view(all[n]);
        if (n)
            assert_int_equal(tally_bytearray_resize(all[n].exporter, 1),
                             TALLY_OK);
        tally_decref(all[n].exporter);
    }
}

static void memory_in_any_layout_answers_each_request(void **state) {
    (void)state;
    static char line[] = "abc", *lines[] = {line, line};
    static const size_t by_pointers[] = {2, 3}, one[] = {1, 1, 6, 1};
    static const size_t three[] = {3}, empty[] = {3, 0, 2};
    static const int64_t apart[] = {8}, back[] = {-4}, follow[] = {8, 1},
                         then[] = {0, -1};
    static const int64_t odd[] = {77, 99, 4, 4}, gaps[] = {1000, 7, 3};
    struct matrix *m[] = {numbers_new(NULL),
                          numbers_new(rows_first),
                          numbers_new(columns_first),
                          matrix_new(numbers, 12, 4, "i", 1, three, apart),
                          matrix_new(numbers + 2, 12, 4, "i", 1, three, back),
                          matrix_new(numbers, 24, 4, "i", 4, one, odd),
                          matrix_new(numbers, 0, 4, "i", 3, empty, gaps),
                          matrix_new(numbers, 4, 4, "i", 0, NULL, NULL),
                          matrix_new(lines, 6, 1, "c", 2, by_pointers, follow),
                          matrix_new(numbers, 24, 4, "i", 1, NULL, NULL)};
    m[8]->lends.suboffsets = then;
    const struct layout all[] = {
        {"C", m[0], false, false, true, false, false, 2},
        {"rows", m[1], false, false, true, false, false, 2},
        {"columns", m[2], false, false, false, true, false, 2},
        {"apart", m[3], false, false, false, false, false, 1},
        {"back", m[4], false, false, false, false, false, 1},
        {"ones", m[5], false, false, true, true, false, 4},
        {"empty", m[6], false, false, true, true, false, 3},
        {"item", m[7], false, false, true, true, false, 0},
        {"pointers", m[8], false, false, false, false, true, 2},
        {"run", m[9], false, false, true, true, false, 1}};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        check_with_view(all[n]);
        m[n]->lends.read_only = true;
        struct layout fixed = all[n];
        fixed.read_only = true;
        check_with_view(fixed);
        assert_int_equal(m[n]->lent, 0);
        tally_decref(m[n]);
    }
}

// ---- what an exporter may not answer

static void what_does_not_add_up_is_refused(void **state) {
    (void)state;
    static const size_t three[] = {3}, six[] = {2, 3}, many[65] = {1};
    static const size_t wide[] = {(size_t)1 << 32, (size_t)1 << 31};
    static const size_t hidden[] = {0, SIZE_MAX, 2}, most[] = {SIZE_MAX};
    static const int64_t step[] = {4, 4}, least[] = {INT64_MIN},
                         far[] = {INT64_MAX / 2 + 1};
    static const struct tally_buffer bad[] = {
        // Items of no size, which nobody can count.
        {.data = numbers, .length = 24, .item_size = 0, .dimensions = 1},
        // Bytes that are no whole items.
        {.data = numbers, .length = 23, .item_size = 4, .dimensions = 1},
        {.data = numbers, .length = 2, .item_size = 4, .dimensions = 1},
        // One item, of another length.
        {.data = numbers, .length = 2, .item_size = 4, .dimensions = 0},
        {.data = numbers, .length = 8, .item_size = 4, .dimensions = 0},
        // More than an offset can say.
        {.data = numbers, .length = SIZE_MAX, .item_size = 1, .dimensions = 1},
        {numbers, (size_t)1 << 63, 1, NULL, 2, false, wide, NULL, NULL, 0, 0},
        {numbers, 0, 1, NULL, 3, false, hidden, NULL, NULL, 0, 0},
        {numbers, 12, 4, NULL, 1, false, three, least, NULL, 0, 0},
        {numbers, 12, 4, NULL, 1, false, three, far, NULL, 0, 0},
        {numbers, 0, 0, NULL, 1, false, most, NULL, NULL, 0, 0},
        // Another length than the shape's.
        {numbers, 23, 4, NULL, 2, false, six, NULL, NULL, 0, 0},
        {numbers, 12, 4, NULL, 2, false, six, NULL, NULL, 0, 0},
        {numbers, SIZE_MAX, 4, NULL, 2, false, six, NULL, NULL, 0, 0},
        // Too many dimensions; none told; strides or suboffsets of nothing.
        {numbers, 1, 1, NULL, 65, false, many, NULL, NULL, 0, 0},
        {numbers, 1, 1, NULL, UINT32_MAX, false, many, NULL, NULL, 0, 0},
        {numbers, 24, 4, NULL, 2, false, NULL, NULL, NULL, 0, 0},
        {numbers, 24, 4, NULL, 1, false, NULL, step, NULL, 0, 0},
        {numbers, 24, 4, NULL, 2, false, six, NULL, step, 0, 0},
        // No memory.
        {NULL, 24, 4, NULL, 2, false, six, NULL, NULL, 0, 0}};
    struct matrix *matrix = numbers_new(rows_first);
    matrix->answers = true;
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        struct tally_buffer buffer;
        matrix->lends = bad[n];
        tally_status status =
            tally_buffer_get(matrix, TALLY_BUFFER_FULL_RO, &buffer);
        if (status != TALLY_CORRUPT)
            fail_msg("%zu: %s", n, tally_strerror(status));
        assert_null(buffer.exporter);
        errno = 0;
        assert_null(tally_view_new(matrix, 0));
        assert_int_equal(errno, EUCLEAN);
        assert_int_equal(matrix->lent, 0);
    }
    tally_decref(matrix);
}

static void a_view_is_asked_to_be_written_or_not(void **state) {
    (void)state;
    tally_bytearray *array = tally_bytearray_new("abc", 3);
    must(array);
    for (unsigned flags = 2; flags < 0x400; flags++) {
        errno = 0;
        assert_null(tally_view_new(array, flags));
        assert_int_equal(errno, EINVAL);
    }
    assert_null(tally_view_new(array, UINT32_MAX));
    assert_int_equal(tally_bytearray_resize(array, 2), TALLY_OK);
    tally_decref(array);
}

static void there_are_three_orders(void **state) {
    (void)state;
    struct tally_buffer buffer;
    for (int n = 0; n < 2; n++) {
        struct matrix *matrix = numbers_new(n ? columns_first : rows_first);
        must(tally_buffer_get(matrix, TALLY_BUFFER_FULL_RO, &buffer) == 0);
        for (int order = 0; order < 256; order++)
            assert_int_equal(tally_buffer_is_contiguous(&buffer, (char)order),
                             order == 'A' || order == (n ? 'F' : 'C'));
        tally_buffer_release(&buffer);
        tally_decref(matrix);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(bytes_answer_each_request),
        lively_test(memory_in_any_layout_answers_each_request),
        lively_test(what_does_not_add_up_is_refused),
        lively_test(a_view_is_asked_to_be_written_or_not),
        lively_test(there_are_three_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
