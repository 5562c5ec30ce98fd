// Borrow sections, for the layers above.

#ifndef TLY_EPOCH_BORROW_H
#define TLY_EPOCH_BORROW_H

#include "epoch/mutator.h"

// Waits until the grace period with a number (tly_grace_next) has passed,
// detached. [self] is attached, outside of sections.
void tly_borrow_await(struct tly_mutator *self, uint64_t number);

#endif
