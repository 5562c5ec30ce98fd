// Who a logical thread is to the library: its thread-local variables.

#ifndef EXPLORE_IDENTITY_H
#define EXPLORE_IDENTITY_H

#include "epoch/mutator.h"

struct identity {
    struct tally_breaker_ *breaker;
    struct tly_mutator *mine;
    uint32_t blocking;
    uint16_t number;
};

// That of a thread which the library has not seen.
struct identity identity_none(void);

struct identity identity_get(void);
void identity_set(const struct identity *identity);

#endif
