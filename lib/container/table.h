// Hash tables: the storage of maps and sets.
//
// An entry's place has a cell (a set's) or two, {key, value}, and a hash, 0
// where nothing was ever stored. Places come in buckets of one line, so that
// looking for a key is two lines: a bucket, and the key's own bytes.
//
//   head | buckets: 8 words each | order: capacity
//
//   of a map: 3 hashes, passed, 3 x {key, value}
//   of a set: 5 hashes, passed, 5 x key
//
// The hash says in which bucket an entry is looked for. Where that one is full
// it says that it was passed, and the entry is in one of the next. Behind the
// buckets is the order in which entries were made. An entry is deleted by
// emptying its cells, and its place is not used again; a table that is full
// gives way to another.
//
// A place is the number of its first cell among all words. F14 (Bronson and
// Shi, "Open-sourcing F14", 2019) has such buckets, and what counts who passed.
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
    uint32_t buckets;   // (c)
    uint32_t capacity;  // (c) entries; at most six sevenths of the places
    uint32_t length;    // (l, a) entries made; 0: moved to another table
    uint32_t iterators; // (a) that hold this table: then it is not moved
    uint32_t shift;     // (c) 0: keys only, 1: keys and values
    uint32_t end;       // (l) entries made; those from there on are deleted
    uint64_t unused[2]; // to a line
    tally_cell cells[]; // words, some of which are cells
};
TALLY_TYPE_DECLARE(tly_table);

#define TLY_BUCKET_WORDS 8u

// Hashes and places have 32 bits: six sevenths of 2^32 / 8 * 3.
#define TLY_TABLE_MOST (((uint32_t)3 << 29) / 7 * 6 - 8)

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
// theirs any more. [went]: room for a number for each place of [from], which
// makes it much quicker where tables are larger than caches; or NULL.
void tly_table_move(struct tly_table *from, struct tly_table *to,
                    uint32_t *went);
uint32_t tly_table_places(const struct tly_table *table);

// Touches the pages of memory that has nothing yet, except the first: their
// first touch costs as much as to fill them, and nobody waits for it yet.
void tly_pages_touch(void *memory, size_t bytes);

// The place of an entry with this hash whose first or second cell [which]
// holds [word]; 0 if there is none. The caller holds the lock.
uint32_t tly_table_seek(const struct tly_table *table, uint32_t hash,
                        unsigned which, tally_value word);

TLY_INLINE tally_cell *tly_table_key(const struct tly_table *table,
                                     uint32_t place) {
    return (tally_cell *)(uintptr_t)&table->cells[place];
}

// Of a set, the key.
TLY_INLINE tally_cell *tly_table_value(const struct tly_table *table,
                                       uint32_t place) {
    return tly_table_key(table, place) + table->shift;
}

// The hashes of a bucket, which begins at a word, and whether it was passed.
TLY_INLINE uint32_t *tly_bucket_hashes(const struct tly_table *table,
                                       uint32_t bucket) {
    return (uint32_t *)(uintptr_t)&table->cells[bucket];
}
TLY_INLINE unsigned tly_bucket_places(unsigned shift) { return 5 - 2 * shift; }

// A bucket's place, by its number from 0 on.
TLY_INLINE uint32_t tly_bucket_place(uint32_t bucket, unsigned number,
                                     unsigned shift) {
    return bucket + 3 - shift + (number << shift);
}

TLY_INLINE uint32_t tly_bucket_next(const struct tly_table *table,
                                    uint32_t bucket) {
    bucket += TLY_BUCKET_WORDS;
    return bucket == table->buckets * TLY_BUCKET_WORDS ? 0 : bucket;
}

// The hash of an entry.
TLY_INLINE uint32_t *tly_table_hash_at(const struct tly_table *table,
                                       uint32_t place) {
    uint32_t word = place % TLY_BUCKET_WORDS, shift = table->shift;
    return tly_bucket_hashes(table, place - word) +
           ((word + shift - 3) >> shift);
}

// The places of entries, by the number of the entry, from 0 on.
TLY_INLINE uint32_t *tly_table_order(const struct tly_table *table) {
    return (uint32_t *)(uintptr_t)&table
        ->cells[(size_t)table->buckets * TLY_BUCKET_WORDS];
}

// The bucket where looking for a hash begins. The upper bits of hashes choose
// it (Lemire, "Fast random integer generation in an interval", ACM TOMACS
// 2019), so that tables need not grow by powers of two.
TLY_INLINE uint32_t tly_table_home(const struct tly_table *table,
                                   uint32_t hash) {
    return (uint32_t)((uint64_t)hash * table->buckets >> 32) * TLY_BUCKET_WORDS;
}

// A hash of 64 bits in 32, whose upper ones depend on all: programs' own hashes
// may differ in a few bits only (Knuth, "The Art of Computer Programming", 6.4:
// multiplicative hashing, by the golden ratio). Never 0.
TLY_INLINE uint32_t tly_table_hash(uint64_t hash) {
    return (uint32_t)(hash * 0x9E3779B97F4A7C15u >> 32) | 1;
}

#endif
