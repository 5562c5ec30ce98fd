// Which types of values there are from the start.

#include "container/standard.h"

#include <tally/tally.h>

#include "object/type.h"

static tally_type *const standard[] = {
    &tally_type_integer, &tally_type_double,    &tally_type_bytes,
    &tally_type_text,    &tally_type_bytearray, &tally_type_list,
    &tally_type_map,     &tally_type_set,       &tally_type_weakmap,
    &tally_type_view,
};

tally_status tly_standard_start(void) {
    tally_status status = TALLY_OK;
    tly_types_lock();
    for (size_t n = 0; n < sizeof(standard) / sizeof(standard[0]); n++)
        if (status == TALLY_OK)
            status = tly_type_enter_locked(standard[n]);
    tly_types_unlock();
    return status;
}
