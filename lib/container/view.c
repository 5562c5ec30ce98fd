// Making views of memory and of views, and their end.

#include "container/view.h"

#include <errno.h>
#include <string.h>

#include <tally/alloc.h>
#include <tally/protocol.h>
#include <tally/ref.h>

#include "base/status.h"
#include "container/buffer.h"
#include "container/view_copy.h"
#include "container/quick.h"
#include "container/types.h"
#include "object/header.h"
#include "object/owns.h"
#include "platform/os.h"
#include "sync/rank.h"

static void *fail(tally_status status) {
    errno = tly_errno_of(status);
    return NULL;
}

// ---- the end

// RELEASED is set: the memory goes back, or the view that this was made of has
// a sub-view less.
static void give_back(struct tally_view *view) {
    void *source = tally_take(view, source);
    struct tly_view_lease *lease = view->lease;
    if (!lease) {
        tly_view_sub_end(source);
        tally_decref(source);
        return;
    }
    // A hook may be left.
    void *memory TLY_OWNS_MEMORY = lease;
    view->lease = NULL;
    if (source) {
        lease->buffer.exporter = source;
        tally_buffer_release(&lease->buffer);
    } else if (lease->is_mapped) {
        tly_os_file_unmap(view->data - lease->offset,
                          view->length + lease->offset);
    } else if (lease->release) {
        tly_locks_none("the release of foreign memory");
        TLY_KEEPS_ERRNO;
        lease->release(view->data, view->length, lease->arg);
    }
}

// Sets RELEASED if the word is [uses]; then gives back.
static bool release_if(struct tally_view *view, uint64_t uses) {
    // ORDER[view] acq_rel: what all users did comes before; the next finds
    // RELEASED.
    if (!tly_cas_acq_rel(&view->uses, &uses, TLY_VIEW_RELEASED))
        return false;
    give_back(view);
    return true;
}

void tly_view_ended(struct tally_view *view) {
    (void)release_if(view, TLY_VIEW_ENDED);
}

void tly_view_sub_end(struct tally_view *view) {
    // ORDER[view] acq_rel: as tly_view_leave.
    uint64_t uses = tly_add_acq_rel(&view->uses, (uint64_t)0 - TLY_VIEW_SUB);
    if (uses - TLY_VIEW_SUB == TLY_VIEW_ENDED)
        tly_view_ended(view);
}

tally_status tally_view_release(tally_view *view) {
    if (release_if(view, 0))
        return TALLY_OK;
    // Relaxed: a hint at why.
    uint64_t uses = tly_load_relaxed(&view->uses);
    if (uses & TLY_VIEW_RELEASED)
        return TALLY_OK;
    return uses >> 32 ? TALLY_EXPORTED : TALLY_BUSY;
}

void tally_view_end(tally_view *const *view) {
    if (!*view)
        return;
    (void)tally_view_release(*view);
    tally_decref(*view);
}

// Nobody refers to the view, but perhaps sub-views that are garbage with it,
// and weak references: so it is released as by anybody.
static void view_finalize(void *object) {
    struct tally_view *view = object;
    // ORDER[view] acquire: what all users did comes before. Nobody else can
    // know a view now that only this thread counts.
    if (TLY_LIKELY(tly_is_sole(&view->head) &&
                   !tly_load_acquire(&view->uses))) {
        // Relaxed: likewise.
        tly_store_relaxed(&view->uses, TLY_VIEW_RELEASED);
        give_back(view);
        return;
    }
    while (!release_if(view, 0)) {
        // Relaxed: the exchanges order it.
        uint64_t uses = tly_load_relaxed(&view->uses);
        if (uses & TLY_VIEW_RELEASED)
            return;
        // ORDER[view] acq_rel: as release_if.
        if (uses && tly_cas_acq_rel(&view->uses, &uses, uses | TLY_VIEW_ENDED))
            return;
    }
}

// ---- the type

static void view_release_buffer(void *object, struct tally_buffer *buffer) {
    (void)buffer;
    tly_view_sub_end(object);
}

// With what lends its memory, by that: bytes have the hash of a view of them.
static tally_status view_equal(void *object, tally_value other,
                               bool *ret_equal) {
    void *with = tally_object_of(other);
    if (!with || !TLY_PROTOCOL_WITH(with, get_buffer))
        return TALLY_WRONG_TYPE;
    if (tally_is_instance(with, &tally_type_view))
        return tally_view_equal(object, with, ret_equal);
    void *view TLY_OWNS_OBJECT = tally_view_new(with, 0);
    return view ? tally_view_equal(object, view, ret_equal) : -errno;
}

static const tally_protocol view_protocol = {.equal = view_equal,
                                             .hash = tly_view_hash,
                                             .get_buffer = tly_view_lend,
                                             .release_buffer =
                                                 view_release_buffer};

TLY_TYPE(view, tally_view,
         TLY_HAS(tally_view, TALLY_REF(source))
             TLY_HAS(tally_view, TALLY_FINALIZE(view_finalize))
                 TLY_HAS(tally_view, TALLY_FINALIZE_BY(TALLY_EXECUTOR_INLINE))
                     TLY_HAS(tally_view, TALLY_PROTOCOL(view_protocol)));

static tally_type type_wide = {
    .name = "view",
    .size = sizeof(struct tally_view),
    .traits = (const tally_trait[]){
        {.kind = TALLY_TRAIT_BASE, .base = &tally_type_view},
        {.kind = TALLY_TRAIT_ITEMS,
         .name = "extent",
         .offset = sizeof(struct tally_view),
         .count = sizeof(int64_t),
         .length_offset = offsetof(struct tally_view, more),
         .length_size = sizeof(uint32_t)},
        {.kind = TALLY_TRAIT_END}}};

// ---- making

// A view whose extents are to be filled in. It was "released", until it is
// complete: so it may be dropped.
static struct tally_view *view_make(unsigned dimensions, bool has_suboffsets) {
    unsigned extents = dimensions * (has_suboffsets ? 3 : 2);
    struct tally_view *view = TLY_LIKELY(extents <= 2)
                                  ? tally_object_new(&tally_type_view, 0)
                                  : tally_object_new(&type_wide, extents - 2);
    if (!view)
        return NULL;
    view->uses = TLY_VIEW_RELEASED;
    view->dimensions = (uint8_t)dimensions;
    view->has_suboffsets = has_suboffsets;
    return view;
}

static void strides_set(struct tally_view *view) {
    int64_t stride = (int64_t)view->item_size;
    for (unsigned d = view->dimensions; d-- > 0;) {
        tly_view_strides(view)[d] = stride;
        stride *= TLY_BUSTED(CAST_STRIDES) ? 1 : tly_view_shape(view)[d];
    }
}

static void extents_set(struct tally_view *view, const struct tally_buffer *b) {
    for (unsigned d = 0; d < b->dimensions; d++) {
        tly_view_shape(view)[d] = b->shape
                                      ? (int64_t)b->shape[d]
                                      : (int64_t)(b->length / b->item_size);
        if (b->strides)
            tly_view_strides(view)[d] = b->strides[d];
        if (b->suboffsets)
            tly_view_suboffsets(view)[d] = b->suboffsets[d];
    }
    if (!b->strides)
        strides_set(view);
}

static struct tally_view *view_of_lease(struct tly_view_lease *lease) {
    struct tally_buffer *b = &lease->buffer;
    struct tally_view *view = view_make(b->dimensions, b->suboffsets != NULL);
    if (!view)
        return NULL;
    view->data = b->data;
    view->length = b->length;
    view->read_only = b->read_only;
    view->format_text = b->format;
    view->item_size = b->item_size;
    view->format = &lease->format;
    view->format_known =
        tly_format_parse(b->format, &lease->format) == TALLY_OK &&
        lease->format.size == b->item_size;
    extents_set(view, b);
    view->lease = lease;
    if (b->exporter) // counted where the collector sees it
        tally_set_steal(view, source, b->exporter);
    // Relaxed: nobody knows the view.
    tly_store_relaxed(&view->uses, 0);
    return view;
}

tally_view *tally_view_new(void *object, unsigned flags) {
    void *memory TLY_OWNS_MEMORY =
        tally_calloc(1, sizeof(struct tly_view_lease));
    struct tly_view_lease *lease = memory;
    if (!lease)
        return NULL;
    unsigned wanted = TALLY_BUFFER_FULL_RO | (flags & TALLY_BUFFER_WRITABLE);
    tally_status status =
        flags & ~TALLY_BUFFER_WRITABLE
            ? TALLY_INVALID
            : tally_buffer_get(object, wanted, &lease->buffer);
    struct tally_view *view = NULL;
    if (status == TALLY_OK && !(view = view_of_lease(lease))) {
        tally_buffer_release(&lease->buffer);
        status = TALLY_NO_MEMORY;
    }
    memory = NULL; // the view's
    if (view)
        return view;
    tally_free(lease);
    return fail(status);
}

// A view of bytes that no object has.
static struct tally_view *view_of_bytes(void *data, size_t length,
                                        bool read_only,
                                        const struct tly_view_lease *how) {
    struct tly_view_lease *lease = tally_alloc(sizeof(*lease));
    if (!lease)
        return NULL;
    *lease = *how;
    (void)tally_buffer_fill(&lease->buffer, data, length, read_only,
                            TALLY_BUFFER_FULL_RO);
    struct tally_view *view = view_of_lease(lease);
    if (!view)
        tally_free(lease);
    return view;
}

tally_view *tally_view_of_memory(void *data, size_t length, bool read_only,
                                 tally_view_hook release, void *arg) {
    const struct tly_view_lease how = {.release = release, .arg = arg};
    if ((!data && length) || length > INT64_MAX)
        return fail(TALLY_INVALID);
    return view_of_bytes(data, length, read_only, &how);
}

tally_view *tally_view_of_file(int file, uint64_t offset, size_t length,
                               bool writable) {
    struct tly_view_lease how = {.is_mapped = true};
    void *data;
    tally_status status =
        tly_os_file_map(file, offset, &length, writable, &data, &how.offset);
    if (status != TALLY_OK)
        return fail(status);
    struct tally_view *view = view_of_bytes(data, length, !writable, &how);
    if (!view)
        tly_os_file_unmap((char *)data - how.offset, length + how.offset);
    return view;
}

// ---- views of views

// A view of the same memory, to be changed; the caller has begun a sub-view of
// [of], which sub_done completes.
static struct tally_view *sub_make(struct tally_view *of, unsigned dimensions) {
    struct tally_view *view = view_make(dimensions, of->has_suboffsets);
    if (!view)
        return NULL;
    view->data = of->data;
    view->length = of->length;
    view->item_size = of->item_size;
    view->format = of->format;
    view->format_text = of->format_text;
    view->format_known = of->format_known;
    view->read_only = of->read_only;
    return view;
}

static void extents_copy(struct tally_view *view, struct tally_view *of) {
    view->extent[0] = of->extent[0];
    view->extent[1] = of->extent[1];
    if (TLY_UNLIKELY(of->more))
        memcpy(tly_view_extent(view) + 2, tly_view_extent(of) + 2,
               of->more * sizeof(int64_t));
}

// Bytes of all items; they are no more than those of the view it is made of.
static void length_set(struct tally_view *view) {
    view->length = view->item_size;
    for (unsigned d = 0; d < view->dimensions; d++)
        view->length *= (size_t)tly_view_shape(view)[d];
}

static struct tally_view *sub_done(struct tally_view *view,
                                   struct tally_view *of) {
    if (view) {
        tally_object_incref_(&of->head);
        tally_ref_store_(&view->source, &of->head);
        // Relaxed: nobody knows the view.
        tly_store_relaxed(&view->uses, 0);
    } else {
        tly_view_sub_end(of);
    }
    return view;
}

static int64_t clamp(int64_t at, int64_t low, int64_t high) {
    return at < low ? low : at > high ? high : at;
}

// As Python's slice.indices. Returns how many items there are.
static int64_t slice_adjust(int64_t length, int64_t *start, int64_t stop,
                            int64_t step) {
    int64_t low = step < 0 && !TLY_BUSTED(SLICE_BACKWARDS) ? -1 : 0;
    int64_t high = step < 0 ? length - 1 : length;
    // INT64_MIN + length does not overflow: a length is not negative.
    int64_t from = clamp(*start < 0 ? *start + length : *start, low, high);
    int64_t to = clamp(stop < 0 ? stop + length : stop, low, high);
    *start = from;
    if (step < 0)
        return to < from ? (int64_t)((uint64_t)(from - to - 1) /
                                     (0 - (uint64_t)step)) +
                               1
                         : 0;
    if (TLY_BUSTED(SLICE_COUNT))
        return from < to ? (to - from) / step : 0;
    if (from >= to)
        return 0;
    // Half as long a division, for most.
    if (to <= UINT32_MAX && step <= UINT32_MAX)
        return (uint32_t)(to - from - 1) / (uint32_t)step + 1;
    return (to - from - 1) / step + 1;
}

tally_view *tally_view_slice(tally_view *of, int64_t start, int64_t stop,
                             int64_t step) {
    tally_status status = tly_view_sub_begin(of);
    if (TLY_UNLIKELY(status != TALLY_OK))
        return fail(status);
    if (!of->dimensions || !step) {
        tly_view_sub_end(of);
        return fail(TALLY_INVALID);
    }
    struct tally_view *view = sub_make(of, of->dimensions);
    if (view) {
        extents_copy(view, of);
        int64_t count = slice_adjust(tly_view_shape(of)[0], &start, stop, step);
        int64_t stride = tly_view_strides(of)[0];
        tly_view_shape(view)[0] = count;
        // Of one item the step is of no interest, and may overflow.
        if (count > 1)
            tly_view_strides(view)[0] = stride * step;
        if (count > 0)
            view->data += stride * start;
        length_set(view);
    }
    return sub_done(view, of);
}

tally_view *tally_view_at(tally_view *of, int64_t index) {
    tally_status status = tly_view_sub_begin(of);
    if (TLY_UNLIKELY(status != TALLY_OK))
        return fail(status);
    int64_t length = of->dimensions ? tly_view_shape(of)[0] : 0;
    index += index < 0 ? length : 0;
    if (!of->dimensions || index < 0 || index >= length) {
        tly_view_sub_end(of);
        return fail(of->dimensions ? TALLY_RANGE : TALLY_INVALID);
    }
    unsigned rest = of->dimensions - 1;
    struct tally_view *view = sub_make(of, rest);
    if (view) {
        size_t bytes = rest * sizeof(int64_t);
        memcpy(tly_view_shape(view), tly_view_shape(of) + 1, bytes);
        memcpy(tly_view_strides(view), tly_view_strides(of) + 1, bytes);
        if (of->has_suboffsets)
            memcpy(tly_view_suboffsets(view), tly_view_suboffsets(of) + 1,
                   bytes);
        view->data = tly_view_step(of, of->data, 0, index);
        length_set(view);
    }
    return sub_done(view, of);
}

tally_view *tally_view_read_only(tally_view *of) {
    tally_status status = tly_view_sub_begin(of);
    if (TLY_UNLIKELY(status != TALLY_OK))
        return fail(status);
    struct tally_view *view = sub_make(of, of->dimensions);
    if (view) {
        extents_copy(view, of);
        view->read_only = true;
    }
    return sub_done(view, of);
}

// ---- casts

static bool is_bytes(const struct tly_format *format) {
    return format->code == 'b' || format->code == 'B' || format->code == 'c';
}

// Whether a format that was parsed is one letter, or one behind '@', or NULL:
// as in CPython neither a count nor a blank is let through.
static bool is_one_letter(const char *format) {
    return !format || strlen(format + (format[0] == '@')) == 1;
}

// Whether a view can be cast. *ret_count: lengths of the new dimensions.
static tally_status cast_check(struct tally_view *of,
                               const struct tly_format *format,
                               const size_t *shape, unsigned dimensions,
                               size_t *ret_count) {
    size_t bytes;
    if (!tly_view_is_contiguous(of, 'C'))
        return TALLY_NOT_CONTIGUOUS;
    if (!tly_format_is_native_single(format))
        return TALLY_FORMAT;
    // Whatever is contiguous is bytes; bytes are anything of one letter.
    if (!is_bytes(format)) {
        if (!of->format_known || !tly_format_is_native_single(of->format))
            return TALLY_FORMAT;
        if (!is_bytes(of->format))
            return TALLY_INVALID;
    }
    if (shape && dimensions != 1 && of->dimensions != 1)
        return TALLY_INVALID;
    if (of->length % format->size && !TLY_BUSTED(CAST_REST))
        return TALLY_INVALID;
    *ret_count = of->length / format->size;
    if (!shape)
        return TALLY_OK;
    if (!tly_buffer_bytes(shape, dimensions, format->size, &bytes))
        return TALLY_OVERFLOW;
    return bytes == of->length ? TALLY_OK : TALLY_INVALID;
}

tally_view *tally_view_cast(tally_view *of, const char *format,
                            const size_t *shape, unsigned dimensions) {
    struct tly_format to;
    size_t count = 0;
    tally_status status = tly_format_parse(format, &to);
    if (status == TALLY_OK && !is_one_letter(format))
        status = TALLY_FORMAT;
    if (dimensions > TALLY_BUFFER_DIMENSIONS)
        status = TALLY_INVALID;
    if (status != TALLY_OK)
        return fail(status);
    status = tly_view_sub_begin(of);
    if (status != TALLY_OK)
        return fail(status);
    status = cast_check(of, &to, shape, dimensions, &count);
    if (status != TALLY_OK) {
        tly_view_sub_end(of);
        return fail(status);
    }
    struct tally_view *view = sub_make(of, shape ? dimensions : 1);
    if (view) {
        view->has_suboffsets = false;
        view->format = tly_format_native(to.code);
        view->format_text = view->format->text;
        view->format_known = true;
        view->item_size = to.size;
        for (unsigned d = 0; d < view->dimensions; d++)
            tly_view_shape(view)[d] = (int64_t)(shape ? shape[d] : count);
        strides_set(view);
    }
    return sub_done(view, of);
}
