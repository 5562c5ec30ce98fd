// What views and buffers share: sizes that may overflow.

#ifndef TLY_CONTAINER_BUFFER_H
#define TLY_CONTAINER_BUFFER_H

#include <tally/buffer.h>

#include "base/compiler.h"

// Bytes of so many items of a shape. False: more than 2^63 - 1, also where
// another dimension is 0.
bool tly_buffer_bytes(const size_t *shape, unsigned dimensions,
                      size_t item_size, size_t *ret_bytes);

// Whether all dimensions but one are 1: then C's order is Fortran's.
bool tly_buffer_is_flat(const struct tally_buffer *buffer);

#endif
