// Shared fields, of references and of values: what their stores have in common.

#ifndef TLY_OBJECT_AREF_H
#define TLY_OBJECT_AREF_H

#include <tally/aref.h>

// From now on the object's memory waits for a grace period when it dies.
void tly_publish(tally_object *object);

// Stores what is an owned reference to a published object, or a word that
// stands for none. Returns what the field held.
tally_object *tly_shared_exchange(tally_object *container, tally_ref *field,
                                  tally_object *held);

// The same if the field holds what is expected; whether it did.
bool tly_shared_compare_set(tally_object *container, tally_ref *field,
                            tally_object *expected, tally_object *held);

#endif
