// Stalls: how long the runtime held a thread at a safepoint, when it came back
// from a blocking region, or in an allocation that destroys the dead.
//
// What a thread asked for itself (a collection, a grace period, a stop of the
// world) is not a stall of that thread: only the outermost entries count.

#ifndef TLY_EPOCH_STALL_H
#define TLY_EPOCH_STALL_H

#include <tally/stats.h>

#include "epoch/mutator.h"

// When a stall of [self] may begin: now; 0 when nothing is asked of it, so
// that what costs nothing takes no clock. Threads: its own.
uint64_t tly_stall_begin(struct tly_mutator *self);

// Ends what began then, and records it; does nothing for 0.
void tly_stall_end(uint64_t began);

// The bucket of a histogram that a duration belongs to.
unsigned tly_stall_bucket(uint64_t ns);

// Adds a stall to the histogram. Threads: any. Wait-free but for the maximum,
// which is tried again as long as others raise it.
void tly_stall_record(uint64_t ns);

// A copy whose count is that of its buckets. Writes nothing.
void tly_stall_read(struct tally_histogram *ret);

// Forgets all. No thread is attached.
void tly_stall_reset(void);

#endif
