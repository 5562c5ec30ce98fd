// The codes that formats are made of, for who parses formats and who reads
// items.

#ifndef TLY_CONTAINER_FORMAT_CODE_H
#define TLY_CONTAINER_FORMAT_CODE_H

#include "container/format.h"

enum tly_code_kind {
    TLY_CODE_PAD,
    TLY_CODE_CHARACTER,
    TLY_CODE_SIGNED,
    TLY_CODE_UNSIGNED,
    TLY_CODE_TRUTH,
    TLY_CODE_REAL,
    TLY_CODE_STRING,
    TLY_CODE_PASCAL
};

struct tly_code {
    char code;
    uint8_t standard; // bytes; 0: native formats only
    uint8_t native;   // bytes, and its alignment
    uint8_t kind;
};

// NULL: there is no such code.
const struct tly_code *tly_code_find(char code);

// A code with its count: what tly_code_next finds.
struct tly_code_run {
    const struct tly_code *code;
    size_t count; // of a string: its bytes
    size_t width; // of a field, in bytes
    size_t at;    // of the first field, in bytes from the item's begin
};

struct tly_code_cursor {
    const char *text;
    size_t end; // of the last field
    bool native;
};

// The next run. *ret_more: there was one.
tally_status tly_code_next(struct tly_code_cursor *c, struct tly_code_run *ret,
                           bool *ret_more);

// How many values a run has.
size_t tly_code_fields(const struct tly_code_run *run);

#endif
