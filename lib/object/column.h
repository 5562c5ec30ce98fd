// The table of HOT objects, for hot.c, cool.c and fold.c.

#ifndef TLY_OBJECT_COLUMN_H
#define TLY_OBJECT_COLUMN_H

#include "object/hot.h"
#include "sync/mutex.h"

// Changed by the holder of the lock, who passes no safepoint meanwhile, or in
// a stopped world.
struct tly_column {
    tally_object *object; // NULL: free
    bool asked;           // by the program: only it may say otherwise
    uint32_t cooling;     // tally_make_cold waits: number of that; 0: no
    uint32_t coolers;     // how many such calls wait
    bool leaving;         // a collection waits to make it ordinary
    bool active;          // was counted since the last full collection
    uint64_t ups;         // counts up at that time that its cells still hold
    bool kept;            // while folded: its one unit is the fold's
    uint8_t idle;         // full collections since it was counted
};
extern struct tly_column tly_columns[TLY_HOT_MAX];
extern unsigned tly_columns_top; // columns from here on are free
extern struct tly_mutex tly_hot_lock;

// Gives a column back whose cells are zero, and nobody can count in.
void tly_column_give(unsigned id);

// Makes a merged object HOT, or COOLING ([number]). False: it is immortal
// meanwhile, or watched by a collection.
bool tly_hot_heat(tally_object *object, unsigned id, uint16_t number);

// Makes an object HOT that no collection shall make ordinary, unless
// tally_make_cold waits for it to cool.
void tly_column_keep(unsigned id);

// After a full collection has looked whether it is active: whether an object
// is better off without its column.
bool tly_column_is_idle(struct tly_column *column, bool active);

// Whether collections do not look at an object. Nor shall they at one with a
// finalizer that nothing refers to: it dies by its count.
bool tly_hot_is_unseen(const tally_object *object);

// Leaves the last unit of an object to tly_hot_bury.
void tly_hot_bury_later(tally_object *object);

// The row of a mutator, and how many rows may have been written, those of
// vacant mutators included: 1 .. that - 1.
struct tly_hot_cell *tly_hot_row(uint32_t number);
uint32_t tly_hot_rows(void);

TLY_INLINE int64_t tly_hot_cell_read(const struct tly_hot_cell *cell) {
    // Relaxed: a snapshot, or ordered by a handshake or a stop.
    return (int64_t)(tly_load_relaxed(&cell->up) -
                     tly_load_relaxed(&cell->down));
}

// Takes what a cell of a column holds, which nobody counts in now.
int64_t tly_hot_take(struct tly_hot_cell *cell, unsigned id);

#endif
