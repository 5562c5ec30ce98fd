// The check of the heap, for who waits already.

#ifndef TLY_OBSERVE_VERIFY_H
#define TLY_OBSERVE_VERIFY_H

#include "epoch/wait.h"

// As tally_verify, as part of a call.
tally_status tly_verify(int level, struct tly_patience *patience);

#endif
