// Borrow sections, for the layers above.

#ifndef TLY_EPOCH_BORROW_H
#define TLY_EPOCH_BORROW_H

#include "epoch/mutator.h"

// Waits for a grace period, detached. [self] is attached, outside of sections.
void tly_borrow_synchronize(struct tly_mutator *self);

// Grace periods that have been waited for.
uint64_t tly_borrow_grace_periods(void);

#endif
