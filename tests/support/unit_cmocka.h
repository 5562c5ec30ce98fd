// What every unit test includes.

#ifndef SUPPORT_UNIT_CMOCKA_H
#define SUPPORT_UNIT_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "child.h"
#include "must.h"

// A function that aborts, in a process of its own, with a line that has
// [words] in it.
static inline void assert_aborts(child_fn fn, void *arg, const char *words) {
    struct child child = child_run(fn, arg);
    if (!child_aborted(&child) || !strstr(child.text, words))
        fprintf(stderr, "status %#x, \"%s\" not in: %s\n",
                (unsigned)child.status, words, child.text);
    assert_true(child_aborted(&child));
    assert_non_null(strstr(child.text, words));
}

// Numbers that look random, the same in each run (Steele, Lea and Flood's
// splitmix64).
static inline uint64_t unit_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

#endif
