// Locks of one byte, for objects of which there are many.
//
// Unlocking is a plain store, and a look at whether anybody waits anywhere: on
// the processor the look may come before the store is seen. Who is about to
// park says so, has the kernel pass a barrier to all threads (membarrier), and
// tries once more: so either it finds the lock free, or whoever unlocks finds
// it waiting (tests/model/bytelock.pml). Taking is one locked instruction;
// where there is no membarrier, unlocking is one as well.
//
// Who waits parks at one of a few events, found by the lock's address (as
// WebKit's "parking lot", https://webkit.org/blog/6161/locking-in-webkit/), in
// a blocking region: it holds no collection and no stopped world back.
//
// Who holds one passes no safepoint and does not wait, so that a fork and a
// stopped world find none held: memory is allocated before, and what is dropped
// is dropped after. Nor does it call a program's hook. It may take locks of the
// list of ranks. Debug builds check all of it (tly_locks_none).

#ifndef TLY_CONTAINER_BYTE_LOCK_H
#define TLY_CONTAINER_BYTE_LOCK_H

#include "base/atomic.h"
#include "sync/rank.h"

#define TLY_LOCK_HELD 1u

struct tly_byte_lock {
    uint8_t state; // (a) 0, or HELD
};

extern struct tly_byte_parking {
    uint32_t waiters; // (a) threads that park, or are about to
    uint32_t barrier; // the kernel has membarrier; written at the start
} tly_byte_parking;

// Before there are threads.
void tly_byte_lock_start(void);

// In a forked child nobody waits.
void tly_byte_lock_forked(void);

void tly_byte_lock_slow(struct tly_byte_lock *lock);
void tly_byte_unlock_slow(struct tly_byte_lock *lock);

// The calling thread is attached and does not hold it. Whether it does then. In
// a borrow section it does not park, though it may yield.
TLY_INLINE bool tly_byte_try(struct tly_byte_lock *lock) {
    uint8_t free = 0;
    // ORDER[byte-lock] acq_rel: what the last holder wrote. Pairs with the
    // store of tly_byte_unlock.
    if (!tly_cas_acq_rel(&lock->state, &free, TLY_LOCK_HELD))
        return false;
    tly_unranked_enter();
    return true;
}

TLY_INLINE void tly_byte_lock(struct tly_byte_lock *lock) {
    if (TLY_UNLIKELY(!tly_byte_try(lock)))
        tly_byte_lock_slow(lock);
}

TLY_INLINE void tly_byte_unlock(struct tly_byte_lock *lock) {
    tly_unranked_leave();
    if (TLY_LIKELY(tly_byte_parking.barrier)) {
        // ORDER[byte-lock] release: what was written under the lock. Pairs
        // with the compare and exchange of tly_byte_try.
        tly_store_release(&lock->state, 0);
        // ORDER[byte-waiter] relaxed: the compiler keeps the look after the
        // store; against the processor, the waiter's membarrier does.
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        if (TLY_LIKELY(!tly_load_relaxed(&tly_byte_parking.waiters)))
            return;
    } else {
        // ORDER[byte-lock] seq_cst: as above.
        tly_exchange_seq_cst(&lock->state, 0);
        // ORDER[byte-waiter] seq_cst: after the exchange; pairs with the
        // addition of tly_byte_lock_slow.
        if (!tly_load_seq_cst(&tly_byte_parking.waiters))
            return;
    }
    tly_byte_unlock_slow(lock);
}

// Takes two locks, or one if they are the same. Waits for either of them while
// it holds none, so the order in which callers name them is theirs.
void tly_byte_lock_both(struct tly_byte_lock *a, struct tly_byte_lock *b);
void tly_byte_unlock_both(struct tly_byte_lock *a, struct tly_byte_lock *b);

#endif
