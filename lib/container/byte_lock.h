// Locks of one byte, for objects of which there are many.
//
// The byte says whether the lock is held and whether somebody waits; who waits
// parks at one of a few events, found by the lock's address (as WebKit's
// "parking lot", https://webkit.org/blog/6161/locking-in-webkit/). A waiter is
// in a blocking region: it holds no collection and no stopped world back.
//
// Who holds one passes no safepoint, so that a fork finds none held: memory is
// allocated before, and what is dropped is dropped after. Nor does it call a
// program's hook. It may take locks of higher rank.

#ifndef TLY_CONTAINER_BYTE_LOCK_H
#define TLY_CONTAINER_BYTE_LOCK_H

#include "base/atomic.h"

#define TLY_LOCK_HELD 1u
#define TLY_LOCK_WAITED 2u // somebody parks, or did

struct tly_byte_lock {
    uint8_t state; // (a)
};

void tly_byte_lock_slow(struct tly_byte_lock *lock);
void tly_byte_unlock_slow(struct tly_byte_lock *lock);

// The calling thread is attached, in no borrow section, and does not hold it.
TLY_INLINE void tly_byte_lock(struct tly_byte_lock *lock) {
    uint8_t free = 0;
    // ORDER[byte-lock] acq_rel: what the last holder wrote. Pairs with the
    // exchange of tly_byte_unlock.
    if (TLY_UNLIKELY(!tly_cas_acq_rel(&lock->state, &free, TLY_LOCK_HELD)))
        tly_byte_lock_slow(lock);
}

TLY_INLINE void tly_byte_unlock(struct tly_byte_lock *lock) {
    // ORDER[byte-lock] acq_rel: what was written under the lock. Pairs with
    // the compare and exchange of tly_byte_lock.
    if (TLY_UNLIKELY(tly_exchange_acq_rel(&lock->state, 0) & TLY_LOCK_WAITED))
        tly_byte_unlock_slow(lock);
}

// Takes two locks, or one if they are the same: that of the lower address
// first.
void tly_byte_lock_both(struct tly_byte_lock *a, struct tly_byte_lock *b);
void tly_byte_unlock_both(struct tly_byte_lock *a, struct tly_byte_lock *b);

#endif
