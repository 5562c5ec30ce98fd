// Lists: who may write what.
//
//   (a) read by any thread, atomically; written under the lock
//
// A reader takes no lock. It reads version, ring, first, count, and a cell, in
// this order, then count and version again: docs/containers.md says why what
// it has read was the element at that index at one moment of the call.
//
//   version is odd while elements move (insert, remove, both ends' but for the
//   last element, sort, clear, another ring). Adding and removing the last
//   element, and set, leave it as it is:
//     append writes the cell, then count
//     pop    writes count, then the cell

#ifndef TLY_CONTAINER_LIST_H
#define TLY_CONTAINER_LIST_H

#include <tally/list.h>

#include "container/byte_lock.h"
#include "container/ring.h"
#include "epoch/attach.h"
#include "epoch/borrow.h"

struct tally_list {
    tally_object head;
    uint64_t version; // (a)
    uint64_t first;   // (a) the place of element 0; it may be less than 0
    uint64_t count;   // (a)
    tally_aref ring;  // NULL when the list has no room
    struct tly_byte_lock lock;
};

// A stretch of a list: every [step]-th element of [begin, end).
struct tly_stretch {
    size_t begin, end, step; // end SIZE_MAX: the list's; step is not 0
};

// Locks one that the caller holds a reference to; the thread is attached then.
// No safepoint, hook or decref until tly_byte_unlock.
TLY_INLINE void tly_list_lock(tally_list *list) {
    tly_borrow_none("locks a list");
    if (TLY_UNLIKELY(tally_number_ == TALLY_OWNER_NOBODY_))
        tly_attach_surely();
    tly_byte_lock(&list->lock);
}
void tly_list_lock_both(tally_list *a, tally_list *b);

// Gives it a ring with room for [least], unless another is as good by now.
tally_status tly_list_resize(tally_list *list, uint64_t least);

// Counts a stretch into a new ring, from place 0 on; NULL if it is empty. All
// elements as they are at one moment.
tally_status tly_list_copy(tally_list *list, const struct tly_stretch *stretch,
                           struct tly_ring **ret_ring, uint64_t *ret_count);

// ---- under the lock

TLY_INLINE struct tly_ring *tly_list_ring(const tally_list *list) {
    // Relaxed: written under the lock only, as the next two.
    return (struct tly_ring *)tly_load_relaxed(&list->ring.ref_.object_);
}
TLY_INLINE uint64_t tly_list_first(const tally_list *list) {
    return tly_load_relaxed(&list->first); // Relaxed: as above.
}
TLY_INLINE uint64_t tly_list_count(const tally_list *list) {
    return tly_load_relaxed(&list->count); // Relaxed: as above.
}
TLY_INLINE uint64_t tly_list_room(const tally_list *list) {
    const struct tly_ring *ring = tly_list_ring(list);
    return ring ? ring->room : 0;
}

TLY_INLINE void tly_list_count_set(tally_list *list, uint64_t count) {
    // ORDER[list-count] release: the cells up to it are written, and what was
    // shifted has made version odd. Pairs with count_now.
    tly_store_release(&list->count, count);
}

// Around what moves elements.
TLY_INLINE void tly_list_shift_begin(tally_list *list) {
    // Relaxed: the stores of cells, first and count that follow are releases.
    tly_store_relaxed(&list->version, tly_load_relaxed(&list->version) + 1);
}
TLY_INLINE void tly_list_shift_end(tally_list *list) {
    // ORDER[list-version] release: after what has moved. Pairs with the
    // acquire of a reader.
    tly_store_release(&list->version, tly_load_relaxed(&list->version) + 1);
}
TLY_INLINE void tly_list_first_set(tally_list *list, uint64_t first) {
    // ORDER[list-first] release: after version has become odd, which who reads
    // the new place finds. Pairs with the acquire of a reader.
    tly_store_release(&list->first, first);
}

// Puts another ring, or NULL, in the place of the list's, whose references have
// been moved or are to go with it. Returns the old one, which is the caller's.
// Version is odd.
struct tly_ring *tly_list_ring_set(tally_list *list, struct tly_ring *ring);

#endif
