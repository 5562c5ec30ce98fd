// Probing, adding, moving.

#include "container/table.h"

#include "base/check.h"
#include "container/quick.h"
#include "container/run_find.h"
#include "container/text.h"
#include "container/types.h"
#include "object/header.h"
#include "object/type.h"
#include "object/weak.h"

#define CAPACITY_LEAST 5u // two buckets of a map, less one place

// The cells that hold references: also while others add to them.
static void table_visit(void *object, struct tally_visitor *visitor) {
    struct tly_table *table = object;
    // ORDER[table-length] acquire: the cells of so many entries are stored;
    // those of more are counted as well, if they are.
    if (!tly_load_acquire(&table->length))
        return;
    uint32_t first = tly_bucket_place(0, 0, table->shift);
    tally_cell *end = (tally_cell *)tly_table_order(table);
    for (tally_cell *at = table->cells; at < end; at += TLY_BUCKET_WORDS)
        tally_visit_cells(visitor, at + first, TLY_BUCKET_WORDS - first);
}

// The references have been dropped; the words stay for readers.
static void table_forget(void *object) {
    struct tly_table *table = object;
    // ORDER[table-length] release: after the counts have changed. Pairs with
    // table_visit.
    tly_store_release(&table->length, 0);
}

static const tally_trait table_traits[] = {
    TLY_HAS(tly_table, TALLY_ITEMS(cells, words)) // the hook finds them
    {.kind = TALLY_TRAIT_VISIT,
     .name = "cells",
     .count = 1, // as TALLY_VISIT_LIVE
     .hook = table_forget,
     .visit = table_visit},
    {.kind = TALLY_TRAIT_END}};
tally_type tally_type_tly_table = {.name = "tly_table",
                                   .size = sizeof(struct tly_table),
                                   .traits = table_traits};

// ---- sizes

// The buckets for so many entries.
static uint32_t buckets_for(uint32_t capacity, unsigned shift) {
    uint32_t places = capacity + capacity / 6 + 1,
             of = tly_bucket_places(shift);
    return (places + of - 1) / of;
}

uint32_t tly_table_room(uint32_t live) {
    uint64_t room = (uint64_t)live + live / 3 + (live ? 8 : 1);
    return room > TLY_TABLE_MOST ? TLY_TABLE_MOST : (uint32_t)room;
}

void tly_pages_touch(void *memory, size_t bytes) {
    const size_t page = 4096;
    volatile char *first = memory;
    for (size_t at = page; at < bytes; at += page)
        first[at] = 0;
}

struct tly_table *tly_table_new(uint32_t capacity, unsigned shift) {
    if (capacity < CAPACITY_LEAST)
        capacity = CAPACITY_LEAST;
    uint32_t buckets = buckets_for(capacity, shift);
    size_t words =
        (size_t)buckets * TLY_BUCKET_WORDS + ((size_t)capacity + 1) / 2;
    struct tly_table *table = tally_new_items(tly_table, words);
    if (!table)
        return NULL;
    table->buckets = buckets;
    table->capacity = capacity;
    table->shift = shift;
    tly_pages_touch(table->cells, words * sizeof(uint64_t));
    return table;
}

// ---- looking

bool tly_probe_quick(struct tly_probe *probe, tally_value key) {
    uint64_t hash;
    *probe = (struct tly_probe){.key = key, .run = tly_run_in(key)};
    if (TLY_LIKELY(probe->run))
        hash = tly_run_hash((struct tly_run *)(uintptr_t)probe->run);
    else if (!tly_hash_quick(key, &hash))
        return false;
    probe->hash = tly_table_hash(hash);
    return true;
}

// Whether an entry's key that is another word is equal, or leads to what is
// looked for.
static enum tly_found compare_slow(const struct tly_table *table,
                                   uint32_t place, tally_value key,
                                   const struct tly_probe *probe) {
    if (probe->by_target)
        return tly_weak_target(tally_object_of(key)) ==
                       tally_object_of(probe->key)
                   ? TLY_FOUND
                   : TLY_MISSING;
    bool equal = false;
    if (tly_equal_quick(key, probe->key, &equal))
        return equal ? TLY_FOUND : TLY_MISSING;
    if (probe->table != table)
        return TLY_ASK;
    // Entries with one hash are met in the order in which they were made.
    uint32_t step = tly_table_step(table, probe->hash, place);
    if (step == probe->equal && tally_is(key, probe->asked))
        return TLY_FOUND;
    return step <= probe->unequal ? TLY_MISSING : TLY_ASK;
}

// Whether the key at a place is what is looked for.
TLY_INLINE enum tly_found compare(const struct tly_table *table, uint32_t place,
                                  const struct tly_probe *probe) {
    tally_value key = tally_cell_get(tly_table_key(table, place));
    if (tally_is(key, probe->key))
        return TLY_FOUND;
    if (tally_is_absent(key))
        return TLY_MISSING;
    enum tly_found found = TLY_ASK;
    if (probe->run)
        found = tly_compare_run(key, probe->run, false);
    return found == TLY_ASK ? compare_slow(table, place, key, probe) : found;
}

enum tly_found tly_table_find(const struct tly_table *table,
                              const struct tly_probe *probe,
                              uint32_t *ret_place) {
    unsigned places = tly_bucket_places(table->shift);
    uint32_t bucket = tly_table_home(table, probe->hash);
    for (;; bucket = tly_bucket_next(table, bucket)) {
        const uint32_t *hashes = tly_bucket_hashes(table, bucket);
        for (unsigned n = 0; n < places; n++) {
            // ORDER[table-slot] acquire: the entry as it was made.
            uint32_t hash = tly_load_acquire(&hashes[n]);
            // At that moment there was nothing farther on; what is there by
            // now, after a place that was not looked at, is not to be
            // remembered as asked.
            if (!hash)
                return TLY_MISSING;
            if (hash != probe->hash)
                continue;
            uint32_t place = tly_bucket_place(bucket, n, table->shift);
            enum tly_found found = compare(table, place, probe);
            if (found == TLY_MISSING)
                continue;
            *ret_place = place;
            return found;
        }
        // Relaxed: who knows of an entry farther on knows this.
        if (!tly_load_relaxed(&hashes[places]))
            return TLY_MISSING;
    }
}

uint32_t tly_table_step(const struct tly_table *table, uint32_t hash,
                        uint32_t place) {
    uint32_t words = table->buckets * TLY_BUCKET_WORDS;
    uint32_t word = place % TLY_BUCKET_WORDS, bucket = place - word;
    uint32_t home = tly_table_home(table, hash);
    uint32_t passed = bucket - home + (bucket < home ? words : 0);
    return passed / TLY_BUCKET_WORDS * tly_bucket_places(table->shift) +
           ((word + table->shift - 3) >> table->shift) + 1;
}

// The place of [word] in a bucket, as tly_table_seek.
static uint32_t bucket_seek(const struct tly_table *table, uint32_t bucket,
                            uint32_t hash, unsigned which, tally_value word) {
    const uint32_t *hashes = tly_bucket_hashes(table, bucket);
    for (unsigned n = 0; n < tly_bucket_places(table->shift); n++) {
        uint32_t place = tly_bucket_place(bucket, n, table->shift);
        // Relaxed: the caller holds the lock.
        if (tly_load_relaxed(&hashes[n]) == hash &&
            tally_is(tally_cell_get(tly_table_key(table, place) + which), word))
            return place;
    }
    return 0;
}

uint32_t tly_table_seek(const struct tly_table *table, uint32_t hash,
                        unsigned which, tally_value word) {
    unsigned places = tly_bucket_places(table->shift);
    uint32_t bucket = tly_table_home(table, hash);
    for (;; bucket = tly_bucket_next(table, bucket)) {
        uint32_t place = bucket_seek(table, bucket, hash, which, word);
        // Relaxed: as above.
        if (place ||
            !tly_load_relaxed(&tly_bucket_hashes(table, bucket)[places]))
            return place;
    }
}

// ---- adding

static void cell_fill(tally_cell *cell, tally_value value) {
    tally_ref_store_(&cell->ref_, (tally_object *)(uintptr_t)value.bits_);
}

// The first place of a bucket that is free; 0 if none is.
static uint32_t bucket_free(const struct tly_table *table, uint32_t bucket) {
    const uint32_t *hashes = tly_bucket_hashes(table, bucket);
    for (unsigned n = 0; n < tly_bucket_places(table->shift); n++)
        // Relaxed: the caller holds the lock.
        if (!tly_load_relaxed(&hashes[n]))
            return tly_bucket_place(bucket, n, table->shift);
    return 0;
}

// The place for an entry with this hash. Those that it passes say so before it
// is there.
static uint32_t place_take(struct tly_table *table, uint32_t hash) {
    unsigned places = tly_bucket_places(table->shift);
    uint32_t place, bucket = tly_table_home(table, hash);
    for (; (place = bucket_free(table, bucket)) == 0;
         bucket = tly_bucket_next(table, bucket))
        // Relaxed: the entry's hash is stored after it, by release.
        tly_store_relaxed(&tly_bucket_hashes(table, bucket)[places], 1);
    return place;
}

// Makes an entry, which readers find then, and returns its place. The container
// is touched.
static uint32_t place_fill(struct tly_table *table, uint32_t hash,
                           tally_value key, tally_value value) {
    uint32_t place = place_take(table, hash);
    if (table->shift)
        cell_fill(tly_table_value(table, place), value);
    cell_fill(tly_table_key(table, place), key);
    // ORDER[table-slot] release: the entry is complete before it is found.
    tly_store_release(tly_table_hash_at(table, place), hash);
    return place;
}

// Counts so many entries, which are made.
static void length_set(struct tly_table *table, uint32_t length) {
    table->end = length;
    // ORDER[table-length] release: the cells are stored before they count, and
    // their place before it is read.
    tly_store_release(&table->length, length);
}

static void entry_fill(struct tly_table *table, uint32_t hash, tally_value key,
                       tally_value value) {
    uint32_t length = table->length;
    tly_table_order(table)[length] = place_fill(table, hash, key, value);
    length_set(table, length + 1);
}

void tly_table_add(struct tly_table *table, uint32_t hash, tally_value key,
                   tally_value value) {
    tly_check(table->length < table->capacity);
    tally_touch_(&table->head);
    entry_fill(table, hash, key, value);
}

// How many entries ahead of its use memory is asked for: what is read, and
// where it goes to.
#define AHEAD_READ 16u
#define AHEAD_WRITE 8u

static void entry_ask(const struct tly_table *from, uint32_t n, uint32_t count,
                      const struct tly_table *to) {
    const uint32_t *order = tly_table_order(from);
    if (n + AHEAD_READ < count)
        __builtin_prefetch(tly_table_key(from, order[n + AHEAD_READ]));
    if (n + AHEAD_WRITE < count) {
        // Relaxed: the caller holds the lock.
        uint32_t hash =
            tly_load_relaxed(tly_table_hash_at(from, order[n + AHEAD_WRITE]));
        __builtin_prefetch(tly_bucket_hashes(to, tly_table_home(to, hash)), 1);
    }
}

// Fills [to] with the first [count] entries of [from], as they are.
static void entries_take(const struct tly_table *from, uint32_t count,
                         struct tly_table *to, bool counted) {
    const uint32_t *order = tly_table_order(from);
    for (uint32_t n = 0; n < count; n++) {
        entry_ask(from, n, count, to);
        tally_value key = tally_cell_get(tly_table_key(from, order[n]));
        if (tally_is_absent(key))
            continue;
        tally_value value = tally_cell_get(tly_table_value(from, order[n]));
        if (counted) {
            tally_value_incref(key);
            if (to->shift)
                tally_value_incref(value);
        }
        // Relaxed: the caller holds the lock.
        entry_fill(to, tly_load_relaxed(tly_table_hash_at(from, order[n])), key,
                   value);
    }
}

void tly_table_copy(struct tly_table *from, struct tly_table *to) {
    tally_touch_(&to->head);
    entries_take(from, from->length, to, true);
}

// ---- moving many

uint32_t tly_table_places(const struct tly_table *table) {
    return table->buckets * tly_bucket_places(table->shift);
}

// The number of a place, without the words that are none.
static uint32_t place_number(const struct tly_table *table, uint32_t place) {
    uint32_t shift = table->shift;
    return place / TLY_BUCKET_WORDS * tly_bucket_places(shift) +
           ((place % TLY_BUCKET_WORDS + shift - 3) >> shift);
}

// A bucket where the probing of none that were passed goes on.
static uint32_t bucket_first(const struct tly_table *table) {
    unsigned places = tly_bucket_places(table->shift);
    uint32_t bucket = 0;
    // Relaxed: the caller holds the lock.
    while (tly_load_relaxed(&tly_bucket_hashes(table, bucket)[places]))
        bucket = tly_bucket_next(table, bucket);
    return tly_bucket_next(table, bucket);
}

// Moves what a bucket has, and notes where it went; 0: it was deleted.
static void bucket_move(const struct tly_table *from, uint32_t bucket,
                        struct tly_table *to, uint32_t *went) {
    const uint32_t *hashes = tly_bucket_hashes(from, bucket);
    for (unsigned n = 0; n < tly_bucket_places(from->shift); n++) {
        uint32_t place = tly_bucket_place(bucket, n, from->shift);
        uint32_t hash = tly_load_relaxed(&hashes[n]); // Relaxed: as above.
        tally_value key = tally_cell_get(tly_table_key(from, place));
        tally_value value = tally_cell_get(tly_table_value(from, place));
        uint32_t *there = &went[place_number(from, place)];
        *there = tally_is_absent(key) ? 0 : place_fill(to, hash, key, value);
    }
}

// As entries_take, bucket by bucket: hashes that are beside each other in one
// table are so in the other. Entries with one hash come in their order.
static void buckets_move(const struct tly_table *from, uint32_t count,
                         struct tly_table *to, uint32_t *went) {
    uint32_t first = bucket_first(from), bucket = first, length = 0;
    do {
        bucket_move(from, bucket, to, went);
        bucket = tly_bucket_next(from, bucket);
    } while (bucket != first);
    const uint32_t *order = tly_table_order(from);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t place = went[place_number(from, order[n])];
        if (place)
            tly_table_order(to)[length++] = place;
    }
    length_set(to, length);
}

void tly_table_move(struct tly_table *from, struct tly_table *to,
                    uint32_t *went) {
    uint32_t count = from->length;
    // A collection that watches either must not believe what it reads of them
    // now; between the two, the references are nobody's, and so from outside.
    tally_touch_(&from->head);
    tally_touch_(&to->head);
    // ORDER[table-length] release: who reads the cells no more knows why.
    tly_store_release(&from->length, 0);
    if (went)
        buckets_move(from, count, to, went);
    else
        entries_take(from, count, to, false);
}
