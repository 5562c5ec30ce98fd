// What a test needs that any of its threads may call, and what kind of build
// it runs in.

#ifndef SUPPORT_MUST_H
#define SUPPORT_MUST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#elif __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

#if defined(__OPTIMIZE__)
#define OPTIMIZED 1
#else
#define OPTIMIZED 0
#endif

// Ends the process if the condition is false: cmocka's own assertions work in
// the thread of the test only.
#define must(condition)                                                        \
    ((condition) ? (void)0 : must_fail(#condition, __FILE__, __LINE__))

static inline void must_fail(const char *condition, const char *file,
                             int line) {
    fprintf(stderr, "%s:%d: must be true: %s\n", file, line, condition);
    abort();
}

// How often, where sanitizers are slower: they get fewer rounds.
static inline unsigned rounds(unsigned plain, unsigned sanitized) {
    return UNDER_TSAN || UNDER_ASAN ? sanitized : plain;
}

static inline uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void sleep_ms(unsigned ms) {
    struct timespec nap = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&nap, NULL);
}

#endif
