// Debug flags, and the list of saved garbage.

#ifndef TLY_COLLECTOR_DEBUG_H
#define TLY_COLLECTOR_DEBUG_H

#include <tally/debug.h>

#include "collector/find.h"

// Before a collection looks: whether its garbage is to be saved, with room for
// all of it.
tally_status tly_debug_begin(bool *ret_saves);

// The runtime ends: nothing is set.
void tly_debug_end(void);

// The members are garbage, no finalizer or callback comes first, and nothing
// has been cleared: says so, and saves them if [found] says it. A counted unit
// of each is the list's then, found->saved of them; to the collection they are
// held, but nothing will ask for them again.
void tly_debug_found(struct tly_found *found);

// A collection has ended.
void tly_debug_ended(tally_generation generation,
                     const struct tally_collection *done, tally_status status);

// ---- saved.c

// Reserves the list, and puts memory behind it for all that the heap can hold
// now.
tally_status tly_saved_prepare(void);

// Takes a unit of an object for the list. False: there is no room.
bool tly_saved_add(tally_object *object);

// Forgets the list, with the heap it refers to.
void tly_saved_end(void);

#endif
