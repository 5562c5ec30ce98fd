// Fault points: the n-th call of a kind fails, as the tests ask.
//
// The points are in the product too: they lie beside system calls and refills
// only, and cost one load of a line that nobody writes.

#ifndef TLY_PLATFORM_FAULT_H
#define TLY_PLATFORM_FAULT_H

#include "base/compiler.h"

enum tly_fault_kind {
    TLY_FAULT_RESERVE = 1,
    TLY_FAULT_COMMIT = 2,
    TLY_FAULT_PURGE = 4,
    TLY_FAULT_REFILL = 8,   // a pool cache finds no block
    TLY_FAULT_MUTATOR = 16, // a new mutator's record
    TLY_FAULT_THREAD = 32,  // a thread of the library's own
    TLY_FAULT_ALL = 63
};

extern uint32_t tly_fault_kinds;
bool tly_fault_hit(enum tly_fault_kind kind);

// Whether this call is to fail.
TLY_INLINE bool tly_fault(enum tly_fault_kind kind) {
    // Relaxed: tests arm and disarm while nothing else runs.
    uint32_t kinds = __atomic_load_n(&tly_fault_kinds, __ATOMIC_RELAXED);
    return TLY_UNLIKELY(kinds & (uint32_t)kind) && tly_fault_hit(kind);
}

// Lets the [nth] point (from 1) of [kinds] from now on fail, and all later
// ones if [persistent].
void tly_fault_arm(uint32_t kinds, uint64_t nth, bool persistent);

// Ends it. Returns how many points failed; *ret_seen: how many were passed.
uint64_t tly_fault_disarm(uint64_t *ret_seen);

#endif
