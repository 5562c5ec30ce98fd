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
    status = fn(file, parts, count, ret_bytes);
    tally_blocking_exit();
    for (size_t n = 0; n < count; n++)
        tly_view_leave(views[n]);
    return status;
}

tally_status tally_view_write(int file, tally_view *const *views, size_t count,
                              size_t *ret_bytes) {
    return transfer(file, views, count, false, ret_bytes);
}

tally_status tally_view_read(int file, tally_view *const *views, size_t count,
                             size_t *ret_bytes) {
    return transfer(file, views, count, true, ret_bytes);
}
