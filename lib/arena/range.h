// The heap's address range: one reservation, cut into slots of 4 MiB.
//
// All that the heap hands out lies in it, so that a subtraction tells whether
// an address is ours, and side tables are flat arrays over it. It is never
// unmapped while the runtime lives, only purged: the number of the kernel's
// mappings does not grow with the heap.
//
// A slot is free, an arena (arena.h), or part of a huge block.

#ifndef TLY_ARENA_RANGE_H
#define TLY_ARENA_RANGE_H

#include <tally/status.h>

#include "base/atomic.h"

#define TLY_SLOT_SIZE ((size_t)4 << 20)

// The destruction link holds 35 bits of 16-byte steps: 512 GiB.
#define TLY_RANGE_MAX ((size_t)1 << 39)
#define TLY_RANGE_MIN ((size_t)64 << 20)
#define TLY_SLOTS_MAX (TLY_RANGE_MAX / TLY_SLOT_SIZE)

// The unit of side tables: the smallest block. No two blocks begin in one
// granule, but a block may begin in its middle.
#define TLY_GRANULE_SHIFT 5

extern char *tly_range_base;
extern size_t tly_range_size;

// Whether an address lies in the heap.
TLY_INLINE bool tly_range_has(const void *p) {
    return (uintptr_t)p - (uintptr_t)tly_range_base < tly_range_size;
}

// Position of an address of the heap in the side tables.
TLY_INLINE size_t tly_granule_of(const void *p) {
    return ((uintptr_t)p - (uintptr_t)tly_range_base) >> TLY_GRANULE_SHIFT;
}

// Position of what a field holds, given the range's begin. NULL, and values
// that are no objects (their lower three bits are not all zero), are beyond
// every table.
TLY_INLINE size_t tly_granule_in(const void *held, uintptr_t base) {
    uintptr_t offset = (uintptr_t)held - base;
    return (offset >> 3 | offset << 61) >> (TLY_GRANULE_SHIFT - 3);
}

// Reserves [size] bytes (0: by the machine's memory), or less if there is
// less, down to TLY_RANGE_MIN.
tally_status tly_range_start(size_t size);
void tly_range_end(void);

// Takes [count] slots in a row, readable and writable; their memory is zero.
// NULL with errno ENOMEM.
void *tly_slots_take(size_t count);

// Gives slots back, from any thread, without a lock.
void tly_slots_give(void *first, size_t count);

// Purges slots that were given back. Returns how many bytes went to the OS.
size_t tly_slots_purge(void);

// One past the highest slot ever taken, as a number of slots: walks end here.
size_t tly_slots_frontier(void);

// What a slot begins. Kept apart from the slot's own memory, which may be the
// program's.
enum tly_slot_kind {
    TLY_SLOT_ARENA,  // never given back
    TLY_SLOT_HUGE,   // a huge block with an object; of others nobody asks,
                     // and they may go while walks look
    TLY_SLOT_LOOKED, // and a collection looks at it
    TLY_SLOT_KINDS
};
void tly_slot_set(size_t slot, enum tly_slot_kind kind, bool is);
bool tly_slot_is(size_t slot, enum tly_slot_kind kind);

// Bytes of slots that were given back and still have memory behind them.
size_t tly_slots_dirty_bytes(void);

void tly_range_hold(bool hold); // around fork

#endif
