// Probing, adding, moving.

#include "container/table.h"

#include "base/bits.h"
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
    // ORDER[table-length] acquire: the cells of so many entries are stored.
    size_t count = tly_load_acquire(&table->length);
    if (count)
        tally_visit_cells(visitor, table->cells, count << table->shift);
}
TALLY_TYPE(tly_table, TALLY_ITEMS(cells, words), TALLY_VISIT_LIVE(table_visit));

// ---- sizes

// The slots for so many entries: a power of two, three quarters of which they
// fill at most.
static uint32_t slots_for(uint32_t capacity) {
    uint32_t least = capacity + (capacity + 2) / 3;
    return (uint32_t)1 << (tly_bit_highest(least - 1) + 1);
}

// Two steps to a doubling, 17/32 and 24/32 of the slots: what a step leaves
// unused is less than what the slots of the next power of two take.
uint32_t tly_table_room(uint32_t live) {
    uint64_t wanted = (uint64_t)live + live / 5 + 1;
    uint64_t slots = 8;
    while (slots / 4 * 3 < wanted)
        slots *= 2;
    uint64_t room = slots / 32 * 17;
    if (room < wanted)
        room = slots / 4 * 3;
    return room > TLY_TABLE_MOST ? TLY_TABLE_MOST : (uint32_t)room;
}

struct tly_table *tly_table_new(uint32_t capacity, unsigned shift) {
    if (capacity < CAPACITY_LEAST)
        capacity = CAPACITY_LEAST;
    uint32_t slots = slots_for(capacity);
    size_t words =
        ((size_t)capacity << shift) + ((size_t)slots + capacity + 1) / 2;
    struct tly_table *table = tally_new_items(tly_table, words);
    if (!table)
        return NULL;
    table->mask = slots - 1;
    table->capacity = capacity;
    table->shift = shift;
    return table;
}

// ---- looking

// The bytes or the text that a key is; or NULL.
static const struct tly_run *run_in(tally_value key) {
    if (!tally_is_object(key))
        return NULL;
    const tally_type *type = tly_type_of(tally_object_of(key));
    if (type != &tally_type_text && type != &tally_type_bytes)
        return NULL;
    return tally_object_of(key);
}

bool tly_probe_quick(struct tly_probe *probe, tally_value key) {
    uint64_t hash;
    *probe = (struct tly_probe){.key = key, .run = run_in(key)};
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
                                   uint32_t number, tally_value key,
                                   const struct tly_probe *probe) {
    if (probe->by_target)
        return tly_weak_target(tally_object_of(key)) ==
                       tally_object_of(probe->key)
                   ? TLY_FOUND
                   : TLY_MISSING;
    bool equal = false;
    if (tly_equal_quick(key, probe->key, &equal))
        return equal ? TLY_FOUND : TLY_MISSING;
    // Relaxed: stored before the slot that was read.
    if (tly_load_relaxed(&tly_table_hashes(table)[number - 1]) != probe->hash)
        return TLY_MISSING;
    if (probe->table != table)
        return TLY_ASK;
    // Entries with one hash lie in the order of their numbers.
    if (number == probe->equal && tally_is(key, probe->asked))
        return TLY_FOUND;
    return number <= probe->unequal ? TLY_MISSING : TLY_ASK;
}

// Whether an entry's key is what is looked for.
TLY_INLINE enum tly_found compare(const struct tly_table *table,
                                  uint32_t number,
                                  const struct tly_probe *probe) {
    tally_value key = tally_cell_get(tly_table_key(table, number));
    if (tally_is(key, probe->key))
        return TLY_FOUND;
    if (tally_is_absent(key))
        return TLY_MISSING;
    if (TLY_LIKELY(probe->run && tally_is_object(key) &&
                   is_alike(tally_object_of(key), &probe->run->head)))
        return tly_run_equal(tally_object_of(key), probe->run) ? TLY_FOUND
                                                               : TLY_MISSING;
    return compare_slow(table, number, key, probe);
}

enum tly_found tly_table_find(const struct tly_table *table,
                              const struct tly_probe *probe,
                              uint32_t *ret_number) {
    const uint32_t *slots = tly_table_slots(table);
    uint32_t mask = table->mask, hash = probe->hash;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
        // ORDER[table-slot] acquire: the entry as it was made.
        uint32_t slot = tly_load_acquire(&slots[at]);
        if (!slot)
            return TLY_MISSING;
        if ((slot ^ hash) & ~mask)
            continue;
        enum tly_found found = compare(table, slot & mask, probe);
        if (found == TLY_MISSING)
            continue;
        *ret_number = slot & mask;
        return found;
    }
}

uint32_t tly_table_seek(const struct tly_table *table, uint32_t hash,
                        unsigned which, tally_value word) {
    const uint32_t *slots = tly_table_slots(table);
    uint32_t mask = table->mask;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
        // Relaxed: the caller holds the lock.
        uint32_t slot = tly_load_relaxed(&slots[at]);
        if (!slot)
            return 0;
        uint32_t number = slot & mask;
        if (!((slot ^ hash) & ~mask) &&
            tally_is(tally_cell_get(tly_table_key(table, number) + which),
                     word))
            return number;
    }
}

// ---- adding

static void cell_fill(tally_cell *cell, tally_value value) {
    tally_ref_store_(&cell->ref_, (tally_object *)(uintptr_t)value.bits_);
}

// Fills the entry with this number, one more than the table's length, and lets
// readers find it. The container is touched.
static void entry_fill(struct tly_table *table, uint32_t number, uint32_t hash,
                       tally_value key, tally_value value) {
    if (table->shift)
        cell_fill(tly_table_value(table, number), value);
    cell_fill(tly_table_key(table, number), key);
    // Relaxed: before the slot.
    tly_store_relaxed(&tly_table_hashes(table)[number - 1], hash);
    // ORDER[table-length] release: the cells are stored before they count.
    tly_store_release(&table->length, number);
    uint32_t *slots = tly_table_slots(table), mask = table->mask;
    uint32_t at = hash & mask;
    // Relaxed: the caller holds the lock.
    while (tly_load_relaxed(&slots[at]))
        at = (at + 1) & mask;
    // ORDER[table-slot] release: the entry is complete before it is found.
    tly_store_release(&slots[at], (hash & ~mask) | number);
}

void tly_table_add(struct tly_table *table, uint32_t hash, tally_value key,
                   tally_value value) {
    tly_check(table->length < table->capacity);
    tally_touch_(&table->head);
    entry_fill(table, table->length + 1, hash, key, value);
}

// Fills [to] with the first [count] entries of [from], as they are.
static void entries_take(const struct tly_table *from, uint32_t count,
                         struct tly_table *to, bool counted) {
    const uint32_t *hashes = tly_table_hashes(from);
    uint32_t number = to->length;
    for (uint32_t n = 1; n <= count; n++) {
        tally_value key = tally_cell_get(tly_table_key(from, n));
        if (tally_is_absent(key))
            continue;
        tally_value value = tally_cell_get(tly_table_value(from, n));
        if (counted) {
            tally_value_incref(key);
            if (to->shift)
                tally_value_incref(value);
        }
        // Relaxed: the caller holds the lock.
        entry_fill(to, ++number, tly_load_relaxed(&hashes[n - 1]), key, value);
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
