// Rings of cells.

#include "container/ring.h"

#include <errno.h>

#include "arena/range.h"
#include "container/types.h"
#include "object/aref.h"

#define LEAST 4u
#define MOST ((uint64_t)TLY_RANGE_MAX / sizeof(tally_cell))

static void ring_visit(void *object, struct tally_visitor *visitor) {
    struct tly_ring *ring = object;
    // ORDER[ring] acquire: whoever finds the references moved sees the ring
    // touched. Pairs with tly_ring_move.
    if (tly_load_acquire(&ring->live))
        tally_visit_cells(visitor, ring->cell, ring->room);
}

// The references have been dropped; the words stay for readers.
static void ring_forget(void *object) {
    struct tly_ring *ring = object;
    // ORDER[ring] release: after the counts have changed. Pairs with
    // ring_visit.
    tly_store_release(&ring->live, 0);
}

static const tally_trait ring_traits[] = {
    TLY_HAS(tly_ring, TALLY_ITEMS(cell, room)) // the hook finds the references
    {.kind = TALLY_TRAIT_VISIT,
     .name = "cell",
     .count = 1, // as TALLY_VISIT_LIVE
     .hook = ring_forget,
     .visit = ring_visit},
    {.kind = TALLY_TRAIT_END}};
static tally_type ring_type = {.name = "list cells",
                               .size = sizeof(struct tly_ring),
                               .traits = ring_traits};

struct tly_ring *tly_ring_new(uint64_t least) {
    uint64_t room = LEAST;
    if (least > MOST) {
        errno = ENOMEM;
        return NULL;
    }
    while (room < least)
        room *= 2;
    struct tly_ring *ring = tally_object_new(&ring_type, room);
    if (ring) {
        // Relaxed: nobody else has it.
        tly_store_relaxed(&ring->live, room);
        tly_publish(&ring->head);
    }
    return ring;
}

void tly_ring_move(struct tly_ring *from, struct tly_ring *to, uint64_t first,
                   uint64_t count) {
    tally_touch_(&from->head);
    tally_touch_(&to->head);
    // ORDER[ring] release: after the touch. Pairs with ring_visit.
    tly_store_release(&from->live, 0);
    for (uint64_t n = 0; n < count; n++)
        tly_ring_write(to, first + n, tly_ring_read(from, first + n));
}

void tly_ring_copy(struct tly_ring *from, uint64_t first, uint64_t step,
                   uint64_t count, struct tly_ring *to, uint64_t at) {
    tally_touch_(&to->head);
    for (uint64_t n = 0; n < count; n++)
        tly_ring_write(
            to, at + n,
            tally_value_incref(tly_ring_read(from, first + n * step)));
}
