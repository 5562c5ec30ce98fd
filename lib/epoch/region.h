// Blocking regions: where a thread keeps nobody waiting.

#ifndef TLY_EPOCH_REGION_H
#define TLY_EPOCH_REGION_H

#include <tally/mutator.h>

#include "base/compiler.h"

// How many the calling thread is inside of.
extern TALLY_THREAD uint32_t tly_regions;

// Those end with the thread's use of the heap.
void tly_regions_end(void);

#endif
