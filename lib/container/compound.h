// Containers as values: what tally_value_equal, _compare and _text ask of them.
// They have no hash, since they change.

#ifndef TLY_CONTAINER_COMPOUND_H
#define TLY_CONTAINER_COMPOUND_H

#include <tally/protocol.h>

extern const tally_protocol tly_list_protocol, tly_map_protocol,
    tly_set_protocol;

#endif
