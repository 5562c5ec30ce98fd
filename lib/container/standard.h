// The types of values that the library brings along.

#ifndef TLY_CONTAINER_STANDARD_H
#define TLY_CONTAINER_STANDARD_H

#include <tally/status.h>

// Registers them, so that they are found by name before there is an object of
// theirs. The runtime starts; types can be registered.
tally_status tly_standard_start(void);

#endif
