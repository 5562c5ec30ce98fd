// Is text taken exactly if it is UTF-8, and are its code points counted right?
//
// ORACLE  a decoder that goes by the definition: bits first, then whether the
//         number needed so many bytes and is a code point.

#include "fuzz.h"

// Code points of the bytes, -1 if they are no UTF-8.
static long decode(const uint8_t *p, size_t size) {
    long points = 0;
    for (size_t n = 0; n < size; points++) {
        unsigned bytes = p[n] < 0x80             ? 1
                         : (p[n] & 0xE0) == 0xC0 ? 2
                         : (p[n] & 0xF0) == 0xE0 ? 3
                         : (p[n] & 0xF8) == 0xF0 ? 4
                                                 : 0;
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (!bytes || bytes > size - n)
            return -1;
        uint32_t point = bytes == 1 ? p[n] : p[n] & (0xFFu >> (bytes + 1));
        for (unsigned k = 1; k < bytes; k++) {
            if ((p[n + k] & 0xC0) != 0x80)
                return -1;
            point = point << 6 | (p[n + k] & 0x3Fu);
        }
        if (point < least[bytes] || point > 0x10FFFF ||
            (point >= 0xD800 && point < 0xE000))
            return -1;
        n += bytes;
    }
    return points;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    long points = decode(data, size);
    tally_text *text = tally_text_new((const char *)data, size);
    must((text != NULL) == (points >= 0));
    if (text) {
        must(tally_text_length(text) == size);
        must(tally_text_points(text) == (size_t)points);
        must(memcmp(tally_text_data(text), data, size) == 0);
        tally_decref(text);
    }
    return 0;
}
