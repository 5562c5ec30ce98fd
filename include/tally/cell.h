// Cells: shared fields that hold a value. Any thread may read one while others
// change it, without a lock.
//
//     struct box { tally_object head; tally_cell content; };
//     TALLY_TYPE(box, TALLY_CELL(content));
//
//     tally_cell_set(box, &box->content, tally_small(42));
//     tally_value v = tally_cell_dup(&box->content);          // owned
//     tally_value_decref(v);
//
// What <tally/aref.h> says of a shared reference, of borrow sections,
// publishing and memory order, holds for a cell. New cells are absent.

#ifndef TALLY_CELL_H
#define TALLY_CELL_H

#include <tally/aref.h>
#include <tally/value.h>

TALLY_BEGIN

// An empty cell outside of objects, which are made with empty cells.
#define TALLY_CELL_INIT                                                        \
    {                                                                          \
        { NULL }                                                               \
    }

// Reads a cell without counting.
//
// Returns:  its value, borrowed: good until the borrow section ends that the
//           caller is in; or absent.
// Threads:  any, inside a borrow section.
// Blocks:   no.
// Cost:     one load.
TALLY_INLINE tally_value tally_cell_get(const tally_cell *cell) {
    TALLY_POINT_(cell);
    // ORDER[aref] acquire: as tally_aref_get.
    return tally_of(__atomic_load_n(&cell->ref_.object_, __ATOMIC_ACQUIRE));
}

// Reads a cell and counts what it holds.
//
// Returns:  an owned value, or absent.
// Threads:  any; a thread that is not attached is attached.
// Blocks:   as TALLY_BORROW.
// Cost:     a load; for an object also a borrow section, and one locked
//           operation by who is not its owner.
TALLY_API TALLY_MUST_USE tally_value tally_cell_dup(const tally_cell *cell);

// Stores a value that the caller owns, and returns what the cell held.
//
// container: the object that the cell lies in; NULL outside of objects.
// value:    owned, or absent; the caller's no longer. An object is published.
// Returns:  an owned value, or absent.
// Threads:  any.
// Blocks:   no.
// Cost:     as tally_aref_exchange.
TALLY_API TALLY_MUST_USE tally_value tally_cell_exchange(void *container,
                                                         tally_cell *cell,
                                                         tally_value value);

// Stores a value that the caller owns, and drops what the cell held.
//
// value:    owned, or absent; the caller's no longer. An object is published.
// Returns:  nothing.
// Threads:  any; as tally_decref.
// Blocks:   as tally_decref of what the cell held.
// Cost:     as tally_aref_set_steal.
TALLY_API void tally_cell_set_steal(void *container, tally_cell *cell,
                                    tally_value value);

// Stores a value, counts it, and drops what the cell held.
//
// value:    one that lasts over the call, or absent; still the caller's.
// Returns:  nothing.
// Threads:  any.
// Blocks:   as tally_decref of what the cell held.
// Cost:     as tally_aref_set.
TALLY_API void tally_cell_set(void *container, tally_cell *cell,
                              tally_value value);

// Stores a value if the cell holds what is expected, the same word, and
// otherwise as tally_cell_set.
//
// expected: a value that the caller holds, or has borrowed in the section that
//           it is in; or absent.
// value:    one that lasts over the call, or absent; still the caller's.
// Returns:  true when it was stored; else nothing is changed but that [value]
//           may be published.
// Threads:  any.
// Blocks:   as tally_decref of what the cell held.
// Cost:     as tally_aref_compare_set.
TALLY_API bool tally_cell_compare_set(void *container, tally_cell *cell,
                                      tally_value expected, tally_value value);

TALLY_END

#endif
