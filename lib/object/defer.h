// What programs defer until a grace period has passed: calls, and memory to
// be freed. Both are entries of bags, blocks of the raw pools; bags wait on the
// lists of limbo.c.

#ifndef TLY_OBJECT_DEFER_H
#define TLY_OBJECT_DEFER_H

#include "object/local.h"

// Appends the bags of a list.
void tly_bags_move(struct tly_limbo *to, struct tly_limbo *from);

// The grace period of what is in these bags has passed: memory is freed; calls
// are ready, and a safepoint is asked for. Runs no code of the program's.
void tly_defer_ripe(struct tly_local *self, struct tly_limbo *over);

// Makes the calls that are ready, at an open safepoint; those of them that are
// ready only when one of them has run come later.
void tly_defer_run(struct tly_local *self);

#endif
