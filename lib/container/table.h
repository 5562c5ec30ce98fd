// Hash tables: the storage of maps and sets.
//
// One object of places, which are probed linearly. A place has a cell (a set's)
// or two, {key, value}, and a hash, 0 where nothing was ever stored. Beside
// them is the order in which entries were made. An entry is deleted by emptying
// its cells, and its place is not used again; a table that is full gives way to
// another.
//
//   head | cells: places << shift | hashes: places | order: capacity
//
// Where a hash begins to probe says where its cells are as well, so that both
// come from memory at once, and only the key's own bytes after them.
//
// Readers take no lock and write nothing: they load a hash, the key beside it,
// and its value, each by acquire. Writers hold the lock of the map.
//
//   (c) constant   (l) changed under the map's lock   (a) read by anybody

#ifndef TLY_CONTAINER_TABLE_H
#define TLY_CONTAINER_TABLE_H

#include <tally/cell.h>

#include "base/atomic.h"

struct tly_table {
    tally_object head;
    uint64_t words;     // (c) what follows, in words
    uint32_t places;    // (c)
    uint32_t capacity;  // (c) entries; at most six sevenths of the places
    uint32_t length;    // (l, a) entries made; 0: moved to another table
    uint32_t iterators; // (a) that hold this table: then it is not moved
    uint32_t shift;     // (c) 0: keys only, 1: keys and values
    uint32_t end;       // (l) entries made; those from there on are deleted
    tally_cell cells[];
};
TALLY_TYPE_DECLARE(tly_table);

// Hashes have 32 bits.
#define TLY_TABLE_MOST (((uint32_t)3 << 29) - 8)

// What is looked for.
struct tly_probe {
    tally_value key; // borrowed
    uint32_t hash;
    bool by_target; // the table's keys are weak references: to this object?
    const struct tly_run *run; // it is bytes or text; or NULL

    // What hooks have said of entries of [table], which is held, as [asked] is:
    // those with this hash that probing meets up to the step [unequal] are not
    // equal; that at step [equal] is, as long as its key is [asked].
    uint32_t unequal, equal;
    const struct tly_table *table; // NULL: no hook was asked
    tally_value asked;
};

enum tly_found {
    TLY_MISSING,
    TLY_FOUND,
    TLY_ASK // whether the entry's key is equal its hooks have to say
};

// Entries to have room for, where there are [live] of them and one more is
// wanted. Grows by a third, so that tables are filled well.
uint32_t tly_table_room(uint32_t live);

// Returns an owned table for so many entries, or NULL with errno.
struct tly_table *tly_table_new(uint32_t capacity, unsigned shift);

// Has the probe look for a key. The key's hash, unless hooks have to be asked:
// then false.
bool tly_probe_quick(struct tly_probe *probe, tally_value key);

// Looks for a key, and stores its place (from 1 on) unless it is MISSING. The
// caller holds the lock, or is in the borrow section in which it found the
// table; no hook is called.
enum tly_found tly_table_find(const struct tly_table *table,
                              const struct tly_probe *probe,
                              uint32_t *ret_place);

// The same of a key that is bytes or text with this hash. TLY_ASK: only
// tly_table_find knows.
enum tly_found tly_table_find_run(const struct tly_table *table,
                                  const struct tly_run *run, uint32_t hash,
                                  uint32_t *ret_place);

// The step, from 1 on, at which probing for a hash comes to a place.
uint32_t tly_table_step(const struct tly_table *table, uint32_t hash,
                        uint32_t place);

// Appends an entry; both words are the table's from now on. There is room, and
// the caller holds the lock.
void tly_table_add(struct tly_table *table, uint32_t hash, tally_value key,
                   tally_value value);

// Fills an empty table with the entries of another, which stays as it is:
// these are counted once more. The caller holds the lock.
void tly_table_copy(struct tly_table *from, struct tly_table *to);

// The same by moving them. What held them reads as before, but has no count of
// theirs any more.
void tly_table_move(struct tly_table *from, struct tly_table *to);

// The place of an entry with this hash whose first or second cell [which]
// holds [word]; 0 if there is none. The caller holds the lock.
uint32_t tly_table_seek(const struct tly_table *table, uint32_t hash,
                        unsigned which, tally_value word);

TLY_INLINE tally_cell *tly_table_key(const struct tly_table *table,
                                     uint32_t place) {
    const tally_cell *cells = table->cells;
    return (tally_cell *)&cells[(size_t)(place - 1) << table->shift];
}

// Of a set, the key.
TLY_INLINE tally_cell *tly_table_value(const struct tly_table *table,
                                       uint32_t place) {
    return tly_table_key(table, place) + table->shift;
}

// By place, from 1 on.
TLY_INLINE uint32_t *tly_table_hashes(const struct tly_table *table) {
    const tally_cell *end =
        table->cells + ((size_t)table->places << table->shift);
    return (uint32_t *)(uintptr_t)end - 1;
}

// The places of entries, by the number of the entry, from 0 on.
TLY_INLINE uint32_t *tly_table_order(const struct tly_table *table) {
    return tly_table_hashes(table) + 1 + table->places;
}

// Where probing for a hash begins. The upper bits of hashes choose it (Lemire,
// "Fast random integer generation in an interval", ACM TOMACS 2019), so that
// tables need not grow by powers of two.
TLY_INLINE uint32_t tly_table_home(const struct tly_table *table,
                                   uint32_t hash) {
    return (uint32_t)((uint64_t)hash * table->places >> 32) + 1;
}

// A hash of 64 bits in 32, each of which depends on all: programs' own hashes
// may differ in a few bits only. The product's halves are folded, as wyhash
// does it, and once more. Never 0.
TLY_INLINE uint32_t tly_table_hash(uint64_t hash) {
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(hash ^ 0xA0761D6478BD642Fu) * 0x9E3779B97F4A7C15u;
    uint64_t folded = (uint64_t)product ^ (uint64_t)(product >> 64);
    uint32_t half = (uint32_t)(folded ^ folded >> 32);
    return half + !half;
}

#endif
