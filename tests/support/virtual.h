// Time that passes while threads sleep, and by nothing else: what waits until a
// deadline is tested by what it asks of the system, not by a clock.
//
// It is a thread's own: others sleep as usual. It stands between the library
// and the C library: clock_gettime of the two monotonic clocks, and a futex
// wait that has a deadline. While it is on, such a wait ends at once, at its
// deadline. A wait without one sleeps as usual. One file of a program includes
// this.

#ifndef SUPPORT_VIRTUAL_H
#define SUPPORT_VIRTUAL_H

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "must.h"

static _Thread_local uint64_t virtual_now;    // in ns; 0: time is as it is
static _Thread_local unsigned virtual_sleeps; // that had a deadline
static _Thread_local uint64_t virtual_until;  // the deadline of the last
// Called by such a sleep before it ends: it may let time pass, and see to it
// that the word changes; then the sleep has ended by that.
static _Thread_local void (*virtual_asleep)(const uint32_t *word,
                                            uint32_t value);
static atomic_uint virtual_endless; // sleeps that have begun and have no
                                    // deadline, of all threads that have it on

typedef int (*clock_fn)(clockid_t, struct timespec *);
typedef long (*syscall_fn)(long, ...);

// The functions that are hidden here. A pointer to an object is no pointer to a
// function in C, but is in POSIX.
static inline clock_fn real_clock(void) {
    static _Atomic clock_fn real;
    union {
        void *object;
        clock_fn fn;
    } found;
    if (!real) {
        found.object = dlsym(RTLD_NEXT, "clock_gettime");
        must(found.object);
        real = found.fn;
    }
    return real;
}

static inline syscall_fn real_syscall(void) {
    static _Atomic syscall_fn real;
    union {
        void *object;
        syscall_fn fn;
    } found;
    if (!real) {
        found.object = dlsym(RTLD_NEXT, "syscall");
        must(found.object);
        real = found.fn;
    }
    return real;
}

// From the time that it is.
static inline void virtual_begin(void) {
    struct timespec now;
    virtual_sleeps = 0;
    virtual_until = 0;
    must(real_clock()(CLOCK_MONOTONIC, &now) == 0);
    virtual_now = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void virtual_end(void) { virtual_now = 0; }

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock,
                                                         struct timespec *ret) {
    uint64_t now = virtual_now;
    if (now && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE)) {
        ret->tv_sec = (time_t)(now / 1000000000u);
        ret->tv_nsec = (long)(now % 1000000000u);
        return 0;
    }
    return real_clock()(clock, ret);
}

// Whether a sleep has ended at once, at its deadline.
static inline bool virtual_sleep(const uint32_t *word, uint32_t value,
                                 const struct timespec *until) {
    uint64_t deadline =
        (uint64_t)until->tv_sec * 1000000000u + (uint64_t)until->tv_nsec;
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value)
        return false;
    virtual_sleeps++;
    virtual_until = deadline;
    if (virtual_asleep)
        virtual_asleep(word, value);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value)
        return true;
    if (virtual_now < deadline)
        virtual_now = deadline;
    return true;
}

__attribute__((visibility("default"))) long syscall(long number, ...) {
    long arg[6];
    va_list args;
    va_start(args, number);
    for (int n = 0; n < 6; n++)
        arg[n] = va_arg(args, long);
    va_end(args);
    if (number == SYS_futex && virtual_now && arg[3] &&
        (arg[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET &&
        virtual_sleep((const uint32_t *)arg[0], (uint32_t)arg[2],
                      (const struct timespec *)arg[3])) {
        errno = ETIMEDOUT;
        return -1;
    }
    if (number == SYS_futex && virtual_now && !arg[3] &&
        (arg[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET)
        atomic_fetch_add(&virtual_endless, 1);
    return real_syscall()(number, arg[0], arg[1], arg[2], arg[3], arg[4],
                          arg[5]);
}

#endif
