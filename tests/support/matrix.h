// An exporter of what a test says, and what tests ask of views. Included by one
// file of a program, after api.h.

#ifndef SUPPORT_MATRIX_H
#define SUPPORT_MATRIX_H

#include <stdatomic.h>
#include <string.h>

struct matrix {
    tally_object head;
    tally_ref other; // makes rings
    struct tally_buffer lends;
    atomic_int lent;
    bool answers; // also with items of no size; else it is busy then
};

static tally_status matrix_get(void *object, struct tally_buffer *buffer,
                               unsigned flags) {
    struct matrix *matrix = object;
    (void)flags;
    if (!matrix->lends.item_size && !matrix->answers)
        return TALLY_BUSY;
    *buffer = matrix->lends;
    matrix->lent++;
    return TALLY_OK;
}
static void matrix_release(void *object, struct tally_buffer *buffer) {
    (void)buffer;
    ((struct matrix *)object)->lent--;
}
static const tally_protocol matrix_protocol = {
    .get_buffer = matrix_get, .release_buffer = matrix_release};
static atomic_int matrices_destroyed;
static void matrix_destroy(void *object) {
    must(((struct matrix *)object)->lent == 0);
    matrices_destroyed++;
}
TALLY_TYPE(matrix, TALLY_REF(other), TALLY_PROTOCOL(matrix_protocol),
           TALLY_DESTROY(matrix_destroy));

static inline struct matrix *matrix_new(void *data, size_t length,
                                        size_t item_size, const char *format,
                                        unsigned dimensions,
                                        const size_t *shape,
                                        const int64_t *strides) {
    struct matrix *matrix = tally_new(matrix);
    must(matrix);
    matrix->lends = (struct tally_buffer){.data = data,
                                          .length = length,
                                          .item_size = item_size,
                                          .format = format,
                                          .dimensions = dimensions,
                                          .shape = shape,
                                          .strides = strides};
    return matrix;
}

// 2 rows of 3 integers.
static int32_t numbers[6];
static const size_t two_by_three[] = {2, 3};
static const int64_t rows_first[] = {12, 4}, columns_first[] = {4, 8};
static inline struct matrix *numbers_new(const int64_t *strides) {
    for (int n = 0; n < 6; n++)
        numbers[n] = n;
    return matrix_new(numbers, sizeof(numbers), 4, "i", 2, two_by_three,
                      strides);
}

static inline tally_view *view_of(const char *bytes) {
    tally_bytes *object = tally_bytes_new(bytes, strlen(bytes));
    tally_view *view = tally_view_new(object, 0);
    must(view);
    tally_decref(object);
    return view;
}

static inline int64_t integer_in(tally_view *view, int64_t index) {
    tally_value value;
    int64_t n = -77;
    must(tally_view_get(view, &index, 1, &value) == TALLY_OK);
    must(tally_as_integer(value, &n) == TALLY_OK);
    tally_value_decref(value);
    return n;
}

static inline bool is_text(tally_view *view, const char *text) {
    char out[100];
    struct tally_view_info info;
    must(tally_view_describe(view, &info) == TALLY_OK);
    must(tally_view_copy(view, 'C', out, sizeof(out)) == TALLY_OK);
    return info.length == strlen(text) && memcmp(out, text, info.length) == 0;
}

#endif
