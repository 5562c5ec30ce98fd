// Growable bytes that any number of threads may use at once.
//
//     tally_bytearray *array = tally_bytearray_new("ab", 2);      // owned
//     tally_bytearray_append(array, "cd", 2);
//     tally_bytearray_set(array, 0, 'A');                         // "Abcd"
//     tally_decref(array);
//
// Each call is one step for the others, under the array's lock. The memory may
// be lent (tally_buffer_get, tally_view_new), to be written too; as long as it
// is, the array keeps its size: what would change that answers TALLY_EXPORTED,
// and changes nothing. What is written through a view is not under the lock.
//
// As values, arrays are equal to arrays and bytes that have the same bytes; as
// those may change, they have no hash and are no keys.

#ifndef TALLY_BYTEARRAY_H
#define TALLY_BYTEARRAY_H

#include <tally/bytes.h>

TALLY_BEGIN

typedef struct tally_bytearray tally_bytearray;
TALLY_TYPE_OWN_(bytearray);

// Makes an array.
//
// data:     [length] bytes, which are copied; NULL: zeros.
// length:   0 .. 2^39 - 1.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   ENOMEM, EAGAIN (too many mutators or types).
// Threads:  any.
// Blocks:   as tally_object_new.
// Cost:     two allocations and a copy.
TALLY_API TALLY_MUST_USE tally_bytearray *tally_bytearray_new(const void *data,
                                                              size_t length);

// Returns:  how many bytes there are now.
// Threads:  any.
// Blocks:   no.
// Cost:     a load.
TALLY_API size_t tally_bytearray_length(const tally_bytearray *array);

// Reads a byte.
//
// Returns:  0, and the byte.
// Errors:   TALLY_RANGE, TALLY_NO_MEMORY (to attach the thread).
// Threads:  any, outside of borrow sections.
// Blocks:   for other calls.
// Cost:     two locked operations.
TALLY_API tally_status tally_bytearray_get(tally_bytearray *array, size_t index,
                                           uint8_t *ret_byte);

// Writes a byte.
//
// Returns:  0 or a status.
// Errors:   TALLY_RANGE, TALLY_NO_MEMORY (to attach the thread).
// Threads:  as tally_bytearray_get.
// Blocks:   for other calls.
// Cost:     two locked operations.
TALLY_API tally_status tally_bytearray_set(tally_bytearray *array, size_t index,
                                           uint8_t byte);

// Copies bytes out.
//
// start:    of the first, 0 .. the length.
// length:   how many, 0 .. what follows.
// Returns:  0 or a status; then nothing is copied.
// Errors:   TALLY_RANGE, TALLY_NO_MEMORY (to attach the thread).
// Threads:  as tally_bytearray_get.
// Blocks:   for other calls.
// Cost:     two locked operations and a copy.
TALLY_API tally_status tally_bytearray_copy(tally_bytearray *array,
                                            size_t start, size_t length,
                                            void *data);

// Replaces bytes by others; all that changes the size is this: inserting
// replaces none, deleting replaces them by none.
//
// start:    of the first that goes, 0 .. the length.
// removed:  how many go, 0 .. what follows.
// data:     [length] bytes that come, not of the array itself; NULL: zeros.
// Returns:  0 or a status.
// Errors:   TALLY_RANGE, TALLY_EXPORTED (the size would change),
//           TALLY_OVERFLOW (2^39 bytes), TALLY_NO_MEMORY.
// Threads:  as tally_bytearray_get.
// Blocks:   for other calls.
// Cost:     two locked operations, a copy and a move of what follows; amortised
//           where it grows at its end.
TALLY_API tally_status tally_bytearray_replace(tally_bytearray *array,
                                               size_t start, size_t removed,
                                               const void *data, size_t length);

// Adds bytes at the end.
//
// data:     [length] bytes, not of the array itself.
// Returns:  0 or a status.
// Errors:   as tally_bytearray_replace, but for TALLY_RANGE.
// Threads:  as tally_bytearray_get.
// Blocks:   for other calls.
// Cost:     amortised, that of the copy.
TALLY_API tally_status tally_bytearray_append(tally_bytearray *array,
                                              const void *data, size_t length);

// Cuts the array off, or fills it up with zeros.
//
// Returns:  0 or a status.
// Errors:   as tally_bytearray_replace, but for TALLY_RANGE.
// Threads:  as tally_bytearray_get.
// Blocks:   for other calls.
// Cost:     as tally_bytearray_append.
TALLY_API tally_status tally_bytearray_resize(tally_bytearray *array,
                                              size_t length);

// The bytes as they are now.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   ENOMEM.
// Threads:  as tally_bytearray_get.
// Blocks:   for other calls.
// Cost:     an allocation and a copy.
TALLY_API TALLY_MUST_USE tally_bytes *tally_bytearray_bytes(
    tally_bytearray *array);

TALLY_END

#endif
