// Garbage: an object that refers to itself.

#ifndef SUPPORT_RING_H
#define SUPPORT_RING_H

#include "must.h"

#include <tally/object.h>

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

static inline void ring_drop(void) {
    struct node *node = tally_new(node);
    must(node);
    tally_set(node, next, node);
    tally_decref(node);
}

#endif
