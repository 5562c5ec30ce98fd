// HOT objects: each thread counts in a cell of its own.
//
// A HOT object has a column, each mutator a row of cells. Counting adds to the
// own cell, plainly; the object's count is what shared_ holds, and all cells
// of its column. While it is HOT nothing can end it: shared_ has a bias, the
// runtime's unit, that no count comes near. It becomes an ordinary merged
// object again, with its count in one place, by tally_make_cold, and by a full
// collection: as garbage, or as what nobody counts any more.
//
//   owner_    HOT: count in the cell. HOT | WATCH, COOLING: the cells are
//             about to be added up, count on shared_, as for any merged object
//   local_    the column's number, 1 .. TLY_HOT_MAX - 1
//   shared_   MERGED; others' count + TLY_HOT_BIAS
//
// INVARIANT  count(shared_) - TLY_HOT_BIAS + cells == references

#ifndef TLY_OBJECT_HOT_H
#define TLY_OBJECT_HOT_H

#include <tally/hot.h>

#include "object/local.h"

#define TLY_HOT_MAX 512u
#define TLY_HOT_BIAS ((uint64_t)1 << 32)

// What a mutator counted of one object, since cells were last added up. Up and
// down are two words, so that neither waits for the other's store.
struct tly_hot_cell {
    uint64_t up, down;
};

// The cell of this thread for an object whose owner was HOT, when it was read
// with acquire; NULL: there is none. No safepoint lies between that read and
// the count, so what is added up finds it.
TLY_INLINE struct tly_hot_cell *tly_hot_cell(struct tly_local *self,
                                             const tally_object *object) {
    struct tly_hot_cell *row = self->hot_row;
    if (TLY_UNLIKELY(!row))
        return NULL;
    // Relaxed: the number was stored before the owner was HOT.
    return &row[tly_load_relaxed(&object->local_) % TLY_HOT_MAX];
}

TLY_INLINE bool tly_hot_up(struct tly_local *self, const tally_object *object) {
    struct tly_hot_cell *cell = tly_hot_cell(self, object);
    if (TLY_LIKELY(cell))
        tly_count(&cell->up, 1);
    return cell;
}

TLY_INLINE bool tly_hot_down(struct tly_local *self,
                             const tally_object *object) {
    struct tly_hot_cell *cell = tly_hot_cell(self, object);
    if (TLY_LIKELY(cell))
        tly_count(&cell->down, 1);
    return cell;
}

// A thread without a row has met a HOT object: gives it one if there is one.
// This time it counts on shared_.
void tly_hot_meet(struct tly_local *self);

// Looks for a moment whether others count a merged object; if they often do,
// makes it HOT. The caller holds a counted reference.
void tly_hot_sample(struct tly_local *self, tally_object *object);
// One count up of so many is a sample: hot_tick wraps.
#define TLY_HOT_EVERY 256u

// The references that the cells of a HOT object hold now.
int64_t tly_hot_cells(const tally_object *object);

// ---- beside the threads (cool.c); for who has the collector's lock

// Before and after the handshake that begins a full collection, and the sum of
// that time: what nobody counts, and what collections do not look at and
// nothing refers to, becomes ordinary. Unless [answered] all stay as they were.
void tly_hot_retire(void);
void tly_hot_retired(bool answered);

// Adds all cells up. Of an object that was watched before a handshake, and is,
// nobody changes them between its end and that of the watch.
void tly_hot_sum(void);

// The references to a HOT object: its header's, and its cells' in that sum.
int64_t tly_hot_weigh(uint32_t local, uint64_t shared);

// What nobody can reach becomes ordinary, and its column is free.
void tly_hot_let_go(bool (*is_garbage)(const tally_object *object));

// ---- in a stopped world (fold.c)

// Makes each HOT object an ordinary merged one, until tly_hot_unfold. An
// object that nothing refers to keeps a unit, if collections do not look at
// it, or it has a finalizer, or [all].
void tly_hot_fold(bool all);

// Whether an object has that unit. Looks at all columns.
bool tly_hot_is_kept(const tally_object *object);

// Makes them HOT again, but for what a collection clears or has found to be
// dead (NULL: nothing); a [full] one lets those go that nobody counts, too.
void tly_hot_unfold(bool (*is_cleared)(const tally_object *object), bool full);

// Drops, in a running world, the last units of what the collection has found
// to be dead. Returns how many objects that were.
uint64_t tly_hot_bury(struct tly_local *self);

// Whether there is a HOT object that nothing refers to, which the next full
// collection would end. A hint: threads go on counting. The thread is attached.
bool tly_hot_has_dead(void);

// ---- the runtime's

// A thread begins to use its mutator (hook).
void tly_hot_adopt(struct tly_local *self);
// Around fork; in the child nobody waits in tally_make_cold any more.
void tly_hot_hold(bool hold);
void tly_hot_forked(void);
// Whether objects become HOT by themselves.
void tly_hot_configure(bool by_itself);
// Forgets all, with the heap it is about.
void tly_hot_end(void);

// Statistics.
uint64_t tly_hot_objects(void);
uint64_t tly_hot_bytes(void);

#endif
