// How the types of values are defined: as TALLY_TYPE, but that the type is not
// called as its structure is.
//
//     TLY_TYPE(text, tly_run, TLY_HAS(tly_run, TALLY_ITEMS(data, items)));

#ifndef TLY_CONTAINER_TYPES_H
#define TLY_CONTAINER_TYPES_H

#include <tally/type.h>

#define TLY_HAS(layout, trait) TALLY_TRAIT_(layout, trait)
#define TLY_TYPE(noun, layout, ...)                                            \
    tally_type tally_type_##noun = {                                           \
        .name = #noun,                                                         \
        .size = sizeof(struct layout),                                         \
        .traits = (const tally_trait[]){__VA_ARGS__{.kind = TALLY_TRAIT_END}}}

#endif
