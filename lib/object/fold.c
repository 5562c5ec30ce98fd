// In a stopped world: every HOT object is an ordinary one for a while.
//
// A full collection folds before it counts, and so needs to know nothing of
// cells. What it clears stays ordinary, and ends as such; garbage that waits
// for finalizers is HOT again. What it does not look at ends by its count: if
// nothing refers to it any more it keeps one unit, of the fold's, which is
// dropped when the world runs again.

#include "object/column.h"

#include <string.h>

#include "base/check.h"
#include "object/count.h"
#include "object/type.h"
#include "pool/freeze.h"

// What the collection found to be dead, of who has its lock.
static tally_object *buried[TLY_HOT_MAX];
static unsigned buried_count;

static void rows_take(int64_t sum[TLY_HOT_MAX]) {
    memset(sum, 0, TLY_HOT_MAX * sizeof(*sum));
    for (uint32_t n = 1, count = tly_hot_rows(); n < count; n++)
        for (unsigned id = 1; id < tly_columns_top; id++)
            sum[id] += tly_hot_take(&tly_hot_row(n)[id], id);
}

bool tly_hot_is_unseen(const tally_object *object) {
    return !(tly_load_relaxed(&object->gc_) & TLY_GC_TRACKED) ||
           tly_pool_is_hidden(tly_pool_of(object)) ||
           tly_type_of(object)->finalize_;
}

static void column_fold(unsigned id, int64_t sum, bool all) {
    tally_object *object = tly_columns[id].object;
    // Relaxed: the world is stopped; threads that are not attached may count
    // up on shared_ and make it immortal.
    uint16_t owner = tly_load_relaxed(&object->owner_);
    while ((owner & TALLY_OWNER_MASK_) != TALLY_OWNER_IMMORTAL_ &&
           !tly_cas_relaxed(&object->owner_, &owner,
                            (uint16_t)(owner & ~TALLY_OWNER_MASK_)))
        continue;
    tly_store_relaxed(&object->local_, 0);
    uint64_t change = (uint64_t)(sum - (int64_t)TLY_HOT_BIAS) * TLY_ONE;
    int64_t count =
        tly_count_of(tly_add_relaxed(&object->shared_, change) + change);
    if ((owner & TALLY_OWNER_MASK_) == TALLY_OWNER_IMMORTAL_) {
        tly_column_give(id);
        return;
    }
    tly_require(count >= 0);
    if (count == 0 && (all || tly_hot_is_unseen(object))) {
        tly_columns[id].kept = true;
        tly_add_relaxed(&object->shared_, TLY_ONE);
    }
}

void tly_hot_fold(bool all) {
    if (!tly_hot_objects())
        return;
    int64_t sum[TLY_HOT_MAX];
    rows_take(sum);
    for (unsigned id = tly_columns_top; --id > 0;)
        if (tly_columns[id].object)
            column_fold(id, sum[id], all);
}

bool tly_hot_is_kept(const tally_object *object) {
    for (unsigned id = 1; id < tly_columns_top; id++)
        if (tly_columns[id].kept && tly_columns[id].object == object)
            return true;
    return false;
}

// Whether a collection has found that an object is better off without
// its column. What is kept without reason is ended by tly_hot_bury. What waits
// with other garbage for finalizers may have no reference at all: it stays HOT,
// for no ordinary object is alive with a count of zero (tests/model/hub.pml,
// ZERO).
static bool is_done_with(struct tly_column *column,
                         bool (*is_cleared)(const tally_object *object),
                         bool full) {
    if (column->kept) {
        tly_hot_bury_later(column->object);
        return true;
    }
    if (is_cleared(column->object))
        return true;
    bool idle = full && tly_column_is_idle(column, column->active);
    // Relaxed: the world is stopped.
    return idle && tly_count_of(tly_load_relaxed(&column->object->shared_)) > 0;
}

static void column_unfold(unsigned id) {
    tally_object *object = tly_columns[id].object;
    if (tly_columns[id].kept)
        // Relaxed: as in column_fold.
        tly_add_relaxed(&object->shared_, (uint64_t)0 - TLY_ONE);
    tly_columns[id].kept = false;
    if (!tly_hot_heat(object, id,
                      tly_columns[id].cooling ? TALLY_OWNER_COOLING_
                                              : TALLY_OWNER_HOT_))
        tly_column_give(id);
}

void tly_hot_unfold(bool (*is_cleared)(const tally_object *object), bool full) {
    if (!tly_hot_objects())
        return;
    for (unsigned id = tly_columns_top; --id > 0;)
        if (tly_columns[id].object && is_cleared &&
            is_done_with(&tly_columns[id], is_cleared, full))
            tly_column_give(id);
        else if (tly_columns[id].object)
            column_unfold(id);
}

void tly_hot_bury_later(tally_object *object) {
    buried[buried_count++] = object;
}

uint64_t tly_hot_bury(struct tly_local *self) {
    uint64_t count = buried_count;
    for (unsigned n = 0; n < count; n++)
        tly_count_act(self, buried[n], tly_count_drop(self, buried[n]));
    buried_count = 0;
    return count;
}

bool tly_hot_has_dead(void) {
    bool dead = false;
    if (!tly_hot_objects())
        return false;
    tly_mutex_lock(&tly_hot_lock);
    for (unsigned id = 1; id < tly_columns_top && !dead; id++) {
        const tally_object *object = tly_columns[id].object;
        // Relaxed: a hint; threads go on counting.
        dead = object && tly_count_of(tly_load_relaxed(&object->shared_)) +
                                 tly_hot_cells(object) ==
                             (int64_t)TLY_HOT_BIAS;
    }
    tly_mutex_unlock(&tly_hot_lock);
    return dead;
}

void tly_hot_forked(void) {
    for (unsigned id = 1; id < tly_columns_top; id++)
        if (tly_columns[id].cooling) {
            tly_columns[id].cooling = 0;
            tly_column_keep(id);
        }
}
