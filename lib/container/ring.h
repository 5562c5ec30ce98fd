// What a list's elements lie in: cells, a power of two of them, that are used
// around the end, so that elements come and go at both ends alike.
//
// A list that needs another one moves its references there. The old ring's
// words stay, for readers that are still at them, but are counted no more:
// [live] is 0.

#ifndef TLY_CONTAINER_RING_H
#define TLY_CONTAINER_RING_H

#include <tally/cell.h>

#include "base/atomic.h"

struct tly_ring {
    tally_object head;
    uint64_t live; // (a) the cells whose references are this ring's: all, or 0
    uint64_t room; // cells
    tally_cell cell[];
};

// A published ring with room for [least] elements and at least some. Returns
// NULL with errno set.
struct tly_ring *tly_ring_new(uint64_t least);

// The cell of a place; places count on where the cells end.
TLY_INLINE tally_cell *tly_ring_cell(struct tly_ring *ring, uint64_t at) {
    return &ring->cell[at & (ring->room - 1)];
}

// For the holder of the lock under which the ring is written.
TLY_INLINE tally_value tly_ring_read(struct tly_ring *ring, uint64_t at) {
    // Relaxed: written under that lock only.
    return tally_of(tly_load_relaxed(&tly_ring_cell(ring, at)->ref_.object_));
}

// The same; the value is owned, and published if it is an object, or absent.
// The ring has been touched since the caller's last safepoint. What the cell
// held is the caller's, who has read it, so that no exchange is wanted.
TLY_INLINE void tly_ring_write(struct tly_ring *ring, uint64_t at,
                               tally_value value) {
    // ORDER[aref] release: as tly_shared_exchange.
    tly_store_release(&tly_ring_cell(ring, at)->ref_.object_,
                      (tally_object *)(uintptr_t)value.bits_);
}

// Moves [count] elements from [first] on to the same places of an empty ring.
void tly_ring_move(struct tly_ring *from, struct tly_ring *to, uint64_t first,
                   uint64_t count);

// Counts every [step]-th element from [first] on, [count] of them, into another
// ring, from a place on whose cells are empty.
void tly_ring_copy(struct tly_ring *from, uint64_t first, uint64_t step,
                   uint64_t count, struct tly_ring *to, uint64_t at);

#endif
