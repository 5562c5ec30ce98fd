// What is said of a thread that is waited for: the same for every wait.

#ifndef TLY_EPOCH_LATE_H
#define TLY_EPOCH_LATE_H

#include "epoch/mutator.h"

// What the thread of a mutator is at, from which place, and what its program
// should do: completes "a safepoint of thread 1, ".
#define TLY_LATE_MAX 320u
void tly_late_tell(const struct tly_mutator *late, char text[TLY_LATE_MAX]);

// Puts into words which of the program's hooks a thread is inside of, "" if
// none; of the layer above. NULL: it is not known.
#define TLY_LATE_INSIDE_MAX 96u
extern void (*tly_late_inside)(const struct tly_mutator *late,
                               char text[TLY_LATE_INSIDE_MAX]);

#endif
