// The calls that a thread is inside of.

#ifndef TLY_PLATFORM_CALLS_H
#define TLY_PLATFORM_CALLS_H

#include "platform/os.h"

// A call: the address of its frame, and where it returns to.
struct tly_frame {
    const void *at; // NULL: none
    const void *back;
};

// That of the function around, which has a frame pointer for it.
#define TLY_FRAME                                                              \
    ((struct tly_frame){__builtin_frame_address(0),                            \
                        __builtin_return_address(0)})

// Whether the thread has left a call, which it made on the stack that the
// system gave it; of others nobody can tell. Threads: the one that made it.
//
// _above: who asks has the frame [here], and is not below the call.
// _over:  what was its frame has other content. Some nanoseconds. Never true of
//         a call that is under way; for one that was left, nearly always.
// _known: the system's unwinder does not meet it. Some microseconds. Sure,
//         where each frame on the way has unwind tables.
TLY_INLINE bool tly_call_left_above(struct tly_frame call, const void *here) {
    return (uintptr_t)here >= (uintptr_t)call.at && tly_os_on_stack(call.at) &&
           tly_os_on_stack(here);
}
bool tly_call_left_over(struct tly_frame call);
bool tly_call_left_known(struct tly_frame call);

// One of these says so; the costly one is asked by one in 4,096, as [*asks]
// counts.
#define TLY_CALL_ASKS 4096u
TLY_INLINE bool tly_call_left(struct tly_frame call, const void *here,
                              uint32_t *asks) {
    if (tly_call_left_above(call, here) || tly_call_left_over(call))
        return true;
    if (TLY_LIKELY(++*asks < TLY_CALL_ASKS))
        return false;
    *asks = 0;
    return tly_call_left_known(call);
}

#endif
