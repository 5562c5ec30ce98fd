// What fuzzers have in common: bytes that say what to do.

#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tally/tally.h>

#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

// The next byte; 0 when there is none.
static inline uint8_t input_byte(struct input *in) {
    if (!in->size)
        return 0;
    in->size--;
    return *in->data++;
}

// An integer: small, or of 64 bits near an end.
static inline int64_t input_integer(struct input *in) {
    int64_t n = (int8_t)input_byte(in);
    if (n == 127)
        return INT64_MAX - input_byte(in);
    if (n == -128)
        return INT64_MIN + input_byte(in);
    return n;
}

// A copy of [size] bytes, the rest zero, of which no byte more may be touched.
static inline void *input_copy(struct input *in, size_t size) {
    uint8_t *copy = (uint8_t *)calloc(1, size ? size : 1);
    must(copy);
    for (size_t n = 0; n < size && in->size; n++)
        copy[n] = input_byte(in);
    return copy;
}

#endif
