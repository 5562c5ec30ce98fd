// The calls that a thread is inside of.
//
// The word above a frame pointer is the address that the call returns to; no
// call changes its own. Frame pointer and address together are the call:
// another whose frame is at the same place comes from elsewhere.

#include "platform/calls.h"

#include <unwind.h>

#include "base/atomic.h"

#if defined(__x86_64__)
#define FRAME_POINTER 6
#elif defined(__aarch64__)
#define FRAME_POINTER 29
#endif

// The upper bits of a return address may be a signature.
static bool same_place(uintptr_t a, uintptr_t b) { return (a ^ b) << 16 == 0; }

// The word is another frame's, maybe in the midst of its padding.
__attribute__((no_sanitize("address", "thread"))) bool tly_call_left_over(
    struct tly_frame call) {
    if (!tly_os_on_stack(call.at))
        return false;
    const volatile uintptr_t *word = call.at;
    return !same_place(word[1], (uintptr_t)call.back);
}

struct walk {
    struct tly_frame call;
    bool met;  // the last frame had the call's frame pointer
    bool left; // the walk has passed where the call would be
};

static _Unwind_Reason_Code frame_look(struct _Unwind_Context *context,
                                      void *arg) {
    struct walk *walk = arg;
    uintptr_t at = (uintptr_t)walk->call.at;
    uintptr_t stack = _Unwind_GetCFA(context); // of this frame, the lowest
    if (walk->met &&
        same_place(_Unwind_GetIP(context), (uintptr_t)walk->call.back))
        return _URC_NORMAL_STOP;
    walk->left = stack > at && tly_os_on_stack((const void *)stack);
    walk->met = _Unwind_GetGR(context, FRAME_POINTER) == at;
    return walk->left ? _URC_NORMAL_STOP : _URC_NO_REASON;
}

bool tly_call_left_known(struct tly_frame call) {
    const void *here = __builtin_frame_address(0);
    struct walk walk = {.call = call};
    if ((uintptr_t)here < (uintptr_t)call.at && tly_os_on_stack(call.at) &&
        tly_os_on_stack(here))
        (void)_Unwind_Backtrace(frame_look, &walk);
    return walk.left;
}
