// Interned text: of text that is equal, one object.

#ifndef TLY_CONTAINER_INTERN_H
#define TLY_CONTAINER_INTERN_H

#include <tally/text.h>

#include "base/compiler.h"

// Derived from text. Two objects of it that live are not equal.
extern tally_type tly_type_interned;

void tly_intern_end(void);
void tly_intern_hold(bool hold); // around fork

#endif
