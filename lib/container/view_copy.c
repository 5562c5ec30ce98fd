// Copies of views, in an order; and what is made of one.

#include "container/view_copy.h"

#include <errno.h>
#include <string.h>

#include "base/status.h"
#include "container/text.h"

static void *fail(tally_status status) {
    errno = tly_errno_of(status);
    return NULL;
}

// ---- gathering

// Copies the items of dimension [d] and those within, C's order.
static char *gather_rows(struct tally_view *view, char *at, unsigned d,
                         char *out) {
    if (d == view->dimensions) {
        memcpy(out, at, view->item_size);
        return out + view->item_size;
    }
    int64_t length = tly_view_shape(view)[d];
    if (d + 1 == view->dimensions && !view->has_suboffsets &&
        tly_view_strides(view)[d] == (int64_t)view->item_size) {
        memcpy(out, at, view->item_size * (size_t)length);
        return out + view->item_size * (size_t)length;
    }
    for (int64_t n = 0; n < length; n++)
        out = gather_rows(view, tly_view_step(view, at, d, n), d + 1, out);
    return out;
}

// The same in Fortran's order: the first index varies first, so the item
// n of dimension d is [stride] bytes from the one before.
static void gather_columns(struct tally_view *view, char *at, unsigned d,
                           char *out, size_t stride) {
    if (d == view->dimensions) {
        memcpy(out, at, view->item_size);
        return;
    }
    size_t length = (size_t)tly_view_shape(view)[d];
    for (size_t n = 0; n < length; n++)
        gather_columns(view, tly_view_step(view, at, d, (int64_t)n), d + 1,
                       out + n * stride, stride * length);
}

void tly_view_gather(struct tally_view *view, char order, char *out) {
    if (view->length == 0)
        return;
    if (tly_view_is_contiguous(view, order))
        memcpy(out, view->data, view->length);
    else if (order == 'C')
        gather_rows(view, view->data, 0, out);
    else
        gather_columns(view, view->data, 0, out, view->item_size);
}

// Copies items that lie in C's order to where a view has them.
static const char *scatter(struct tally_view *view, char *at, unsigned d,
                           const char *in) {
    if (d == view->dimensions) {
        memcpy(at, in, view->item_size);
        return in + view->item_size;
    }
    for (int64_t n = 0; n < tly_view_shape(view)[d]; n++)
        in = scatter(view, tly_view_step(view, at, d, n), d + 1, in);
    return in;
}

tally_status tly_view_transfer(struct tally_view *to, struct tally_view *from) {
    if (to->length == 0)
        return TALLY_OK;
    if (tly_view_is_contiguous(to, 'C') && tly_view_is_contiguous(from, 'C')) {
        memmove(to->data, from->data, to->length);
        return TALLY_OK;
    }
    // Through a copy: they may overlap in any way.
    char *copy = tally_alloc(from->length);
    if (!copy)
        return TALLY_NO_MEMORY;
    tly_view_gather(from, 'C', copy);
    scatter(to, to->data, 0, copy);
    tally_free(copy);
    return TALLY_OK;
}

// ---- what programs call

// 'A' is what the memory is already. 0: no order.
static char order_of(struct tally_view *view, char order) {
    if (order == 'A')
        return tly_view_is_contiguous(view, 'F') ? 'F' : 'C';
    return order == 'C' || order == 'F' ? order : 0;
}

tally_status tally_view_copy(tally_view *view, char order, void *data,
                             size_t size) {
    if (!tly_view_enter(view))
        return TALLY_RELEASED;
    order = order_of(view, order);
    tally_status status = !order                ? TALLY_INVALID
                          : size < view->length ? TALLY_RANGE
                                                : TALLY_OK;
    if (status == TALLY_OK)
        tly_view_gather(view, order, data);
    tly_view_leave(view);
    return status;
}

tally_bytes *tally_view_bytes(tally_view *view, char order) {
    if (!tly_view_enter(view))
        return fail(TALLY_RELEASED);
    order = order_of(view, order);
    struct tly_run *run = NULL;
    if (order) {
        run = tly_run_new(&tally_type_bytes, NULL, view->length);
        if (run)
            tly_view_gather(view, order, run->data);
    } else {
        errno = EINVAL;
    }
    tly_view_leave(view);
    return (tally_bytes *)run;
}

// ---- hexadecimal

// Whether a separator comes before byte [n] of [length].
static bool is_separated(size_t n, size_t length, int group) {
    if (n == 0 || group == 0)
        return false;
    size_t size = group < 0 ? (size_t) - (int64_t)group : (size_t)group;
    return group < 0 ? n % size == 0 : (length - n) % size == 0;
}

static size_t hex_length(size_t length, char separator, int group) {
    size_t size = group < 0 ? (size_t) - (int64_t)group : (size_t)group;
    return length * 2 + (separator && length ? (length - 1) / size : 0);
}

static void hex_write(const unsigned char *bytes, size_t length, char separator,
                      int group, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t n = 0; n < length; n++) {
        if (separator && is_separated(n, length, group))
            *out++ = separator;
        *out++ = digits[bytes[n] >> 4];
        *out++ = digits[bytes[n] & 15];
    }
}

tally_text *tally_view_hex(tally_view *view, char separator, int group) {
    if ((unsigned char)separator > 127 || (separator && !group))
        return fail(TALLY_INVALID);
    tally_bytes *bytes = tally_view_bytes(view, 'C');
    if (!bytes)
        return NULL;
    size_t length = tally_bytes_length(bytes);
    struct tly_run *run = tly_run_new(&tally_type_text, NULL,
                                      hex_length(length, separator, group));
    if (run)
        hex_write(tally_bytes_data(bytes), length, separator, group, run->data);
    tally_decref(bytes);
    return (tally_text *)run;
}
