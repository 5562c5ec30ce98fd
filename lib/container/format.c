// Parsing formats; reading, writing and comparing items.

#include "container/format.h"

#include <math.h>
#include <string.h>

#include <tally/bytes.h>
#include <tally/number.h>

#include "container/half.h"
#include "container/number.h"
#include "container/text.h"

#define SIZE_LIMIT ((size_t)1 << 62)

// ---- codes

enum kind { PAD, CHARACTER, SIGNED, UNSIGNED, TRUTH, REAL, STRING, PASCAL };

static const struct code {
    char code;
    uint8_t standard; // bytes; 0: native formats only
    uint8_t native;   // bytes, and its alignment
    uint8_t kind;
} codes[] = {
    {'x', 1, 1, PAD},
    {'c', 1, 1, CHARACTER},
    {'b', 1, 1, SIGNED},
    {'B', 1, 1, UNSIGNED},
    {'?', 1, sizeof(bool), TRUTH},
    {'h', 2, sizeof(short), SIGNED},
    {'H', 2, sizeof(short), UNSIGNED},
    {'i', 4, sizeof(int), SIGNED},
    {'I', 4, sizeof(int), UNSIGNED},
    {'l', 4, sizeof(long), SIGNED},
    {'L', 4, sizeof(long), UNSIGNED},
    {'q', 8, sizeof(long long), SIGNED},
    {'Q', 8, sizeof(long long), UNSIGNED},
    {'n', 0, sizeof(size_t), SIGNED},
    {'N', 0, sizeof(size_t), UNSIGNED},
    {'e', 2, 2, REAL},
    {'f', 4, sizeof(float), REAL},
    {'d', 8, sizeof(double), REAL},
    {'s', 1, 1, STRING},
    {'p', 1, 1, PASCAL},
    {'P', 0, sizeof(void *), UNSIGNED},
};

static const struct code *code_find(char code) {
    for (size_t n = 0; n < sizeof(codes) / sizeof(codes[0]); n++)
        if (codes[n].code == code)
            return &codes[n];
    return NULL;
}

// ---- parsing

// A code with its count: what next() finds.
struct run {
    const struct code *code;
    size_t count; // of a string: its bytes
    size_t width; // of a field, in bytes
    size_t at;    // of the first field, in bytes from the item's begin
};

struct cursor {
    const char *text;
    size_t end; // of the last field
    bool native;
};

static tally_status count_read(const char **text, size_t *ret_count) {
    size_t count = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        if (__builtin_mul_overflow(count, 10, &count) ||
            __builtin_add_overflow(count, (size_t)(**text - '0'), &count))
            return TALLY_OVERFLOW;
    *ret_count = count;
    return TALLY_OK;
}

// The next run. *ret_more: there was one.
static tally_status next(struct cursor *c, struct run *ret, bool *ret_more) {
    size_t count = 1, bytes;
    while (*c->text == ' ' || (*c->text >= '\t' && *c->text <= '\r'))
        c->text++;
    *ret_more = *c->text != '\0';
    if (!*ret_more)
        return TALLY_OK;
    if (*c->text >= '0' && *c->text <= '9') {
        tally_status status = count_read(&c->text, &count);
        if (status != TALLY_OK)
            return status;
    }
    const struct code *code = code_find(*c->text);
    if (!code || (!c->native && !code->standard))
        return TALLY_FORMAT;
    c->text++;
    size_t width = c->native ? code->native : code->standard;
    size_t at = c->native ? (c->end + width - 1) / width * width : c->end;
    if (__builtin_mul_overflow(width, count, &bytes) || bytes > SIZE_LIMIT ||
        at + bytes > SIZE_LIMIT)
        return TALLY_OVERFLOW;
    c->end = at + bytes;
    *ret = (struct run){code, count, width, at};
    return TALLY_OK;
}

static size_t fields_of(const struct run *run) {
    bool one = run->code->kind == STRING || run->code->kind == PASCAL;
    return run->code->kind == PAD ? 0 : one ? 1 : run->count;
}

// The byte order: '@', which is also what there is without one, or another.
static void order_read(const char **text, struct tly_format *f) {
    const uint16_t probe = 1;
    bool little = *(const unsigned char *)&probe, is_little = little;
    f->native = true;
    if (!**text || !strchr("@=<>!", **text)) {
        f->swapped = false;
        return;
    }
    char order = *(*text)++;
    f->native = order == '@';
    if (order == '<')
        is_little = true;
    else if (order == '>' || order == '!')
        is_little = false;
    f->swapped = is_little != little;
}

tally_status tly_format_parse(const char *format, struct tly_format *ret) {
    struct tly_format f = {0};
    struct run run;
    bool more;
    const char *text = format ? format : "B";
    order_read(&text, &f);
    f.text = text;
    struct cursor c = {text, 0, f.native};
    for (;;) {
        tally_status status = next(&c, &run, &more);
        if (status != TALLY_OK)
            return status;
        if (!more)
            break;
        size_t fields = fields_of(&run);
        f.fields += fields; // no more than bytes, but for strings of none
        // Where the one field is padded it is not at the item's begin.
        if (fields == 1 && f.fields == 1 && run.at == 0) {
            f.code = run.code->code;
            f.width = run.width * run.count;
        }
    }
    if (f.fields != 1 || f.width != c.end)
        f.code = 0;
    f.size = c.end;
    *ret = f;
    return TALLY_OK;
}

bool tly_format_is_native_single(const struct tly_format *format) {
    return format->native && format->code && format->code != 's' &&
           format->code != 'p';
}

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
static bool number_at(const struct code *code, const void *at, size_t width,
                      bool swapped, struct tly_number *ret, bool *ret_large) {
    union field field;
    *ret = (struct tly_number){.is_double = false};
    *ret_large = false;
    if (code->kind >= STRING || code->kind <= CHARACTER)
        return false;
    field = field_read(at, width, swapped);
    switch ((enum kind)code->kind) {
    case SIGNED:
        ret->integer = extended(integer_of(field, width), width);
        break;
    case UNSIGNED:
        ret->integer = (int64_t)integer_of(field, width);
        *ret_large = ret->integer < 0;
        break;
    case TRUTH:
        ret->integer = field.bytes[0] != 0;
        break;
    case REAL:
        ret->is_double = true;
        ret->real = real_of(field, width);
        break;
    case PAD:
    case CHARACTER:
    case STRING:
    case PASCAL:
        break;
    }
    return true;
}

// The bytes of a string: of 'p' as many as its first says.
static const unsigned char *string_at(const struct code *code, const void *at,
                                      size_t width, size_t *ret_length) {
    const unsigned char *bytes = at;
    *ret_length = width;
    if (code->kind != PASCAL || width == 0)
        return bytes;
    *ret_length = bytes[0] < width ? bytes[0] : width - 1;
    return bytes + 1;
}

tally_status tly_format_unpack(const struct tly_format *format,
                               const void *item, tally_value *ret_value) {
    const struct code *code = format->code ? code_find(format->code) : NULL;
    struct tly_number number;
    bool large;
    tally_value value;
    if (!code)
        return TALLY_UNSUPPORTED;
    if (!number_at(code, item, format->width, format->swapped, &number,
                   &large)) {
        size_t length;
        const void *bytes = string_at(code, item, format->width, &length);
        value = tally_of(tally_bytes_new(bytes, length));
    } else if (large) {
        return TALLY_OVERFLOW;
    } else if (code->kind == TRUTH) {
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

static tally_status integer_pack(const struct code *code, size_t width,
                                 tally_value value, union field *ret) {
    int64_t n;
    tally_status status = tally_as_integer(value, &n);
    if (status != TALLY_OK)
        return status;
    if (code->kind == SIGNED ? extended((uint64_t)n, width) != n
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
static tally_status string_pack(const struct code *code, size_t width,
                                tally_value value, char *at) {
    void *object = tally_object_of(value);
    if (!object || !tally_is_instance(object, &tally_type_bytes))
        return TALLY_WRONG_TYPE;
    size_t length = tally_bytes_length(object);
    if (code->kind == CHARACTER && length != 1)
        return TALLY_RANGE;
    if (code->kind == PASCAL && width > 0) {
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
    const struct code *code = format->code ? code_find(format->code) : NULL;
    union field field;
    bool truth;
    tally_status status;
    if (!code)
        return TALLY_UNSUPPORTED;
    switch ((enum kind)code->kind) {
    case SIGNED:
    case UNSIGNED:
        status = integer_pack(code, format->width, value, &field);
        break;
    case REAL:
        status = real_pack(format->width, value, &field);
        break;
    case TRUTH:
        status = tally_as_bool(value, &truth);
        field = (union field){.bytes = {status == TALLY_OK && truth}};
        break;
    case PAD:
    case CHARACTER:
    case STRING:
    case PASCAL:
    default:
        return string_pack(code, format->width, value, item);
    }
    if (status == TALLY_OK)
        field_write(field, item, format->width, format->swapped);
    return status;
}

// ---- comparing

static bool fields_equal(const struct code *code_a, const void *a,
                         size_t width_a, bool swapped_a,
                         const struct code *code_b, const void *b,
                         size_t width_b, bool swapped_b) {
    struct tly_number number_a, number_b;
    bool large_a, large_b;
    bool is_a = number_at(code_a, a, width_a, swapped_a, &number_a, &large_a);
    bool is_b = number_at(code_b, b, width_b, swapped_b, &number_b, &large_b);
    if (is_a != is_b)
        return false;
    if (is_a) {
        // Beyond 2^63 - 1 a double may be equal to an integer.
        if (large_a && number_b.is_double)
            return (double)(uint64_t)number_a.integer == number_b.real &&
                   (uint64_t)number_b.real == (uint64_t)number_a.integer;
        if (large_b && number_a.is_double)
            return fields_equal(code_b, b, width_b, swapped_b, code_a, a,
                                width_a, swapped_a);
        return large_a == large_b && tly_number_equal(&number_a, &number_b);
    }
    size_t length_a, length_b;
    const void *string_a = string_at(code_a, a, width_a, &length_a);
    const void *string_b = string_at(code_b, b, width_b, &length_b);
    return length_a == length_b && memcmp(string_a, string_b, length_a) == 0;
}

// The fields of an item, one after the other.
struct walk {
    struct cursor cursor;
    struct run run;
    size_t n; // of the run's fields, the next
};

// The next field's place; NULL at the end. The format is known to be right.
static const char *walk_next(struct walk *w, const void *item,
                             size_t *ret_width) {
    bool more = true;
    while (w->run.code == NULL || w->n == fields_of(&w->run)) {
        if (next(&w->cursor, &w->run, &more) != TALLY_OK || !more)
            return NULL;
        w->n = 0;
    }
    bool is_string = w->run.code->kind == STRING || w->run.code->kind == PASCAL;
    *ret_width = is_string ? w->run.count : w->run.width;
    return (const char *)item + w->run.at + w->run.width * w->n++;
}

tally_status tly_format_equal(const struct tly_format *format_a, const void *a,
                              const struct tly_format *format_b, const void *b,
                              bool *ret_equal) {
    struct walk wa = {.cursor = {format_a->text, 0, format_a->native}};
    struct walk wb = {.cursor = {format_b->text, 0, format_b->native}};
    size_t width_a = 0, width_b = 0;
    if (format_a->fields != format_b->fields)
        return TALLY_UNSUPPORTED;
    bool equal = true;
    for (;;) {
        const char *at_a = walk_next(&wa, a, &width_a);
        const char *at_b = walk_next(&wb, b, &width_b);
        if (!at_a || !at_b || !equal)
            break;
        equal = fields_equal(wa.run.code, at_a, width_a, format_a->swapped,
                             wb.run.code, at_b, width_b, format_b->swapped);
    }
    *ret_equal = equal;
    return TALLY_OK;
}
