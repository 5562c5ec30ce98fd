// Bytes and text: a run of bytes that never changes, and its hash, once
// somebody wants it.

#ifndef TLY_CONTAINER_TEXT_H
#define TLY_CONTAINER_TEXT_H

#include <string.h>

#include <tally/bytes.h>
#include <tally/text.h>

#include "base/atomic.h"
#include "container/intern.h"
#include "object/type.h"

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

// The bytes or the text that a value is, interned or not; NULL if it is another
// one, or of a type of a program's that derives from theirs.
TLY_INLINE const struct tly_run *tly_run_in(tally_value value) {
    const tally_object *object = tally_object_of(value);
    if (!object)
        return NULL;
    const tally_type *type = tly_type_of(object);
    return type == &tally_type_text || type == &tally_type_bytes ||
                   type == &tly_type_interned
               ? tly_run_of(object)
               : NULL;
}

TLY_INLINE size_t tly_run_length(const struct tly_run *run) {
    return run->items - 1;
}

// An object of [type] with a copy of [length] bytes, or zeros if [data] is
// NULL, for the caller to fill. Returns NULL with errno set.
struct tly_run *tly_run_new(tally_type *type, const void *data, size_t length);

uint64_t tly_run_hash_make(struct tly_run *run);
TLY_INLINE uint64_t tly_run_hash(struct tly_run *run) {
    // Relaxed: whoever computes it finds the same.
    uint64_t hash = tly_load_relaxed(&run->hash);
    return TLY_LIKELY(hash) ? hash : tly_run_hash_make(run);
}

TLY_INLINE uint64_t tly_bytes_word(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

// How two words at one place differ.
TLY_INLINE uint64_t tly_bytes_differ(const char *a, const char *b, size_t at) {
    return tly_bytes_word(a + at) ^ tly_bytes_word(b + at);
}

#define TLY_RUN_SHORT 32u // bytes that are compared without a call

// Whether so many bytes, at most, are equal. 8 and more are read as four words
// that may overlap: keys of a map are short, and of lengths that no branch
// foretells.
TLY_INLINE bool tly_short_equal(const char *a, const char *b, size_t length) {
    uint32_t head[2], tail[2];
    if (length >= 8) {
        size_t last = length - 8, second = last < 8 ? last : 8,
               third = last < 8 ? 0 : last - 8;
        return (tly_bytes_differ(a, b, 0) | tly_bytes_differ(a, b, second) |
                tly_bytes_differ(a, b, third) | tly_bytes_differ(a, b, last)) ==
               0;
    }
    if (length >= 4) {
        memcpy(&head[0], a, 4), memcpy(&head[1], b, 4);
        memcpy(&tail[0], a + length - 4, 4);
        memcpy(&tail[1], b + length - 4, 4);
        return ((head[0] ^ head[1]) | (tail[0] ^ tail[1])) == 0;
    }
    return length == 0 || (a[0] == b[0] && a[length / 2] == b[length / 2] &&
                           a[length - 1] == b[length - 1]);
}

TLY_INLINE bool tly_bytes_equal(const char *a, const char *b, size_t length) {
    return length <= TLY_RUN_SHORT ? tly_short_equal(a, b, length)
                                   : memcmp(a, b, length) == 0;
}

TLY_INLINE bool tly_run_equal(const struct tly_run *a,
                              const struct tly_run *b) {
    // Relaxed: as in tly_run_hash.
    uint64_t hash_a = tly_load_relaxed(&a->hash);
    uint64_t hash_b = tly_load_relaxed(&b->hash);
    if (a->items != b->items || (hash_a != hash_b && hash_a && hash_b))
        return false;
    return tly_bytes_equal(a->data, b->data, tly_run_length(a));
}
int tly_run_compare(const struct tly_run *a, const struct tly_run *b);

// Text that is known to be valid.
tally_text *tly_text_make(const char *utf8, size_t length);

#endif
