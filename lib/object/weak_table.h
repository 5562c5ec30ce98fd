// The table of control blocks of weak references (weak.c), indexed by granule.

#ifndef TLY_OBJECT_WEAK_TABLE_H
#define TLY_OBJECT_WEAK_TABLE_H

#include <tally/weak.h>

#include "arena/range.h"
#include "base/atomic.h"

// Makes the table usable up to an object's place. TALLY_NO_MEMORY.
tally_status tly_weak_table_cover(const tally_object *object);

extern tally_weak **tly_weak_table; // (a) NULL: there never was one

// Where the control block of an object with flag WEAK is.
TLY_INLINE tally_weak **tly_weak_at(const tally_object *object) {
    // ORDER[weak-table] acquire: reserved.
    return &tly_load_acquire(&tly_weak_table)[tly_granule_of(object)];
}

void tly_weak_table_end(void);
void tly_weak_table_hold(bool hold); // around fork

#endif
