// ConcurrencyKit's stack. Of its operations only push_upmc and
// batch_pop_upmc are used: nothing is popped alone, so there is no ABA.

#include "sync/stack.h"

#include "base/atomic.h"

void tly_stack_push(struct tly_stack *stack, struct tly_link *link) {
    tly_point(stack);
    ck_stack_push_upmc(&stack->stack, &link->entry);
}

struct tly_link *tly_stack_take(struct tly_stack *stack) {
    tly_point(stack);
    return (struct tly_link *)(void *)ck_stack_batch_pop_upmc(&stack->stack);
}

struct tly_link *tly_stack_next(struct tly_link *link) {
    return (struct tly_link *)(void *)link->entry.next;
}
