// One bit for each rank that the thread holds.

#include "sync/rank.h"

#include "base/bits.h"
#include "base/check.h"

static _Thread_local uint32_t ranks_held;

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

bool tly_rank_none(void) { return ranks_held == 0; }
