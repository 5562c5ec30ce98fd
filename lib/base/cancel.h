// No cancellation (pthread_cancel) in the rest of a function.
//
// A thread that is cancelled leaves all calls at once. Calls of the C library
// where that may happen are made with it put off: whoever reports, looks or
// waits has locks, or has begun a stop. What a thread waits in for long, a
// file's transfer, may be cancelled, and cleans up.

#ifndef TLY_BASE_CANCEL_H
#define TLY_BASE_CANCEL_H

#include <pthread.h>

#include "base/compiler.h"

#define TLY_NO_CANCEL                                                          \
    int uncancelled __attribute__((cleanup(tly_cancel_end), unused)) =         \
        tly_cancel_begin()
TLY_INLINE int tly_cancel_begin(void) {
    int before = PTHREAD_CANCEL_ENABLE;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}
// What came meanwhile waits for the program's next call of that kind.
TLY_INLINE void tly_cancel_end(const int *before) {
    (void)pthread_setcancelstate(*before, NULL);
}

#endif
