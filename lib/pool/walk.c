// Arena by arena, by the bits that say where pools of objects begin.

#include "pool/walk.h"

// The next slot that holds an arena, from *slot on; NULL at the end.
static struct tly_arena *arena_next(size_t *slot) {
    size_t slots = tly_slots_frontier();
    while (*slot < slots) {
        struct tly_arena *arena = tly_arena_or_huge_at((*slot)++);
        if (arena)
            return arena;
    }
    return NULL;
}

bool tly_pools_each(tly_pool_fn fn, void *arg) {
    struct tly_arena *arena;
    for (size_t slot = 0; (arena = arena_next(&slot));)
        for (unsigned w = 0; w < TLY_ARENA_WORDS; w++) {
            // ORDER[pool-carved] acquire: the descriptor is complete.
            uint64_t bits = tly_load_acquire(&arena->objects[w]);
            for (; bits; bits &= bits - 1) {
                unsigned unit = w * 64 + tly_bit_lowest(bits);
                if (!fn(arg, tly_descriptor_at(arena, unit)))
                    return false;
            }
        }
    return true;
}

// Where a walk ends that is to see the first [slots] only.
static size_t slots_end(size_t slots) {
    size_t frontier = tly_slots_frontier();
    return frontier < slots ? frontier : slots;
}

static void arena_look(struct tly_arena *arena, bool young, unsigned fresh) {
    for (unsigned w = 0; w < TLY_ARENA_WORDS; w++) {
        // ORDER[pool-carved] acquire: the descriptor is complete.
        uint64_t bits = tly_load_acquire(&arena->objects[w]);
        uint64_t made = 0;
        // Relaxed: each thread has ended with those colours, and has answered.
        for (unsigned c = 0; c < TLY_COLOURS; c++)
            made |= c == fresh ? 0 : tly_load_relaxed(&arena->young[c][w]);
        // Relaxed: see tly_pools_freeze.
        bits &= ~(tly_load_relaxed(&arena->frozen[w]) |
                  tly_load_relaxed(&arena->frozen_large[w]));
        arena->looked[w] = young ? bits & made : bits;
    }
}

// Of a huge block it is noted outside of the slot, which may go while the
// collection goes on.
void tly_pools_look(bool young, unsigned fresh, size_t slots) {
    size_t end = slots_end(slots);
    for (size_t n = 0; n < end; n++) {
        struct tly_arena *arena = tly_arena_or_huge_at(n);
        if (!arena)
            continue;
        arena_look(arena, young, fresh);
        if (!tly_arena_at(n) && arena->looked[0])
            tly_slot_set(n, TLY_SLOT_LOOKED, true);
    }
}

void tly_pools_aged(unsigned fresh) {
    struct tly_arena *arena;
    for (size_t slot = 0; (arena = arena_next(&slot));)
        for (unsigned c = 0; c < TLY_COLOURS; c++)
            for (unsigned w = 0; w < TLY_ARENA_WORDS && c != fresh; w++)
                // Relaxed: as in arena_look.
                if (tly_load_relaxed(&arena->young[c][w]))
                    tly_store_relaxed(&arena->young[c][w], 0);
}

static void arena_choose(struct tly_arena *arena, tly_pool_fn fn, void *arg) {
    for (unsigned w = 0; w < TLY_ARENA_WORDS; w++) {
        arena->looked[w] = 0;
        // ORDER[pool-carved] acquire: the descriptor is complete.
        uint64_t bits = tly_load_acquire(&arena->objects[w]);
        for (; bits; bits &= bits - 1) {
            unsigned unit = w * 64 + tly_bit_lowest(bits);
            if (fn(arg, tly_descriptor_at(arena, unit)))
                arena->looked[w] |= bits & -bits;
        }
    }
}

void tly_pools_choose(tly_pool_fn fn, void *arg, size_t slots) {
    size_t end = slots_end(slots);
    for (size_t n = 0; n < end; n++) {
        struct tly_arena *arena = tly_arena_or_huge_at(n);
        if (!arena)
            continue;
        arena_choose(arena, fn, arg);
        if (!tly_arena_at(n) && arena->looked[0])
            tly_slot_set(n, TLY_SLOT_LOOKED, true);
    }
}

static void arena_looked(struct tly_arena *arena, tly_pool_fn fn, void *arg) {
    for (unsigned w = 0; w < TLY_ARENA_WORDS; w++)
        for (uint64_t bits = arena->looked[w]; bits; bits &= bits - 1) {
            unsigned unit = w * 64 + tly_bit_lowest(bits);
            if (!fn(arg, tly_descriptor_at(arena, unit)))
                arena->looked[w] &= ~(bits & -bits);
        }
}

void tly_pools_looked(tly_pool_fn fn, void *arg) {
    size_t slots = tly_slots_frontier();
    for (size_t n = 0; n < slots; n++) {
        struct tly_arena *arena = tly_arena_at(n);
        if (arena) {
            arena_looked(arena, fn, arg);
        } else if (tly_slot_is(n, TLY_SLOT_LOOKED)) {
            // Before the call: the block may be given back in it.
            tly_slot_set(n, TLY_SLOT_LOOKED, false);
            arena = (struct tly_arena *)(void *)(tly_range_base +
                                                 n * TLY_SLOT_SIZE);
            if (fn(arg, tly_descriptor_at(arena, TLY_META_UNITS)))
                tly_slot_set(n, TLY_SLOT_LOOKED, true);
        }
    }
}

void tly_pool_look_again(struct tly_pool *pool) {
    size_t slot = tly_slot_of((const struct tly_arena *)(const void *)pool);
    if (!tly_arena_at(slot))
        tly_slot_set(slot, TLY_SLOT_LOOKED, true);
}

// A slot is shared out in parts of so many units; in debug builds every pool
// may be another worker's.
#define PART_UNITS (TLY_CHECK ? 1u : 16u)
#define SLOT_PARTS (TLY_ARENA_WORDS * 64 / PART_UNITS)

// So many shares or more, that all end at about the same time.
#define SHARES 128u

struct tly_cursor tly_cursor_begin(void) {
    uint64_t parts = tly_slots_frontier() * SLOT_PARTS;
    uint64_t step = parts / SHARES;
    return (struct tly_cursor){0, parts,
                               step < 1            ? 1
                               : step > SLOT_PARTS ? SLOT_PARTS
                                                   : step};
}

// The looked bits of a part, in their places of a word; [*ret_arena] is whose.
static uint64_t part_bits(uint64_t part, struct tly_arena **ret_arena) {
    size_t slot = part / SLOT_PARTS, first = part % SLOT_PARTS * PART_UNITS;
    struct tly_arena *arena = tly_arena_at(slot);
    if (!arena) {
        if (first || !tly_slot_is(slot, TLY_SLOT_LOOKED))
            return 0;
        *ret_arena =
            (struct tly_arena *)(void *)(tly_range_base + slot * TLY_SLOT_SIZE);
        return (uint64_t)1 << TLY_META_UNITS;
    }
    *ret_arena = arena;
    return arena->looked[first / 64] & tly_bit_mask(PART_UNITS) << (first % 64);
}

static bool part_share(uint64_t part, tly_pool_fn fn, void *arg) {
    struct tly_arena *arena;
    unsigned first = (unsigned)(part % SLOT_PARTS * PART_UNITS / 64 * 64);
    for (uint64_t bits = part_bits(part, &arena); bits; bits &= bits - 1)
        if (!fn(arg, tly_descriptor_at(arena, first + tly_bit_lowest(bits))))
            return false;
    return true;
}

void tly_pools_share(struct tly_cursor *cursor, tly_pool_fn fn, void *arg) {
    for (;;) {
        // Relaxed: each number is somebody's; what the pools hold is ordered by
        // who starts the workers.
        uint64_t part = tly_add_relaxed(&cursor->next, cursor->step);
        if (part >= cursor->end)
            return;
        for (uint64_t n = 0; n < cursor->step && part < cursor->end; n++)
            if (!part_share(part++, fn, arg))
                return;
    }
}

static bool pool_number(void *arg, struct tly_pool *pool) {
    (void)pool;
    ++*(uint64_t *)arg;
    return true;
}

uint64_t tly_pools_looked_count(void) {
    uint64_t count = 0;
    tly_pools_looked(pool_number, &count);
    return count;
}
