// Probing, adding, moving.

#include "container/table.h"

#include "base/check.h"
#include "container/quick.h"
#include "container/text.h"
#include "object/header.h"
#include "object/type.h"
#include "object/weak.h"

#define CAPACITY_LEAST 6u

// The cells that hold references: also while others add to them.
static void table_visit(void *object, struct tally_visitor *visitor) {
    struct tly_table *table = object;
    // ORDER[table-length] acquire: the cells of so many entries are stored;
    // those of more are counted as well, if they are.
    if (tly_load_acquire(&table->length))
        tally_visit_cells(visitor, table->cells,
                          (size_t)table->places << table->shift);
}
TALLY_TYPE(tly_table, TALLY_ITEMS(cells, words), TALLY_VISIT_LIVE(table_visit));

// ---- sizes

// The places for so many entries.
static uint32_t places_for(uint32_t capacity) {
    return capacity + capacity / 6 + 1;
}

uint32_t tly_table_room(uint32_t live) {
    uint64_t room = (uint64_t)live + live / 3 + (live ? 8 : 1);
    return room > TLY_TABLE_MOST ? TLY_TABLE_MOST : (uint32_t)room;
}

struct tly_table *tly_table_new(uint32_t capacity, unsigned shift) {
    if (capacity < CAPACITY_LEAST)
        capacity = CAPACITY_LEAST;
    uint32_t places = places_for(capacity);
    size_t words =
        ((size_t)places << shift) + ((size_t)places + capacity + 1) / 2;
    struct tly_table *table = tally_new_items(tly_table, words);
    if (!table)
        return NULL;
    table->places = places;
    table->capacity = capacity;
    table->shift = shift;
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

// Whether two objects have one type.
static bool is_alike(const tally_object *a, const tally_object *b) {
    // Relaxed: the type's bits never change.
    return !((tly_load_relaxed(&a->shared_) ^ tly_load_relaxed(&b->shared_)) &
             TLY_TYPE_MASK);
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

// Whether the key at a place is the run; ASK: it is of another type.
TLY_INLINE enum tly_found compare_run(tally_value key,
                                      const struct tly_run *run) {
    if (tally_object_of(key) == &run->head)
        return TLY_FOUND;
    if (TLY_UNLIKELY(!tally_is_object(key)))
        return tally_is_absent(key) ? TLY_MISSING : TLY_ASK;
    if (TLY_UNLIKELY(!is_alike(tally_object_of(key), &run->head)))
        return TLY_ASK;
    return tly_run_equal(tally_object_of(key), run) ? TLY_FOUND : TLY_MISSING;
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
        found = compare_run(key, probe->run);
    return found == TLY_ASK ? compare_slow(table, place, key, probe) : found;
}

enum tly_found tly_table_find(const struct tly_table *table,
                              const struct tly_probe *probe,
                              uint32_t *ret_place) {
    const uint32_t *hashes = tly_table_hashes(table);
    uint32_t place = tly_table_home(table, probe->hash);
    for (;; place = place == table->places ? 1 : place + 1) {
        // ORDER[table-slot] acquire: the entry as it was made.
        uint32_t hash = tly_load_acquire(&hashes[place]);
        if (!hash)
            return TLY_MISSING;
        if (hash != probe->hash)
            continue;
        enum tly_found found = compare(table, place, probe);
        if (found == TLY_MISSING)
            continue;
        *ret_place = place;
        return found;
    }
}

enum tly_found tly_table_find_run(const struct tly_table *table,
                                  const struct tly_run *run, uint32_t wanted,
                                  uint32_t *ret_place) {
    const uint32_t *hashes = tly_table_hashes(table);
    uint32_t place = tly_table_home(table, wanted);
    __builtin_prefetch(tly_table_key(table, place));
    for (;; place = place == table->places ? 1 : place + 1) {
        // ORDER[table-slot] acquire: the entry as it was made.
        uint32_t hash = tly_load_acquire(&hashes[place]);
        if (!hash)
            return TLY_MISSING;
        if (hash != wanted)
            continue;
        enum tly_found found =
            compare_run(tally_cell_get(tly_table_key(table, place)), run);
        if (found == TLY_MISSING)
            continue;
        *ret_place = place;
        return found;
    }
}

uint32_t tly_table_step(const struct tly_table *table, uint32_t hash,
                        uint32_t place) {
    uint32_t home = tly_table_home(table, hash);
    return place - home + 1 + (place < home ? table->places : 0);
}

uint32_t tly_table_seek(const struct tly_table *table, uint32_t hash,
                        unsigned which, tally_value word) {
    const uint32_t *hashes = tly_table_hashes(table);
    uint32_t place = tly_table_home(table, hash);
    for (;; place = place == table->places ? 1 : place + 1) {
        // Relaxed: the caller holds the lock.
        uint32_t there = tly_load_relaxed(&hashes[place]);
        if (!there)
            return 0;
        if (there == hash &&
            tally_is(tally_cell_get(tly_table_key(table, place) + which), word))
            return place;
    }
}

// ---- adding

static void cell_fill(tally_cell *cell, tally_value value) {
    tally_ref_store_(&cell->ref_, (tally_object *)(uintptr_t)value.bits_);
}

// Makes an entry, which readers find then. The container is touched.
static void entry_fill(struct tly_table *table, uint32_t hash, tally_value key,
                       tally_value value) {
    uint32_t *hashes = tly_table_hashes(table), length = table->length;
    uint32_t place = tly_table_home(table, hash);
    // Relaxed: the caller holds the lock.
    while (tly_load_relaxed(&hashes[place]))
        place = place == table->places ? 1 : place + 1;
    if (table->shift)
        cell_fill(tly_table_value(table, place), value);
    cell_fill(tly_table_key(table, place), key);
    tly_table_order(table)[length] = place;
    table->end = length + 1;
    // ORDER[table-length] release: the cells are stored before they count, and
    // their place before it is read.
    tly_store_release(&table->length, length + 1);
    // ORDER[table-slot] release: the entry is complete before it is found.
    tly_store_release(&hashes[place], hash);
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
    const uint32_t *hashes = tly_table_hashes(from);
    if (n + AHEAD_READ < count) {
        uint32_t place = order[n + AHEAD_READ];
        __builtin_prefetch(&hashes[place]);
        __builtin_prefetch(tly_table_key(from, place));
    }
    if (n + AHEAD_WRITE < count) {
        // Relaxed: the caller holds the lock.
        uint32_t hash = tly_load_relaxed(&hashes[order[n + AHEAD_WRITE]]);
        uint32_t place = tly_table_home(to, hash);
        __builtin_prefetch(&tly_table_hashes(to)[place], 1);
        __builtin_prefetch(tly_table_key(to, place), 1);
    }
}

// Fills [to] with the first [count] entries of [from], as they are.
static void entries_take(const struct tly_table *from, uint32_t count,
                         struct tly_table *to, bool counted) {
    const uint32_t *order = tly_table_order(from);
    const uint32_t *hashes = tly_table_hashes(from);
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
        entry_fill(to, tly_load_relaxed(&hashes[order[n]]), key, value);
    }
}

void tly_table_copy(struct tly_table *from, struct tly_table *to) {
    tally_touch_(&to->head);
    entries_take(from, from->length, to, true);
}

void tly_table_move(struct tly_table *from, struct tly_table *to) {
    uint32_t count = from->length;
    // A collection that watches either must not believe what it reads of them
    // now; between the two, the references are nobody's, and so from outside.
    tally_touch_(&from->head);
    tally_touch_(&to->head);
    // ORDER[table-length] release: who reads the cells no more knows why.
    tly_store_release(&from->length, 0);
    entries_take(from, count, to, false);
}
