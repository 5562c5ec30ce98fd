// Hashes and equality of values for which no hook of a program's need be
// called. The values may be borrowed, in the section that the caller is in,
// and their objects dying: what is read of them never changes.
//
// A value that is the same word is equal, though it be not a number, which
// tally_value_equal finds unequal to itself: a key is found again.

#ifndef TLY_CONTAINER_QUICK_H
#define TLY_CONTAINER_QUICK_H

#include <tally/protocol.h>

#include "base/compiler.h"
#include "container/hash.h"

// False: hooks have to be asked (tally_value_hash, tally_value_equal); nothing
// is changed. Not for what is absent.
bool tly_hash_quick(tally_value value, uint64_t *ret_hash);
bool tly_equal_quick(tally_value a, tally_value b, bool *ret_equal);

// The protocol that [object] has the hook at [offset] of tally_protocol from,
// its type's or the nearest base's; or NULL.
const tally_protocol *tly_protocol_with(const void *object, size_t offset);
#define TLY_PROTOCOL_WITH(object, hook)                                        \
    tly_protocol_with(object, offsetof(tally_protocol, hook))

#endif
