// One bit for each rank that the thread holds, and the number of other locks.

#include "sync/rank.h"

#include "base/bits.h"
#include "base/check.h"
#include "platform/os.h"

static TALLY_THREAD uint32_t ranks_held;
static TALLY_THREAD uint32_t unranked_held;

void tly_rank_enter(enum tly_rank rank) {
    if (TLY_CHECK == 0 || TLY_SCHED == 2)
        return;
    if (ranks_held >> rank)
        tly_report("lock rank %d taken while rank %u is held", (int)rank,
                   tly_bit_highest(ranks_held));
    tly_require(ranks_held >> rank == 0);
    ranks_held |= 1u << rank;
}

void tly_rank_leave(enum tly_rank rank) {
    if (TLY_CHECK == 0 || TLY_SCHED == 2)
        return;
    tly_require(ranks_held & 1u << rank);
    ranks_held &= ~(1u << rank);
}

void tly_unranked_enter_slow(void) {
    if (TLY_CHECK == 0 || TLY_SCHED == 2)
        return;
    if (ranks_held)
        tly_report("a lock of a container taken while rank %u is held",
                   tly_bit_highest(ranks_held));
    tly_require(ranks_held == 0);
    unranked_held++;
}

void tly_unranked_leave_slow(void) {
    if (TLY_CHECK == 0 || TLY_SCHED == 2)
        return;
    tly_require(unranked_held > 0);
    unranked_held--;
}

bool tly_rank_none(void) { return ranks_held == 0 && unranked_held == 0; }

void tly_locks_none_slow(const char *before, bool waits) {
    uint32_t ranks = ranks_held & ~(waits ? 1u << TLY_RANK_RUNTIME : 0u);
    if (TLY_LIKELY(!ranks && !unranked_held))
        return;
    if (ranks)
        tly_report("thread %u holds the lock of rank %u before %s; it has to "
                   "give the lock back first",
                   tly_os_thread_id(), tly_bit_highest(ranks), before);
    else
        tly_report("thread %u holds %u locks of containers before %s; it has "
                   "to give them back first",
                   tly_os_thread_id(), unranked_held, before);
    tly_require(!ranks && !unranked_held);
}
