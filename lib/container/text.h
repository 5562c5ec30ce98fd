// Bytes and text: a run of bytes that never changes, and its hash, once
// somebody wants it.

#ifndef TLY_CONTAINER_TEXT_H
#define TLY_CONTAINER_TEXT_H

#include <tally/bytes.h>
#include <tally/text.h>

#include "base/compiler.h"

// The layout of both.
struct tly_run {
    tally_object head;
    uint64_t hash;  // (a) 0: not known yet
    uint64_t items; // the length and 1, for a NUL behind
    char data[];
};

// A tally_text, say, as what it is.
TLY_INLINE const struct tly_run *tly_run_of(const void *object) {
    return object;
}

TLY_INLINE size_t tly_run_length(const struct tly_run *run) {
    return run->items - 1;
}

// An object of [type] with a copy of [length] bytes, or zeros if [data] is
// NULL, for the caller to fill. Returns NULL with errno set.
struct tly_run *tly_run_new(tally_type *type, const void *data, size_t length);

uint64_t tly_run_hash(struct tly_run *run);
bool tly_run_equal(const struct tly_run *a, const struct tly_run *b);
int tly_run_compare(const struct tly_run *a, const struct tly_run *b);

// Text that is known to be valid.
tally_text *tly_text_make(const char *utf8, size_t length);

#endif
