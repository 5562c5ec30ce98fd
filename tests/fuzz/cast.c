// Does a cast show the same bytes, and is it refused where it must be?
//
// ORACLE  memcpy, and the product of the shape.

#include "fuzz.h"

static const struct {
    const char *format;
    size_t size; // 0: no native code
} formats[] = {{"b", 1}, {"B", 1},  {"@c", 1}, {"?", 1}, {"h", 2},
               {"I", 4}, {"@q", 8}, {"d", 8},  {"e", 2}, {"f", 4},
               {"N", 8}, {"<i", 0}, {"2b", 0}, {"s", 0}, {"", 0}};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static bool is_bytes(size_t format) { return format <= 2; }

// Reads every item of at most three dimensions, and copies the whole.
static void check(tally_view *view, const void *bytes, size_t size) {
    struct tally_view_info info;
    must(tally_view_describe(view, &info) == TALLY_OK);
    must(info.length == size && info.c_contiguous);
    void *out = malloc(size ? size : 1);
    must(out && tally_view_copy(view, 'C', out, size) == TALLY_OK);
    must(memcmp(out, bytes, size) == 0);
    must(tally_view_copy(view, 'F', out, size) == TALLY_OK);
    free(out);
    int64_t last[3] = {-1, -1, -1};
    tally_value value;
    tally_status status = tally_view_get(view, last, info.dimensions, &value);
    must(status == (size ? status : TALLY_RANGE));
    if (status == TALLY_OK)
        tally_value_decref(value);
}

static void cast(struct input *in, tally_view *view, const void *bytes,
                 size_t size, bool deeper);

static void cast_again(struct input *in, tally_view *made, const void *bytes,
                       size_t size, bool deeper) {
    check(made, bytes, size);
    if (deeper)
        cast(in, made, bytes, size, false);
    tally_decref(made);
}

// Of a view of bytes, when it is the first.
static void cast(struct input *in, tally_view *view, const void *bytes,
                 size_t size, bool deeper) {
    size_t shape[3], product = 1, format = input_byte(in) % FORMATS;
    unsigned dimensions = input_byte(in) % 5; // 4: whatever there is
    for (unsigned d = 0; d < 3; d++) {
        shape[d] = input_byte(in);
        shape[d] = shape[d] == 255 ? SIZE_MAX - input_byte(in) : shape[d];
    }
    bool overflows = false, empty = false;
    size_t item = formats[format].size;
    // Also where one length is 0 the others must not overflow.
    for (unsigned d = 0; d < dimensions && dimensions < 4; d++) {
        empty = empty || shape[d] == 0;
        overflows = __builtin_mul_overflow(product, shape[d] ? shape[d] : 1,
                                           &product) ||
                    overflows;
    }
    overflows = overflows || product > INT64_MAX / (item ? item : 1);
    bool fits = item && size % item == 0;
    if (dimensions < 4)
        fits = fits && !overflows && (empty ? 0 : product * item) == size;
    tally_view *made = tally_view_cast(view, formats[format].format,
                                       dimensions < 4 ? shape : NULL,
                                       dimensions < 4 ? dimensions : 1);
    // Of bytes, whatever fits; else more is refused.
    must(made == NULL || fits);
    must(made != NULL || !fits || !deeper);
    if (made)
        cast_again(in, made, bytes, size, deeper && is_bytes(format));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = {data, size};
    size_t length = input_byte(&in);
    void *bytes = input_copy(&in, length);
    tally_view *view = tally_view_of_memory(bytes, length, false, NULL, NULL);
    must(view);
    cast(&in, view, bytes, length, true);
    tally_decref(view);
    free(bytes);
    return 0;
}
