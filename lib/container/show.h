// Values as text for people: the hooks of the types that are known here, and
// of what has none.

#ifndef TLY_CONTAINER_SHOW_H
#define TLY_CONTAINER_SHOW_H

#include <tally/text.h>

// Hooks [text] of tally_protocol.
tally_status tly_show_number(void *object, tally_text **ret_text);
tally_status tly_show_bytes(void *object, tally_text **ret_text);
tally_status tly_show_text(void *object, tally_text **ret_text);

// A value that is no object.
tally_status tly_show_word(tally_value value, tally_text **ret_text);

// An object of which nothing is known but its type.
tally_status tly_show_object(const void *object, tally_text **ret_text);

#endif
