// Statistics for the library's own use.

#ifndef TLY_OBSERVE_STATS_H
#define TLY_OBSERVE_STATS_H

#include "base/compiler.h"

// Objects that live and are not immortal. The runtime has started, and does not
// end meanwhile.
uint64_t tly_stats_mortal(void);

#endif
