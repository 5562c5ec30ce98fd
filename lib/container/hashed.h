// What maps, sets and weak maps are: a table, and a lock for those who change
// it.
//
// Readers find the table in a borrow section and take no lock. Hooks are called
// outside of both, with counted references; then the look goes on, or begins
// again where the table is another.
//
// INVARIANT  an entry with a key has a value, for who holds the lock; an entry
//            loses its value before its key, and neither comes back.

#ifndef TLY_CONTAINER_HASHED_H
#define TLY_CONTAINER_HASHED_H

#include "container/byte_lock.h"
#include "container/table.h"
#include "object/aref.h"

struct tly_hashed {
    tally_object head;
    tally_aref table; // NULL: it is empty
    uint32_t count;   // (l, a) entries
    struct tly_byte_lock lock;
    uint8_t shift; // (c) of the tables
};

// Prepares [probe] to look for a key, which is borrowed until tly_probe_end;
// that is called also when this fails. TALLY_INVALID for what is no value.
tally_status tly_probe_begin(struct tly_probe *probe, tally_value key);
void tly_probe_end_slow(struct tly_probe *probe);

// Asks whether an entry's key is equal. The key and the table are owned, and
// the probe's from now on.
tally_status tly_probe_ask(struct tly_probe *probe,
                           const struct tly_table *table, uint32_t place,
                           tally_value key);

TLY_INLINE void tly_probe_end(struct tly_probe *probe) {
    if (TLY_UNLIKELY(probe->table))
        tly_probe_end_slow(probe);
}
// At the end of its scope, also where an exception of a hook leaves that.
//     struct tly_probe probe TLY_PROBE_ENDS = {.table = NULL};
#define TLY_PROBE_ENDS __attribute__((cleanup(tly_probe_end)))

// In a section, counts what a cell holds. False: it has changed, or the table
// has.
TLY_INLINE bool tly_cell_take(const tally_cell *cell, tally_value *ret_value) {
    tally_value value = tally_cell_get(cell);
    if (TLY_UNLIKELY(!tly_value_take(value)))
        return false;
    *ret_value = value;
    return true;
}

// Makes room at first for so many entries.
tally_status tly_hashed_reserve(struct tly_hashed *hashed, size_t entries);

// The value of an entry, owned; of a set, whose entries have none, its key.
// TALLY_NOT_FOUND, TALLY_NO_MEMORY, or what a hook says.
tally_status tly_hashed_get(const struct tly_hashed *hashed,
                            struct tly_probe *probe, tally_value *ret_value);

// The same of a key that nothing is known of.
tally_status tly_hashed_find(const struct tly_hashed *hashed, tally_value key,
                             tally_value *ret_value);

// The same; absent with errno set unless it is merely not there.
tally_value tly_hashed_value(const struct tly_hashed *hashed, tally_value key);

// Whether there is an entry with this key; nothing is counted.
tally_status tly_hashed_has(const struct tly_hashed *hashed, tally_value key,
                            bool *ret_found);

// A change of one entry.
struct tly_change {
    tally_value key;   // to store where there is no such entry; absent: the
                       // entry must be there
    tally_value value; // to store, or absent: no entry
    bool expects;      // only if the value is the word [expected], or there is
    tally_value expected; // none where that is absent
};

// What is stored is counted; what the entry had, or absent, is the caller's
// then, counted once more where it stays. TALLY_NOT_FOUND: there is no entry
// to change and no key to store. On failure nothing is changed.
tally_status tly_hashed_change(struct tly_hashed *hashed,
                               struct tly_probe *probe,
                               const struct tly_change *change,
                               tally_value *ret_before);

// Removes the entry with this hash whose key (0) or value (1) is the word.
void tly_hashed_forget(struct tly_hashed *hashed, uint32_t hash, unsigned which,
                       tally_value word);

// Removes the newest entry; both words are the caller's, of a set's the second
// is absent. TALLY_NOT_FOUND: there is none; nothing is stored.
tally_status tly_hashed_pop(struct tly_hashed *hashed, tally_value *ret_key,
                            tally_value *ret_value);

void tly_hashed_clear(struct tly_hashed *hashed);

// Gives an empty one that nobody else knows what another has at one moment.
tally_status tly_hashed_copy(struct tly_hashed *from, struct tly_hashed *to);

// The same with two, which may be one, at one moment of both.
tally_status tly_hashed_copy_both(struct tly_hashed *const from[2],
                                  struct tly_hashed *const to[2]);

// Whether two have as many entries, at one moment of both.
bool tly_hashed_alike(struct tly_hashed *const pair[2]);

// The next entry after number [*at], which it becomes, of one that nobody else
// knows: a probe that finds its key in others, without its hash being asked for
// once more, and its value (of a set its key). Both are borrowed from it.
// False at the end; else tly_probe_end is to be called.
bool tly_hashed_entry(const struct tly_hashed *hashed, uint32_t *at,
                      struct tly_probe *ret_probe, tally_value *ret_value);

// Stores what another has that nobody else knows; each entry is one step.
tally_status tly_hashed_merge(struct tly_hashed *hashed,
                              const struct tly_hashed *from);

TLY_INLINE size_t tly_hashed_count(const struct tly_hashed *hashed) {
    // Relaxed: a number that may change at once.
    return tly_load_relaxed(&hashed->count);
}

// ---- iteration

// The table as it is now, held, in which the entries keep their places; NULL if
// there is none.
struct tly_table *tly_hashed_hold(struct tly_hashed *hashed);
void tly_hashed_let_go(struct tly_table *table);

// The next entry after number [*at], which it becomes; both words are owned.
// False at the end.
bool tly_table_next(const struct tly_table *table, uint32_t *at,
                    tally_value *ret_key, tally_value *ret_value);

#endif
