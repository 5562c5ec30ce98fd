// Does parsing take what struct takes, and do items come back?
//
// ORACLE  the size, by a table and the rule of alignment; and what was written
//         of a value is read as an equal one.

#include "container/format.h"
#include "fuzz.h"

// Bytes by code, native and standard; 0: not there.
static size_t width(char code, bool native) {
    static const char codes[] = "xcbB?sphHeiIflLqQdnNP";
    static const char sizes[] = "111111122244488888888";
    static const char standard[] = "111111122244444888000";
    const char *at = code ? strchr(codes, code) : NULL;
    if (!at)
        return 0;
    return (size_t)((native ? sizes : standard)[at - codes] - '0');
}

// The size of an item, SIZE_MAX if the format is none or large.
static size_t size_of(const char *text) {
    bool native = *text == '@' || !*text || !strchr("=<>!", *text);
    size_t end = 0;
    text += *text && strchr("@=<>!", *text);
    for (; *text; text++) {
        unsigned long long count = 1;
        if (strchr(" \t\n\v\f\r", *text))
            continue;
        if (*text >= '0' && *text <= '9') {
            for (count = 0; *text >= '0' && *text <= '9'; text++)
                if ((count = count * 10 + (unsigned)(*text - '0')) > 1 << 20)
                    return SIZE_MAX;
        }
        size_t bytes = width(*text, native);
        if (!bytes)
            return SIZE_MAX;
        while (native && end % bytes)
            end++;
        end += (size_t)count * bytes;
    }
    return end;
}

static void round_trip(const struct tly_format *format, struct input *in) {
    bool equal = true;
    tally_value value, again;
    void *item = input_copy(in, format->size);
    void *other = calloc(1, format->size ? format->size : 1);
    must(other);
    if (tly_format_unpack(format, item, &value) == TALLY_OK) {
        must(tly_format_pack(format, value, other) == TALLY_OK);
        must(tly_format_unpack(format, other, &again) == TALLY_OK);
        must(tally_value_equal(value, again, &equal) == TALLY_OK);
        // Only what is not a number is unequal to itself.
        must(equal || strchr("efd", format->code));
        tally_value_decref(value);
        tally_value_decref(again);
    }
    must(tly_format_equal(format, item, format, item, &equal) == TALLY_OK);
    free(item);
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = {data, size};
    struct tly_format format;
    size_t length = input_byte(&in) % 32;
    char *text = (char *)input_copy(&in, length + 1);
    text[length] = '\0';
    size_t expected = size_of(text);
    tally_status status = tly_format_parse(text, &format);
    if (expected != SIZE_MAX)
        must(status == TALLY_OK && format.size == expected);
    else // or larger than the oracle counts
        must(status != TALLY_OK || format.size > 1 << 20);
    if (status == TALLY_OK && format.size <= 4096)
        round_trip(&format, &in);
    free(text);
    return 0;
}
