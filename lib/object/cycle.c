// Colours, and blocks that are held for a collection.

#include "object/cycle.h"

#include "object/finish.h"
#include "sync/spin.h"

// Blocks given back at one safepoint.
#define GIVE 64u

uint32_t tly_cycle;

// Of threads that do not run, or ended.
static struct {
    struct tly_spin lock;
    tally_object *first; // (a) linked by the count fields
} left = {.lock = TLY_SPIN_INIT(TLY_RANK_LIMBO)};

void tly_cycle_enter(struct tly_local *local) {
    // ORDER[cycle] acquire: what the collector has read of the heap, it read
    // before it let the blocks go. Pairs with its release store.
    uint32_t cycle = tly_load_acquire(&tly_cycle);
    if (TLY_LIKELY(cycle == local->cycle))
        return;
    struct tly_heap *heap = &local->heap;
    if (cycle >> 1 != local->cycle >> 1) {
        // Leases and caches go back, so that what is made in a pool after this
        // is noted for the new colour.
        if (heap->active)
            tly_heap_empty(heap, false);
        tly_heap_tell(heap);
        heap->colour = (uint8_t)tly_cycle_colour(cycle);
        heap->mutator.header =
            tly_header_of(heap->mutator.number, heap->colour);
    }
    local->hold = TLY_BUSTED(NO_HOLD) ? 0 : cycle & 1;
    local->cycle = cycle;
    if (!local->hold && (local->kept || heap->retained))
        tly_break_self(&heap->mutator, TLY_BREAK_FINISH);
}

// ---- deaths that a collection may have to know of

static void hold(struct tly_local *self, tally_object *object) {
    tly_header_word *word = (tly_header_word *)object;
    tly_dead_link(object, self->kept);
    self->kept = object;
    // ORDER[untracked] release: as tly_header_end.
    tly_store_release(word, 0);
}

bool tly_end_is_held(struct tly_local *self, tally_object *object,
                     uint32_t half) {
    // ORDER[death] acq_rel: with the collector's RMW that sets WATCH: the
    // second of both knows of the first.
    uint16_t owner = tly_or_acq_rel(&object->owner_, TALLY_OWNER_DEAD_);
    if (owner & TALLY_OWNER_WATCH_)
        return true; // the collector's
    if (!self->hold || tly_half_is_of(half, self->heap.colour))
        return false;
    hold(self, object);
    return true;
}

static void give(struct tly_local *self, tally_object *object) {
    tly_block_poison(object);
    tly_block_give_any(&self->heap, object);
}

static void blocks_give(struct tly_local *self, bool all) {
    for (unsigned n = 0; self->kept && !self->hold; n++) {
        if (n == GIVE && !all) {
            tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
            return;
        }
        tally_object *object = self->kept;
        self->kept = tly_dead_next(object);
        give(self, object);
    }
}

void tly_held_give(struct tly_local *self, bool all) {
    if (self->kept)
        blocks_give(self, all);
    if (self->heap.retained && tly_retained_give(&self->heap, all) &&
        !self->hold)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

void tly_held_leave(struct tly_local *self) {
    tly_held_give(self, true);
    if (!self->kept)
        return;
    tally_object *last = self->kept;
    while (tly_dead_next(last))
        last = tly_dead_next(last);
    tly_spin_lock(&left.lock);
    tly_dead_link(last, left.first);
    // Relaxed: the lock orders it; others look for a hint.
    tly_store_relaxed(&left.first, self->kept);
    tly_spin_unlock(&left.lock);
    self->kept = NULL;
}

void tly_held_give_left(struct tly_local *self) {
    // Relaxed: mostly there is nothing.
    if (!tly_load_relaxed(&left.first))
        return;
    tly_spin_lock(&left.lock);
    tally_object *next, *object = tly_load_relaxed(&left.first);
    tly_store_relaxed(&left.first, NULL);
    tly_spin_unlock(&left.lock);
    for (; object; object = next) {
        next = tly_dead_next(object);
        give(self, object);
    }
}

void tly_held_hold(bool hold) { tly_spin_hold(&left.lock, hold); }

void tly_held_end(void) {
    // Relaxed: nothing else runs.
    tly_store_relaxed(&left.first, NULL);
    tly_store_relaxed(&tly_cycle, 0);
}
