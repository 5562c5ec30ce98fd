// Formats of items, in the syntax of Python's struct module
// (https://docs.python.org/3/library/struct.html): an optional byte order, then
// codes with counts.
//
//     "<2hd"   two shorts and a double, little-endian, not aligned
//     "@ll"    two longs of the machine's

#ifndef TLY_CONTAINER_FORMAT_H
#define TLY_CONTAINER_FORMAT_H

#include <string.h>

#include <tally/value.h>

#include "base/point.h"

// How an item is read that is one integer in the machine's byte order.
enum tly_reading {
    TLY_READ_ANY, // it is something else
    TLY_READ_INT8,
    TLY_READ_UINT8,
    TLY_READ_INT16,
    TLY_READ_UINT16,
    TLY_READ_INT32,
    TLY_READ_UINT32,
    TLY_READ_INT64
};

struct tly_format {
    const char *text; // the codes, after the byte order
    size_t size;      // of an item in bytes
    size_t fields;    // values in an item
    size_t width;     // of the one field, in bytes: of 's', of the string
    char code;        // of the one field; 0: there are more, or none
    bool native;      // sizes and alignment are the machine's
    bool swapped;     // the byte order is not
    uint8_t reading;  // enum tly_reading
};

// Understands a format; NULL is "B". TALLY_FORMAT: it is none;
// TALLY_OVERFLOW: items beyond 2^62 bytes. The text must outlive the result.
tally_status tly_format_parse(const char *format, struct tly_format *ret);

// Whether it is one number or byte of the machine's.
bool tly_format_is_native_single(const struct tly_format *format);

// The format of one code in the machine's sizes; NULL: there is no such code.
const struct tly_format *tly_format_native(char code);

// The value of an item of one field. TALLY_UNSUPPORTED: it has several;
// TALLY_OVERFLOW: an integer beyond 2^63 - 1.
tally_status tly_format_unpack(const struct tly_format *format,
                               const void *item, tally_value *ret_value);

// The same of most items, which it does at once; else false.
TLY_INLINE bool tly_format_read(const struct tly_format *format,
                                const void *item, tally_value *ret_value) {
    int64_t number = 0;
    switch ((enum tly_reading)format->reading) {
#define TLY_READ_(name, type)                                                  \
    case name: {                                                               \
        type is;                                                               \
        memcpy(&is, item, sizeof(is));                                         \
        number = is;                                                           \
        break;                                                                 \
    }
        TLY_READ_(TLY_READ_INT8, int8_t)
        TLY_READ_(TLY_READ_UINT8, uint8_t)
        TLY_READ_(TLY_READ_INT16, int16_t)
        TLY_READ_(TLY_READ_UINT16, uint16_t)
        TLY_READ_(TLY_READ_INT32, int32_t)
        TLY_READ_(TLY_READ_UINT32, uint32_t)
        TLY_READ_(TLY_READ_INT64, int64_t)
#undef TLY_READ_
    case TLY_READ_ANY:
        return false;
    }
    if (TLY_BUSTED(FORMAT_SIGN) && format->reading == TLY_READ_INT16)
        number &= 0xFFFF;
    *ret_value = tally_small(number);
    return number >= TALLY_SMALL_MIN && number <= TALLY_SMALL_MAX;
}

// Writes a value as an item of one field. TALLY_WRONG_TYPE, TALLY_RANGE.
tally_status tly_format_pack(const struct tly_format *format, tally_value value,
                             void *item);

// Whether two formats say the same of an item: byte order, codes, and where
// each field is. "d" and "@d" do, "2h" and "hh" do not.
bool tly_format_same(const struct tly_format *a, const struct tly_format *b);

// Whether two items are equal, field by field, as values. TALLY_UNSUPPORTED
// where they have different numbers of fields.
tally_status tly_format_equal(const struct tly_format *format_a, const void *a,
                              const struct tly_format *format_b, const void *b,
                              bool *ret_equal);

#endif
