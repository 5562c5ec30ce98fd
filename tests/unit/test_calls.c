// platform/calls.h

#include "unit_cmocka.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "platform/calls.h"

#define DEEP 30u

static bool over, known;
static void look(struct tly_frame call) {
    over = tly_call_left_over(call);
    known = tly_call_left_known(call);
}

// On the stack also where AddressSanitizer has frames elsewhere.
static __attribute__((noinline, no_sanitize_address)) void look_deeper(
    struct tly_frame call, unsigned frames) {
    volatile char hole[100];
    for (unsigned n = 0; n < sizeof(hole); n++)
        hole[n] = (char)frames;
    if (frames > 0)
        look_deeper(call, frames - 1);
    else
        look(call);
    hole[1] = hole[0];
}

static void a_call_that_is_under_way_is_not_left(void **state) {
    (void)state;
    for (unsigned frames = 0; frames < DEEP; frames++) {
        look_deeper(TLY_FRAME, frames);
        assert_false(over || known);
    }
}

// Frames of the system's own are on the way.
static struct tly_frame sorts;
static int compare(const void *a, const void *b) {
    look_deeper(sorts, 3);
    assert_false(over || known);
    return *(const int *)a - *(const int *)b;
}
static void the_systems_frames_do_not_hide_it(void **state) {
    (void)state;
    int numbers[] = {3, 1, 2};
    sorts = TLY_FRAME;
    qsort(numbers, 3, sizeof(*numbers), compare);
    assert_int_equal(numbers[0], 1);
}

static __attribute__((noinline, no_sanitize_address)) struct tly_frame returned(
    unsigned frames) {
    volatile char hole[100];
    hole[0] = (char)frames;
    struct tly_frame call = frames ? returned(frames - 1) : TLY_FRAME;
    hole[1] = hole[0];
    return call;
}

static void a_call_that_has_returned_is_left(void **state) {
    (void)state;
    // Deeper than where it was: once above is not enough to tell.
    struct tly_frame call = returned(3);
    assert_true(tly_call_left_above(call, __builtin_frame_address(0)));
    look_deeper(call, DEEP);
    assert_true(over);
    assert_true(known);
}

// The word that tells of the frame stays as it was, in another's padding.
static __attribute__((noinline, no_sanitize_address)) void look_over(
    struct tly_frame like) {
    uintptr_t words[64] = {0};
    words[33] = (uintptr_t)like.back;
    struct tly_frame call = {&words[32], like.back};
    look_deeper(call, 5);
    __asm__ volatile("" : : "r"(words) : "memory");
}
static void a_call_is_known_to_be_left_though_its_frame_looks_whole(
    void **state) {
    (void)state;
    look_over(TLY_FRAME);
    assert_false(over);
    assert_true(known);
}

// ---- other stacks

static ucontext_t main_context, other_context;
static struct tly_frame outside;
static void other(void) { look_deeper(outside, 4); }

static TLY_NOINLINE void look_at(uintptr_t stack, const void *back) {
    look((struct tly_frame){(const void *)stack, back});
}

static TLY_NOINLINE void other_run(char *stack, size_t size) {
    assert_int_equal(getcontext(&other_context), 0);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = size;
    other_context.uc_link = &main_context;
    makecontext(&other_context, other, 0);
    outside = TLY_FRAME; // under way, and not among the callers there
    over = known = true;
    assert_int_equal(swapcontext(&main_context, &other_context), 0);
}

static void of_a_call_on_another_stack_nothing_is_known(void **state) {
    (void)state;
    size_t size = 262144;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    other_run(stack, size);
    assert_false(over || known);
    // Of one that was made there, when the memory is gone.
    uintptr_t at = (uintptr_t)stack + size / 2;
    assert_int_equal(munmap(stack, size), 0);
    look_at(at, outside.back);
    assert_false(over || known);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_is_under_way_is_not_left),
        cmocka_unit_test(the_systems_frames_do_not_hide_it),
        cmocka_unit_test(a_call_that_has_returned_is_left),
        cmocka_unit_test(
            a_call_is_known_to_be_left_though_its_frame_looks_whole),
        cmocka_unit_test(of_a_call_on_another_stack_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
