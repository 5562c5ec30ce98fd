// Ten instructions on x86-64, ucontext elsewhere (which asks the kernel for
// the signal mask at each switch). AddressSanitizer is told of each stack.

#include "coroutine.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/poison.h"

#define STACK_SIZE ((size_t)256 << 10)
#define GUARD_SIZE ((size_t)65536) // a multiple of any page's size

#if TLY_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

static struct coroutine *leaving, *entering;

// Before the stack changes.
static void tell_leave(struct coroutine *from, struct coroutine *to) {
    leaving = from;
    entering = to;
#if TLY_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->size);
#endif
}

// After it has changed.
static void tell_enter(void) {
#if TLY_ASAN
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(entering->fake_stack, &bottom, &size);
    if (!leaving->stack) {
        leaving->stack = (char *)(uintptr_t)bottom;
        leaving->size = size;
    }
#endif
}

static void begin(void) {
    tell_enter();
    entering->body();
    abort();
}

#if defined(__x86_64__)
// Pushes what a callee preserves, changes stacks, pops it.
void explore_switch(void **ret_from, void *to);
__asm__(".text\n"
        ".globl explore_switch\n"
        ".hidden explore_switch\n"
        ".type explore_switch, @function\n"
        "explore_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size explore_switch, . - explore_switch\n");

static void stack_prepare(struct coroutine *self) {
    // Six registers, where to return to, and a word that makes the stack look
    // as after a call.
    void **top = (void **)(void *)(self->stack + self->size) - 8;
    for (unsigned n = 0; n < 8; n++)
        top[n] = NULL;
    top[6] = (void *)(uintptr_t)begin;
    self->top = top;
}

static void stack_change(struct coroutine *from, struct coroutine *to) {
    explore_switch(&from->top, to->top);
}
#else
static void stack_prepare(struct coroutine *self) {
    getcontext(&self->context);
    self->context.uc_stack.ss_sp = self->stack;
    self->context.uc_stack.ss_size = self->size;
    self->context.uc_link = NULL;
    makecontext(&self->context, begin, 0);
}

static void stack_change(struct coroutine *from, struct coroutine *to) {
    swapcontext(&from->context, &to->context);
}
#endif

void coroutine_adopt(struct coroutine *self) {
    *self = (struct coroutine){.stack = NULL};
}

void coroutine_create(struct coroutine *self, void (*body)(void)) {
    if (!self->stack) {
        char *stack =
            mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (stack == MAP_FAILED || mprotect(stack, GUARD_SIZE, PROT_NONE)) {
            perror("explore: a stack");
            exit(2);
        }
        self->stack = stack + GUARD_SIZE;
        self->size = STACK_SIZE;
    }
    ASAN_UNPOISON_MEMORY_REGION(self->stack, self->size);
    self->fake_stack = NULL;
    self->body = body;
    stack_prepare(self);
}

void coroutine_switch(struct coroutine *from, struct coroutine *to) {
    tell_leave(from, to);
    stack_change(from, to);
    tell_enter();
}
