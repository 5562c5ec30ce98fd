// What a view is made of, and who may use it.
//
// The first view of a piece of memory owns the lease on it; those that are made
// of a view count in its [uses], keep a reference to it, and borrow what its
// exporter described. So the exporter is asked once, and a slice is one object.
//
//   uses   users just now: 32 | sub-views: 30 | ENDED | RELEASED
//
// A user counts itself and finds RELEASED, or is found by who releases. ENDED:
// nobody refers to the view, but a sub-view is still there, garbage of the same
// collection, or somebody who came by a weak reference; the last of them
// releases it.

#ifndef TLY_CONTAINER_VIEW_H
#define TLY_CONTAINER_VIEW_H

#include <tally/view.h>
#include <tally/view_items.h>

#include "base/atomic.h"
#include "container/format.h"

#define TLY_VIEW_SUB ((uint64_t)1 << 32)
#define TLY_VIEW_MANY ((uint64_t)1 << 61) // 2^29 sub-views
#define TLY_VIEW_ENDED ((uint64_t)1 << 62)
#define TLY_VIEW_RELEASED ((uint64_t)1 << 63)

// What the first view has to give back.
struct tly_view_lease {
    struct tly_format format;   // of the views that are not cast
    struct tally_buffer buffer; // of an exporter, if the view has a source
    tally_view_hook release;    // of memory that nobody exports; or NULL
    void *arg;
    size_t offset; // bytes that are mapped before the view's
    bool is_mapped;
};

// Nearly all views have one dimension. Others are of a type of their own, with
// items behind the structure.
struct tally_view {
    tally_object head;
    tally_ref source; // the exporter, or the view that this is made of
    uint64_t uses;    // (a)
    char *data;       // (c), as all below
    size_t length, item_size;
    const struct tly_format *format; // of the lease, or a native one
    struct tly_view_lease *lease;    // NULL: it is made of a view
    const char *format_text;         // NULL: "B"
    bool format_known;
    bool read_only;
    bool has_suboffsets;
    uint8_t dimensions;
    uint32_t more;     // items behind [extent]
    int64_t extent[2]; // and behind: shape, strides, suboffsets
};

// Where those that a view has more of than two lie on.
TLY_INLINE int64_t *tly_view_extent(struct tally_view *view) {
    return (int64_t *)(void *)((char *)view +
                               offsetof(struct tally_view, extent));
}
TLY_INLINE unsigned tly_view_extents(const struct tally_view *view) {
    return view->dimensions * (view->has_suboffsets ? 3u : 2u);
}
TLY_INLINE int64_t *tly_view_shape(struct tally_view *view) {
    return tly_view_extent(view);
}
TLY_INLINE int64_t *tly_view_strides(struct tally_view *view) {
    return tly_view_extent(view) + view->dimensions;
}
TLY_INLINE int64_t *tly_view_suboffsets(struct tally_view *view) {
    return tly_view_extent(view) + 2 * (size_t)view->dimensions;
}

// Counts a user; leave ends that. False: it was released.
TLY_INLINE bool tly_view_enter(struct tally_view *view) {
    // ORDER[view] acq_rel: with the exchange that sets RELEASED: the second of
    // both knows of the first.
    uint64_t uses = tly_add_acq_rel(&view->uses, 1);
    if (TLY_LIKELY(!(uses & TLY_VIEW_RELEASED)))
        return true;
    // Relaxed: nobody asks for the number any more.
    tly_add_relaxed(&view->uses, (uint64_t)-1);
    return false;
}
void tly_view_ended(struct tally_view *view);
void tly_view_sub_end(struct tally_view *view);
TLY_INLINE void tly_view_leave(struct tally_view *view) {
    // ORDER[view] acq_rel: what was done with the memory comes before it is
    // given back.
    uint64_t uses = tly_add_acq_rel(&view->uses, (uint64_t)-1);
    if (TLY_UNLIKELY(uses - 1 == TLY_VIEW_ENDED))
        tly_view_ended(view);
}

// The same of a sub-view, or a buffer of it, that is to be; sub_end undoes it.
// TALLY_RELEASED; TALLY_LIMIT: it has 2^29 of them. What others add before they
// find that out has room.
TLY_INLINE tally_status tly_view_sub_begin(struct tally_view *view) {
    // ORDER[view] acq_rel: as tly_view_enter.
    uint64_t uses = tly_add_acq_rel(&view->uses, TLY_VIEW_SUB);
    if (TLY_LIKELY(!(uses & (TLY_VIEW_RELEASED | TLY_VIEW_MANY))))
        return TALLY_OK;
    tly_view_sub_end(view);
    return uses & TLY_VIEW_RELEASED ? TALLY_RELEASED : TALLY_LIMIT;
}

// The view as a buffer, without an exporter.
struct tally_buffer tly_view_buffer(struct tally_view *view);

// Lends a view's memory, as of tally_protocol: a sub-view, in effect.
tally_status tly_view_lend(void *view, struct tally_buffer *buffer,
                           unsigned flags);

// Whether items lie one after the other, as of tally_buffer_is_contiguous.
bool tly_view_is_contiguous(struct tally_view *view, char order);

// Where the item [index] of a dimension is, from the first one's place.
TLY_INLINE char *tly_view_step(struct tally_view *view, char *at, unsigned d,
                               int64_t index) {
    at += tly_view_strides(view)[d] * index;
    int64_t suboffset =
        view->has_suboffsets ? tly_view_suboffsets(view)[d] : -1;
    return suboffset < 0 ? at : *(char **)(void *)at + suboffset;
}

#endif
