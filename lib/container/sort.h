// A stable sort of values whose order may fail.

#ifndef TLY_CONTAINER_SORT_H
#define TLY_CONTAINER_SORT_H

#include <tally/list_whole.h>

#include "base/compiler.h"

// Sorts [count] values; [room] is for as many. Returns 0, or what [order] has
// failed with: then the values are in some order, each once.
tally_status tly_sort(tally_value *values, tally_value *room, size_t count,
                      tally_list_order order, void *arg);

#endif
