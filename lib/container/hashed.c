// Changing maps under the lock, whole tables, iteration.

#include "container/hashed.h"

#include <tally/alloc.h>
#include <tally/borrow.h>

#include "base/check.h"
#include "epoch/attach.h"
#include "epoch/borrow.h"
#include "object/aref.h"
#include "object/owns.h"

// ---- changing

// For any thread: one that is not attached becomes so.
static void lock(struct tly_hashed *hashed) {
    tly_borrow_none("locks a map or a set");
    if (TLY_UNLIKELY(tally_number_ == TALLY_OWNER_NOBODY_))
        tly_attach_surely();
    tly_byte_lock(&hashed->lock);
}

static void unlock(struct tly_hashed *hashed) {
    tly_byte_unlock(&hashed->lock);
}

// The table, for who holds the lock.
static struct tly_table *table_of(const struct tly_hashed *hashed) {
    return (struct tly_table *)(void *)tally_ref_load_(&hashed->table.ref_);
}

static void count_set(struct tly_hashed *hashed, uint32_t count) {
    // Relaxed: written under the lock; others want a number, not an order.
    tly_store_relaxed(&hashed->count, count);
}

static tally_value exchange(struct tly_table *table, tally_cell *cell,
                            tally_value value) {
    return tally_of(tly_shared_exchange(
        &table->head, &cell->ref_, (tally_object *)(uintptr_t)value.bits_));
}

static void publish(tally_value value) {
    if (tally_is_object(value))
        tly_publish(tally_object_of(value));
}

// What is done under the lock, and what is left to do after it.
struct work {
    struct tly_hashed *hashed;
    struct tly_probe *probe;
    const struct tly_change *change;
    struct tly_table *spare; // made before, or NULL
    uint32_t room;           // that is wanted
    uint32_t places;         // of the table that is to be moved
    uint32_t *went;          // for so many of them, or NULL
    uint32_t went_room;
    uint32_t place; // of the entry to ask about
    struct tly_table *table;
    tally_value before; // owned
    tally_value drop[2];
    struct tly_table *drop_table;
};

enum step { STEP_DONE, STEP_ASK, STEP_ROOM, STEP_MISSING };

// Empties an entry: its value before its key.
static void erase(struct work *work, uint32_t place) {
    struct tly_table *table = work->table;
    if (table->shift)
        work->before =
            exchange(table, tly_table_value(table, place), tally_absent());
    work->drop[0] =
        exchange(table, tly_table_key(table, place), tally_absent());
    if (!table->shift) {
        work->before = work->drop[0];
        work->drop[0] = tally_absent();
    }
    count_set(work->hashed, work->hashed->count - 1);
}

static enum step change_found(struct work *work) {
    const struct tly_change *change = work->change;
    tally_cell *cell = tly_table_value(work->table, work->place);
    tally_value now = tally_cell_get(cell);
    if (change->expects && !tally_is(now, change->expected)) {
        work->before = tally_value_incref(now);
    } else if (tally_is_absent(change->value)) {
        erase(work, work->place);
    } else if (!work->table->shift) {
        // A set keeps the key that it has.
        work->before = tally_value_incref(now);
    } else {
        work->before =
            exchange(work->table, cell, tally_value_incref(change->value));
    }
    return STEP_DONE;
}

// Puts the spare table into the place of one that is full.
static void table_replace(struct work *work) {
    struct tly_table *old = work->table, *spare = work->spare;
    // ORDER[table-held] acquire: the iterators' last uses of what is moved.
    if (old && tly_load_acquire(&old->iterators))
        tly_table_copy(old, spare);
    else if (old)
        tly_table_move(old, spare,
                       work->went_room >= tly_table_places(old) ? work->went
                                                                : NULL);
    tly_publish(&spare->head);
    work->drop_table = (struct tly_table *)(void *)tly_shared_exchange(
        &work->hashed->head, &work->hashed->table.ref_, &spare->head);
    work->table = spare;
    work->spare = NULL;
}

static enum step change_missing(struct work *work) {
    const struct tly_change *change = work->change;
    struct tly_hashed *hashed = work->hashed;
    if ((change->expects && !tally_is_absent(change->expected)) ||
        tally_is_absent(change->value))
        return STEP_DONE;
    if (tally_is_absent(change->key))
        return STEP_MISSING;
    if (!work->table || work->table->length == work->table->capacity) {
        work->room = tly_table_room(hashed->count);
        work->places = work->table ? tly_table_places(work->table) : 0;
        if (!work->spare || work->spare->capacity <= hashed->count)
            return STEP_ROOM;
        table_replace(work);
    }
    tly_table_add(work->table, work->probe->hash,
                  tally_value_incref(change->key),
                  work->table->shift ? tally_value_incref(change->value)
                                     : tally_absent());
    count_set(hashed, hashed->count + 1);
    return STEP_DONE;
}

static enum step change_locked(struct work *work) {
    work->table = table_of(work->hashed);
    enum tly_found found = TLY_MISSING;
    if (work->table)
        found = tly_table_find(work->table, work->probe, &work->place);
    if (found == TLY_FOUND)
        return change_found(work);
    if (found == TLY_MISSING)
        return change_missing(work);
    tally_value key = tally_cell_get(tly_table_key(work->table, work->place));
    work->drop[0] = tally_value_incref(key);
    tally_incref(work->table);
    return STEP_ASK;
}

// Where a table is larger than a cache, gets room to move it quickly; it goes
// without, if there is none.
static void went_make(struct work *work) {
    const uint32_t large = 1 << 15;
    tally_free(work->went);
    work->went = NULL;
    work->went_room = 0;
    if (work->places < large)
        return;
    work->went = tally_alloc(work->places * sizeof(uint32_t));
    if (!work->went)
        return;
    work->went_room = work->places;
    tly_pages_touch(work->went, work->places * sizeof(uint32_t));
}

static tally_status spare_make(struct work *work) {
    void *small TLY_OWNS_OBJECT = work->spare;
    work->spare = NULL;
    if (tly_hashed_count(work->hashed) >= TLY_TABLE_MOST)
        return TALLY_LIMIT;
    work->spare = tly_table_new(work->room, work->hashed->shift);
    if (!work->spare)
        return -errno;
    went_make(work);
    return TALLY_OK;
}

// What follows a step, without the lock. Not OK: that is the end.
static tally_status change_after(struct work *work, enum step step) {
    tally_value key = work->drop[0];
    work->drop[0] = tally_absent();
    if (step == STEP_ASK)
        return tly_probe_ask(work->probe, work->table, work->place, key);
    tally_value_decref(key);
    if (work->drop_table)
        tally_decref(work->drop_table);
    if (step == STEP_ROOM)
        return spare_make(work);
    return step == STEP_MISSING ? TALLY_NOT_FOUND : TALLY_OK;
}

// Also where a hook has been left.
static void work_end(const struct work *work) {
    if (work->spare)
        tally_decref(work->spare);
    if (TLY_UNLIKELY(work->went))
        tally_free(work->went);
}

tally_status tly_hashed_change(struct tly_hashed *hashed,
                               struct tly_probe *probe,
                               const struct tly_change *change,
                               tally_value *ret_before) {
    struct work work __attribute__((cleanup(work_end))) = {
        .hashed = hashed, .probe = probe, .change = change};
    tally_status status;
    enum step step;
    publish(change->value);
    publish(change->key);
    do {
        lock(hashed);
        step = change_locked(&work);
        unlock(hashed);
        status = change_after(&work, step);
    } while (status == TALLY_OK && step != STEP_DONE);
    if (status == TALLY_OK)
        *ret_before = work.before;
    return status;
}

void tly_hashed_forget(struct tly_hashed *hashed, uint32_t hash, unsigned which,
                       tally_value word) {
    struct work work = {.hashed = hashed};
    lock(hashed);
    work.table = table_of(hashed);
    uint32_t place =
        work.table ? tly_table_seek(work.table, hash, which, word) : 0;
    if (place)
        erase(&work, place);
    unlock(hashed);
    tally_value_decref(work.drop[0]);
    tally_value_decref(work.before);
}

// The place of the newest entry; 0 if there is none.
static uint32_t newest(struct tly_table *table) {
    for (; table->end > 0; table->end--) {
        uint32_t place = tly_table_order(table)[table->end - 1];
        if (!tally_is_absent(tally_cell_get(tly_table_key(table, place))))
            return place;
    }
    return 0;
}

tally_status tly_hashed_pop(struct tly_hashed *hashed, tally_value *ret_key,
                            tally_value *ret_value) {
    struct work work = {.hashed = hashed};
    lock(hashed);
    work.table = table_of(hashed);
    uint32_t place = work.table ? newest(work.table) : 0;
    if (place)
        erase(&work, place);
    unlock(hashed);
    if (!place)
        return TALLY_NOT_FOUND;
    *ret_key = hashed->shift ? work.drop[0] : work.before;
    *ret_value = hashed->shift ? work.before : tally_absent();
    return TALLY_OK;
}

void tly_hashed_clear(struct tly_hashed *hashed) {
    TLY_GUEST;
    lock(hashed);
    void *table = tly_shared_exchange(&hashed->head, &hashed->table.ref_, NULL);
    count_set(hashed, 0);
    unlock(hashed);
    if (table)
        tally_decref(table);
}

// ---- whole tables

tally_status tly_hashed_reserve(struct tly_hashed *hashed, size_t entries) {
    if (entries > TLY_TABLE_MOST)
        return TALLY_LIMIT;
    struct tly_table *table = tly_table_new((uint32_t)entries, hashed->shift);
    if (!table)
        return -errno;
    tally_aref_set_steal(hashed, &hashed->table, table);
    return TALLY_OK;
}

// Fills a table with what there is; under the lock. False: it is too small.
static bool copy_locked(const struct tly_hashed *from, struct tly_table *table,
                        uint32_t *ret_count) {
    struct tly_table *there = table_of(from);
    *ret_count = from->count;
    if (from->count > table->capacity)
        return false;
    if (there)
        tly_table_copy(there, table);
    return true;
}

static struct tly_table *table_like(const struct tly_hashed *hashed) {
    return tly_table_new((uint32_t)tly_hashed_count(hashed), hashed->shift);
}

tally_status tly_hashed_copy(struct tly_hashed *from, struct tly_hashed *to) {
    for (;;) {
        uint32_t count;
        struct tly_table *table = table_like(from);
        if (!table)
            return -errno;
        lock(from);
        bool done = copy_locked(from, table, &count);
        unlock(from);
        if (!done) {
            tally_decref(table);
            continue;
        }
        count_set(to, count);
        tally_aref_set_steal(to, &to->table, table);
        return TALLY_OK;
    }
}

static void lock_both(struct tly_hashed *const pair[2]) {
    tly_borrow_none("locks two maps or sets");
    if (TLY_UNLIKELY(tally_number_ == TALLY_OWNER_NOBODY_))
        tly_attach_surely();
    tly_byte_lock_both(&pair[0]->lock, &pair[1]->lock);
}

bool tly_hashed_alike(struct tly_hashed *const pair[2]) {
    lock_both(pair);
    bool alike = pair[0]->count == pair[1]->count;
    tly_byte_unlock_both(&pair[0]->lock, &pair[1]->lock);
    return alike;
}

// One try. False: a table is too small by now.
static bool copy_both(struct tly_hashed *const from[2],
                      struct tly_table *const table[2], uint32_t ret_count[2]) {
    lock_both(from);
    // What was copied goes if the other does not fit.
    bool done = copy_locked(from[0], table[0], &ret_count[0]) &&
                copy_locked(from[1], table[1], &ret_count[1]);
    tly_byte_unlock_both(&from[0]->lock, &from[1]->lock);
    return done;
}

tally_status tly_hashed_copy_both(struct tly_hashed *const from[2],
                                  struct tly_hashed *const to[2]) {
    for (bool done = false; !done;) {
        uint32_t count[2];
        struct tly_table *table[2] = {table_like(from[0]), NULL};
        if (table[0])
            table[1] = table_like(from[1]);
        int error = errno;
        if (table[1])
            done = copy_both(from, table, count);
        for (unsigned n = 0; n < 2 && table[n]; n++) {
            if (done) {
                count_set(to[n], count[n]);
                tally_aref_set_steal(to[n], &to[n]->table, table[n]);
            } else {
                tally_decref(table[n]);
            }
        }
        if (!table[1])
            return -error;
    }
    return TALLY_OK;
}

bool tly_hashed_entry(const struct tly_hashed *hashed, uint32_t *at,
                      struct tly_probe *ret_probe, tally_value *ret_value) {
    const struct tly_table *table = table_of(hashed);
    while (table && *at < table->length) {
        uint32_t place = tly_table_order(table)[(*at)++];
        tally_value key = tally_cell_get(tly_table_key(table, place));
        if (tally_is_absent(key))
            continue;
        (void)tly_probe_quick(ret_probe, key);
        ret_probe->hash = *tly_table_hash_at(table, place);
        *ret_value = tally_cell_get(tly_table_value(table, place));
        return true;
    }
    return false;
}

tally_status tly_hashed_merge(struct tly_hashed *hashed,
                              const struct tly_hashed *from) {
    tally_status status = TALLY_OK;
    struct tly_probe probe TLY_PROBE_ENDS = {.table = NULL};
    tally_value value;
    uint32_t at = 0;
    while (status == TALLY_OK && tly_hashed_entry(from, &at, &probe, &value)) {
        tally_value before = tally_absent();
        struct tly_change change = {.key = probe.key, .value = value};
        status = tly_hashed_change(hashed, &probe, &change, &before);
        tly_probe_end(&probe);
        tally_value_decref(before);
    }
    return status;
}

// ---- iteration

struct tly_table *tly_hashed_hold(struct tly_hashed *hashed) {
    lock(hashed);
    struct tly_table *table = table_of(hashed);
    if (table) {
        tally_incref(table);
        // Relaxed: under the lock, as whoever would move the table.
        tly_add_relaxed(&table->iterators, 1);
    }
    unlock(hashed);
    return table;
}

void tly_hashed_let_go(struct tly_table *table) {
    // ORDER[table-held] acq_rel: what was read before the entries are moved.
    tly_add_acq_rel(&table->iterators, (uint32_t)-1);
    tally_decref(table);
}

// What a cell of a table that is held holds is alive: so it has changed, or its
// finalizer has put it there.
static tally_value cell_take(const tally_cell *cell) {
    const tally_object *seen = NULL;
    tally_value value;
    do
        value = tally_cell_get(cell);
    while (!tly_value_take_seen(value, &seen));
    return value;
}

// Takes an entry. False: it is deleted.
static bool entry_take(const struct tly_table *table, uint32_t place,
                       tally_value *ret_key, tally_value *ret_value) {
    tally_value key = cell_take(tly_table_key(table, place));
    tally_value value = cell_take(tly_table_value(table, place));
    if (!tally_is_absent(key) && !tally_is_absent(value)) {
        *ret_key = key;
        *ret_value = value;
        return true;
    }
    tally_value_decref(key);
    tally_value_decref(value);
    return false;
}

bool tly_table_next(const struct tly_table *table, uint32_t *at,
                    tally_value *ret_key, tally_value *ret_value) {
    bool found = false;
    // ORDER[table-length] acquire: the entry's cells.
    while (!found && *at < tly_load_acquire(&table->length)) {
        uint32_t place = tly_table_order(table)[(*at)++];
        TALLY_BORROW { found = entry_take(table, place, ret_key, ret_value); }
    }
    return found;
}
