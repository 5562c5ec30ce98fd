// An intrusive stack with many pushers and one that takes all: the inbox of a
// mutator. A push is a loop around one compare-and-exchange and allocates
// nothing.

#ifndef TLY_SYNC_STACK_H
#define TLY_SYNC_STACK_H

#include "sync/ck.h"

struct tly_link {
    struct ck_stack_entry entry;
};

struct tly_stack {
    struct ck_stack stack;
};

void tly_stack_push(struct tly_stack *stack, struct tly_link *link);

// Takes everything. Returns the last pushed, NULL when there was nothing.
struct tly_link *tly_stack_take(struct tly_stack *stack);

// The one pushed before [link], among those that were taken together.
struct tly_link *tly_stack_next(struct tly_link *link);

#endif
