// Growable bytes.
//
// Memory is allocated before the lock is taken, as much as it seems to take,
// and again if that was not enough; what it replaces is freed after. So nothing
// that may wait, or call a program's code, happens under the lock.

#include <tally/bytearray.h>

#include <errno.h>
#include <string.h>

#include <tally/alloc.h>
#include <tally/buffer.h>
#include <tally/protocol.h>

#include "arena/range.h"
#include "container/byte_lock.h"
#include "container/text.h"
#include "container/types.h"
#include "epoch/attach.h"
#include "epoch/borrow.h"

#define LEAST 16u

struct tally_bytearray {
    tally_object head;
    char *data; // with the lock, as is all
    size_t length, room;
    uint32_t lent;
    struct tly_byte_lock lock;
};

// ---- the type

static void bytearray_destroy(void *object) {
    tally_free(((struct tally_bytearray *)object)->data);
}

static tally_status bytearray_lend(void *object, struct tally_buffer *buffer,
                                   unsigned flags) {
    struct tally_bytearray *array = object;
    if (!tly_self_attached())
        return TALLY_NO_MEMORY;
    tly_byte_lock(&array->lock);
    tally_status status =
        tally_buffer_fill(buffer, array->data, array->length, false, flags);
    if (status == TALLY_OK)
        array->lent++;
    tly_byte_unlock(&array->lock);
    return status;
}

static void bytearray_unlend(void *object, struct tally_buffer *buffer) {
    struct tally_bytearray *array = object;
    (void)buffer;
    // A fork does not wait for locks of threads that are not attached.
    TLY_GUEST;
    tly_byte_lock(&array->lock);
    array->lent--;
    tly_byte_unlock(&array->lock);
}

static bool equal_locked(const struct tally_bytearray *array, const void *data,
                         size_t length) {
    return array->length == length && !memcmp(array->data, data, length);
}

// By their bytes, as they are at one moment; bytes that never change are equal
// to them too. So they have no hash.
static tally_status bytearray_equal(void *object, tally_value value,
                                    bool *ret_equal) {
    struct tally_bytearray *array = object, *other = tally_object_of(value);
    bool bytes = other && tally_is_instance(other, &tally_type_bytes);
    if (!bytes && !(other && tally_is_instance(other, &tally_type_bytearray)))
        return TALLY_WRONG_TYPE;
    if (!tly_self_attached())
        return TALLY_NO_MEMORY;
    struct tly_byte_lock *second = bytes ? &array->lock : &other->lock;
    tly_byte_lock_both(&array->lock, second);
    *ret_equal =
        bytes ? equal_locked(array, tally_bytes_data((tally_bytes *)other),
                             tally_bytes_length((tally_bytes *)other))
              : equal_locked(array, other->data, other->length);
    tly_byte_unlock_both(&array->lock, second);
    return TALLY_OK;
}

static const tally_protocol bytearray_protocol = {.equal = bytearray_equal,
                                                  .get_buffer = bytearray_lend,
                                                  .release_buffer =
                                                      bytearray_unlend};

TLY_TYPE(bytearray, tally_bytearray,
         TLY_HAS(tally_bytearray, TALLY_DESTROY(bytearray_destroy))
             TLY_HAS(tally_bytearray, TALLY_PROTOCOL(bytearray_protocol)));

tally_bytearray *tally_bytearray_new(const void *data, size_t length) {
    size_t room = length < LEAST ? LEAST : length;
    char *memory = room < TLY_RANGE_MAX ? tally_calloc(1, room) : NULL;
    if (!memory) {
        errno = ENOMEM;
        return NULL;
    }
    struct tally_bytearray *array = tally_object_new(&tally_type_bytearray, 0);
    if (!array) {
        tally_free(memory);
        return NULL;
    }
    if (data)
        memcpy(memory, data, length);
    array->data = memory;
    array->length = length;
    array->room = room;
    return array;
}

// ---- bytes

size_t tally_bytearray_length(const tally_bytearray *array) {
    // Relaxed: it may change right after.
    return tly_load_relaxed(&array->length);
}

// Copies bytes in, or out, if they are all there.
static tally_status access_at(struct tally_bytearray *array, size_t start,
                              size_t length, const void *in, void *out) {
    tly_borrow_none("locks an array of bytes");
    if (!tly_self_attached())
        return TALLY_NO_MEMORY;
    tly_byte_lock(&array->lock);
    bool fits = start <= array->length && length <= array->length - start;
    if (fits && in)
        memcpy(array->data + start, in, length);
    if (fits && out)
        memcpy(out, array->data + start, length);
    tly_byte_unlock(&array->lock);
    return fits ? TALLY_OK : TALLY_RANGE;
}

tally_status tally_bytearray_get(tally_bytearray *array, size_t index,
                                 uint8_t *ret_byte) {
    return access_at(array, index, 1, NULL, ret_byte);
}

tally_status tally_bytearray_set(tally_bytearray *array, size_t index,
                                 uint8_t byte) {
    return access_at(array, index, 1, &byte, NULL);
}

tally_status tally_bytearray_copy(tally_bytearray *array, size_t start,
                                  size_t length, void *data) {
    return access_at(array, start, length, NULL, data);
}

tally_bytes *tally_bytearray_bytes(tally_bytearray *array) {
    for (;;) {
        size_t length = tally_bytearray_length(array);
        struct tly_run *run = tly_run_new(&tally_type_bytes, NULL, length);
        if (!run)
            return NULL;
        tly_byte_lock(&array->lock);
        bool same = array->length == length;
        if (same)
            memcpy(run->data, array->data, length);
        tly_byte_unlock(&array->lock);
        if (same)
            return (tally_bytes *)run;
        tally_decref(run);
    }
}

// ---- changing the size

// A change: what is asked for, and memory that is there for it.
struct change {
    size_t start, removed, length;
    const void *data;
    bool at_end; // start is the length, whatever that is; or
    bool cuts;   // the new length is [length]
    char *memory;
    size_t room; // of [memory]
};

// Where and how much, now that the length is known.
static void change_place(struct change *c, size_t length) {
    if (c->at_end)
        c->start = length;
    if (c->cuts) {
        c->start = c->length < length ? c->length : length;
        c->removed = length - c->start;
    }
}

// With the lock. TALLY_LIMIT: it takes [c->room] bytes more than there are.
static tally_status change_locked(struct tally_bytearray *array,
                                  struct change *c) {
    size_t want = c->length;
    change_place(c, array->length);
    if (c->start > array->length || c->removed > array->length - c->start)
        return TALLY_RANGE;
    size_t come = c->cuts ? want - c->start : want;
    size_t rest = array->length - c->start - c->removed, length;
    if (come != c->removed && array->lent)
        return TALLY_EXPORTED;
    if (__builtin_add_overflow(array->length - c->removed, come, &length) ||
        length >= TLY_RANGE_MAX)
        return TALLY_OVERFLOW;
    char *to = array->data;
    if (length > array->room) {
        if (c->room < length) {
            c->room = length + length / 8 + LEAST;
            return TALLY_LIMIT;
        }
        to = c->memory;
        memcpy(to, array->data, c->start);
    }
    memmove(to + c->start + come, array->data + c->start + c->removed, rest);
    if (c->data)
        memcpy(to + c->start, c->data, come);
    else
        memset(to + c->start, 0, come);
    if (to != array->data) { // what was there is freed after
        size_t room = array->room;
        c->memory = array->data;
        array->data = to;
        array->room = c->room;
        c->room = room;
    }
    // Relaxed: tally_bytearray_length reads it without the lock.
    tly_store_relaxed(&array->length, length);
    return TALLY_OK;
}

static tally_status change(struct tally_bytearray *array, struct change c) {
    tally_status status = TALLY_NO_MEMORY;
    if (!tly_self_attached())
        return status;
    for (;;) {
        tly_byte_lock(&array->lock);
        status = change_locked(array, &c);
        tly_byte_unlock(&array->lock);
        tally_free(c.memory);
        if (status != TALLY_LIMIT)
            return status;
        c.memory = tally_alloc(c.room);
        if (!c.memory)
            return TALLY_NO_MEMORY;
    }
}

tally_status tally_bytearray_replace(tally_bytearray *array, size_t start,
                                     size_t removed, const void *data,
                                     size_t length) {
    return change(array, (struct change){.start = start,
                                         .removed = removed,
                                         .data = data,
                                         .length = length});
}

tally_status tally_bytearray_append(tally_bytearray *array, const void *data,
                                    size_t length) {
    return change(
        array, (struct change){.at_end = true, .data = data, .length = length});
}

tally_status tally_bytearray_resize(tally_bytearray *array, size_t length) {
    return change(array, (struct change){.cuts = true, .length = length});
}
