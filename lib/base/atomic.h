// Every shared access of the library, named by its memory order.
//
// Relaxed accesses say at the call why relaxed is enough; ordered ones carry
// ORDER[edge], and docs/memory-model.md lists each edge. There are no
// standalone fences: ThreadSanitizer does not model them, and an ordered load
// or read-modify-write says which access it orders.

#ifndef TLY_BASE_ATOMIC_H
#define TLY_BASE_ATOMIC_H

#include "base/point.h"

#include <tally/inline/atomic.h>

#define tly_load_relaxed(p) (tly_point(p), __atomic_load_n(p, __ATOMIC_RELAXED))
#define tly_load_acquire(p) (tly_point(p), __atomic_load_n(p, __ATOMIC_ACQUIRE))
#define tly_load_seq_cst(p) (tly_point(p), __atomic_load_n(p, __ATOMIC_SEQ_CST))

#define tly_store_relaxed(p, v)                                                \
    (tly_point(p), __atomic_store_n(p, v, __ATOMIC_RELAXED))
#define tly_store_release(p, v)                                                \
    (tly_point(p), __atomic_store_n(p, v, __ATOMIC_RELEASE))
#define tly_store_seq_cst(p, v)                                                \
    (tly_point(p), __atomic_store_n(p, v, __ATOMIC_SEQ_CST))

#define tly_exchange_acq_rel(p, v)                                             \
    (tly_point(p), __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL))
#define tly_exchange_seq_cst(p, v)                                             \
    (tly_point(p), __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST))

#define tly_add_relaxed(p, v)                                                  \
    (tly_point(p), __atomic_fetch_add(p, v, __ATOMIC_RELAXED))
#define tly_add_release(p, v)                                                  \
    (tly_point(p), __atomic_fetch_add(p, v, __ATOMIC_RELEASE))
#define tly_add_acq_rel(p, v)                                                  \
    (tly_point(p), __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL))
#define tly_add_seq_cst(p, v)                                                  \
    (tly_point(p), __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST))
#define tly_or_relaxed(p, v)                                                   \
    (tly_point(p), __atomic_fetch_or(p, v, __ATOMIC_RELAXED))
#define tly_or_acq_rel(p, v)                                                   \
    (tly_point(p), __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL))
#define tly_or_seq_cst(p, v)                                                   \
    (tly_point(p), __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST))
#define tly_and_acq_rel(p, v)                                                  \
    (tly_point(p), __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL))
#define tly_and_relaxed(p, v)                                                  \
    (tly_point(p), __atomic_fetch_and(p, v, __ATOMIC_RELAXED))

// Compare and exchange; [expected] points to what was read when it fails.
#define tly_cas_relaxed(p, expected, v)                                        \
    (tly_point(p),                                                             \
     __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_RELAXED,      \
                                 __ATOMIC_RELAXED))
#define tly_cas_acq_rel(p, expected, v)                                        \
    (tly_point(p),                                                             \
     __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_ACQ_REL,      \
                                 __ATOMIC_ACQUIRE))
#define tly_cas_seq_cst(p, expected, v)                                        \
    (tly_point(p),                                                             \
     __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST,      \
                                 __ATOMIC_SEQ_CST))

// A counter with one writer: readers see whole values.
TLY_INLINE void tly_count(uint64_t *counter, uint64_t n) {
#if TALLY_COUNT_ASM_
    __asm__ volatile("addq %1, %0" : "+m"(*counter) : "re"(n) : "cc");
#else
    // Relaxed: one writer, and readers want a value, not an order.
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n,
                     __ATOMIC_RELAXED);
#endif
}

#endif
