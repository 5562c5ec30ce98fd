// Reading, writing and comparing items.

#include "container/format_code.h"

#include <math.h>
#include <string.h>

#include <tally/bytes.h>
#include <tally/number.h>

#include "container/half.h"
#include "container/number.h"
#include "container/text.h"

// ---- fields

// A field in the machine's byte order.
union field {
    unsigned char bytes[8];
    uint16_t half;
    uint32_t word;
    uint64_t number;
    float real32;
    double real64;
};

static union field field_read(const void *at, size_t width, bool swapped) {
    union field field = {.number = 0};
    const unsigned char *bytes = at;
    for (size_t n = 0; n < width; n++)
        field.bytes[swapped ? width - 1 - n : n] = bytes[n];
    return field;
}

static void field_write(union field field, void *at, size_t width,
                        bool swapped) {
    unsigned char *bytes = at;
    for (size_t n = 0; n < width; n++)
        bytes[n] = field.bytes[swapped ? width - 1 - n : n];
}

// The bits of an integer of [width] bytes, whatever the byte order.
static uint64_t integer_of(union field field, size_t width) {
    const uint16_t probe = 1;
    if (!*(const unsigned char *)&probe)
        return field.number >> (64 - 8 * width);
    return field.number;
}

static union field field_of(uint64_t number, size_t width) {
    const uint16_t probe = 1;
    union field field = {.number = number};
    if (!*(const unsigned char *)&probe)
        field.number = number << (64 - 8 * width);
    return field;
}

static int64_t extended(uint64_t bits, size_t width) {
    unsigned shift = 64 - 8 * (unsigned)width;
    return (int64_t)(bits << shift) >> shift;
}

static double real_of(union field field, size_t width) {
    return width == 2   ? tly_half_to_double(field.half)
           : width == 4 ? (double)field.real32
                        : field.real64;
}

// What a field of one of the kinds is, as a number. False: a string. An
// integer beyond 2^63 - 1 is [*ret_large].
static bool number_at(const struct tly_code *code, const void *at, size_t width,
                      bool swapped, struct tly_number *ret, bool *ret_large) {
    union field field;
    *ret = (struct tly_number){.is_double = false};
    *ret_large = false;
    if (code->kind >= TLY_CODE_STRING || code->kind <= TLY_CODE_CHARACTER)
        return false;
    field = field_read(at, width, swapped);
    switch ((enum tly_code_kind)code->kind) {
    case TLY_CODE_SIGNED:
        ret->integer = extended(integer_of(field, width), width);
        break;
    case TLY_CODE_UNSIGNED:
        ret->integer = (int64_t)integer_of(field, width);
        *ret_large = ret->integer < 0;
        break;
    case TLY_CODE_TRUTH:
        ret->integer = field.bytes[0] != 0;
        break;
    case TLY_CODE_REAL:
        ret->is_double = true;
        ret->real = real_of(field, width);
        break;
    case TLY_CODE_PAD:
    case TLY_CODE_CHARACTER:
    case TLY_CODE_STRING:
    case TLY_CODE_PASCAL:
        break;
    }
    return true;
}

// The bytes of a string: of 'p' as many as its first says.
static const unsigned char *string_at(const struct tly_code *code,
                                      const void *at, size_t width,
                                      size_t *ret_length) {
    const unsigned char *bytes = at;
    *ret_length = width;
    if (code->kind != TLY_CODE_PASCAL || width == 0)
        return bytes;
    *ret_length = bytes[0] < width ? bytes[0] : width - 1;
    return bytes + 1;
}

tally_status tly_format_unpack(const struct tly_format *format,
                               const void *item, tally_value *ret_value) {
    const struct tly_code *code =
        format->code ? tly_code_find(format->code) : NULL;
    struct tly_number number;
    bool large;
    tally_value value;
    if (tly_format_read(format, item, ret_value))
        return TALLY_OK;
    if (!code)
        return TALLY_UNSUPPORTED;
    if (!number_at(code, item, format->width, format->swapped, &number,
                   &large)) {
        size_t length;
        const void *bytes = string_at(code, item, format->width, &length);
        value = tally_of(tally_bytes_new(bytes, length));
    } else if (large) {
        return TALLY_OVERFLOW;
    } else if (code->kind == TLY_CODE_TRUTH) {
        value = tally_bool(number.integer);
    } else {
        value = number.is_double ? tally_double(number.real)
                                 : tally_integer(number.integer);
    }
    if (tally_is_absent(value))
        return TALLY_NO_MEMORY;
    *ret_value = value;
    return TALLY_OK;
}

// ---- writing

static tally_status integer_pack(const struct tly_code *code, size_t width,
                                 tally_value value, union field *ret) {
    int64_t n;
    tally_status status = tally_as_integer(value, &n);
    if (status != TALLY_OK)
        return status;
    if (code->kind == TLY_CODE_SIGNED
            ? extended((uint64_t)n, width) != n
            : n < 0 || (width < 8 && n >> (8 * width)))
        return TALLY_RANGE;
    *ret = field_of((uint64_t)n, width);
    return TALLY_OK;
}

static tally_status real_pack(size_t width, tally_value value,
                              union field *ret) {
    double real;
    tally_status status = tally_as_double(value, &real);
    if (status != TALLY_OK)
        return status;
    *ret = (union field){.number = 0};
    if (width == 8) {
        ret->real64 = real;
        return TALLY_OK;
    }
    if (width == 2)
        return tly_half_of_double(real, &ret->half) ? TALLY_OK : TALLY_RANGE;
    ret->real32 = (float)real;
    return isinf(ret->real32) && !isinf(real) ? TALLY_RANGE : TALLY_OK;
}

// Bytes, cut off or filled up with zeros; of 'c' just one.
static tally_status string_pack(const struct tly_code *code, size_t width,
                                tally_value value, char *at) {
    void *object = tally_object_of(value);
    if (!object || !tally_is_instance(object, &tally_type_bytes))
        return TALLY_WRONG_TYPE;
    size_t length = tally_bytes_length(object);
    if (code->kind == TLY_CODE_CHARACTER && length != 1)
        return TALLY_RANGE;
    if (code->kind == TLY_CODE_PASCAL && width > 0) {
        size_t most = width - 1 < 255 ? width - 1 : 255;
        length = length < most ? length : most;
        *at++ = (char)length;
        width--;
    }
    length = length < width ? length : width;
    memcpy(at, tally_bytes_data(object), length);
    memset(at + length, 0, width - length);
    return TALLY_OK;
}

tally_status tly_format_pack(const struct tly_format *format, tally_value value,
                             void *item) {
    const struct tly_code *code =
        format->code ? tly_code_find(format->code) : NULL;
    union field field;
    bool truth;
    tally_status status;
    if (!code)
        return TALLY_UNSUPPORTED;
    switch ((enum tly_code_kind)code->kind) {
    case TLY_CODE_SIGNED:
    case TLY_CODE_UNSIGNED:
        status = integer_pack(code, format->width, value, &field);
        break;
    case TLY_CODE_REAL:
        status = real_pack(format->width, value, &field);
        break;
    case TLY_CODE_TRUTH:
        status = tally_as_bool(value, &truth);
        field = (union field){.bytes = {status == TALLY_OK && truth}};
        break;
    case TLY_CODE_PAD:
    case TLY_CODE_CHARACTER:
    case TLY_CODE_STRING:
    case TLY_CODE_PASCAL:
    default:
        return string_pack(code, format->width, value, item);
    }
    if (status == TALLY_OK)
        field_write(field, item, format->width, format->swapped);
    return status;
}

// ---- comparing

// A field of an item.
struct place {
    const struct tly_code *code;
    const void *at;
    size_t width;
    bool swapped;
};

// Whether an integer from 2^63 on is a double.
static bool large_equal(uint64_t large, double real) {
    // The next double beyond is 2^64, which no integer is.
    return real >= 0x1p63 && real < 0x1p64 && (uint64_t)real == large;
}

static bool strings_equal(const struct place *a, const struct place *b) {
    size_t length_a, length_b;
    const void *bytes_a = string_at(a->code, a->at, a->width, &length_a);
    const void *bytes_b = string_at(b->code, b->at, b->width, &length_b);
    return length_a == length_b && memcmp(bytes_a, bytes_b, length_a) == 0;
}

static bool fields_equal(const struct place *a, const struct place *b) {
    struct tly_number number_a, number_b;
    bool large_a, large_b;
    bool is_a =
        number_at(a->code, a->at, a->width, a->swapped, &number_a, &large_a);
    bool is_b =
        number_at(b->code, b->at, b->width, b->swapped, &number_b, &large_b);
    // As values: true and false are no numbers.
    if (is_a != is_b ||
        (a->code->kind == TLY_CODE_TRUTH) != (b->code->kind == TLY_CODE_TRUTH))
        return false;
    if (!is_a)
        return strings_equal(a, b);
    if (large_a && number_b.is_double)
        return large_equal((uint64_t)number_a.integer, number_b.real);
    if (large_b && number_a.is_double)
        return large_equal((uint64_t)number_b.integer, number_a.real);
    return large_a == large_b && tly_number_equal(&number_a, &number_b);
}

// The fields of an item, one after the other.
struct walk {
    struct tly_code_cursor cursor;
    struct tly_code_run run;
    size_t n; // of the run's fields, the next
};

// The next field; false at the end. The format is known to be right.
static bool walk_next(struct walk *w, const struct tly_format *format,
                      const void *item, struct place *ret) {
    bool more = true;
    while (w->run.code == NULL || w->n == tly_code_fields(&w->run)) {
        if (tly_code_next(&w->cursor, &w->run, &more) != TALLY_OK || !more)
            return false;
        w->n = 0;
    }
    bool is_string = w->run.code->kind == TLY_CODE_STRING ||
                     w->run.code->kind == TLY_CODE_PASCAL;
    *ret = (struct place){
        .code = w->run.code,
        .at = (const char *)item + w->run.at + w->run.width * w->n++,
        .width = is_string ? w->run.count : w->run.width,
        .swapped = format->swapped,
    };
    return true;
}

tally_status tly_format_equal(const struct tly_format *format_a, const void *a,
                              const struct tly_format *format_b, const void *b,
                              bool *ret_equal) {
    struct walk wa = {.cursor = {format_a->text, 0, format_a->native}};
    struct walk wb = {.cursor = {format_b->text, 0, format_b->native}};
    struct place at_a, at_b;
    bool equal = true;
    if (format_a->fields != format_b->fields)
        return TALLY_UNSUPPORTED;
    while (equal && walk_next(&wa, format_a, a, &at_a) &&
           walk_next(&wb, format_b, b, &at_b))
        equal = fields_equal(&at_a, &at_b);
    *ret_equal = equal;
    return TALLY_OK;
}
