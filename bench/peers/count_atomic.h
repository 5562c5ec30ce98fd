// A count by hand as a program with threads writes it.

#ifndef PEER_COUNT_ATOMIC_H
#define PEER_COUNT_ATOMIC_H

#include <stdbool.h>

typedef long peer_count;

static inline void count_up(peer_count *count) {
    // Relaxed: whoever counts holds a reference already.
    __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
}
static inline bool count_down(peer_count *count) {
    // ORDER[last-use] both: every use of the object happens before its free.
    // Each drop pairs with the last one.
    return __atomic_sub_fetch(count, 1, __ATOMIC_ACQ_REL) == 0;
}

#endif
