// The items of memory views: reading, writing and comparing them, copies in
// an order, and files.

#ifndef TALLY_VIEW_ITEMS_H
#define TALLY_VIEW_ITEMS_H

#include <tally/bytes.h>
#include <tally/text.h>
#include <tally/view.h>

TALLY_BEGIN

// Reads an item.
//
// indices:  one for each dimension.
// count:    of them.
// Returns:  0, and an owned value.
// Errors:   TALLY_INVALID (too few indices, or too many), TALLY_RANGE,
//           TALLY_RELEASED, TALLY_FORMAT (it is not known),
//           TALLY_UNSUPPORTED (items of several fields), TALLY_OVERFLOW (an
//           integer beyond 2^63 - 1), TALLY_NO_MEMORY.
// Threads:  any; what others write meanwhile is read torn.
// Blocks:   no.
// Cost:     two locked operations; what the value costs.
TALLY_API tally_status tally_view_get(tally_view *view, const int64_t *indices,
                                      unsigned count, tally_value *ret_value);

// Writes an item.
//
// value:    borrowed; a number for a format of numbers, and so on.
// Returns:  0 or a status.
// Errors:   TALLY_READ_ONLY, TALLY_WRONG_TYPE, TALLY_RANGE (the index; or the
//           number does not fit), TALLY_INVALID, TALLY_RELEASED,
//           TALLY_FORMAT, TALLY_UNSUPPORTED.
// Threads:  as tally_view_get.
// Blocks:   no.
// Cost:     two locked operations.
TALLY_API tally_status tally_view_set(tally_view *view, const int64_t *indices,
                                      unsigned count, tally_value value);

// Copies all items out, without gaps.
//
// order:    'C': the last index varies first; 'F': the first; 'A': 'F' if the
//           memory is Fortran's already, else 'C'.
// size:     of [data] in bytes: the view's length, or more.
// Returns:  0 or a status.
// Errors:   TALLY_INVALID (the order), TALLY_RANGE (too small), TALLY_RELEASED.
// Threads:  as tally_view_get.
// Blocks:   no.
// Cost:     a memcpy where the memory is contiguous in that order.
TALLY_API tally_status tally_view_copy(tally_view *view, char order, void *data,
                                       size_t size);

// Copies the items of a view to those of another, of the same shape and
// format; they may overlap.
//
// Returns:  0 or a status.
// Errors:   TALLY_READ_ONLY, TALLY_INVALID (another shape), TALLY_FORMAT
//           (another format), TALLY_RELEASED, TALLY_NO_MEMORY (where they
//           overlap).
// Threads:  as tally_view_get.
// Blocks:   no.
// Cost:     as tally_view_copy.
TALLY_API tally_status tally_view_assign(tally_view *to, tally_view *from);

// The items as bytes, in an order as of tally_view_copy.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   EINVAL (the order), ESTALE (released), ENOMEM.
// Threads:  as tally_view_get.
// Blocks:   no.
// Cost:     an allocation and a copy.
TALLY_API TALLY_MUST_USE tally_bytes *tally_view_bytes(tally_view *view,
                                                       char order);

// The items as values: a tally_list of them, of lists of them where there are
// more dimensions; of a view of no dimension the value itself.
//
// Returns:  an owned value, or absent with errno set.
// Errors:   ESTALE (released); as tally_view_get: EBADMSG (the format is not
//           known), ENOSYS (items of several fields), EOVERFLOW, ENOMEM.
// Threads:  as tally_view_get.
// Blocks:   as tally_object_new.
// Cost:     two objects for a list, and a step for each item.
TALLY_API tally_value tally_view_values(tally_view *view);

// The bytes in hexadecimal.
//
// separator: between groups; 0: none.
// group:    bytes of a group, counted from the right; negative: from the left.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   EINVAL (a separator that is no ASCII; no group), ESTALE, ENOMEM.
// Threads:  as tally_view_get.
// Blocks:   no.
// Cost:     two allocations, and a step for each byte.
TALLY_API TALLY_MUST_USE tally_text *tally_view_hex(tally_view *view,
                                                    char separator, int group);

// Whether two views have the same shape and items that are equal as values,
// whatever their formats.
//
// Returns:  0, and whether they are.
// Errors:   TALLY_RELEASED.
// Threads:  as tally_view_get.
// Blocks:   no.
// Cost:     a memcmp where formats are the same and both contiguous, unless
//           they are of floating point; else a step for each item.
TALLY_API tally_status tally_view_equal(tally_view *a, tally_view *b,
                                        bool *ret_equal);

// ---- files

// Writes the items of views to a file, one after the other, without a copy
// where they are contiguous. The views cannot be released meanwhile. A
// cancellation point (pthread_cancel).
//
// file:     a descriptor.
// count:    of the views, 0 .. 1024.
// Returns:  0, and how many bytes were written, which may be less than all; or
//           a status, the system's as its negated errno.
// Errors:   TALLY_RELEASED, TALLY_NOT_CONTIGUOUS, TALLY_RANGE (count), those of
//           writev.
// Threads:  any, attached or not.
// Blocks:   as writev, in a blocking region.
// Cost:     the system's.
TALLY_API tally_status tally_view_write(int file, tally_view *const *views,
                                        size_t count, size_t *ret_bytes);

// Reads from a file into views, and otherwise as tally_view_write.
//
// Returns:  0, and how many bytes were read; 0 bytes at the end of the file.
// Errors:   also TALLY_READ_ONLY; those of readv.
// Threads:  any, attached or not.
// Blocks:   as readv, in a blocking region.
// Cost:     the system's.
TALLY_API tally_status tally_view_read(int file, tally_view *const *views,
                                       size_t count, size_t *ret_bytes);

// Copies the items of a view in C's order, as tally_view_copy, of memory that
// may be gone: of a file that somebody has truncated since it was mapped, where
// all else that reads or writes the items ends in SIGBUS.
//
// data:     where to; what is there after a failure is not said.
// size:     in bytes; no less than the view's length.
// Returns:  0.
// Errors:   TALLY_GONE, TALLY_RELEASED, TALLY_RANGE (size), TALLY_NO_MEMORY,
//           TALLY_NOT_CONTIGUOUS (pointers on the way to the items),
//           TALLY_UNSUPPORTED (this process may not call process_vm_readv).
// Threads:  any, attached or not.
// Blocks:   no; pages are read from the file.
// Cost:     a system call, one for each 64 items where they are apart.
TALLY_API tally_status tally_view_copy_checked(tally_view *view, void *data,
                                               size_t size);

TALLY_END

#endif
