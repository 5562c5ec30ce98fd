// Views and files: their memory is handed to the system as it is.

#include <limits.h>

#include <tally/mutator.h>

#include "container/view.h"
#include "platform/os.h"

// As many as the system takes at once.
#define PARTS_MAX 1024u

// Counts the caller as a user of each view, and fills the parts in. On failure
// it is a user of none.
static tally_status parts_enter(tally_view *const *views, size_t count,
                                bool writes, struct tly_os_part *parts) {
    tally_status status = TALLY_OK;
    size_t n = 0;
    for (; n < count && status == TALLY_OK; n++) {
        struct tally_view *view = views[n];
        if (!tly_view_enter(view)) {
            status = TALLY_RELEASED;
            break;
        }
        if (writes && view->read_only)
            status = TALLY_READ_ONLY;
        else if (!tly_view_is_contiguous(view, 'C'))
            status = TALLY_NOT_CONTIGUOUS;
        parts[n] = (struct tly_os_part){view->data, view->length};
    }
    while (status != TALLY_OK && n-- > 0)
        tly_view_leave(views[n]);
    return status;
}

typedef tally_status (*transfer_fn)(int file, const struct tly_os_part *parts,
                                    size_t count, size_t *ret_bytes);

struct entered {
    tally_view *const *views;
    size_t count;
};

// Also where the thread is cancelled in the transfer.
static void parts_leave(const struct entered *entered) {
    tally_blocking_exit();
    for (size_t n = 0; n < entered->count; n++)
        tly_view_leave(entered->views[n]);
}

static tally_status transfer(int file, tally_view *const *views, size_t count,
                             bool writes, size_t *ret_bytes) {
    struct tly_os_part parts[PARTS_MAX];
    transfer_fn fn = writes ? tly_os_read_parts : tly_os_write_parts;
    if (count > PARTS_MAX)
        return TALLY_RANGE;
    tally_status status = parts_enter(views, count, writes, parts);
    if (status != TALLY_OK)
        return status;
    tally_blocking_enter();
    struct entered entered
        __attribute__((cleanup(parts_leave), unused)) = {views, count};
    return fn(file, parts, count, ret_bytes);
}

tally_status tally_view_write(int file, tally_view *const *views, size_t count,
                              size_t *ret_bytes) {
    return transfer(file, views, count, false, ret_bytes);
}

tally_status tally_view_read(int file, tally_view *const *views, size_t count,
                             size_t *ret_bytes) {
    return transfer(file, views, count, true, ret_bytes);
}

// ---- copies of what may be gone

// As many parts of a view as are copied at once.
#define AT_ONCE 64u

struct copying {
    char *out; // where the parts go
    tally_status status;
    size_t count, bytes; // of the parts
    struct tly_os_part part[AT_ONCE];
};

static void copy_now(struct copying *c) {
    if (c->status == TALLY_OK && c->count)
        c->status = tly_os_copy_checked(c->out, c->part, c->count);
    c->out += c->bytes;
    c->count = c->bytes = 0;
}

static void copy_add(struct copying *c, char *at, size_t length) {
    while (length && c->status == TALLY_OK) {
        size_t room = TLY_OS_COPY_MOST - c->bytes;
        size_t taken = length < room ? length : room;
        c->part[c->count++] = (struct tly_os_part){at, taken};
        c->bytes += taken;
        at += taken;
        length -= taken;
        if (c->count == AT_ONCE || c->bytes == TLY_OS_COPY_MOST)
            copy_now(c);
    }
}

// The items of dimension [d] and those within, in C's order.
static void rows_add(struct copying *c, struct tally_view *view, char *at,
                     unsigned d) {
    if (d == view->dimensions) {
        copy_add(c, at, view->item_size);
        return;
    }
    for (int64_t n = 0; n < tly_view_shape(view)[d] && c->status == TALLY_OK;
         n++)
        rows_add(c, view, tly_view_step(view, at, d, n), d + 1);
}

static tally_status copy_checked(struct tally_view *view, void *data,
                                 size_t size) {
    struct copying c = {.out = data, .status = TALLY_OK};
    if (size < view->length)
        return TALLY_RANGE;
    // The way to the items is in memory that may be gone as well.
    if (view->has_suboffsets)
        return TALLY_NOT_CONTIGUOUS;
    if (tly_view_is_contiguous(view, 'C'))
        copy_add(&c, view->data, view->length);
    else
        rows_add(&c, view, view->data, 0);
    copy_now(&c);
    return c.status;
}

tally_status tally_view_copy_checked(tally_view *view, void *data,
                                     size_t size) {
    if (!tly_view_enter(view))
        return TALLY_RELEASED;
    tally_status status = copy_checked(view, data, size);
    tly_view_leave(view);
    return status;
}
