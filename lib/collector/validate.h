// Validating: which of what is watched is garbage for certain.

#ifndef TLY_COLLECTOR_VALIDATE_H
#define TLY_COLLECTOR_VALIDATE_H

#include "collector/find.h"
#include "collector/watch.h"

// Drops members until the rest is closed: each is alive, untouched, and
// referred to by members only, as far as was read. Leaves in [trial] what it
// has met in the rest.
void tly_validate(struct tly_trial *trial, struct tly_ended *ended);

// Whether a member has been touched since it was watched. Once after each
// tly_validate: in debug builds it aborts if one has changed and was not (see
// sums.h).
bool tly_validate_touched(void);

#endif
