// Lists, maps and sets as text.

#ifndef TLY_CONTAINER_TELL_H
#define TLY_CONTAINER_TELL_H

#include <tally/text.h>

// Hooks `text` of the three types.
tally_status tly_list_text(void *object, tally_text **ret_text);
tally_status tly_map_text(void *object, tally_text **ret_text);
tally_status tly_set_text(void *object, tally_text **ret_text);

#endif
