// Logical threads: stacks that one thread of the system runs in turn.

#ifndef EXPLORE_COROUTINE_H
#define EXPLORE_COROUTINE_H

#include <ucontext.h>

#include "base/compiler.h"

struct coroutine {
    void *top; // where its registers lie while it does not run
    ucontext_t context;
    char *stack; // NULL for the thread's own
    size_t size;
    void (*body)(void);
    void *fake_stack; // AddressSanitizer's
};

// Makes [self] stand for the stack that the caller is on.
void coroutine_adopt(struct coroutine *self);

// Makes or makes again a coroutine that begins in [body], which never returns.
void coroutine_create(struct coroutine *self, void (*body)(void));

// Leaves [from] and goes on in [to].
void coroutine_switch(struct coroutine *from, struct coroutine *to);

#endif
