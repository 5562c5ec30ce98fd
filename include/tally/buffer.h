// Buffers: an object lends its memory, described, to who can work on any.
//
//     struct tally_buffer buffer;
//     if (tally_buffer_get(object, TALLY_BUFFER_SIMPLE, &buffer) == TALLY_OK) {
//         fwrite(buffer.data, 1, buffer.length, file);
//         tally_buffer_release(&buffer);
//     }
//
// The protocol of PEP 3118 (https://peps.python.org/pep-3118), for C. Who asks
// says by flags what it can deal with; an exporter that cannot meet them
// refuses. What is not asked for is NULL: without the shape memory is a run of
// bytes, without strides it is contiguous in the order of C. As long as a
// buffer is lent, its exporter lives, and its memory neither moves nor changes
// its size.

#ifndef TALLY_BUFFER_H
#define TALLY_BUFFER_H

#include <tally/value.h>

TALLY_BEGIN

// Dimensions at most.
#define TALLY_BUFFER_DIMENSIONS 64

// What is asked for; flags are added up. The names and the rules are Python's.
#define TALLY_BUFFER_SIMPLE 0u
#define TALLY_BUFFER_WRITABLE 0x1u
#define TALLY_BUFFER_FORMAT 0x4u
#define TALLY_BUFFER_ND 0x8u                            // shape
#define TALLY_BUFFER_STRIDES (0x10u | TALLY_BUFFER_ND)  // and strides
#define TALLY_BUFFER_C (0x20u | TALLY_BUFFER_STRIDES)   // the last varies first
#define TALLY_BUFFER_F (0x40u | TALLY_BUFFER_STRIDES)   // the first does
#define TALLY_BUFFER_ANY (0x80u | TALLY_BUFFER_STRIDES) // either
#define TALLY_BUFFER_INDIRECT (0x100u | TALLY_BUFFER_STRIDES) // and suboffsets
#define TALLY_BUFFER_CONTIG_RO TALLY_BUFFER_ND
#define TALLY_BUFFER_CONTIG (TALLY_BUFFER_ND | TALLY_BUFFER_WRITABLE)
#define TALLY_BUFFER_STRIDED_RO TALLY_BUFFER_STRIDES
#define TALLY_BUFFER_STRIDED (TALLY_BUFFER_STRIDES | TALLY_BUFFER_WRITABLE)
#define TALLY_BUFFER_RECORDS_RO (TALLY_BUFFER_STRIDES | TALLY_BUFFER_FORMAT)
#define TALLY_BUFFER_RECORDS (TALLY_BUFFER_RECORDS_RO | TALLY_BUFFER_WRITABLE)
#define TALLY_BUFFER_FULL_RO (TALLY_BUFFER_INDIRECT | TALLY_BUFFER_FORMAT)
#define TALLY_BUFFER_FULL (TALLY_BUFFER_FULL_RO | TALLY_BUFFER_WRITABLE)
#define TALLY_BUFFER_ALL 0x1FDu

// Memory that is lent. The item at indices i, j, ... is found from [data] by
// adding i * strides[0]; then, if there are suboffsets and suboffsets[0] is not
// negative, by following the pointer there and adding that; and so on.
struct tally_buffer {
    void *data;         // of the first item
    size_t length;      // in bytes: the product of the shape and item_size
    size_t item_size;   // in bytes
    const char *format; // in the syntax of Python's struct; NULL: "B", bytes
    unsigned dimensions;
    bool read_only;
    const size_t *shape;       // [dimensions]; NULL: one, of length / item_size
    const int64_t *strides;    // in bytes; NULL: contiguous as in C
    const int64_t *suboffsets; // NULL: none
    void *exporter; // a reference that the buffer owns; NULL: it was released
    void *internal; // the exporter's own
};

// Asks an object for its memory.
//
// object:   not NULL; the caller holds a reference.
// flags:    of TALLY_BUFFER_ALL.
// Returns:  0, and the memory in [*ret_buffer], which is to be released, and
//           must not be copied or moved; on failure its exporter is NULL.
// Errors:   TALLY_UNSUPPORTED (its type lends none), TALLY_INVALID (unknown
//           flags), TALLY_READ_ONLY, TALLY_NOT_CONTIGUOUS, TALLY_NO_MEMORY and
//           what else the exporter answers; TALLY_CORRUPT when it gave what was
//           not asked for or does not add up.
// Threads:  any.
// Blocks:   as the type's hook.
// Cost:     an indirect call, an incref, and a check.
TALLY_API tally_status tally_buffer_get(void *object, unsigned flags,
                                        struct tally_buffer *ret_buffer);

// Gives memory back; twice does nothing.
//
// buffer:   filled in by tally_buffer_get, on any thread.
// Returns:  nothing.
// Threads:  any, one at a time for a buffer.
// Blocks:   as the type's hook; as tally_decref.
// Cost:     an indirect call and a decref.
TALLY_API void tally_buffer_release(struct tally_buffer *buffer);

// Fills in a run of bytes, for a type's get_buffer hook: refuses what flags
// ask for that it is not, and leaves out what they do not ask for.
//
// data:     [length] bytes, at least as long as the buffer is lent.
// read_only: the bytes may not be written.
// flags:    as the hook was given them.
// Returns:  0.
// Errors:   TALLY_READ_ONLY.
// Threads:  any.
// Blocks:   no.
// Cost:     some stores.
TALLY_API tally_status tally_buffer_fill(struct tally_buffer *buffer,
                                         void *data, size_t length,
                                         bool read_only, unsigned flags);

// Whether memory is contiguous: each item once, in an order, without gaps.
//
// order:    'C': the last index varies first; 'F': the first; 'A': either.
// Returns:  true if so; memory without items is. Of another order it is not.
// Threads:  any.
// Blocks:   no.
// Cost:     a step for each dimension.
TALLY_API bool tally_buffer_is_contiguous(const struct tally_buffer *buffer,
                                          char order);

TALLY_END

#endif
