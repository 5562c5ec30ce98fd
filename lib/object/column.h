// The table of HOT objects, for hot.c and fold.c.

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
    bool active;          // was counted since the last full collection
    bool kept;            // while folded: its one unit is the fold's
    uint8_t idle;         // full collections since it was counted
};
extern struct tly_column tly_columns[TLY_HOT_MAX];
extern unsigned tly_columns_top; // columns from here on are free
extern struct tly_mutex tly_hot_lock;

// Gives a column back whose cells are zero, and nobody can count in.
void tly_column_give(unsigned id);

// Makes a merged object HOT. False: it is immortal meanwhile, or watched by a
// collection; [cools]: the flag is that of who makes it cold.
bool tly_hot_heat(tally_object *object, unsigned id, bool cools);

// The row of a mutator, and how many rows may have been written, those of
// vacant mutators included: 1 .. that - 1.
struct tly_hot_cell *tly_hot_row(uint32_t number);
uint32_t tly_hot_rows(void);

// Takes what a cell of a column holds, which nobody counts in now.
int64_t tly_hot_take(struct tly_hot_cell *cell, unsigned id);

#endif
