// Copies of the items of views that are in use.

#ifndef TLY_CONTAINER_VIEW_COPY_H
#define TLY_CONTAINER_VIEW_COPY_H

#include <tally/alloc.h>

#include "container/view.h"

// Copies all items out, [order] 'C' or 'F'.
void tly_view_gather(struct tally_view *view, char order, char *out);

// Copies items to those of another view, of the same shape and item size; they
// may overlap. TALLY_NO_MEMORY where that needs memory and there is none.
tally_status tly_view_transfer(struct tally_view *to, struct tally_view *from);

// The hash of a view's bytes, as of tally_protocol.
tally_status tly_view_hash(void *view, uint64_t *ret_hash);

#endif
