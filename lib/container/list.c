// Lists: reading, and changing one element at a time.

#include "container/list.h"

#include <errno.h>

#include <tally/borrow.h>

#include "container/compound.h"
#include "container/types.h"
#include "epoch/rcu.h"
#include "object/aref.h"
#include "object/header.h"

// Tries of a reader while others shift elements, before it takes the lock.
#define TRIES 64u

TLY_TYPE(list, tally_list,
         TLY_HAS(tally_list, TALLY_AREF(ring))
             TLY_HAS(tally_list, TALLY_PROTOCOL(tly_list_protocol)));

// ---- making, locking, room

void tly_list_lock_both(tally_list *a, tally_list *b) {
    tly_borrow_none("locks two lists");
    if (TLY_UNLIKELY(tally_number_ == TALLY_OWNER_NOBODY_))
        tly_attach_surely();
    tly_byte_lock_both(&a->lock, &b->lock);
}

struct tly_ring *tly_list_ring_set(tally_list *list, struct tly_ring *ring) {
    return (struct tly_ring *)tly_shared_exchange(&list->head, &list->ring.ref_,
                                                  ring ? &ring->head : NULL);
}

// Whether a ring of [room] is better than the list's: it is larger, or leaves
// space enough though it is smaller.
static bool is_better(const tally_list *list, uint64_t room) {
    uint64_t count = tly_list_count(list);
    return room > tly_list_room(list) ||
           (room < tly_list_room(list) && count <= room / 2);
}

tally_status tly_list_resize(tally_list *list, uint64_t least) {
    struct tly_ring *ring = tly_ring_new(least);
    if (!ring)
        return -errno;
    tly_list_lock(list);
    if (is_better(list, ring->room)) {
        tly_list_shift_begin(list);
        struct tly_ring *old = tly_list_ring(list);
        if (old)
            tly_ring_move(old, ring, tly_list_first(list),
                          tly_list_count(list));
        ring = tly_list_ring_set(list, ring);
        tly_list_shift_end(list);
    }
    tly_byte_unlock(&list->lock);
    if (ring)
        tally_decref(ring);
    return TALLY_OK;
}

static TLY_COLD tally_status lock_with_room_slow(tally_list *list) {
    uint64_t count;
    while ((count = tly_list_count(list)) == tly_list_room(list)) {
        tly_byte_unlock(&list->lock);
        tally_status status = tly_list_resize(list, count + 1);
        if (status != TALLY_OK)
            return status;
        tly_list_lock(list);
    }
    return TALLY_OK;
}

// Locks the list when it has room for one more.
static inline tally_status lock_with_room(tally_list *list) {
    tly_list_lock(list);
    if (TLY_LIKELY(tly_list_count(list) < tly_list_room(list)))
        return TALLY_OK;
    return lock_with_room_slow(list);
}

// Gives room back that has not been needed for long. That may fail: then the
// list keeps it.
static TLY_COLD void shrink(tally_list *list, uint64_t count) {
    int error = errno;
    (void)tly_list_resize(list, count * 2);
    errno = error;
}

tally_list *tally_list_new(void) {
    return tally_object_new(&tally_type_list, 0);
}

tally_list *tally_list_new_sized(size_t capacity) {
    struct tly_ring *ring = NULL;
    if (capacity) {
        ring = tly_ring_new(capacity);
        if (!ring)
            return NULL;
    }
    tally_list *list = tally_list_new();
    if (!list) {
        if (ring)
            tally_decref(ring);
        return NULL;
    }
    tally_aref_set_steal(list, &list->ring, ring);
    return list;
}

// ---- reading

static uint64_t count_now(const tally_list *list) {
    // ORDER[list-count] acquire: the cells up to it. Pairs with
    // tly_list_count_set.
    return tly_load_acquire(&list->count);
}

size_t tally_list_length(const tally_list *list) { return count_now(list); }

// Reads an element, borrowed; absent if there is none at that index. False:
// elements moved meanwhile.
static bool peek(const tally_list *list, size_t index,
                 tally_value *ret_borrowed) {
    // ORDER[list-version] acquire: what had moved when it became even. Pairs
    // with tly_list_shift_end.
    uint64_t version = tly_load_acquire(&list->version);
    struct tly_ring *ring = tally_aref_get(&list->ring);
    // ORDER[list-first] acquire: if it is new, version is seen to be odd, or
    // changed. Pairs with tly_list_first_set.
    uint64_t first = tly_load_acquire(&list->first);
    if (index >= count_now(list)) {
        *ret_borrowed = tally_absent();
        return true;
    }
    if (TLY_UNLIKELY(version & 1 || !ring))
        return false;
    *ret_borrowed = tally_cell_get(tly_ring_cell(ring, first + index));
    // A word that append is just writing is no element yet; and the cell of
    // one that is just popped is empty.
    if (TLY_UNLIKELY(index >= count_now(list) ||
                     tally_is_absent(*ret_borrowed)))
        return false;
    // Relaxed: after the acquires above, which see it odd if they see what has
    // moved.
    return tly_load_relaxed(&list->version) == version;
}

// The element, owned, read under the lock; or absent.
static TLY_COLD tally_value get_locked(tally_list *list, size_t index) {
    tally_value value = tally_absent();
    tly_list_lock(list);
    if (index < tly_list_count(list))
        value = tally_value_incref(
            tly_ring_read(tly_list_ring(list), tly_list_first(list) + index));
    tly_byte_unlock(&list->lock);
    return value;
}

// One try. False: try again.
static inline bool try_get(const tally_list *list, size_t index,
                           tally_value *ret_value) {
    return peek(list, index, ret_value) && tly_value_take(*ret_value);
}

// The same for who reads until it has an element.
static bool try_again(const tally_list *list, size_t index,
                      tally_value *ret_value) {
    const tally_object *seen = NULL;
    while (peek(list, index, ret_value)) {
        const tally_object *before = seen;
        if (tly_value_take_seen(*ret_value, &seen))
            return true;
        if (seen == before)
            return false;
    }
    return false;
}

// Inside a section of the program's there is no waiting for the lock.
static TLY_COLD tally_value get_slow(const tally_list *list, size_t index) {
    tally_value value = tally_absent();
    for (unsigned n = 0; n < TRIES || tly_rcu_ongoing(); n++) {
        bool done = false;
        TALLY_BORROW { done = try_again(list, index, &value); }
        if (done)
            return value;
        ck_pr_stall();
    }
    return get_locked((tally_list *)(uintptr_t)list, index);
}

static TLY_COLD tally_value get_none(void) {
    errno = ERANGE;
    return tally_absent();
}

// Whatever the short way is not for.
static TLY_NOINLINE tally_value get_any(const tally_list *list, size_t index) {
    tally_value value = tally_absent();
    bool done = false;
    TALLY_BORROW { done = try_get(list, index, &value); }
    if (TLY_UNLIKELY(!done))
        value = get_slow(list, index);
    return tally_is_absent(value) ? get_none() : value;
}

// At the end of a section somebody waits for it, or asks for a safepoint.
static TLY_COLD tally_value get_asked(tally_value value) {
    tally_borrow_left_slow_();
    return value;
}

// The short way, without a call, is for elements that this thread owns or that
// are no objects: no register has to be saved for it.
tally_value tally_list_get(const tally_list *list, size_t index) {
    const struct tally_breaker_ *self = tally_breaker_;
    unsigned long *reader = self->reader_;
    unsigned long word = tally_borrow_begin_(self, reader);
    tally_value value = tally_absent();
    if (TLY_UNLIKELY(!word))
        return get_any(list, index);
    bool got = peek(list, index, &value) && tly_value_take_mine(value);
    // ORDER[section] release: as tally_section_end_.
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(reader, word - 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (TLY_UNLIKELY(!got))
        return get_any(list, index);
    if (TLY_UNLIKELY(tally_section_asked_(self)))
        return get_asked(value);
    return value;
}

// ---- adding

// What is put into a list is published, before it can be read there.
static inline void publish(tally_value value) {
    if (!tally_is_object(value))
        return;
    tally_object *object = tally_object_of(value);
    // Relaxed: as in tly_publish.
    if (TLY_UNLIKELY(!(tly_load_relaxed(&object->shared_) & TLY_PUB)))
        tly_publish(object);
}

static inline void write_one(tally_list *list, uint64_t at, tally_value value) {
    struct tly_ring *ring = tly_list_ring(list);
    tally_touch_(&ring->head);
    tly_ring_write(ring, at, value);
}

// Moves [count] words by one place: from the last one on if it is upwards.
static void shift(struct tly_ring *ring, uint64_t from, uint64_t count,
                  bool upwards) {
    tally_touch_(&ring->head);
    for (uint64_t n = 0; n < count; n++) {
        uint64_t at = upwards ? from + count - 1 - n : from + n;
        tly_ring_write(ring, upwards ? at + 1 : at - 1,
                       tly_ring_read(ring, at));
    }
}

// Makes a place of its own for an element before the one at [index], on the
// side where fewer have to move.
static void insert_locked(tally_list *list, size_t index, tally_value value) {
    struct tly_ring *ring = tly_list_ring(list);
    uint64_t first = tly_list_first(list), count = tly_list_count(list);
    tly_list_shift_begin(list);
    if (index < count - index) {
        shift(ring, first, index, false);
        tly_list_first_set(list, --first);
    } else {
        shift(ring, first + index, count - index, true);
    }
    write_one(list, first + index, value);
    tly_list_count_set(list, count + 1);
    tly_list_shift_end(list);
}

static inline void append_locked(tally_list *list, tally_value value) {
    uint64_t count = tly_list_count(list);
    write_one(list, tly_list_first(list) + count, value);
    tly_list_count_set(list, count + 1);
}

// The value is owned, and dropped on failure.
static inline tally_status append(tally_list *list, tally_value value) {
    if (TLY_UNLIKELY(tally_is_absent(value)))
        return TALLY_INVALID;
    publish(value);
    tally_status status = lock_with_room(list);
    if (TLY_UNLIKELY(status != TALLY_OK)) {
        tally_value_decref(value);
        return status;
    }
    append_locked(list, value);
    tly_byte_unlock(&list->lock);
    return TALLY_OK;
}

static TLY_NOINLINE tally_status append_any(tally_list *list,
                                            tally_value value) {
    return append(list, tally_value_incref(value));
}

// The list is locked, and somebody waits, or it is full, or its ring is not
// this thread's.
static TLY_NOINLINE tally_status append_held(tally_list *list,
                                             tally_value value) {
    tly_byte_unlock(&list->lock);
    return append_any(list, value);
}

static inline bool is_published(tally_value value) {
    const tally_object *object = tally_object_of(value);
    // Relaxed: as in tly_publish.
    return !object || tly_load_relaxed(&object->shared_) & TLY_PUB;
}

// The short way, as that of tally_list_get.
tally_status tally_list_append(tally_list *list, tally_value value) {
    if (TLY_UNLIKELY(tally_number_ == TALLY_OWNER_NOBODY_ ||
                     !is_published(value) || !tly_byte_try(&list->lock)))
        return append_any(list, value);
    struct tly_ring *ring = tly_list_ring(list);
    uint64_t count = tly_list_count(list);
    if (TLY_UNLIKELY(!ring || count >= ring->room ||
                     !tally_owns_(&ring->head) || !tly_value_take_mine(value)))
        return append_held(list, value);
    tly_ring_write(ring, tly_list_first(list) + count, value);
    tly_list_count_set(list, count + 1);
    tly_byte_unlock(&list->lock);
    return TALLY_OK;
}

tally_status tally_list_append_steal(tally_list *list, tally_value value) {
    return append(list, value);
}

// As tally_list_insert, but that the value is owned.
static tally_status add(tally_list *list, size_t index, tally_value value) {
    if (tally_is_absent(value))
        return TALLY_INVALID;
    publish(value);
    tally_status status = lock_with_room(list);
    if (status == TALLY_OK) {
        uint64_t count = tly_list_count(list);
        if (index < count)
            insert_locked(list, index, value);
        else if (index == count)
            append_locked(list, value);
        else
            status = TALLY_RANGE;
        tly_byte_unlock(&list->lock);
    }
    if (status != TALLY_OK)
        tally_value_decref(value);
    return status;
}

tally_status tally_list_push_front(tally_list *list, tally_value value) {
    return add(list, 0, tally_value_incref(value));
}

tally_status tally_list_insert(tally_list *list, size_t index,
                               tally_value value) {
    return add(list, index, tally_value_incref(value));
}

tally_status tally_list_set(tally_list *list, size_t index, tally_value value) {
    if (tally_is_absent(value))
        return TALLY_INVALID;
    tally_status status = TALLY_RANGE;
    publish(tally_value_incref(value));
    tly_list_lock(list);
    if (index < tly_list_count(list)) {
        uint64_t at = tly_list_first(list) + index;
        tally_value old = tly_ring_read(tly_list_ring(list), at);
        write_one(list, at, value);
        value = old;
        status = TALLY_OK;
    }
    tly_byte_unlock(&list->lock);
    tally_value_decref(value);
    return status;
}

// ---- removing

// Takes out an element that there is.
static tally_value remove_locked(tally_list *list, size_t index) {
    struct tly_ring *ring = tly_list_ring(list);
    uint64_t first = tly_list_first(list), last = tly_list_count(list) - 1;
    tally_value value = tly_ring_read(ring, first + index);
    if (index == last) {
        tly_list_count_set(list, last);
        write_one(list, first + index, tally_absent());
        return value;
    }
    tly_list_shift_begin(list);
    if (index < last - index) {
        shift(ring, first, index, true);
        write_one(list, first, tally_absent());
        tly_list_first_set(list, first + 1);
    } else {
        shift(ring, first + index + 1, last - index, false);
        write_one(list, first + last, tally_absent());
    }
    tly_list_count_set(list, last);
    tly_list_shift_end(list);
    return value;
}

// [from_end]: the index counts from the last element back.
static tally_value take(tally_list *list, size_t index, bool from_end) {
    tally_value value = tally_absent();
    tly_list_lock(list);
    uint64_t count = tly_list_count(list), room = tly_list_room(list);
    if (index < count)
        value = remove_locked(list, from_end ? count - 1 - index : index);
    tly_byte_unlock(&list->lock);
    if (tally_is_absent(value))
        errno = ERANGE;
    else if (TLY_UNLIKELY(room > 64 && count < room / 8))
        shrink(list, count);
    return value;
}

tally_value tally_list_pop(tally_list *list) { return take(list, 0, true); }

tally_value tally_list_pop_front(tally_list *list) {
    return take(list, 0, false);
}

tally_value tally_list_remove(tally_list *list, size_t index) {
    return take(list, index, false);
}

void tally_list_clear(tally_list *list) {
    TLY_GUEST;
    tly_list_lock(list);
    tly_list_shift_begin(list);
    tly_list_count_set(list, 0);
    struct tly_ring *ring = tly_list_ring_set(list, NULL);
    tly_list_shift_end(list);
    tly_byte_unlock(&list->lock);
    if (ring)
        tally_decref(ring);
}
