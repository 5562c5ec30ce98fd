// Grace periods that do not end: who waits for one is inside of liburcu, where
// it can neither say for whom nor give up.

#ifndef TLY_EPOCH_OVERDUE_H
#define TLY_EPOCH_OVERDUE_H

#include "base/compiler.h"

// Around a wait for a grace period, with no lock held; and inside, around the
// one that liburcu is in.
void tly_overdue_enter(void);
void tly_overdue_begin(void);
void tly_overdue_end(void);
void tly_overdue_leave(void);

// In a forked child nobody waits.
void tly_overdue_forked(void);

#endif
