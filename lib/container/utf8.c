// Checking UTF-8, eight bytes at a time where they are ASCII.

#include "container/utf8.h"

#include <string.h>

#include "base/bits.h"
#include "base/point.h"

#define HIGH_BITS 0x8080808080808080u

static uint64_t word_at(const unsigned char *p) {
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

static bool is_tail(unsigned char c) { return (c & 0xC0u) == 0x80; }

// Bytes of the sequence that begins at a byte beyond ASCII, 0 if it is none.
// Where the second byte's range is narrower, a shorter form would do, or it is
// a surrogate or beyond U+10FFFF.
static size_t sequence(const unsigned char *p, size_t left) {
    unsigned char first = p[0], low = 0x80, high = 0xBF;
    size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || (bytes > left && !TLY_BUSTED(UTF8_CUT)))
        return 0;
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED && !TLY_BUSTED(UTF8_SURROGATE))
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t n = 2; n < bytes; n++)
        if (!is_tail(p[n]))
            return 0;
    return bytes;
}

bool tly_utf8_valid(const char *text, size_t length) {
    const unsigned char *p = (const unsigned char *)text;
    while (length > 0) {
        size_t bytes;
        if (length >= 8 && !(word_at(p) & HIGH_BITS))
            bytes = 8;
        else
            bytes = *p < 0x80 ? 1 : sequence(p, length);
        if (!bytes)
            return false;
        p += bytes;
        length -= bytes;
    }
    return true;
}

// All bytes but those that go on with a sequence: 10......
size_t tly_utf8_points(const char *text, size_t length) {
    const unsigned char *p = (const unsigned char *)text;
    size_t points = length;
    for (; length >= 8; length -= 8, p += 8) {
        uint64_t word = word_at(p);
        uint64_t tails = word & ~(word << 1) & HIGH_BITS;
        points -= tly_bit_count(tails);
    }
    for (; length > 0; length--, p++)
        points -= is_tail(*p);
    return points;
}
