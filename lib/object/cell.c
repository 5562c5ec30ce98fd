// Shared fields of values: as those of references, where the value is one.

#include <tally/cell.h>

#include <tally/borrow.h>

#include "epoch/attach.h"
#include "object/aref.h"
#include "object/count.h"

static void publish(tally_value value) {
    if (tally_is_object(value))
        tly_publish(tally_object_of(value));
}

static tally_object *word_of(tally_value value) {
    return (tally_object *)(uintptr_t)value.bits_;
}

tally_value tally_cell_dup(const tally_cell *cell) {
    tally_value value = tally_cell_get(cell);
    if (!tally_is_object(value))
        return value;
    TALLY_BORROW {
        const tally_object *seen = NULL;
        do
            value = tally_cell_get(cell);
        // As tally_aref_dup.
        while (!tly_value_take_seen(value, &seen));
    }
    return value;
}

tally_value tally_cell_exchange(void *container, tally_cell *cell,
                                tally_value value) {
    publish(value);
    return tally_of(
        tly_shared_exchange(container, &cell->ref_, word_of(value)));
}

static TLY_COLD void set_as_guest(void *container, tally_cell *cell,
                                  tally_value value) {
    TLY_GUEST;
    tally_cell_set_steal(container, cell, value);
}

void tally_cell_set_steal(void *container, tally_cell *cell,
                          tally_value value) {
    if (TLY_UNLIKELY(tly_is_nobody())) {
        set_as_guest(container, cell, value);
        return;
    }
    tally_value_decref(tally_cell_exchange(container, cell, value));
}

void tally_cell_set(void *container, tally_cell *cell, tally_value value) {
    tally_cell_set_steal(container, cell, tally_value_incref(value));
}

static TLY_COLD bool compare_set_as_guest(void *container, tally_cell *cell,
                                          tally_value expected,
                                          tally_value value) {
    TLY_GUEST;
    return tally_cell_compare_set(container, cell, expected, value);
}

bool tally_cell_compare_set(void *container, tally_cell *cell,
                            tally_value expected, tally_value value) {
    if (TLY_UNLIKELY(tly_is_nobody()))
        return compare_set_as_guest(container, cell, expected, value);
    publish(tally_value_incref(value));
    bool stored = tly_shared_compare_set(container, &cell->ref_,
                                         word_of(expected), word_of(value));
    tally_value_decref(stored ? expected : value);
    return stored;
}
