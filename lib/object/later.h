// Buffered decrements.

#ifndef TLY_OBJECT_LATER_H
#define TLY_OBJECT_LATER_H

#include "object/local.h"

// Drops what is in the buffer; what dies is on the mutator's lists. Runs no
// code of the program's.
void tly_later_apply(struct tly_local *self);

// At a safepoint with work: the same if [now], or if there is enough, or it is
// the last that it may wait for.
void tly_later_poll(struct tly_local *self, bool now);

// How many bytes of blocks the buffer may keep (option).
void tly_later_configure(uint64_t bytes);

#endif
