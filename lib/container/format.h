// Formats of items, in the syntax of Python's struct module
// (https://docs.python.org/3/library/struct.html): an optional byte order, then
// codes with counts.
//
//     "<2hd"   two shorts and a double, little-endian, not aligned
//     "@ll"    two longs of the machine's

#ifndef TLY_CONTAINER_FORMAT_H
#define TLY_CONTAINER_FORMAT_H

#include <tally/value.h>

#include "base/compiler.h"

struct tly_format {
    const char *text; // the codes, after the byte order
    size_t size;      // of an item in bytes
    size_t fields;    // values in an item
    size_t width;     // of the one field, in bytes: of 's', of the string
    char code;        // of the one field; 0: there are more, or none
    bool native;      // sizes and alignment are the machine's
    bool swapped;     // the byte order is not
};

// Understands a format; NULL is "B". TALLY_FORMAT: it is none;
// TALLY_OVERFLOW: items beyond 2^62 bytes. The text must outlive the result.
tally_status tly_format_parse(const char *format, struct tly_format *ret);

// Whether it is one number or byte of the machine's.
bool tly_format_is_native_single(const struct tly_format *format);

// The value of an item of one field. TALLY_UNSUPPORTED: it has several;
// TALLY_OVERFLOW: an integer beyond 2^63 - 1.
tally_status tly_format_unpack(const struct tly_format *format,
                               const void *item, tally_value *ret_value);

// Writes a value as an item of one field. TALLY_WRONG_TYPE, TALLY_RANGE.
tally_status tly_format_pack(const struct tly_format *format, tally_value value,
                             void *item);

// Whether two items are equal, field by field, as values. TALLY_UNSUPPORTED
// where they have different numbers of fields.
tally_status tly_format_equal(const struct tly_format *format_a, const void *a,
                              const struct tly_format *format_b, const void *b,
                              bool *ret_equal);

#endif
