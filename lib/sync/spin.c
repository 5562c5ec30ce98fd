// ConcurrencyKit's fetch-and-store lock, with ranks and patience.

#include "sync/spin.h"

#include "base/atomic.h"
#include "platform/os.h"

static void take(struct tly_spin *spin) {
    for (unsigned n = 1; !ck_spinlock_fas_trylock(&spin->lock); n++) {
        if (TLY_EXPLORED || n % 64 == 0)
            tly_os_yield();
        else
            ck_pr_stall();
    }
}

void tly_spin_hold(struct tly_spin *spin, bool hold) {
    if (hold)
        take(spin);
    else
        ck_spinlock_fas_unlock(&spin->lock);
}

void tly_spin_lock(struct tly_spin *spin) {
    tly_rank_enter(spin->rank);
    take(spin);
}

void tly_spin_unlock(struct tly_spin *spin) {
    ck_spinlock_fas_unlock(&spin->lock);
    tly_rank_leave(spin->rank);
}
