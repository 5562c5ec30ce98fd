// Memory views: somebody's memory, cut, cast and read item by item, without a
// copy.
//
//     tally_view *all = tally_view_new(object, 0);         // owned
//     tally_view *odd = tally_view_slice(all, 1, INT64_MAX, 2);
//     tally_value first;
//     if (tally_view_get(odd, (int64_t[]){0}, 1, &first) == TALLY_OK)
//         tally_value_decref(first);
//     tally_decref(odd);
//     tally_decref(all);                         // the memory is given back
//
// A view is an object; threads may use one at once, as far as they may use the
// memory itself. It is released by tally_view_release, or with its last
// reference; then every use of it answers TALLY_RELEASED. Views that are made
// of a view are its sub-views: as long as one is there, the view stays.
//
// Indices count from 0; negative ones from the end. Items have the type that
// the format says, in the syntax of Python's struct module.

#ifndef TALLY_VIEW_H
#define TALLY_VIEW_H

#include <tally/buffer.h>

TALLY_BEGIN

typedef struct tally_view tally_view;
TALLY_TYPE_OWN_(view);

// What a view is.
struct tally_view_info {
    void *data;       // of the first item
    size_t length;    // in bytes, of all items
    size_t item_size; // in bytes
    unsigned dimensions;
    bool read_only, c_contiguous, f_contiguous;
    char format[64]; // cut off if it is longer
    size_t shape[TALLY_BUFFER_DIMENSIONS];
    int64_t strides[TALLY_BUFFER_DIMENSIONS];
    int64_t suboffsets[TALLY_BUFFER_DIMENSIONS]; // -1: none
};

// ---- making views

// Makes a view of what an object lends.
//
// object:   not NULL; of a type with a get_buffer hook; another view too.
// flags:    TALLY_BUFFER_WRITABLE: it is to be written; or 0.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   the negated statuses of tally_buffer_get; ENOMEM. A format that is
//           not known is one: items of it cannot be read.
// Threads:  any.
// Blocks:   as tally_buffer_get.
// Cost:     two allocations.
TALLY_API TALLY_MUST_USE tally_view *tally_view_new(void *object,
                                                    unsigned flags);

// Called once when a view's memory is given back.
typedef void (*tally_view_hook)(void *data, size_t length, void *arg);

// Makes a view of memory that no object has.
//
// data:     [length] bytes, good until [release] is called.
// read_only: it may not be written.
// release:  called with [arg] when the memory is not used any more; or NULL.
// Returns:  an owned reference, or NULL with errno set; then [release] is not
//           called.
// Errors:   ENOMEM, EINVAL (NULL with a length).
// Threads:  any.
// Blocks:   no.
// Cost:     two allocations.
TALLY_API TALLY_MUST_USE tally_view *tally_view_of_memory(
    void *data, size_t length, bool read_only, tally_view_hook release,
    void *arg);

// Makes a view of a part of a file, which is mapped into memory. If somebody
// truncates the file, what lies behind its end is gone: reading or writing it,
// by the view or its address, ends in SIGBUS. tally_view_copy_checked
// (view_items.h) answers TALLY_GONE instead; so do tally_view_write and
// tally_view_read, with the system's -EFAULT, which is the same number.
//
// file:     a descriptor, open for reading, and for writing if the view is to
//           be written; it may be closed after.
// offset:   in bytes, 0 .. the file's size; any.
// length:   in bytes, 1 .. what follows the offset; 0: all of that.
// writable: what is written goes to the file.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   those of mmap and fstat; ERANGE (beyond the end), ENOMEM.
// Threads:  any.
// Blocks:   for the system.
// Cost:     two allocations and a mapping.
TALLY_API TALLY_MUST_USE tally_view *tally_view_of_file(int file,
                                                        uint64_t offset,
                                                        size_t length,
                                                        bool writable);

// Makes a view of a part of a view: of the items from start on, every step-th,
// before stop, in its first dimension; as in Python they may be negative, and
// beyond the ends.
//
// step:     not 0. With a negative one, INT64_MAX as start is the last item and
//           INT64_MIN as stop is before the first.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   EINVAL (no step; a view without dimensions), ESTALE (released),
//           EAGAIN (2^29 sub-views), ENOMEM.
// Threads:  any.
// Blocks:   no.
// Cost:     one allocation (bench/view).
TALLY_API TALLY_MUST_USE tally_view *tally_view_slice(tally_view *view,
                                                      int64_t start,
                                                      int64_t stop,
                                                      int64_t step);

// Makes a view of one item of the first dimension: it has one dimension less.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   ERANGE (no such item), EINVAL (a view without dimensions), ESTALE
//           (released), EAGAIN (2^29 sub-views), ENOMEM.
// Threads:  any.
// Blocks:   no.
// Cost:     one allocation.
TALLY_API TALLY_MUST_USE tally_view *tally_view_at(tally_view *view,
                                                   int64_t index);

// Makes a view of the same memory with another format and shape: of bytes with
// a native format, or of any format, known or not, with bytes ("B", "b", "c").
//
// format:   one native code, like "B" or "@d"; NULL: "B".
// shape:    [dimensions] lengths; NULL: one dimension of what there is.
// dimensions: 0 .. TALLY_BUFFER_DIMENSIONS.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   EXDEV (not C-contiguous), EBADMSG (the format; that of the view, if
//           neither side is bytes and it is not native), EINVAL (neither side
//           is bytes; more than one dimension on both sides; the lengths
//           do not multiply to the memory), EOVERFLOW, ESTALE, EAGAIN (2^29
//           sub-views), ENOMEM.
// Threads:  any.
// Blocks:   no.
// Cost:     one allocation.
TALLY_API TALLY_MUST_USE tally_view *tally_view_cast(tally_view *view,
                                                     const char *format,
                                                     const size_t *shape,
                                                     unsigned dimensions);

// Makes a view of the same that may not be written.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   ESTALE (released), EAGAIN (2^29 sub-views), ENOMEM.
// Threads:  any.
// Blocks:   no.
// Cost:     one allocation.
TALLY_API TALLY_MUST_USE tally_view *tally_view_read_only(tally_view *view);

// ---- the end

// Releases a view: its part of the memory is given back now. What was released
// stays so; releasing again is 0.
//
// Returns:  0 or a status.
// Errors:   TALLY_EXPORTED (sub-views, or buffers of it, are there),
//           TALLY_BUSY (another thread reads or writes it just now).
// Threads:  any.
// Blocks:   as the exporter's release_buffer.
// Cost:     a locked operation; of the last view that of giving back.
TALLY_API tally_status tally_view_release(tally_view *view);

// Releases and drops a view, if there is one; for TALLY_VIEW_SCOPE.
//
// Returns:  nothing.
// Threads:  any.
// Blocks:   as tally_view_release.
// Cost:     as tally_view_release and tally_decref.
TALLY_API void tally_view_end(tally_view *const *view);

// Declares a variable for a view that is released and dropped at the end of
// its block: TALLY_VIEW_SCOPE v = tally_view_new(object, 0);
#define TALLY_VIEW_SCOPE                                                       \
    __attribute__((cleanup(tally_view_end))) tally_view *const

// ---- what a view is

// Tells what a view is.
//
// Returns:  0 or a status.
// Errors:   TALLY_RELEASED.
// Threads:  any.
// Blocks:   no.
// Cost:     two locked operations, and a copy of what is filled in.
TALLY_API tally_status tally_view_describe(tally_view *view,
                                           struct tally_view_info *ret_info);

// How many items the first dimension has.
//
// Returns:  0 or a status.
// Errors:   TALLY_RELEASED, TALLY_INVALID (a view without dimensions).
// Threads:  any.
// Blocks:   no.
// Cost:     two locked operations.
TALLY_API tally_status tally_view_length(tally_view *view, size_t *ret_length);

TALLY_END

#endif
