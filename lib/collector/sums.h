// In debug builds: stores into the fields of watched objects that went past
// the library, which a collection cannot know of.

#ifndef TLY_COLLECTOR_SUMS_H
#define TLY_COLLECTOR_SUMS_H

#include "collector/sides.h"

#define TLY_SUMS (TLY_CHECK >= 2)

// A round is about to weigh so many members, in the order of the table. Where
// memory is short it is not checked.
void tly_sums_begin(uint64_t members);

// Notes the fields of the next member that is weighed, after its flag DIRTY was
// read and was not set.
void tly_sums_note(tally_object *object);

// After a round that has dropped none: aborts if the fields of a member have
// changed since, and nobody said so.
void tly_sums_compare(void);

void tly_sums_end(void);

#endif
