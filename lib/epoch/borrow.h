// Borrow sections, for the layers above.

#ifndef TLY_EPOCH_BORROW_H
#define TLY_EPOCH_BORROW_H

#include "epoch/mutator.h"

// Waits until the grace period with a number (tly_grace_next) has passed,
// detached. [self] is attached, outside of sections.
void tly_borrow_await(struct tly_mutator *self, uint64_t number);

void tly_borrow_none_slow(const char *call);

// Aborts, in debug builds, if the calling thread is in a section: [call] may
// wait, and others wait for the section's end. In release builds such a call
// looks again and again, and yields, until it need not wait.
TLY_INLINE void tly_borrow_none(const char *call) {
    if (TLY_CHECK >= 1)
        tly_borrow_none_slow(call);
}

#endif
