// What a frame owns while code of the program's runs, which an exception may
// leave: given back at the end of its scope, however that is left. A frame that
// gives it on empties the variable.

#ifndef TLY_OBJECT_OWNS_H
#define TLY_OBJECT_OWNS_H

#include <tally/alloc.h>
#include <tally/value.h>

#include "base/compiler.h"

//     void *copy TLY_OWNS_OBJECT = tally_map_copy(map);
#define TLY_OWNS_OBJECT __attribute__((cleanup(tly_owns_object_end), unused))
TLY_INLINE void tly_owns_object_end(void *const *object) {
    if (*object)
        tally_decref(*object);
}

//     tally_value element TLY_OWNS_VALUE = tally_list_get(list, 0);
#define TLY_OWNS_VALUE __attribute__((cleanup(tly_owns_value_end), unused))
TLY_INLINE void tly_owns_value_end(const tally_value *value) {
    tally_value_decref(*value);
}

#define TLY_OWNS_MEMORY __attribute__((cleanup(tly_owns_memory_end), unused))
TLY_INLINE void tly_owns_memory_end(void *const *memory) {
    tally_free(*memory);
}

#endif
