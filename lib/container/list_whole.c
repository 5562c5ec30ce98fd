// Lists: what has to do with all elements.

#include <errno.h>
#include <string.h>

#include <tally/alloc.h>
#include <tally/dynamic.h>
#include <tally/list_whole.h>

#include "container/list.h"
#include "base/status.h"
#include "container/sort.h"
#include "object/owns.h"

// ---- copies

// How many elements a stretch has in a list of [length]. False: it is none of
// such a list.
static bool stretch_count(const struct tly_stretch *stretch, uint64_t length,
                          uint64_t *ret_count) {
    uint64_t end = stretch->end == SIZE_MAX ? length : stretch->end;
    if (end > length || stretch->begin > end)
        return false;
    uint64_t span = end - stretch->begin;
    *ret_count = span ? (span - 1) / stretch->step + 1 : 0;
    return true;
}

// Fills a ring with what is in the stretch now, if there is room; else says
// how much is wanted.
static tally_status copy_now(tally_list *list,
                             const struct tly_stretch *stretch,
                             struct tly_ring *ring, uint64_t *ret_count) {
    uint64_t count = 0;
    tally_status status = TALLY_RANGE;
    tly_list_lock(list);
    if (stretch_count(stretch, tly_list_count(list), &count)) {
        bool fits = count <= (ring ? ring->room : 0);
        status = fits ? TALLY_OK : TALLY_LIMIT;
        if (fits && count)
            tly_ring_copy(tly_list_ring(list),
                          tly_list_first(list) + stretch->begin, stretch->step,
                          count, ring, 0);
    }
    tly_byte_unlock(&list->lock);
    *ret_count = count;
    return status;
}

tally_status tly_list_copy(tally_list *list, const struct tly_stretch *stretch,
                           struct tly_ring **ret_ring, uint64_t *ret_count) {
    uint64_t count = 0;
    if (!stretch_count(stretch, tally_list_length(list), &count))
        count = 0; // by the time of the copy it may be a stretch
    for (;;) {
        struct tly_ring *ring = count ? tly_ring_new(count) : NULL;
        if (count && !ring)
            return -errno;
        tally_status status = copy_now(list, stretch, ring, &count);
        if (status == TALLY_OK) {
            *ret_ring = ring;
            *ret_count = count;
            return status;
        }
        if (ring)
            tally_decref(ring);
        if (status != TALLY_LIMIT)
            return status;
    }
}

tally_list *tally_list_slice(tally_list *list, size_t begin, size_t end,
                             size_t step) {
    struct tly_stretch stretch = {begin, end, step};
    struct tly_ring *ring;
    uint64_t count;
    tally_status status = step ? TALLY_OK : TALLY_INVALID;
    if (status == TALLY_OK)
        status = tly_list_copy(list, &stretch, &ring, &count);
    if (status != TALLY_OK) {
        errno = tly_errno_of(status);
        return NULL;
    }
    tally_list *slice = tally_list_new();
    if (slice) {
        // Nobody else has it.
        tally_aref_set_steal(slice, &slice->ring, ring);
        tly_list_count_set(slice, count);
    } else if (ring) {
        tally_decref(ring);
    }
    return slice;
}

static const struct tly_stretch everything = {0, SIZE_MAX, 1};

// ---- two lists

static bool extend_now(tally_list *list, tally_list *other,
                       uint64_t *ret_wanted) {
    tly_list_lock_both(list, other);
    uint64_t count = tly_list_count(list), more = tly_list_count(other);
    bool fits = more <= tly_list_room(list) - count;
    if (fits && more) {
        tly_ring_copy(tly_list_ring(other), tly_list_first(other), 1, more,
                      tly_list_ring(list), tly_list_first(list) + count);
        tly_list_count_set(list, count + more);
    }
    tly_byte_unlock_both(&list->lock, &other->lock);
    *ret_wanted = count + more;
    return fits;
}

tally_status tally_list_extend(tally_list *list, tally_list *other) {
    uint64_t wanted;
    while (!extend_now(list, other, &wanted)) {
        tally_status status = tly_list_resize(list, wanted);
        if (status != TALLY_OK)
            return status;
    }
    return TALLY_OK;
}

// ---- sorting

static tally_status compare_values(void *arg, tally_value a, tally_value b,
                                   int *ret_order) {
    (void)arg;
    return tally_value_compare(a, b, ret_order);
}

static bool is_still(tally_list *list, struct tly_ring *copy, uint64_t count) {
    if (tly_list_count(list) != count)
        return false;
    for (uint64_t n = 0; n < count; n++)
        if (!tally_is(
                tly_ring_read(tly_list_ring(list), tly_list_first(list) + n),
                tly_ring_read(copy, n)))
            return false;
    return true;
}

// Puts the elements into their new order, if they are still those that were
// sorted: the copy holds them, so that the same word is the same element.
static tally_status reorder(tally_list *list, struct tly_ring *copy,
                            const tally_value *sorted, uint64_t count) {
    tally_status status = TALLY_BUSY;
    tly_list_lock(list);
    if (is_still(list, copy, count)) {
        struct tly_ring *ring = tly_list_ring(list);
        tly_list_shift_begin(list);
        tally_touch_(&ring->head);
        for (uint64_t n = 0; n < count; n++)
            tly_ring_write(ring, tly_list_first(list) + n, sorted[n]);
        tly_list_shift_end(list);
        status = TALLY_OK;
    }
    tly_byte_unlock(&list->lock);
    return status;
}

static tally_status sort_copy(tally_list *list, struct tly_ring *copy,
                              uint64_t count, tally_list_order order,
                              void *arg) {
    void *room TLY_OWNS_MEMORY = tally_alloc(count * 2 * sizeof(tally_value));
    tally_value *values = room;
    if (!values)
        return -errno;
    for (uint64_t n = 0; n < count; n++)
        values[n] = tly_ring_read(copy, n);
    tally_status status = tly_sort(values, values + count, count,
                                   order ? order : compare_values, arg);
    if (status == TALLY_OK)
        status = reorder(list, copy, values, count);
    return status;
}

tally_status tally_list_sort(tally_list *list, tally_list_order order,
                             void *arg) {
    struct tly_ring *copy;
    uint64_t count;
    tally_status status = tly_list_copy(list, &everything, &copy, &count);
    if (status != TALLY_OK || !copy)
        return status;
    void *held TLY_OWNS_OBJECT = copy;
    return count > 1 ? sort_copy(list, copy, count, order, arg) : status;
}

// ---- looking for values

static tally_status is_equal(tally_value a, tally_value b, bool *ret_equal) {
    if (!tally_is(a, b))
        return tally_value_equal(a, b, ret_equal);
    *ret_equal = true;
    return TALLY_OK;
}

tally_status tally_list_find(const tally_list *list, tally_value value,
                             size_t begin, size_t *ret_index) {
    for (size_t n = begin; n < tally_list_length(list); n++) {
        bool equal = false;
        tally_value element TLY_OWNS_VALUE = tally_list_get(list, n);
        if (tally_is_absent(element))
            break;
        tally_status status = is_equal(element, value, &equal);
        if (status != TALLY_OK)
            return status;
        if (equal) {
            *ret_index = n;
            return TALLY_OK;
        }
    }
    return TALLY_NOT_FOUND;
}

tally_status tally_list_contains(const tally_list *list, tally_value value,
                                 bool *ret_found) {
    size_t index;
    tally_status status = tally_list_find(list, value, 0, &index);
    if (status != TALLY_OK && status != TALLY_NOT_FOUND)
        return status;
    *ret_found = status == TALLY_OK;
    return TALLY_OK;
}

// ---- iterating

tally_status tally_list_begin(tally_list *list,
                              struct tally_list_iterator *ret_iterator) {
    struct tly_ring *ring = NULL;
    uint64_t count = 0;
    tally_status status = tly_list_copy(list, &everything, &ring, &count);
    *ret_iterator = (struct tally_list_iterator){ring, 0, count};
    return status;
}

bool tally_list_next(struct tally_list_iterator *iterator,
                     tally_value *ret_value) {
    if (iterator->next_ >= iterator->count_)
        return false;
    *ret_value = tly_ring_read(iterator->elements_, iterator->next_++);
    return true;
}

void tally_list_end(struct tally_list_iterator *iterator) {
    void *elements = iterator->elements_;
    *iterator = (struct tally_list_iterator){NULL, 0, 0};
    if (elements)
        tally_decref(elements);
}
