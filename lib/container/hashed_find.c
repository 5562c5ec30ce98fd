// Reading maps beside writers.

#include "container/hashed.h"

#include <errno.h>

#include <tally/borrow.h>
#include <tally/dynamic.h>

#include "base/status.h"
#include "container/quick.h"
#include "container/run_find.h"

// ---- probes

tally_status tly_probe_begin(struct tly_probe *probe, tally_value key) {
    if (TLY_UNLIKELY(tally_is_absent(key))) {
        *probe = (struct tly_probe){.key = key};
        return TALLY_INVALID;
    }
    if (TLY_UNLIKELY(!tly_probe_quick(probe, key))) {
        uint64_t hash;
        tally_status status = tally_value_hash(key, &hash);
        if (status != TALLY_OK)
            return status;
        probe->hash = tly_table_hash(hash);
    }
    return TALLY_OK;
}

// Forgets what hooks have said.
static void probe_reset(struct tly_probe *probe) {
    const struct tly_table *table = probe->table;
    tally_value asked = probe->asked;
    probe->table = NULL;
    probe->asked = tally_absent();
    probe->equal = probe->unequal = 0;
    if (table)
        tally_decref((struct tly_table *)(uintptr_t)table);
    tally_value_decref(asked);
}

void tly_probe_end_slow(struct tly_probe *probe) { probe_reset(probe); }

tally_status tly_probe_ask(struct tly_probe *probe,
                           const struct tly_table *table, uint32_t place,
                           tally_value key) {
    bool equal = false;
    uint32_t unequal = probe->table == table ? probe->unequal : 0;
    uint32_t step = tly_table_step(table, probe->hash, place);
    struct tly_probe before = *probe;
    // The probe's before the hook may be left.
    probe->table = table;
    probe->asked = key;
    probe->unequal = probe->equal = 0;
    probe_reset(&before);
    tally_status status = tally_value_equal(key, probe->key, &equal);
    probe->unequal = equal ? unequal : step;
    probe->equal = equal ? step : 0;
    return status;
}

// ---- reading

// A look in a section, and what it has come to.
enum come_to { LOOK_DONE, LOOK_AGAIN, LOOK_MISSING, LOOK_ASK };
struct look {
    bool count;               // whether anybody wants the value
    struct tly_table *table;  // that was looked at
    uint32_t place;           // of the key that has to be asked about
    tally_value value;        // that key, owned; or the value, owned if it is
                              // wanted
    const tally_object *seen; // as of tly_count_take
};

// Takes what has to be asked out of the section.
static enum come_to look_take(struct look *look) {
    tally_value key = tally_cell_get(tly_table_key(look->table, look->place));
    // Meanwhile it was deleted, or the map has another table.
    if (tally_is_absent(key) || !tly_value_take_seen(key, &look->seen))
        return LOOK_AGAIN;
    look->value = key;
    return tally_try_incref(look->table) ? LOOK_ASK : LOOK_AGAIN;
}

static enum come_to look_once(const struct tly_hashed *hashed,
                              const struct tly_probe *probe,
                              struct look *look) {
    look->table = tally_aref_get(&hashed->table);
    if (!look->table)
        return LOOK_MISSING;
    enum tly_found found = tly_table_find(look->table, probe, &look->place);
    if (found == TLY_MISSING)
        return LOOK_MISSING;
    if (TLY_UNLIKELY(found == TLY_ASK))
        return look_take(look);
    tally_value value =
        tally_cell_get(tly_table_value(look->table, look->place));
    if (TLY_UNLIKELY(look->count && !tly_value_take_seen(value, &look->seen)))
        return LOOK_AGAIN;
    look->value = value;
    // Between its two ends an entry that is deleted has no value.
    return tally_is_absent(value) ? LOOK_MISSING : LOOK_DONE;
}

// [ret_value] is owned if it is to be counted, and otherwise nothing but
// present.
static tally_status find(const struct tly_hashed *hashed,
                         struct tly_probe *probe, bool count,
                         tally_value *ret_value) {
    for (;;) {
        struct look look = {.count = count};
        enum come_to came_to = LOOK_MISSING;
        TALLY_BORROW {
            came_to = look_once(hashed, probe, &look);
            // What was at its end may be what its finalizer has put there.
            if (TLY_UNLIKELY(came_to == LOOK_AGAIN && look.seen))
                came_to = look_once(hashed, probe, &look);
        }
        if (TLY_LIKELY(came_to == LOOK_DONE)) {
            *ret_value = look.value;
            return TALLY_OK;
        }
        if (came_to == LOOK_MISSING)
            return TALLY_NOT_FOUND;
        if (came_to == LOOK_AGAIN) {
            tally_value_decref(look.value);
            continue;
        }
        tally_status status =
            tly_probe_ask(probe, look.table, look.place, look.value);
        if (status != TALLY_OK)
            return status;
    }
}

tally_status tly_hashed_get(const struct tly_hashed *hashed,
                            struct tly_probe *probe, tally_value *ret_value) {
    return find(hashed, probe, true, ret_value);
}

// [value] as of find.
static TLY_COLD tally_status find_slow(const struct tly_hashed *hashed,
                                       tally_value key, bool count,
                                       tally_value *ret_value) {
    struct tly_probe probe TLY_PROBE_ENDS;
    tally_status status = tly_probe_begin(&probe, key);
    if (status == TALLY_OK)
        status = find(hashed, &probe, count, ret_value);
    return status;
}

// The same of a key that is bytes or text, which asks no hooks and so needs no
// probe. ASK: find knows. A value that is absent is not there.
TLY_INLINE enum tly_found find_run(const struct tly_hashed *hashed,
                                   const struct tly_run *run, bool count,
                                   tally_value *ret_value) {
    enum tly_found found = TLY_MISSING;
    uint32_t hash =
        tly_table_hash(tly_run_hash((struct tly_run *)(uintptr_t)run));
    TALLY_BORROW {
        const struct tly_table *table = tally_aref_get(&hashed->table);
        const tally_cell *cell;
        if (TLY_LIKELY(table))
            found = tly_run_find(table, run, hash, false, &cell);
        if (found == TLY_FOUND) {
            if (!count)
                *ret_value = tally_cell_get(cell);
            else if (TLY_UNLIKELY(!tly_cell_take(cell, ret_value)))
                found = TLY_ASK;
        }
    }
    return found;
}

TLY_INLINE tally_status find_key(const struct tly_hashed *hashed,
                                 tally_value key, bool count,
                                 tally_value *ret_value) {
    const struct tly_run *run = tly_run_in(key);
    enum tly_found found = TLY_ASK;
    tally_value value = tally_absent();
    if (TLY_LIKELY(run))
        found = find_run(hashed, run, count, &value);
    if (TLY_UNLIKELY(found == TLY_ASK))
        return find_slow(hashed, key, count, ret_value);
    if (tally_is_absent(value))
        return TALLY_NOT_FOUND;
    *ret_value = value;
    return TALLY_OK;
}

tally_status tly_hashed_find(const struct tly_hashed *hashed, tally_value key,
                             tally_value *ret_value) {
    return find_key(hashed, key, true, ret_value);
}

tally_status tly_hashed_has(const struct tly_hashed *hashed, tally_value key,
                            bool *ret_found) {
    tally_value value;
    tally_status status = find_key(hashed, key, false, &value);
    if (status != TALLY_OK && status != TALLY_NOT_FOUND)
        return status;
    *ret_found = status == TALLY_OK;
    return TALLY_OK;
}

// ---- getting, without a call

// At the end of a section somebody waits for it, or asks for a safepoint.
static TLY_COLD tally_value value_asked(tally_value value) {
    tally_borrow_left_slow_();
    return value;
}

// Whatever the short way is not for.
static TLY_NOINLINE tally_value value_any(const struct tly_hashed *hashed,
                                          tally_value key) {
    tally_value value = tally_absent();
    tally_status status = find_key(hashed, key, true, &value);
    if (status != TALLY_OK && status != TALLY_NOT_FOUND)
        errno = tly_errno_of(status);
    return value;
}

// What is left to do in a section of the short way: to count a value that
// another thread owns, and to end it.
static TLY_NOINLINE tally_value value_take(const struct tly_hashed *hashed,
                                           tally_value key, tally_value value) {
    bool done = tly_value_take(value);
    tally_borrow_leave();
    return done ? value : value_any(hashed, key);
}

// The short way is for bytes and text that are short and were hashed before,
// and for values that this thread owns or that are no objects: no register has
// to be saved for it.
tally_value tly_hashed_value(const struct tly_hashed *hashed, tally_value key) {
    const struct tly_run *run = tly_run_in(key);
    if (TLY_UNLIKELY(!run || run->items > TLY_RUN_SHORT + 1))
        return value_any(hashed, key);
    // Relaxed: as in tly_run_hash.
    uint64_t hash = tly_load_relaxed(&run->hash);
    const struct tally_breaker_ *self = tally_breaker_;
    unsigned long *reader = self->reader_, word;
    if (TLY_UNLIKELY(!hash || !(word = tally_borrow_begin_(self, reader))))
        return value_any(hashed, key);
    const struct tly_table *table = tally_aref_get(&hashed->table);
    const tally_cell *cell;
    tally_value value = tally_absent();
    enum tly_found found = TLY_MISSING;
    if (TLY_LIKELY(table))
        found = tly_run_find(table, run, tly_table_hash(hash), true, &cell);
    if (TLY_LIKELY(found == TLY_FOUND)) {
        value = tally_cell_get(cell);
        if (TLY_UNLIKELY(!tly_value_take_mine(value)))
            return value_take(hashed, key, value);
    }
    // ORDER[section] release: as tally_section_end_.
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(reader, word - 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (TLY_UNLIKELY(found == TLY_ASK))
        return value_any(hashed, key);
    if (TLY_UNLIKELY(tally_section_asked_(self)))
        return value_asked(value);
    return value;
}
