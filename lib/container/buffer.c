// The rules of the buffer protocol.

#include "container/buffer.h"

#include <stdlib.h>
#include <string.h>

#include <tally/protocol.h>

#include "base/check.h"
#include "base/status.h"
#include "container/quick.h"
#include "object/owns.h"
#include "sync/rank.h"

// The one dimension of what has no shape.
static const size_t one_byte = 1;

static bool asks(unsigned flags, unsigned for_what) {
    return (flags & for_what) == for_what;
}

static bool strides_match(const struct tally_buffer *b, char order) {
    size_t expected = b->item_size;
    for (unsigned n = 0; n < b->dimensions; n++) {
        unsigned d = order == 'C' ? b->dimensions - 1 - n : n;
        if (b->shape[d] > 1 && b->strides[d] != (int64_t)expected)
            return false;
        expected *= b->shape[d];
    }
    return true;
}

bool tally_buffer_is_contiguous(const struct tally_buffer *buffer, char order) {
    if (buffer->suboffsets || (order != 'C' && order != 'F' && order != 'A'))
        return false;
    if (!buffer->strides || buffer->length == 0)
        // As in C, which with fewer than two dimensions is any order.
        return order != 'F' || buffer->dimensions <= 1 || buffer->length == 0 ||
               !buffer->shape || tly_buffer_is_flat(buffer);
    if (order == 'A')
        return strides_match(buffer, 'C') || strides_match(buffer, 'F');
    return strides_match(buffer, order);
}

// Whether all dimensions but one are 1.
bool tly_buffer_is_flat(const struct tally_buffer *buffer) {
    unsigned longer = 0;
    for (unsigned d = 0; d < buffer->dimensions; d++)
        longer += buffer->shape[d] != 1;
    return longer <= 1;
}

bool tly_buffer_bytes(const size_t *shape, unsigned dimensions,
                      size_t item_size, size_t *ret_bytes) {
    size_t bytes = item_size ? item_size : 1;
    bool overflows = false, empty = item_size == 0;
    for (unsigned d = 0; d < dimensions; d++) {
        empty = empty || shape[d] == 0;
        // Nothing is longer than an offset can say, whatever else is 0.
        overflows =
            __builtin_mul_overflow(bytes, shape[d] ? shape[d] : 1, &bytes) ||
            bytes > INT64_MAX || overflows;
    }
    if (!overflows)
        *ret_bytes = empty ? 0 : bytes;
    return !overflows;
}

tally_status tally_buffer_fill(struct tally_buffer *buffer, void *data,
                               size_t length, bool read_only, unsigned flags) {
    if (read_only && asks(flags, TALLY_BUFFER_WRITABLE))
        return TALLY_READ_ONLY;
    buffer->data = data;
    buffer->length = length;
    buffer->item_size = 1;
    buffer->format = asks(flags, TALLY_BUFFER_FORMAT) ? "B" : NULL;
    buffer->dimensions = 1;
    buffer->read_only = read_only;
    // The length is the only element of the shape, and 1 that of the strides.
    buffer->shape = asks(flags, TALLY_BUFFER_ND) ? &buffer->length : NULL;
    buffer->strides = asks(flags, TALLY_BUFFER_STRIDES)
                          ? (const int64_t *)(const void *)&one_byte
                          : NULL;
    buffer->suboffsets = NULL;
    return TALLY_OK;
}

// Without a shape: one item, or a run of whole ones.
static bool adds_up_plainly(const struct tally_buffer *b) {
    if (b->dimensions == 0)
        return b->length == b->item_size && b->length <= INT64_MAX;
    return b->dimensions == 1 && b->length <= INT64_MAX && b->item_size &&
           b->length % b->item_size == 0;
}

// Whether the way from the first item to any other is no longer than an offset
// can say. The shape's lengths are no more than that.
static bool strides_add_up(const struct tally_buffer *b) {
    int64_t reach = 0, way;
    for (unsigned d = 0; d < b->dimensions; d++) {
        if (b->shape[d] <= 1)
            continue;
        if (b->strides[d] == INT64_MIN ||
            __builtin_mul_overflow(llabs(b->strides[d]),
                                   (int64_t)b->shape[d] - 1, &way) ||
            __builtin_add_overflow(reach, way, &reach))
            return false;
    }
    return true;
}

static bool adds_up(const struct tally_buffer *b) {
    size_t bytes;
    if (b->dimensions > TALLY_BUFFER_DIMENSIONS || (!b->data && b->length) ||
        (b->strides && !b->shape) || (b->suboffsets && !b->strides))
        return false;
    if (!b->shape)
        return adds_up_plainly(b);
    return tly_buffer_bytes(b->shape, b->dimensions, b->item_size, &bytes) &&
           bytes == b->length && (!b->strides || strides_add_up(b));
}

// What an exporter gave beside what was asked for.
static tally_status check(const struct tally_buffer *b, unsigned flags) {
    if (!adds_up(b))
        return TALLY_CORRUPT;
    if (asks(flags, TALLY_BUFFER_WRITABLE) && b->read_only)
        return TALLY_READ_ONLY;
    if (b->suboffsets && !asks(flags, TALLY_BUFFER_INDIRECT))
        return TALLY_NOT_CONTIGUOUS;
    // Whoever does not ask for strides takes the memory for contiguous.
    bool c = asks(flags, TALLY_BUFFER_C) || !asks(flags, TALLY_BUFFER_STRIDES);
    if ((c && !tally_buffer_is_contiguous(b, 'C')) ||
        (asks(flags, TALLY_BUFFER_F) && !tally_buffer_is_contiguous(b, 'F')) ||
        (asks(flags, TALLY_BUFFER_ANY) && !tally_buffer_is_contiguous(b, 'A')))
        return TALLY_NOT_CONTIGUOUS;
    // Without a shape items of any size are bytes; without a format they are.
    if (asks(flags, TALLY_BUFFER_FORMAT) && !asks(flags, TALLY_BUFFER_ND) &&
        b->dimensions > 1)
        return TALLY_CORRUPT;
    return TALLY_OK;
}

// Takes away what was not asked for.
static void narrow(struct tally_buffer *b, unsigned flags) {
    if (!asks(flags, TALLY_BUFFER_FORMAT))
        b->format = NULL;
    if (!asks(flags, TALLY_BUFFER_STRIDES))
        b->strides = NULL;
    if (!asks(flags, TALLY_BUFFER_ND)) {
        b->shape = NULL;
        b->dimensions = 1;
    }
    if (b->dimensions == 0) {
        b->shape = NULL;
        b->strides = b->suboffsets = NULL;
    }
}

tally_status tally_buffer_get(void *object, unsigned flags,
                              struct tally_buffer *ret_buffer) {
    memset(ret_buffer, 0, sizeof(*ret_buffer));
    if (flags & ~TALLY_BUFFER_ALL)
        return TALLY_INVALID;
    const tally_protocol *protocol = TLY_PROTOCOL_WITH(object, get_buffer);
    if (!protocol)
        return TALLY_UNSUPPORTED;
    tly_locks_none("a get_buffer hook");
    TLY_KEEPS_ERRNO;
    tally_status status = protocol->get_buffer(object, ret_buffer, flags);
    if (status != TALLY_OK) {
        ret_buffer->exporter = NULL;
        return status;
    }
    tally_incref(object);
    ret_buffer->exporter = object;
    status = check(ret_buffer, flags);
    if (status == TALLY_OK)
        narrow(ret_buffer, flags);
    else
        tally_buffer_release(ret_buffer);
    return status;
}

void tally_buffer_release(struct tally_buffer *buffer) {
    if (!buffer->exporter)
        return;
    TLY_KEEPS_ERRNO;
    void *exporter TLY_OWNS_OBJECT = buffer->exporter;
    buffer->exporter = NULL;
    const tally_protocol *protocol = TLY_PROTOCOL_WITH(exporter, get_buffer);
    tly_locks_none("a release_buffer hook");
    if (protocol->release_buffer)
        protocol->release_buffer(exporter, buffer);
}
