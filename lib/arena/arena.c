// Taking and giving runs of units.

#include "arena/arena.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/poison.h"
#include "platform/os.h"
#include "sync/spin.h"

_Static_assert(sizeof(struct tly_arena) <= TLY_META_UNITS * TLY_DESCRIPTOR_SIZE,
               "the arena's structure fits where no unit needs a descriptor");
_Static_assert(TLY_ARENA_UNITS *TLY_DESCRIPTOR_SIZE ==
                   TLY_META_UNITS * TLY_UNIT_SIZE,
               "descriptors fill the metadata units");

static struct tly_spin units_lock = TLY_SPIN_INIT(TLY_RANK_ARENA);
static uint64_t units_delay = 1000000000u; // (a) ns until free units are purged
static uint64_t units_freed_at; // (a) the first free since the last purge, or 0
static size_t units_used;       // (a)
static size_t units_hint;       // (a) arenas in lower slots have no free unit

static struct tly_arena *arena_make(void) {
    struct tly_arena *arena = tly_slots_take(1);
    if (!arena)
        return NULL;
    for (unsigned w = 0; w < TLY_ARENA_WORDS; w++)
        arena->free[w] = ~(uint64_t)0;
    arena->free[0] &= ~tly_bit_mask(TLY_META_UNITS);
    tly_slot_set(tly_slot_of(arena), TLY_SLOT_ARENA, true);
    return arena;
}

static bool unit_is(const uint64_t *words, unsigned unit) {
    // Relaxed: ordered by the caller's acquire of the free bits.
    return tly_load_relaxed(&words[unit / 64]) >> (unit % 64) & 1;
}

// The first of [count] free units in a row; TLY_ARENA_UNITS if there is none.
static unsigned run_find(struct tly_arena *arena, unsigned count) {
    uint64_t free[TLY_ARENA_WORDS];
    for (unsigned w = 0; w < TLY_ARENA_WORDS; w++)
        // ORDER[unit-free] acquire: all uses of a unit happen before it is
        // taken again. Pairs with the release in tly_units_give.
        free[w] = tly_load_acquire(&arena->free[w]);
    unsigned run = 0;
    for (unsigned u = TLY_META_UNITS; u < TLY_ARENA_UNITS; u++) {
        uint64_t rest = free[u / 64] >> (u % 64);
        if (rest == 0) {
            u |= 63;
            run = 0;
        } else if (!(rest & 1)) {
            run = 0;
        } else if (++run == count) {
            return u + 1 - count;
        }
    }
    return TLY_ARENA_UNITS;
}

// Takes a run out of the free bits. The caller holds the lock, so nobody else
// clears bits.
static void run_take(struct tly_arena *arena, unsigned first, unsigned count) {
    for (unsigned u = first; u < first + count; u++)
        // Relaxed: run_find has acquired.
        tly_and_relaxed(&arena->free[u / 64], ~((uint64_t)1 << (u % 64)));
}

static bool run_is_clean(struct tly_arena *arena, unsigned first,
                         unsigned count) {
    bool clean = true;
    for (unsigned u = first; u < first + count; u++)
        clean = clean && !unit_is(arena->dirty, u);
    return clean;
}

static void *take_from(struct tly_arena *arena, unsigned count,
                       bool *ret_clean) {
    unsigned unit = run_find(arena, count);
    if (unit == TLY_ARENA_UNITS)
        return NULL;
    run_take(arena, unit, count);
    *ret_clean = run_is_clean(arena, unit, count);
    return tly_unit_at(arena, unit);
}

static bool is_full(struct tly_arena *arena) {
    uint64_t any = 0;
    for (unsigned w = 0; w < TLY_ARENA_WORDS; w++)
        // ORDER[unit-hint] seq_cst: read after the hint was raised (Dekker).
        any |= tly_load_seq_cst(&arena->free[w]);
    return any == 0;
}

static void hint_lower(size_t slot) {
    // ORDER[unit-hint] seq_cst: read after a free bit was set. Pairs with
    // hint_raise, which reads the free bits after it has raised the hint.
    size_t hint = tly_load_seq_cst(&units_hint);
    while (slot < hint && !tly_cas_seq_cst(&units_hint, &hint, slot)) {
    }
}

static void hint_raise(struct tly_arena *arena, size_t slot) {
    size_t hint = slot;
    if (!is_full(arena))
        return;
    // ORDER[unit-hint] seq_cst: see hint_lower.
    if (tly_cas_seq_cst(&units_hint, &hint, slot + 1) && !is_full(arena))
        hint_lower(slot);
}

static void *take_any(unsigned count, bool *ret_clean) {
    size_t slots = tly_slots_frontier();
    // Relaxed: a hint that is too low costs time only, and one that is too
    // high is lowered by whoever frees a unit.
    for (size_t n = tly_load_relaxed(&units_hint); n < slots; n++) {
        struct tly_arena *arena = tly_arena_at(n);
        if (!arena)
            continue;
        void *units = take_from(arena, count, ret_clean);
        if (units)
            return units;
        hint_raise(arena, n);
    }
    return NULL;
}

void *tly_units_take(unsigned count, bool *ret_clean) {
    tly_arena_tick();
    tly_spin_lock(&units_lock);
    void *units = take_any(count, ret_clean);
    tly_spin_unlock(&units_lock);
    if (!units) {
        struct tly_arena *arena = arena_make();
        if (!arena)
            return NULL;
        tly_spin_lock(&units_lock);
        // The new arena is empty, but others may have come first.
        units = take_from(arena, count, ret_clean);
        tly_spin_unlock(&units_lock);
        if (!units)
            return tly_units_take(count, ret_clean);
    }
    // Relaxed: a statistic.
    tly_add_relaxed(&units_used, count);
    tly_unpoison(units, count * TLY_UNIT_SIZE);
    return units;
}

// Notes that there is something to purge, and since when.
static void purge_want(void) {
    uint64_t never = 0;
    // Relaxed: a time.
    if (!tly_load_relaxed(&units_freed_at))
        tly_cas_relaxed(&units_freed_at, &never, tly_os_now_coarse());
}

void tly_units_give(void *first, unsigned count) {
    struct tly_arena *arena = tly_arena_of(first);
    unsigned unit = tly_unit_of(first);
    // Relaxed: statistics; the free bits below order the rest.
    purge_want();
    tly_add_relaxed(&units_used, (size_t)0 - count);
    for (unsigned u = unit; u < unit + count; u++) {
        tly_check(!unit_is(arena->free, u));
        tly_or_relaxed(&arena->dirty[u / 64], (uint64_t)1 << (u % 64));
        // ORDER[unit-free] seq_cst: all uses of the unit happen before it is
        // taken again; and the hint is read after.
        tly_or_seq_cst(&arena->free[u / 64], (uint64_t)1 << (u % 64));
    }
    hint_lower(tly_slot_of(arena));
}

void *tly_huge_take(size_t size) {
    size_t head = TLY_META_UNITS * TLY_UNIT_SIZE;
    if (size >= tly_range_size) {
        errno = ENOMEM;
        return NULL;
    }
    size_t slots = (size + head + TLY_SLOT_SIZE - 1) / TLY_SLOT_SIZE;
    struct tly_arena *arena = tly_slots_take(slots);
    if (!arena)
        return NULL;
    arena->slots = slots;
    arena->units = (size + TLY_UNIT_SIZE - 1) / TLY_UNIT_SIZE;
    tly_add_relaxed(&units_used, arena->units);
    return tly_unit_at(arena, TLY_META_UNITS);
}

void tly_huge_give(void *block) {
    struct tly_arena *arena = tly_arena_of(block);
    size_t slots = arena->slots;
    purge_want();
    tly_add_relaxed(&units_used, (size_t)0 - arena->units);
    tly_slots_give(arena, slots);
}

void tly_arena_end(void) {
    // Relaxed: nothing else runs.
    tly_store_relaxed(&units_used, 0);
    tly_store_relaxed(&units_hint, 0);
    tly_store_relaxed(&units_freed_at, 0);
    tly_range_end();
}

// Purges one run of free dirty units, which nobody can take meanwhile.
static size_t run_purge(struct tly_arena *arena, unsigned first,
                        unsigned count) {
    size_t bytes = count * TLY_UNIT_SIZE;
    bool done = tly_os_purge(tly_unit_at(arena, first), bytes) == TALLY_OK;
    for (unsigned u = first; u < first + count; u++) {
        uint64_t bit = (uint64_t)1 << (u % 64);
        if (done)
            tly_and_relaxed(&arena->dirty[u / 64], ~bit);
        // ORDER[unit-free] seq_cst: the purge happens before the next use; and
        // the hint is read after.
        tly_or_seq_cst(&arena->free[u / 64], bit);
    }
    return done ? bytes : 0;
}

// The next run of free dirty units from *first on, taken; 0 if none is left.
static unsigned run_take_dirty(struct tly_arena *arena, unsigned *first) {
    tly_spin_lock(&units_lock);
    unsigned u = *first;
    while (u < TLY_ARENA_UNITS &&
           !(unit_is(arena->free, u) && unit_is(arena->dirty, u)))
        u++;
    *first = u;
    while (u < TLY_ARENA_UNITS && unit_is(arena->free, u) &&
           unit_is(arena->dirty, u))
        u++;
    unsigned count = u - *first;
    if (count) {
        // ORDER[unit-free] acquire: the units' last uses, as in run_find.
        for (unsigned w = 0; w < TLY_ARENA_WORDS; w++)
            (void)tly_load_acquire(&arena->free[w]);
        run_take(arena, *first, count);
    }
    tly_spin_unlock(&units_lock);
    return count;
}

static size_t arena_purge(struct tly_arena *arena) {
    size_t bytes = 0;
    unsigned first = TLY_META_UNITS;
    for (unsigned count; (count = run_take_dirty(arena, &first)) > 0;) {
        bytes += run_purge(arena, first, count);
        hint_lower(tly_slot_of(arena));
        first += count;
    }
    return bytes;
}

size_t tly_arena_purge(void) {
    size_t bytes = tly_slots_purge();
    size_t slots = tly_slots_frontier();
    for (size_t n = 0; n < slots; n++) {
        struct tly_arena *arena = tly_arena_at(n);
        if (arena)
            bytes += arena_purge(arena);
    }
    return bytes;
}

void tly_arena_set_delay(uint64_t delay) {
    tly_store_relaxed(&units_delay, delay);
}

void tly_arena_tick(void) {
    // Relaxed: a hint that there is something to purge, and since when.
    uint64_t freed_at = tly_load_relaxed(&units_freed_at);
    if (TLY_LIKELY(freed_at == 0))
        return;
    uint64_t delay = tly_load_relaxed(&units_delay);
    if (tly_os_now_coarse() - freed_at < delay)
        return;
    // One thread does it; what is freed meanwhile sets the hint again.
    if (tly_cas_relaxed(&units_freed_at, &freed_at, 0))
        tly_arena_purge();
}

struct tly_arena_bytes tly_arena_bytes(void) {
    struct tly_arena_bytes bytes = {0, tly_slots_dirty_bytes(), 0};
    // Relaxed: statistics.
    bytes.used = tly_load_relaxed(&units_used) * TLY_UNIT_SIZE;
    size_t slots = tly_slots_frontier();
    for (size_t n = 0; n < slots; n++) {
        struct tly_arena *arena = tly_arena_at(n);
        if (!arena)
            continue;
        bytes.metadata += TLY_META_UNITS * TLY_UNIT_SIZE;
        for (unsigned w = 0; w < TLY_ARENA_WORDS; w++)
            bytes.dirty += TLY_UNIT_SIZE *
                           tly_bit_count(tly_load_relaxed(&arena->dirty[w]) &
                                         tly_load_relaxed(&arena->free[w]));
    }
    return bytes;
}

void tly_arena_hold(bool hold) {
    tly_range_hold(hold);
    tly_spin_hold(&units_lock, hold);
}
