// Parsing formats.

#include "container/format_code.h"

#include <string.h>

#include "base/point.h"

#define SIZE_LIMIT ((size_t)1 << 62)

// ---- codes

static const struct tly_code codes[] = {
    {'x', 1, 1, TLY_CODE_PAD},
    {'c', 1, 1, TLY_CODE_CHARACTER},
    {'b', 1, 1, TLY_CODE_SIGNED},
    {'B', 1, 1, TLY_CODE_UNSIGNED},
    {'?', 1, sizeof(bool), TLY_CODE_TRUTH},
    {'h', 2, sizeof(short), TLY_CODE_SIGNED},
    {'H', 2, sizeof(short), TLY_CODE_UNSIGNED},
    {'i', 4, sizeof(int), TLY_CODE_SIGNED},
    {'I', 4, sizeof(int), TLY_CODE_UNSIGNED},
    {'l', 4, sizeof(long), TLY_CODE_SIGNED},
    {'L', 4, sizeof(long), TLY_CODE_UNSIGNED},
    {'q', 8, sizeof(long long), TLY_CODE_SIGNED},
    {'Q', 8, sizeof(long long), TLY_CODE_UNSIGNED},
    {'n', 0, sizeof(size_t), TLY_CODE_SIGNED},
    {'N', 0, sizeof(size_t), TLY_CODE_UNSIGNED},
    {'e', 2, 2, TLY_CODE_REAL},
    {'f', 4, sizeof(float), TLY_CODE_REAL},
    {'d', 8, sizeof(double), TLY_CODE_REAL},
    {'s', 1, 1, TLY_CODE_STRING},
    {'p', 1, 1, TLY_CODE_PASCAL},
    {'P', 0, sizeof(void *), TLY_CODE_UNSIGNED},
};

const struct tly_code *tly_code_find(char code) {
    for (size_t n = 0; n < sizeof(codes) / sizeof(codes[0]); n++)
        if (codes[n].code == code)
            return &codes[n];
    return NULL;
}

// ---- parsing

static tally_status count_read(const char **text, size_t *ret_count) {
    size_t count = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        if (__builtin_mul_overflow(count, 10, &count) ||
            __builtin_add_overflow(count, (size_t)(**text - '0'), &count))
            return TALLY_OVERFLOW;
    *ret_count = count;
    return TALLY_OK;
}

tally_status tly_code_next(struct tly_code_cursor *c, struct tly_code_run *ret,
                           bool *ret_more) {
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
    const struct tly_code *code = tly_code_find(*c->text);
    if (!code || (!c->native && !code->standard))
        return TALLY_FORMAT;
    c->text++;
    size_t width = c->native ? code->native : code->standard;
    bool aligned = c->native && !TLY_BUSTED(FORMAT_ALIGN);
    size_t at = aligned ? (c->end + width - 1) / width * width : c->end;
    if (__builtin_mul_overflow(width, count, &bytes) || bytes > SIZE_LIMIT ||
        at + bytes > SIZE_LIMIT)
        return TALLY_OVERFLOW;
    c->end = at + bytes;
    *ret = (struct tly_code_run){code, count, width, at};
    return TALLY_OK;
}

size_t tly_code_fields(const struct tly_code_run *run) {
    bool one = run->code->kind == TLY_CODE_STRING ||
               run->code->kind == TLY_CODE_PASCAL;
    return run->code->kind == TLY_CODE_PAD ? 0 : one ? 1 : run->count;
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

// How items of the one field are read.
static enum tly_reading reading_of(const struct tly_format *f) {
    if (f->swapped || !f->code)
        return TLY_READ_ANY;
    bool is_signed = tly_code_find(f->code)->kind == TLY_CODE_SIGNED;
    if (!is_signed && tly_code_find(f->code)->kind != TLY_CODE_UNSIGNED)
        return TLY_READ_ANY;
    switch (f->width) {
    case 1:
        return is_signed ? TLY_READ_INT8 : TLY_READ_UINT8;
    case 2:
        return is_signed ? TLY_READ_INT16 : TLY_READ_UINT16;
    case 4:
        return is_signed ? TLY_READ_INT32 : TLY_READ_UINT32;
    default:
        return is_signed ? TLY_READ_INT64 : TLY_READ_ANY;
    }
}

tally_status tly_format_parse(const char *format, struct tly_format *ret) {
    struct tly_format f = {0};
    struct tly_code_run run;
    bool more;
    const char *text = format ? format : "B";
    order_read(&text, &f);
    f.text = text;
    struct tly_code_cursor c = {text, 0, f.native};
    for (;;) {
        tally_status status = tly_code_next(&c, &run, &more);
        if (status != TALLY_OK)
            return status;
        if (!more)
            break;
        size_t fields = tly_code_fields(&run);
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
    f.reading = (uint8_t)reading_of(&f);
    *ret = f;
    return TALLY_OK;
}

bool tly_format_is_native_single(const struct tly_format *format) {
    return format->native && format->code && format->code != 's' &&
           format->code != 'p';
}

static bool runs_same(const struct tly_code_run *a,
                      const struct tly_code_run *b) {
    return a->code == b->code && a->count == b->count && a->width == b->width &&
           a->at == b->at;
}

bool tly_format_same(const struct tly_format *a, const struct tly_format *b) {
    struct tly_code_cursor ca = {a->text, 0, a->native};
    struct tly_code_cursor cb = {b->text, 0, b->native};
    struct tly_code_run of_a, of_b;
    bool in_a = true, in_b = true;
    if (a->swapped != b->swapped || a->size != b->size)
        return false;
    while (in_a && in_b) {
        // Both were parsed before.
        if (tly_code_next(&ca, &of_a, &in_a) != TALLY_OK ||
            tly_code_next(&cb, &of_b, &in_b) != TALLY_OK)
            return false;
        if (in_a && in_b && !runs_same(&of_a, &of_b))
            return false;
    }
    return in_a == in_b;
}

// ---- the machine's

#define READ_INT(type)                                                         \
    (sizeof(type) == 4 ? TLY_READ_INT32 : TLY_READ_INT64) // int, or longer
#define READ_UINT(type) (sizeof(type) == 4 ? TLY_READ_UINT32 : TLY_READ_ANY)
#define NATIVE(letter, type, how)                                              \
    {                                                                          \
        .text = (const char[]){letter, '\0'}, .size = sizeof(type),            \
        .fields = 1, .width = sizeof(type), .code = letter, .native = true,    \
        .reading = how                                                         \
    }

static const struct tly_format natives[] = {
    NATIVE('B', unsigned char, TLY_READ_UINT8),
    NATIVE('b', signed char, TLY_READ_INT8),
    NATIVE('c', char, TLY_READ_ANY),
    NATIVE('?', bool, TLY_READ_ANY),
    NATIVE('h', short, TLY_READ_INT16),
    NATIVE('H', unsigned short, TLY_READ_UINT16),
    NATIVE('i', int, TLY_READ_INT32),
    NATIVE('I', unsigned, TLY_READ_UINT32),
    NATIVE('l', long, READ_INT(long)),
    NATIVE('L', unsigned long, READ_UINT(unsigned long)),
    NATIVE('q', long long, TLY_READ_INT64),
    NATIVE('Q', unsigned long long, TLY_READ_ANY),
    NATIVE('n', size_t, READ_INT(size_t)),
    NATIVE('N', size_t, READ_UINT(size_t)),
    NATIVE('e', uint16_t, TLY_READ_ANY),
    NATIVE('f', float, TLY_READ_ANY),
    NATIVE('d', double, TLY_READ_ANY),
    NATIVE('P', void *, READ_UINT(void *)),
};

const struct tly_format *tly_format_native(char code) {
    for (size_t n = 0; n < sizeof(natives) / sizeof(natives[0]); n++)
        if (natives[n].code == code)
            return &natives[n];
    return NULL;
}
