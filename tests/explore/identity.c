// lib/epoch/attach.c keeps a variable of each thread to itself. It is
// compiled into this file, so that coroutines can have theirs; the linker then
// takes this one for all that it defines.

#include "identity.h"

#include "epoch/attach.c"

struct identity identity_none(void) {
    return (struct identity){
        .breaker = &tly_nobody.mutator.breaker,
        .number = TALLY_OWNER_NOBODY_,
    };
}

struct identity identity_get(void) {
    return (struct identity){
        .breaker = tally_breaker_,
        .mine = attach_mine,
        .blocking = tly_regions,
        .number = tally_number_,
    };
}

void identity_set(const struct identity *identity) {
    tally_breaker_ = identity->breaker;
    attach_mine = identity->mine;
    tly_regions = identity->blocking;
    tally_number_ = identity->number;
}
