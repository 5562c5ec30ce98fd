// Which code of the program's a thread is inside of, for reports.

#ifndef TLY_OBJECT_INSIDE_H
#define TLY_OBJECT_INSIDE_H

#include "object/local.h"

// Puts it into words, "in a finalizer of type X", as it looks from any thread;
// "" if it is in none.
#define TLY_INSIDE_MAX 96u
void tly_inside_tell(const struct tly_local *of, char text[TLY_INSIDE_MAX]);

#endif
