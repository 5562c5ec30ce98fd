// A spinlock for sections of some instructions. It yields when it has spun a
// while: on a machine with more threads than processors its holder may wait
// for the very processor.

#ifndef TLY_SYNC_SPIN_H
#define TLY_SYNC_SPIN_H

#include "sync/ck.h"
#include "sync/rank.h"

struct tly_spin {
    ck_spinlock_fas_t lock;
    enum tly_rank rank;
};
#define TLY_SPIN_INIT(rank)                                                    \
    { CK_SPINLOCK_FAS_INITIALIZER, rank }

void tly_spin_lock(struct tly_spin *spin);
void tly_spin_unlock(struct tly_spin *spin);

// Locks, or unlocks, for fork: without a rank, since fork holds every lock, and
// several of some ranks. The child unlocks like the parent.
void tly_spin_hold(struct tly_spin *spin, bool hold);

#endif
