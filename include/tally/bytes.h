// Bytes as a value: a run of them that never changes.
//
//     tally_bytes *bytes = tally_bytes_new("\0\1\2", 3);
//     write(fd, tally_bytes_data(bytes), tally_bytes_length(bytes));
//     tally_decref(bytes);
//
// Bytes are equal, and compared, byte by byte; they never equal text. Their
// hash is computed once.

#ifndef TALLY_BYTES_H
#define TALLY_BYTES_H

#include <tally/value.h>

TALLY_BEGIN

typedef struct tally_bytes tally_bytes;
TALLY_TYPE_OWN_(bytes);

// Makes bytes.
//
// data:     [length] bytes, which are copied; NULL only if there are none.
// length:   0 .. 2^39 - 1.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   ENOMEM, EAGAIN (too many mutators or types).
// Threads:  any.
// Blocks:   as tally_object_new.
// Cost:     an object of 33 bytes and the data, and a copy.
TALLY_API TALLY_MUST_USE tally_bytes *tally_bytes_new(const void *data,
                                                      size_t length);

// Returns:  how many bytes there are.
// Threads:  any that holds or borrows a reference.
// Blocks:   no.
// Cost:     a load.
TALLY_API size_t tally_bytes_length(const tally_bytes *bytes);

// Where the bytes are.
//
// bytes:    not NULL.
// Returns:  their address, good as long as the reference; a NUL follows.
// Threads:  any that holds or borrows a reference.
// Blocks:   no.
// Cost:     an addition.
TALLY_API const void *tally_bytes_data(const tally_bytes *bytes);

TALLY_END

#endif
