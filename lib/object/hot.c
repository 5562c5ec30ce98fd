// Columns and rows, and promotion.
//
// An object becomes HOT only from MERGED, by who holds a counted reference: an
// owner that counts plainly would write over the column's number. A column is
// used again when nobody counts in it any more, all zero (cool.c, fold.c).

#include "object/column.h"

#include <string.h>

#include <tally/object.h>

#include "base/check.h"
#include "epoch/attach.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "epoch/wait.h"
#include "object/count.h"
#include "object/type.h"
#include "platform/os.h"

#define ROW_SIZE (TLY_HOT_MAX * sizeof(struct tly_hot_cell))
#define ROWS (TALLY_OWNER_MAX_ + 1)
#define STEP 16u // rows that get memory at a time
#define RESERVED TLY_ROUND_UP(ROWS *ROW_SIZE, STEP *ROW_SIZE)

// A sample with contention counts for so many without; at the sum an object
// becomes HOT. So another thread has to count it every microsecond or so.
#define SCORE_UP 16u
#define SCORE 64u
// Looks of a sample, a nanosecond or less each.
#define LOOKS 128u

struct tly_column tly_columns[TLY_HOT_MAX];
unsigned tly_columns_top = 1;
struct tly_mutex tly_hot_lock = TLY_MUTEX_INIT(TLY_RANK_HOT);

static struct tly_hot_cell *rows; // reserved with the first HOT object
static uint32_t rows_ready; // (a) those of mutators below this have memory
static uint32_t hot_count;  // (a) columns in use
static uint32_t by_itself;  // (a) objects become HOT by themselves

void tly_hot_hold(bool hold) { tly_mutex_hold(&tly_hot_lock, hold); }

struct tly_hot_cell *tly_hot_row(uint32_t number) {
    return rows + (size_t)number * TLY_HOT_MAX;
}

// Relaxed: a statistic; an option.
uint64_t tly_hot_objects(void) { return tly_load_relaxed(&hot_count); }
void tly_hot_configure(bool on) { tly_store_relaxed(&by_itself, on); }

// ---- rows

// Puts memory behind the rows of all mutators up to [number]; with the lock.
static tally_status rows_commit(uint32_t number) {
    // Relaxed: written under the lock.
    uint32_t ready = tly_load_relaxed(&rows_ready);
    uint32_t wanted = TLY_ROUND_UP(number + 1, STEP);
    if (wanted <= ready)
        return TALLY_OK;
    if (!rows)
        rows = tly_os_reserve(RESERVED, STEP * ROW_SIZE);
    if (!rows || tly_os_commit(tly_hot_row(ready), (wanted - ready) * ROW_SIZE))
        return TALLY_NO_MEMORY;
    // ORDER[hot-row] release: the row can be written. Pairs with tly_hot_meet.
    tly_store_release(&rows_ready, wanted);
    return TALLY_OK;
}

void tly_hot_meet(struct tly_local *self) {
    struct tly_mutator *mutator = tly_mutator_in(self);
    // ORDER[hot-row] acquire: the row can be written.
    if (tly_is_attached(mutator) &&
        mutator->number < tly_load_acquire(&rows_ready))
        self->hot_row = tly_hot_row(mutator->number);
}

void tly_hot_adopt(struct tly_local *self) {
    uint32_t number = tly_mutator_in(self)->number;
    // Relaxed: a mutator without a row counts on shared_.
    uint32_t ready = tly_load_relaxed(&rows_ready);
    if (TLY_LIKELY(number < ready || !ready))
        return;
    tly_mutex_lock(&tly_hot_lock);
    (void)rows_commit(number);
    tly_mutex_unlock(&tly_hot_lock);
}

// Rows that may have been written, those of vacant mutators included.
uint32_t tly_hot_rows(void) {
    uint32_t count = tly_registry_count() + 1;
    // ORDER[hot-row] acquire: the rows can be read.
    uint32_t ready = tly_load_acquire(&rows_ready);
    return count < ready ? count : ready;
}

uint64_t tly_hot_bytes(void) { return tly_hot_rows() * ROW_SIZE; }

int64_t tly_hot_cells(const tally_object *object) {
    // Relaxed: a snapshot; columns and rows are never unmapped.
    unsigned id = tly_load_relaxed(&object->local_) % TLY_HOT_MAX;
    int64_t sum = 0;
    for (uint32_t n = 1, count = tly_hot_rows(); n < count; n++)
        sum += tly_hot_cell_read(&tly_hot_row(n)[id]);
    return sum;
}

// ---- columns

static unsigned column_find(void) {
    unsigned id = 1;
    while (id < TLY_HOT_MAX && tly_columns[id].object)
        id++;
    return id < TLY_HOT_MAX ? id : 0;
}

static void column_take(unsigned id, tally_object *object, bool asked) {
    tly_columns[id] = (struct tly_column){.object = object, .asked = asked};
    if (id >= tly_columns_top)
        tly_columns_top = id + 1;
    tly_store_relaxed(&hot_count, hot_count + 1);
}

// All its cells are zero, and nobody can count in them.
void tly_column_give(unsigned id) {
    tly_columns[id] = (struct tly_column){.object = NULL};
    while (tly_columns_top > 1 && !tly_columns[tly_columns_top - 1].object)
        tly_columns_top--;
    tly_store_relaxed(&hot_count, hot_count - 1);
}

// Takes what a cell holds, which nobody counts in now.
int64_t tly_hot_take(struct tly_hot_cell *cell, unsigned id) {
    int64_t value = tly_hot_cell_read(cell);
    // Relaxed: the handshake, or the stop, ordered it.
    if (!tly_load_relaxed(&cell->up) && !value)
        return 0;
    tly_store_relaxed(&cell->up, 0);
    tly_store_relaxed(&cell->down, 0);
    tly_columns[id].active = true;
    tly_columns[id].ups = 0;
    return value;
}

// ---- promotion

// What heating did, undone.
static bool heat_not(tally_object *object) {
    // Relaxed: the caller holds a reference.
    tly_store_relaxed(&object->local_, 0);
    tly_add_relaxed(&object->shared_, (uint64_t)0 - TLY_HOT_BIAS * TLY_ONE);
    return false;
}

bool tly_hot_heat(tally_object *object, unsigned id, uint16_t number) {
    // Relaxed: the bias comes before the owner changes. Nothing is ended by a
    // count that is too high.
    tly_add_relaxed(&object->shared_, TLY_HOT_BIAS * TLY_ONE);
    // Relaxed: read by who sees the owner.
    tly_store_relaxed(&object->local_, id);
    uint16_t owner = tly_load_relaxed(&object->owner_);
    do {
        if ((owner & TALLY_OWNER_MASK_) != TALLY_OWNER_NONE_) {
            tly_store_relaxed(&object->local_, 0);
            return false;
        }
        // A collection that watches it has weighed it by its header.
        if (owner & TALLY_OWNER_WATCH_)
            return heat_not(object);
        // ORDER[hot] acq_rel: the column's number is stored before. Pairs with
        // who reads the owner and then counts in the cell.
    } while (
        !tly_cas_acq_rel(&object->owner_, &owner, (uint16_t)(owner | number)));
    return true;
}

// With the lock: an object that has a column.
static void promote_again(tally_object *object, unsigned owner, bool asked) {
    // Relaxed: the lock orders it.
    unsigned id = tly_load_relaxed(&object->local_);
    tly_columns[id].asked |= asked;
    if (owner == TALLY_OWNER_COOLING_)
        tly_column_keep(id);
}

// With the lock; the caller holds a counted reference to a merged object.
static tally_status promote(tally_object *object, bool asked) {
    // ORDER[last-use] acquire: who merged it has stored local_ before.
    bool merged = tly_load_acquire(&object->shared_) & TLY_MERGED;
    // Relaxed: nobody else makes it HOT meanwhile.
    unsigned owner = tly_load_relaxed(&object->owner_) & TALLY_OWNER_MASK_;
    if (owner == TALLY_OWNER_HOT_ || owner == TALLY_OWNER_COOLING_)
        promote_again(object, owner, asked);
    if (owner != TALLY_OWNER_NONE_ || !merged)
        return TALLY_OK; // HOT, or immortal
    unsigned id = column_find();
    if (!id)
        return TALLY_LIMIT;
    tally_status status = rows_commit(tly_registry_count());
    if (status != TALLY_OK)
        return status;
    if (tly_hot_heat(object, id, TALLY_OWNER_HOT_))
        column_take(id, object, asked);
    // Relaxed: a collection may watch the object: not for long, for the caller
    // has a reference.
    return tly_load_relaxed(&object->owner_) == TALLY_OWNER_WATCH_ ? TALLY_BUSY
                                                                   : TALLY_OK;
}

// Gives the object up if it is this thread's, or asks its owner to. False: it
// has no owner, and its count is in one place.
static bool is_owned(struct tly_mutator *self, tally_object *object) {
    // Relaxed: acted upon after MERGED is seen.
    uint16_t owner = tly_load_relaxed(&object->owner_);
    unsigned number = owner & TALLY_OWNER_MASK_;
    if (number == TALLY_OWNER_IMMORTAL_)
        return false;
    if (number == self->number)
        tally_transfer(object);
    // ORDER[last-use] acquire: the count is on shared_, and local_ is zero.
    return !(tly_load_acquire(&object->shared_) & TLY_MERGED);
}

static tally_status promote_locked(tally_object *object) {
    tly_mutex_lock(&tly_hot_lock);
    tally_status status = promote(object, true);
    tly_mutex_unlock(&tly_hot_lock);
    return status;
}

// Asks the owner for an object, and acts for it if it does not run: nobody else
// may have a reason to. Returns the owner; NULL if that has done it.
static struct tly_mutator *ask(struct tly_mutator *self, tally_object *object) {
    tly_handover_ask(object);
    // Relaxed: a pool with objects stays its owner's.
    struct tly_mutator *owner =
        tly_mutator_of(tly_load_relaxed(&tly_pool_of(object)->owner));
    tly_inbox_empty(tly_heap_of(owner));
    return is_owned(self, object) ? owner : NULL;
}

// Between looks at what is a step of one that does not run.
#define NAP_NS 50000u

// Waits until every thread has passed a safepoint, or a little where that is
// not what the object waits for: the time counts in any case. [owner]: NULL
// where a collection has to go on.
static tally_status step_await(struct tly_mutator *self,
                               const struct tly_mutator *owner,
                               struct tly_patience *patience) {
    static struct tly_event never;
    uint32_t late;
    tly_mutator_detach(self);
    uint64_t deadline = tly_patience_deadline(patience);
    tally_status status = tly_handshake_detached(0, patience, &late);
    // Relaxed: a hint.
    if (status == TALLY_OK &&
        (!owner || tly_load_relaxed(&owner->state) != TLY_ATTACHED))
        tly_event_wait(&never, tly_event_value(&never), tly_os_now() + NAP_NS);
    if (!tly_patience_spend(patience, deadline))
        status = TALLY_TIMED_OUT;
    tly_mutator_attach(self);
    return status;
}

tally_status tally_make_hot(void *reference) {
    tally_object *object = reference;
    tly_object_check(object, "make hot");
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    struct tly_patience patience = tly_patience_begin();
    for (;;) {
        bool owned = is_owned(self, object);
        tally_status status = owned ? TALLY_BUSY : promote_locked(object);
        if (status != TALLY_BUSY)
            return status;
        if (tly_rcu_ongoing() || self->stopped_world)
            return TALLY_DEADLOCK;
        struct tly_mutator *owner = owned ? ask(self, object) : NULL;
        if (owned && !owner)
            continue;
        status = step_await(self, owner, &patience);
        if (status != TALLY_OK)
            return status;
    }
}

// Whether another thread changes the count while this one looks at it. A
// failing compare-and-exchange would tell less: processors keep a line for many
// operations in a row once they have it.
static bool is_contended(const tally_object *object) {
    // Relaxed: only whether it changes is asked.
    uint64_t seen = tly_load_relaxed(&object->shared_);
    for (unsigned n = 0; n < LOOKS; n++)
        if (tly_load_relaxed(&object->shared_) != seen)
            return true;
    return false;
}

// The end of a HOT object comes late, which the program must have asked for
// where it can tell.
static bool has_hooks(const tally_object *object) {
    if ((object->tf_ & TLY_TF_REFS) != TLY_TF_ASK)
        return false;
    const tally_type *type = tly_type_of(object);
    return type->finalize_ || type->destroy_;
}

void tly_hot_sample(struct tly_local *self, tally_object *object) {
    if (!tly_load_relaxed(&by_itself) || has_hooks(object))
        return;
    bool contended = is_contended(object);
    // Two objects that look alike cost a wrong guess.
    uint32_t seen = (uint32_t)tly_granule_of(object);
    if (self->hot_seen != seen) {
        // What threads contend for keeps its score while others are counted.
        self->hot_seen = contended ? seen : self->hot_seen;
        self->hot_score = contended ? SCORE_UP : self->hot_score;
    } else if (!contended) {
        if (self->hot_score)
            self->hot_score--;
    } else if (self->hot_score < SCORE - SCORE_UP) {
        self->hot_score = (uint8_t)(self->hot_score + SCORE_UP);
    } else if (tly_mutex_try(&tly_hot_lock)) {
        // Without room it is counted as before.
        self->hot_score = 0;
        (void)promote(object, false);
        tly_mutex_unlock(&tly_hot_lock);
    }
}

// ---- the end

void tly_hot_end(void) {
    if (rows)
        tly_os_unreserve(rows, RESERVED);
    rows = NULL;
    memset(tly_columns, 0, sizeof(tly_columns));
    tly_columns_top = 1;
    // Relaxed: nothing else runs.
    tly_store_relaxed(&rows_ready, 0);
    tly_store_relaxed(&hot_count, 0);
}
