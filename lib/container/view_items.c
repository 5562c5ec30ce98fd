// Items of views: reading, writing, comparing, hashing.

#include <errno.h>
#include <string.h>

#include <tally/list.h>

#include "base/check.h"
#include "base/status.h"
#include "container/hash.h"
#include "container/view.h"
#include "container/view_copy.h"

// ---- one item

// Where the item at the indices is.
static tally_status item_find_any(struct tally_view *view,
                                  const int64_t *indices, unsigned count,
                                  char **ret_at) {
    char *at = view->data;
    if (count != view->dimensions)
        return TALLY_INVALID;
    for (unsigned d = 0; d < count; d++) {
        int64_t length = tly_view_shape(view)[d];
        int64_t index = indices[d] + (indices[d] < 0 ? length : 0);
        if (index < 0 || index >= length)
            return TALLY_RANGE;
        at = tly_view_step(view, at, d, index);
    }
    if (!view->format_known)
        return TALLY_FORMAT;
    *ret_at = at;
    return TALLY_OK;
}

static inline tally_status item_find(struct tally_view *view,
                                     const int64_t *indices, unsigned count,
                                     char **ret_at) {
    if (TLY_UNLIKELY(count != 1 || view->dimensions != 1 ||
                     view->has_suboffsets || !view->format_known))
        return item_find_any(view, indices, count, ret_at);
    int64_t length = view->extent[0];
    int64_t index = indices[0] + (indices[0] < 0 ? length : 0);
    if (TLY_UNLIKELY((uint64_t)index >= (uint64_t)length))
        return TALLY_RANGE;
    *ret_at = view->data + view->extent[1] * index;
    return TALLY_OK;
}

tally_status tally_view_get(tally_view *view, const int64_t *indices,
                            unsigned count, tally_value *ret_value) {
    char *at;
    if (!tly_view_enter(view))
        return TALLY_RELEASED;
    tally_status status = item_find(view, indices, count, &at);
    if (status == TALLY_OK && !tly_format_read(view->format, at, ret_value))
        status = tly_format_unpack(view->format, at, ret_value);
    tly_view_leave(view);
    return status;
}

tally_status tally_view_set(tally_view *view, const int64_t *indices,
                            unsigned count, tally_value value) {
    char *at;
    if (!tly_view_enter(view))
        return TALLY_RELEASED;
    tally_status status = view->read_only
                              ? TALLY_READ_ONLY
                              : item_find(view, indices, count, &at);
    if (status == TALLY_OK)
        status = tly_format_pack(view->format, value, at);
    tly_view_leave(view);
    return status;
}

// ---- all items

// The items of the dimensions from [d] on as a value, owned.
static tally_status values_make(struct tally_view *view, char *at, unsigned d,
                                tally_value *ret_value) {
    if (d == view->dimensions)
        return tly_format_unpack(view->format, at, ret_value);
    int64_t length = tly_view_shape(view)[d];
    tally_list *list = tally_list_new_sized((size_t)length);
    tally_status status = list ? TALLY_OK : -errno;
    for (int64_t n = 0; n < length && status == TALLY_OK; n++) {
        tally_value value;
        status =
            values_make(view, tly_view_step(view, at, d, n), d + 1, &value);
        if (status == TALLY_OK)
            status = tally_list_append_steal(list, value);
    }
    if (status == TALLY_OK)
        *ret_value = tally_of(list);
    else if (list)
        tally_decref(list);
    return status;
}

tally_value tally_view_values(tally_view *view) {
    tally_value value = tally_absent();
    tally_status status = TALLY_RELEASED;
    if (tly_view_enter(view)) {
        status = view->format_known ? values_make(view, view->data, 0, &value)
                                    : TALLY_FORMAT;
        tly_view_leave(view);
    }
    if (status != TALLY_OK)
        errno = tly_errno_of(status);
    return value;
}

static bool shapes_match(struct tally_view *a, struct tally_view *b) {
    return a->dimensions == b->dimensions &&
           memcmp(tly_view_shape(a), tly_view_shape(b),
                  a->dimensions * sizeof(int64_t)) == 0;
}

// Formats that are not known are the same if their text is.
static bool same_format(struct tally_view *a, struct tally_view *b) {
    const char *fa = a->format_text ? a->format_text : "B";
    const char *fb = b->format_text ? b->format_text : "B";
    if (a->item_size != b->item_size)
        return false;
    return strcmp(fa, fb) == 0 || (a->format_known && b->format_known &&
                                   tly_format_same(a->format, b->format));
}

static bool rows_equal(struct tally_view *a, char *at_a, struct tally_view *b,
                       char *at_b, unsigned d) {
    bool equal = true;
    if (d == a->dimensions)
        return tly_format_equal(a->format, at_a, b->format, at_b, &equal) ==
                   TALLY_OK &&
               equal;
    for (int64_t n = 0; n < tly_view_shape(a)[d] && equal; n++)
        equal = rows_equal(a, tly_view_step(a, at_a, d, n), b,
                           tly_view_step(b, at_b, d, n), d + 1);
    return equal;
}

// Whether equal items have equal bytes, and no others.
static bool is_plain(const struct tly_format *format) {
    return tly_format_is_native_single(format) && !strchr("efd?", format->code);
}

static bool items_equal(struct tally_view *a, struct tally_view *b) {
    if (!a->format_known || !b->format_known || !shapes_match(a, b))
        return false;
    if (same_format(a, b) && is_plain(a->format) &&
        tly_view_is_contiguous(a, 'C') && tly_view_is_contiguous(b, 'C'))
        return a->length == 0 || memcmp(a->data, b->data, a->length) == 0;
    return rows_equal(a, a->data, b, b->data, 0);
}

tally_status tally_view_equal(tally_view *a, tally_view *b, bool *ret_equal) {
    if (!tly_view_enter(a))
        return TALLY_RELEASED;
    bool entered = tly_view_enter(b);
    if (entered) {
        *ret_equal = items_equal(a, b);
        tly_view_leave(b);
    }
    tly_view_leave(a);
    return entered ? TALLY_OK : TALLY_RELEASED;
}

tally_status tally_view_assign(tally_view *to, tally_view *from) {
    if (!tly_view_enter(to))
        return TALLY_RELEASED;
    tally_status status = TALLY_RELEASED;
    if (tly_view_enter(from)) {
        status = to->read_only             ? TALLY_READ_ONLY
                 : !same_format(to, from)  ? TALLY_FORMAT
                 : !shapes_match(to, from) ? TALLY_INVALID
                                           : tly_view_transfer(to, from);
        tly_view_leave(from);
    }
    tly_view_leave(to);
    return status;
}

// ---- hashes

// As of the bytes, so that it finds what they are the key of.
static tally_status hash_bytes(struct tally_view *view, uint64_t *ret_hash) {
    char code = view->format->code;
    if (!view->read_only || !view->format_known ||
        (code != 'b' && code != 'B' && code != 'c'))
        return TALLY_UNSUPPORTED;
    if (tly_view_is_contiguous(view, 'C')) {
        *ret_hash = tly_hash_bytes(view->data, view->length);
        return TALLY_OK;
    }
    void *copy = tally_alloc(view->length);
    if (!copy)
        return TALLY_NO_MEMORY;
    tly_view_gather(view, 'C', copy);
    *ret_hash = tly_hash_bytes(copy, view->length);
    tally_free(copy);
    return TALLY_OK;
}

tally_status tly_view_hash(void *view, uint64_t *ret_hash) {
    if (!tly_view_enter(view))
        return TALLY_RELEASED;
    tally_status status = hash_bytes(view, ret_hash);
    tly_view_leave(view);
    return status;
}
