// Counts the points that a test armed.

#include "platform/fault.h"

#include "base/atomic.h"

uint32_t tly_fault_kinds;
static uint64_t fault_seen, fault_fired, fault_nth;
static bool fault_persistent;

bool tly_fault_hit(enum tly_fault_kind kind) {
    (void)kind;
    // Relaxed: the points are counted, nothing is ordered by them.
    uint64_t n = tly_add_relaxed(&fault_seen, 1) + 1;
    if (n != fault_nth && !(fault_persistent && n > fault_nth))
        return false;
    tly_add_relaxed(&fault_fired, 1);
    return true;
}

void tly_fault_arm(uint32_t kinds, uint64_t nth, bool persistent) {
    fault_seen = fault_fired = 0;
    fault_nth = nth;
    fault_persistent = persistent;
    // Relaxed: see tly_fault.
    tly_store_relaxed(&tly_fault_kinds, kinds);
}

uint64_t tly_fault_disarm(uint64_t *ret_seen) {
    tly_store_relaxed(&tly_fault_kinds, 0);
    if (ret_seen)
        *ret_seen = tly_load_relaxed(&fault_seen);
    return tly_load_relaxed(&fault_fired);
}
