// Slots, first fit by address: what is in use gathers at the low end.

#include "arena/range.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/poison.h"
#include "platform/os.h"
#include "sync/mutex.h"

#define WORDS (TLY_SLOTS_MAX / 64)
#define DEFAULT_MIN ((size_t)64 << 30)

char *tly_range_base;
size_t tly_range_size;

// One bit a slot.
static uint64_t slot_used[WORDS];      // (a) set under the lock
static uint64_t slot_committed[WORDS]; // under the lock
static uint64_t slot_dirty[WORDS];     // (a) has had memory since the purge
static uint64_t slot_kinds[TLY_SLOT_KINDS][WORDS]; // (a)
static size_t slots_frontier;                      // (a)
static struct tly_mutex slots_lock = TLY_MUTEX_INIT(TLY_RANK_ARENA);

static bool bit_get(const uint64_t *words, size_t n) {
    // Relaxed: the slot's user, or the lock, orders it.
    return tly_load_relaxed(&words[n / 64]) >> (n % 64) & 1;
}

static void bit_set(uint64_t *words, size_t n) {
    tly_or_relaxed(&words[n / 64], (uint64_t)1 << (n % 64));
}

static void bit_clear(uint64_t *words, size_t n) {
    // ORDER[slot-free] acq_rel: all uses of the slot happen before it is
    // found free. Pairs with the acquire in run_find.
    tly_and_acq_rel(&words[n / 64], ~((uint64_t)1 << (n % 64)));
}

void tly_slot_set(size_t slot, enum tly_slot_kind kind, bool is) {
    uint64_t *word = &slot_kinds[kind][slot / 64];
    uint64_t bit = (uint64_t)1 << (slot % 64);
    // ORDER[slot-kind] acq_rel: the structure in the slot is complete before
    // it is found, and found no more before the slot is given back.
    if (is)
        tly_or_acq_rel(word, bit);
    else
        tly_and_acq_rel(word, ~bit);
}

bool tly_slot_is(size_t slot, enum tly_slot_kind kind) {
    // ORDER[slot-kind] acquire: see tly_slot_set.
    return tly_load_acquire(&slot_kinds[kind][slot / 64]) >> (slot % 64) & 1;
}

static size_t default_size(void) {
    size_t size = DEFAULT_MIN;
    while (size < 4 * tly_os_memory() && size < TLY_RANGE_MAX)
        size *= 2;
    return size;
}

tally_status tly_range_start(size_t size) {
    if (size == 0)
        size = default_size();
    size = TLY_ROUND_UP(size, TLY_SLOT_SIZE);
    for (; size >= TLY_RANGE_MIN; size /= 2) {
        size = size / TLY_SLOT_SIZE * TLY_SLOT_SIZE;
        tly_range_base = tly_os_reserve(size, TLY_SLOT_SIZE);
        if (tly_range_base)
            break;
    }
    if (!tly_range_base)
        return TALLY_NO_MEMORY;
    tly_range_size = size;
    return TALLY_OK;
}

void tly_range_end(void) {
    for (size_t n = 0; n < slots_frontier; n++)
        if (bit_get(slot_committed, n))
            tly_scan_end(tly_range_base + n * TLY_SLOT_SIZE, TLY_SLOT_SIZE);
    tly_unpoison(tly_range_base, slots_frontier * TLY_SLOT_SIZE);
    tly_os_unreserve(tly_range_base, tly_range_size);
    tly_range_base = NULL;
    tly_range_size = 0;
    for (size_t w = 0; w <= slots_frontier / 64 && w < WORDS; w++) {
        slot_used[w] = slot_committed[w] = slot_dirty[w] = 0;
        for (unsigned kind = 0; kind < TLY_SLOT_KINDS; kind++)
            slot_kinds[kind][w] = 0;
    }
    slots_frontier = 0;
}

size_t tly_slots_frontier(void) {
    // ORDER[frontier] acquire: slots below it are complete. Pairs with the
    // release in tly_slots_take.
    return tly_load_acquire(&slots_frontier);
}

// The first of [count] free slots in a row, or the number of slots.
static size_t run_find(size_t count) {
    size_t slots = tly_range_size / TLY_SLOT_SIZE, run = 0;
    for (size_t n = 0; n < slots; n++) {
        // ORDER[slot-free] acquire: see bit_clear.
        uint64_t word = tly_load_acquire(&slot_used[n / 64]);
        if (n % 64 == 0 && word == ~(uint64_t)0) {
            n += 63;
            run = 0;
        } else if (word >> (n % 64) & 1) {
            run = 0;
        } else if (++run == count) {
            return n + 1 - count;
        }
    }
    return slots;
}

// Makes a free slot readable, writable and zero.
static bool slot_prepare(size_t n) {
    char *slot = tly_range_base + n * TLY_SLOT_SIZE;
    if (!bit_get(slot_committed, n)) {
        if (tly_os_commit(slot, TLY_SLOT_SIZE) != TALLY_OK)
            return false;
        bit_set(slot_committed, n);
        tly_scan_begin(slot, TLY_SLOT_SIZE);
    }
    tly_unpoison(slot, TLY_SLOT_SIZE);
    if (bit_get(slot_dirty, n)) {
        if (tly_os_purge(slot, TLY_SLOT_SIZE) != TALLY_OK)
            memset(slot, 0, TLY_SLOT_SIZE);
        bit_clear(slot_dirty, n);
    }
    return true;
}

void *tly_slots_take(size_t count) {
    void *first = NULL;
    tly_mutex_lock(&slots_lock);
    size_t at = run_find(count), n = 0;
    if (at < tly_range_size / TLY_SLOT_SIZE)
        while (n < count && slot_prepare(at + n))
            n++;
    if (n == count && count > 0) {
        for (n = 0; n < count; n++)
            bit_set(slot_used, at + n);
        first = tly_range_base + at * TLY_SLOT_SIZE;
        // ORDER[frontier] release: the slots are zero.
        if (at + count > slots_frontier)
            tly_store_release(&slots_frontier, at + count);
    } else {
        errno = ENOMEM;
    }
    tly_mutex_unlock(&slots_lock);
    return first;
}

void tly_slots_give(void *first, size_t count) {
    size_t at = (size_t)((char *)first - tly_range_base) / TLY_SLOT_SIZE;
    for (size_t n = at; n < at + count; n++) {
        tly_check(bit_get(slot_used, n));
        bit_set(slot_dirty, n);
        bit_clear(slot_used, n);
    }
}

size_t tly_slots_purge(void) {
    size_t bytes = 0;
    tly_mutex_lock(&slots_lock);
    for (size_t n = 0; n < slots_frontier; n++) {
        if (!bit_get(slot_dirty, n) || bit_get(slot_used, n))
            continue;
        if (tly_os_purge(tly_range_base + n * TLY_SLOT_SIZE, TLY_SLOT_SIZE))
            continue;
        bit_clear(slot_dirty, n);
        bytes += TLY_SLOT_SIZE;
    }
    tly_mutex_unlock(&slots_lock);
    return bytes;
}

size_t tly_slots_dirty_bytes(void) {
    size_t count = 0, end = tly_slots_frontier();
    for (size_t w = 0; w * 64 < end; w++)
        count += tly_bit_count(tly_load_relaxed(&slot_dirty[w]) &
                               ~tly_load_relaxed(&slot_used[w]));
    return count * TLY_SLOT_SIZE;
}

void tly_range_hold(bool hold) { tly_mutex_hold(&slots_lock, hold); }
