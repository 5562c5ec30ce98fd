// Bytes and text.

#include "container/text.h"

#include <errno.h>
#include <string.h>

#include <tally/buffer.h>
#include <tally/protocol.h>

#include "arena/range.h"
#include "base/atomic.h"
#include "container/hash.h"
#include "container/show.h"
#include "container/types.h"
#include "container/utf8.h"

struct tly_run *tly_run_new(tally_type *type, const void *data, size_t length) {
    if (length >= TLY_RANGE_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    struct tly_run *run = tally_object_new(type, length + 1);
    if (run && data)
        memcpy(run->data, data, length);
    return run;
}

uint64_t tly_run_hash_make(struct tly_run *run) {
    uint64_t hash = tly_hash_bytes(run->data, tly_run_length(run));
    // Relaxed: whoever computes it finds the same.
    tly_store_relaxed(&run->hash, hash);
    return hash;
}

int tly_run_compare(const struct tly_run *a, const struct tly_run *b) {
    size_t length_a = tly_run_length(a), length_b = tly_run_length(b);
    size_t common = length_a < length_b ? length_a : length_b;
    int order = memcmp(a->data, b->data, common);
    if (order)
        return order < 0 ? -1 : 1;
    return (int)(length_a > length_b) - (int)(length_a < length_b);
}

// ---- hooks, of the two types and of what derives from them

// The other value as a run of the same kind as [object], or NULL.
static struct tly_run *same_kind(const void *object, tally_value other) {
    void *run = tally_object_of(other);
    tally_type *kind = tally_is_instance(object, &tally_type_text)
                           ? &tally_type_text
                           : &tally_type_bytes;
    return tally_is_instance(run, kind) ? run : NULL;
}

static tally_status run_equal(void *object, tally_value other,
                              bool *ret_equal) {
    const struct tly_run *run = same_kind(object, other);
    if (!run)
        return TALLY_WRONG_TYPE;
    *ret_equal = tly_run_equal(object, run);
    return TALLY_OK;
}

static tally_status run_hash(void *object, uint64_t *ret_hash) {
    *ret_hash = tly_run_hash(object);
    return TALLY_OK;
}

static tally_status run_compare(void *object, tally_value other,
                                int *ret_order) {
    const struct tly_run *run = same_kind(object, other);
    if (!run)
        return TALLY_WRONG_TYPE;
    *ret_order = tly_run_compare(object, run);
    return TALLY_OK;
}

static tally_status bytes_lend(void *object, struct tally_buffer *buffer,
                               unsigned flags) {
    struct tly_run *run = object;
    return tally_buffer_fill(buffer, run->data, tly_run_length(run), true,
                             flags);
}

static const tally_protocol bytes_protocol = {.equal = run_equal,
                                              .hash = run_hash,
                                              .compare = run_compare,
                                              .text = tly_show_bytes,
                                              .get_buffer = bytes_lend};
static const tally_protocol text_protocol = {.equal = run_equal,
                                             .hash = run_hash,
                                             .compare = run_compare,
                                             .text = tly_show_text};

TLY_TYPE(bytes, tly_run,
         TLY_HAS(tly_run, TALLY_ITEMS(data, items))
             TLY_HAS(tly_run, TALLY_PROTOCOL(bytes_protocol)));
TLY_TYPE(text, tly_run,
         TLY_HAS(tly_run, TALLY_ITEMS(data, items))
             TLY_HAS(tly_run, TALLY_PROTOCOL(text_protocol)));

// ---- what programs call

tally_bytes *tally_bytes_new(const void *data, size_t length) {
    return (tally_bytes *)tly_run_new(&tally_type_bytes, data, length);
}

size_t tally_bytes_length(const tally_bytes *bytes) {
    return tly_run_length(tly_run_of(bytes));
}

const void *tally_bytes_data(const tally_bytes *bytes) {
    return tly_run_of(bytes)->data;
}

tally_text *tly_text_make(const char *utf8, size_t length) {
    return (tally_text *)tly_run_new(&tally_type_text, utf8, length);
}

tally_text *tally_text_new(const char *utf8, size_t length) {
    if (length < TLY_RANGE_MAX && !tly_utf8_valid(utf8, length)) {
        errno = EILSEQ;
        return NULL;
    }
    return tly_text_make(utf8, length);
}

tally_text *tally_text_of(const char *string) {
    return tally_text_new(string, strlen(string));
}

const char *tally_text_data(const tally_text *text) {
    return tly_run_of(text)->data;
}

size_t tally_text_length(const tally_text *text) {
    return tly_run_length(tly_run_of(text));
}

size_t tally_text_points(const tally_text *text) {
    return tly_utf8_points(tally_text_data(text),
                           tly_run_length(tly_run_of(text)));
}
