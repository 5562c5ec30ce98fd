// Arenas: slots of 4 MiB, cut into 256 units of 16 KiB.
//
//   unit   0 .. 5   this structure, and a descriptor for each unit: 384 bytes
//          6 .. 255 pools and large blocks, in runs of units
//
// INVARIANT  a unit is free (a bit of [free]) or belongs to one run; a free
//            unit that is not [dirty] is zero.
//
// Units are taken under a spinlock, lowest address first, and given back
// without one: a bit is set.

#ifndef TLY_ARENA_ARENA_H
#define TLY_ARENA_ARENA_H

#include "arena/range.h"

#define TLY_UNIT_SIZE ((size_t)16384)
#define TLY_UNIT_SHIFT 14
#define TLY_ARENA_UNITS 256u
#define TLY_ARENA_WORDS (TLY_ARENA_UNITS / 64)

// Objects that are not old have the colour that was new when they were made.
#define TLY_COLOURS 3u

// A unit's descriptor belongs to the pool layer; here it is room.
#define TLY_DESCRIPTOR_SIZE ((size_t)384)
#define TLY_META_UNITS 6u
#define TLY_UNITS_MAX (TLY_ARENA_UNITS - TLY_META_UNITS)

// Lies in the descriptors of the units that hold descriptors.
struct tly_arena {
    uint64_t slots; // (c) of a huge block, and how many units it uses
    uint64_t units;
    uint64_t free[TLY_ARENA_WORDS] TLY_ALIGNED(TLY_LINE); // (a)
    uint64_t dirty[TLY_ARENA_WORDS];                      // (a)
    // Units that begin a pool of objects; those of them in which objects of a
    // colour were made; and those that a collection looks at.
    uint64_t objects[TLY_ARENA_WORDS] TLY_ALIGNED(TLY_LINE); // (a)
    uint64_t young[TLY_COLOURS][TLY_ARENA_WORDS];            // (a) by colour
    uint64_t looked[TLY_ARENA_WORDS];                        // the collector's
    // Pools of small objects that are frozen, and large objects (freeze.h).
    uint64_t frozen[TLY_ARENA_WORDS];       // (a)
    uint64_t frozen_large[TLY_ARENA_WORDS]; // (a)
};

TLY_INLINE struct tly_arena *tly_arena_of(const void *p) {
    return (struct tly_arena *)((uintptr_t)p & ~(TLY_SLOT_SIZE - 1));
}
TLY_INLINE unsigned tly_unit_of(const void *p) {
    return (unsigned)(((uintptr_t)p & (TLY_SLOT_SIZE - 1)) >> TLY_UNIT_SHIFT);
}
TLY_INLINE void *tly_unit_at(struct tly_arena *arena, unsigned unit) {
    return (char *)arena + ((size_t)unit << TLY_UNIT_SHIFT);
}
TLY_INLINE void *tly_descriptor_at(struct tly_arena *arena, unsigned unit) {
    return (char *)arena + unit * TLY_DESCRIPTOR_SIZE;
}

// The arena in slot [n], or NULL if the slot is none; huge blocks apart.
TLY_INLINE struct tly_arena *tly_arena_at(size_t n) {
    return tly_slot_is(n, TLY_SLOT_ARENA)
               ? (struct tly_arena *)(void *)(tly_range_base +
                                              n * TLY_SLOT_SIZE)
               : NULL;
}

// As tly_arena_at, or the structure of the huge block with an object that
// begins in the slot. The world is stopped, or no pool of objects goes.
TLY_INLINE struct tly_arena *tly_arena_or_huge_at(size_t n) {
    return tly_slot_is(n, TLY_SLOT_ARENA) || tly_slot_is(n, TLY_SLOT_HUGE)
               ? (struct tly_arena *)(void *)(tly_range_base +
                                              n * TLY_SLOT_SIZE)
               : NULL;
}

TLY_INLINE size_t tly_slot_of(const struct tly_arena *arena) {
    return (size_t)((const char *)arena - tly_range_base) / TLY_SLOT_SIZE;
}

// Takes [count] units in a row, 1 .. TLY_UNITS_MAX. *ret_clean: they are
// zero. NULL with errno ENOMEM.
void *tly_units_take(unsigned count, bool *ret_clean);

// Gives units back, from any thread, without a lock.
void tly_units_give(void *first, unsigned count);

// Takes a huge block of at least [size] bytes behind the metadata of its
// first slot; zero. NULL with errno ENOMEM.
void *tly_huge_take(size_t size);
void tly_huge_give(void *block);

// Gives the memory of free units and slots back. Returns how many bytes.
size_t tly_arena_purge(void);

// As tly_arena_purge, the set delay after the first free since the last one;
// cheap when it is not time.
void tly_arena_tick(void);
void tly_arena_set_delay(uint64_t delay);

struct tly_arena_bytes {
    size_t used;     // in runs and huge blocks
    size_t dirty;    // free, with memory behind
    size_t metadata; // descriptors
};
struct tly_arena_bytes tly_arena_bytes(void);

// Releases the range and forgets everything.
void tly_arena_end(void);

// Around fork: no run of units or of slots is half taken.
void tly_arena_hold(bool hold);

#endif
