// Functions of the program's that the library calls, and that are left: by a
// longjmp, or by an unwinding as of an exception, for which the test is
// compiled with -fexceptions.

#ifndef SUPPORT_LEAVE_H
#define SUPPORT_LEAVE_H

#include "api.h"

#include <unwind.h>

#if UNDER_ASAN
void __asan_handle_no_return(void);
#endif

static jmp_buf away;
static unsigned leaves; // the next so many calls do
static void (*leave_by)(void);
static const void *catcher; // its frame
static bool unwinds = true; // with tally_unwind

static inline void by_longjmp(void) { longjmp(away, 1); }

// As an exception, or a thread's end: each frame's cleanups are run.
static _Unwind_Reason_Code unwind_stop(int version, _Unwind_Action actions,
                                       _Unwind_Exception_Class class,
                                       struct _Unwind_Exception *exception,
                                       struct _Unwind_Context *context,
                                       void *target) {
    (void)version, (void)actions, (void)class, (void)exception;
    if (_Unwind_GetCFA(context) >= (uintptr_t)target)
        longjmp(away, 1);
    return _URC_NO_REASON;
}
static inline void by_exception(void) {
    static struct _Unwind_Exception exception;
    memset(&exception, 0, sizeof(exception));
#if UNDER_ASAN
    // It knows of exceptions, and not of this: cleanups use the stack anew.
    __asan_handle_no_return();
#endif
    _Unwind_ForcedUnwind(&exception, unwind_stop, (void *)(uintptr_t)catcher);
    fail();
}

static inline void leave_maybe(void) {
    if (leaves > 0) {
        leaves--;
        leave_by();
    }
}

// Makes a call that is left.
static __attribute__((noinline, unused)) void left(void (*by)(void),
                                                   void (*call)(void)) {
    struct tally_mark mark = tally_mark_now();
    catcher = __builtin_frame_address(0);
    leave_by = by;
    leaves = 1;
    if (!setjmp(away)) {
        call();
        fail();
    }
    if (unwinds)
        tally_unwind(&mark);
    assert_int_equal(leaves, 0);
}

// Calls with a deeper stack, which is written but for a compiler's padding,
// also where AddressSanitizer has frames elsewhere.
static __attribute__((noinline, unused, no_sanitize_address)) void deeper(
    unsigned frames, void (*call)(void)) {
    volatile char hole[200];
    for (unsigned n = 0; n < sizeof(hole); n++)
        hole[n] = (char)frames;
    if (frames > 0)
        deeper(frames - 1, call);
    else
        call();
    hole[0] = hole[frames % sizeof(hole)];
}

#endif
