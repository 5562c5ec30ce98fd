// The one file that includes ConcurrencyKit.
//
// Used of CK 0.7.1: the stack with many pushers and one that takes all, the
// bitmap, the event count, the fetch-and-store spinlock. Not used, for
// reasons in docs/locks.md: its MPMC fifo and ring, batch_pop_mpmc, hp.

#ifndef TLY_SYNC_CK_H
#define TLY_SYNC_CK_H

#include "base/compiler.h"

#if TLY_TSAN
#include "sync/ck_pr_tsan.h"
#endif

// clang-format off: ck_pr.h comes first.
#include <ck_bitmap.h>
#include <ck_ec.h>
#include <ck_stack.h>
#include <spinlock/fas.h>
// clang-format on

#endif
