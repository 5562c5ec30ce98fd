// HOT objects beside running threads: made cold, and weighed.
//
// An object that is made cold is COOLING first, an owner number of its own:
// WATCH is the collector's (tests/model/hub.pml, COOLWATCH). After a handshake
// every thread has seen that its cells are not to be used, and what it did to
// its own before is visible. A concurrent collection leaves a HOT object HOT:
// while it is watched nobody counts in its cells either, so that they can be
// added up, and what is taken from the collection goes on as before.

#include "object/column.h"

#include <string.h>

#include <tally/object.h>

#include "base/check.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "epoch/wait.h"
#include "object/count.h"

// Full collections without a count after which an object is HOT no more.
#define IDLE 2u

static uint32_t coolings; // that have begun

// Cells as they were when they were last added up, of who has the collector's
// lock.
static struct {
    int64_t count;
    uint64_t ups;
} sums[TLY_HOT_MAX];

// ---- from HOT to COOLING, and back

// Unless it is immortal. With the lock.
static void owner_change(tally_object *object, uint16_t number) {
    // Relaxed: the goal of a handshake is stored after it, or nobody needs to
    // know.
    uint16_t owner = tly_load_relaxed(&object->owner_), next;
    do {
        if ((owner & TALLY_OWNER_MASK_) == TALLY_OWNER_IMMORTAL_)
            return;
        next = (uint16_t)((owner & ~TALLY_OWNER_MASK_) | number);
        // Relaxed: the same; the column's number stays as it is.
    } while (!tly_cas_relaxed(&object->owner_, &owner, next));
}

void tly_column_keep(unsigned id) {
    tly_columns[id].leaving = false;
    if (!tly_columns[id].cooling)
        owner_change(tly_columns[id].object, TALLY_OWNER_HOT_);
}

bool tly_column_is_idle(struct tly_column *column, bool active) {
    column->idle = active ? 0 : column->idle + 1;
    column->active = false;
    return column->idle >= IDLE && !column->asked && !column->cooling;
}

// ---- from either to none, with the lock, when nobody uses the cells

static int64_t column_take(unsigned id) {
    int64_t sum = 0;
    for (uint32_t n = 1, count = tly_hot_rows(); n < count; n++)
        sum += tly_hot_take(&tly_hot_row(n)[id], id);
    return sum;
}

// Whether it is ordinary now, but for the bias, and its column free. False: it
// is immortal.
static bool column_end(unsigned id) {
    tally_object *object = tly_columns[id].object;
    // Relaxed: only the collector changes flags meanwhile.
    uint16_t owner = tly_load_relaxed(&object->owner_);
    if (!TLY_BUSTED(COOL_NO_DIRTY))
        tly_count_touch(object, owner);
    // Relaxed: as long as the bias is there no decrement is the last.
    tly_add_relaxed(&object->shared_, (uint64_t)column_take(id) * TLY_ONE);
    // ORDER[watched-count] release: after DIRTY.
    tly_store_release(&object->local_, 0);
    tly_columns[id].cooling = tly_columns[id].coolers = 0;
    do {
        // A full collection has the column of what became immortal meanwhile.
        if ((owner & TALLY_OWNER_MASK_) == TALLY_OWNER_IMMORTAL_)
            return false;
        // ORDER[watched-count] acq_rel: after DIRTY, before the bias goes.
    } while (!tly_cas_acq_rel(&object->owner_, &owner,
                              (uint16_t)(owner & ~TALLY_OWNER_MASK_)));
    tly_column_give(id);
    return true;
}

// Takes the bias away; but leaves a unit to be dropped if it is the last.
static void bias_drop(tally_object *object) {
    uint64_t shared = tly_load_relaxed(&object->shared_), next;
    bool last;
    do {
        next = shared - TLY_HOT_BIAS * TLY_ONE;
        last = tly_count_of(next) <= 0;
        if (last)
            next += TLY_ONE;
        // ORDER[last-use] acq_rel: as a decrement, for all who counted down in
        // their cells.
    } while (!tly_cas_acq_rel(&object->shared_, &shared, next));
    if (last)
        tly_hot_bury_later(object);
}

// ---- by the program

// Begins it, or joins who has begun. Returns its number, 0 when the object is
// not HOT.
static uint32_t cool_begin(tally_object *object, unsigned *ret_id) {
    uint32_t number = 0;
    tly_mutex_lock(&tly_hot_lock);
    // Relaxed: what is HOT stays so while the lock is held, or is immortal.
    unsigned owner = tly_load_relaxed(&object->owner_) & TALLY_OWNER_MASK_;
    if (owner == TALLY_OWNER_HOT_ || owner == TALLY_OWNER_COOLING_) {
        *ret_id = tly_load_relaxed(&object->local_);
        struct tly_column *column = &tly_columns[*ret_id];
        if (!column->cooling)
            column->cooling = ++coolings ? coolings : ++coolings;
        number = column->cooling;
        column->coolers++;
        owner_change(object, TALLY_OWNER_COOLING_);
    }
    tly_mutex_unlock(&tly_hot_lock);
    return number;
}

// With the lock, after the handshake; the caller has a reference.
static void cool_end(tally_object *object, unsigned id) {
    if (!column_end(id))
        return;
    // Relaxed: the caller's reference is left.
    uint64_t old =
        tly_add_relaxed(&object->shared_, (uint64_t)0 - TLY_HOT_BIAS * TLY_ONE);
    tly_require(tly_count_of(old) > (int64_t)TLY_HOT_BIAS);
}

// With the lock, for one who did not get its handshake in time. Who is the last
// leaves the object HOT, unless a collection is at it.
static void cool_give_up(unsigned id) {
    struct tly_column *column = &tly_columns[id];
    if (--column->coolers > 0)
        return;
    column->cooling = 0;
    if (!column->leaving)
        owner_change(column->object, TALLY_OWNER_HOT_);
}

// The cooling's number goes with its column: then somebody else ended it.
static bool is_cooling(const tally_object *object, unsigned id,
                       uint32_t number) {
    return tly_columns[id].object == object &&
           tly_columns[id].cooling == number;
}

tally_status tally_make_cold(void *reference) {
    tally_object *object = reference;
    tly_object_check(object, "make cold");
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    if (tly_rcu_ongoing() || self->stopped_world)
        return TALLY_DEADLOCK;
    unsigned id = 0;
    uint32_t number = cool_begin(object, &id);
    if (!number)
        return TALLY_OK;
    struct tly_patience patience = tly_patience_begin();
    // Each waits for itself, so that nobody waits for another who is at it.
    tally_status status = tly_handshake(self, 0, &patience);
    tly_mutex_lock(&tly_hot_lock);
    if (!is_cooling(object, id, number))
        status = TALLY_OK;
    else if (status == TALLY_OK)
        cool_end(object, id);
    else
        cool_give_up(id);
    tly_mutex_unlock(&tly_hot_lock);
    return status;
}

// ---- by a collection

void tly_hot_sum(void) {
    if (!tly_hot_objects())
        return;
    memset(sums, 0, sizeof(sums));
    for (uint32_t n = 1, count = tly_hot_rows(); n < count; n++) {
        const struct tly_hot_cell *row = tly_hot_row(n);
        for (unsigned id = 1; id < TLY_HOT_MAX; id++) {
            sums[id].count += tly_hot_cell_read(&row[id]);
            // Relaxed: only whether it changes is asked.
            sums[id].ups += tly_load_relaxed(&row[id].up);
        }
    }
}

int64_t tly_hot_weigh(uint32_t local, uint64_t shared) {
    return sums[local % TLY_HOT_MAX].count + tly_count_of(shared) -
           (int64_t)TLY_HOT_BIAS;
}

static bool is_active(struct tly_column *column, uint64_t ups) {
    bool active = column->active || column->ups != ups;
    column->ups = ups;
    return active;
}

// Whether nothing may refer to an object. Of one that nobody refers to, or that
// nobody counts, the sum is right.
static bool is_dead(const tally_object *object, unsigned id) {
    // Relaxed: it is looked at again.
    return tly_hot_weigh(id, tly_load_relaxed(&object->shared_)) == 0;
}

// Whether an object may be dead, and collections would not find it. Others are
// found with all that waits for finalizers, and do not end before these.
static bool is_lost(const tally_object *object, unsigned id) {
    return is_dead(object, id) && tly_hot_is_unseen(object);
}

static void column_retire(unsigned id) {
    struct tly_column *column = &tly_columns[id];
    // Relaxed: what is HOT stays so while the lock is held, or is immortal.
    unsigned owner =
        tly_load_relaxed(&column->object->owner_) & TALLY_OWNER_MASK_;
    bool idle = tly_column_is_idle(column, is_active(column, sums[id].ups));
    column->leaving =
        owner == TALLY_OWNER_IMMORTAL_ ||
        (owner == TALLY_OWNER_HOT_ && ((idle && !is_dead(column->object, id)) ||
                                       is_lost(column->object, id)));
    if (column->leaving)
        owner_change(column->object, TALLY_OWNER_COOLING_);
}

void tly_hot_retire(void) {
    if (!tly_hot_objects())
        return;
    tly_hot_sum();
    tly_mutex_lock(&tly_hot_lock);
    for (unsigned id = 1; id < tly_columns_top; id++)
        if (tly_columns[id].object)
            column_retire(id);
    tly_mutex_unlock(&tly_hot_lock);
}

static void column_retired(unsigned id) {
    struct tly_column *column = &tly_columns[id];
    tally_object *object = column->object;
    // Relaxed: as in column_retire. Nobody counts in the cells since.
    unsigned owner = tly_load_relaxed(&object->owner_) & TALLY_OWNER_MASK_;
    if (owner == TALLY_OWNER_IMMORTAL_) {
        column_take(id);
        tly_column_give(id);
    } else if (column->cooling) {
        column->leaving = false; // the program waits for it, too
    } else if ((column->asked || column->idle < IDLE) && !is_lost(object, id)) {
        tly_column_keep(id);
    } else if (column_end(id)) {
        bias_drop(object);
    }
}

void tly_hot_retired(bool answered) {
    if (!tly_hot_objects())
        return;
    for (unsigned id = TLY_HOT_MAX; --id > 0;) {
        // Others need not wait for all of them.
        tly_mutex_lock(&tly_hot_lock);
        if (tly_columns[id].leaving && answered)
            column_retired(id);
        else if (tly_columns[id].leaving)
            tly_column_keep(id);
        tly_mutex_unlock(&tly_hot_lock);
    }
}

void tly_hot_let_go(bool (*is_garbage)(const tally_object *object)) {
    if (!tly_hot_objects())
        return;
    for (unsigned id = TLY_HOT_MAX; --id > 0;) {
        tly_mutex_lock(&tly_hot_lock);
        tally_object *object = tly_columns[id].object;
        if (object && is_garbage(object) && column_end(id))
            // Relaxed: nobody counts it any more.
            tly_add_relaxed(&object->shared_,
                            (uint64_t)0 - TLY_HOT_BIAS * TLY_ONE);
        tly_mutex_unlock(&tly_hot_lock);
    }
}
