// Views as exporters, and what they tell of themselves.

#include "container/view.h"

#include <string.h>

struct tally_buffer tly_view_buffer(struct tally_view *view) {
    // Without dimensions there is nothing to be told of them (PEP 3118).
    bool has_shape = view->dimensions > 0;
    return (struct tally_buffer){
        .data = view->data,
        .length = view->length,
        .item_size = view->item_size,
        .format = view->format_text ? view->format_text : "B",
        .dimensions = view->dimensions,
        .read_only = view->read_only,
        .shape = has_shape ? (const size_t *)tly_view_shape(view) : NULL,
        .strides = has_shape ? tly_view_strides(view) : NULL,
        .suboffsets = has_shape && view->has_suboffsets
                          ? tly_view_suboffsets(view)
                          : NULL,
    };
}

bool tly_view_is_contiguous(struct tally_view *view, char order) {
    struct tally_buffer buffer = tly_view_buffer(view);
    return tally_buffer_is_contiguous(&buffer, order);
}

// What a view must refuse, as Python's does.
static tally_status lend_check(const struct tally_buffer *b, unsigned flags) {
    bool strided = (flags & TALLY_BUFFER_STRIDES) == TALLY_BUFFER_STRIDES;
    if (flags & TALLY_BUFFER_WRITABLE && b->read_only)
        return TALLY_READ_ONLY;
    if (((flags & TALLY_BUFFER_C) == TALLY_BUFFER_C || !strided) &&
        !tally_buffer_is_contiguous(b, 'C'))
        return TALLY_NOT_CONTIGUOUS;
    if ((flags & TALLY_BUFFER_F) == TALLY_BUFFER_F &&
        !tally_buffer_is_contiguous(b, 'F'))
        return TALLY_NOT_CONTIGUOUS;
    if ((flags & TALLY_BUFFER_ANY) == TALLY_BUFFER_ANY &&
        !tally_buffer_is_contiguous(b, 'A'))
        return TALLY_NOT_CONTIGUOUS;
    if (b->suboffsets &&
        (flags & TALLY_BUFFER_INDIRECT) != TALLY_BUFFER_INDIRECT)
        return TALLY_NOT_CONTIGUOUS;
    // Without a shape it is bytes, which the format would deny.
    if (!(flags & TALLY_BUFFER_ND) && flags & TALLY_BUFFER_FORMAT)
        return TALLY_FORMAT;
    return TALLY_OK;
}

tally_status tly_view_lend(void *object, struct tally_buffer *buffer,
                           unsigned flags) {
    struct tally_view *view = object;
    tally_status status = tly_view_sub_begin(view);
    if (status != TALLY_OK)
        return status;
    *buffer = tly_view_buffer(view);
    status = lend_check(buffer, flags);
    if (status != TALLY_OK)
        tly_view_sub_end(view);
    return status;
}

tally_status tally_view_describe(tally_view *view,
                                 struct tally_view_info *ret_info) {
    if (!tly_view_enter(view))
        return TALLY_RELEASED;
    const char *format = view->format_text ? view->format_text : "B";
    size_t cut = strnlen(format, sizeof(ret_info->format) - 1);
    memcpy(ret_info->format, format, cut);
    ret_info->format[cut] = '\0';
    ret_info->data = view->data;
    ret_info->length = view->length;
    ret_info->item_size = view->item_size;
    ret_info->dimensions = view->dimensions;
    ret_info->read_only = view->read_only;
    ret_info->c_contiguous = tly_view_is_contiguous(view, 'C');
    ret_info->f_contiguous = tly_view_is_contiguous(view, 'F');
    for (unsigned d = 0; d < view->dimensions; d++) {
        ret_info->shape[d] = (size_t)tly_view_shape(view)[d];
        ret_info->strides[d] = tly_view_strides(view)[d];
        ret_info->suboffsets[d] =
            view->has_suboffsets ? tly_view_suboffsets(view)[d] : -1;
    }
    tly_view_leave(view);
    return TALLY_OK;
}

tally_status tally_view_length(tally_view *view, size_t *ret_length) {
    if (!tly_view_enter(view))
        return TALLY_RELEASED;
    tally_status status = view->dimensions ? TALLY_OK : TALLY_INVALID;
    if (status == TALLY_OK)
        *ret_length = (size_t)tly_view_shape(view)[0];
    tly_view_leave(view);
    return status;
}
