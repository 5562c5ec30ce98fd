// Two maps, or two sets, as they are at one moment of both: copies that nobody
// else knows, to be gone through and asked while others change what was copied.

#ifndef TLY_CONTAINER_PAIR_H
#define TLY_CONTAINER_PAIR_H

#include <tally/map.h>
#include <tally/set.h>

// Both copies are owned; on failure, which is TALLY_NO_MEMORY or TALLY_LIMIT,
// both are NULL.
tally_status tly_maps_copy(tally_map *const from[2], tally_map *ret_copy[2]);
tally_status tly_sets_copy(tally_set *const from[2], tally_set *ret_copy[2]);

// Whether they have as many entries, at one moment of both.
bool tly_maps_alike(tally_map *const pair[2]);
bool tly_sets_alike(tally_set *const pair[2]);

// Whether each element of a set is in another, or none is, as asked. Nobody
// else knows them.
tally_status tly_set_each_is(tally_set *set, tally_set *in, bool wanted,
                             bool *ret_is);

#endif
