// What we want of the compiler, by name.

#ifndef TLY_BASE_COMPILER_H
#define TLY_BASE_COMPILER_H

#include <tally/api.h>

#define TLY_LIKELY(x) TALLY_LIKELY(x)
#define TLY_UNLIKELY(x) TALLY_UNLIKELY(x)

// A slow path: never inlined, kept away from the fast ones.
#define TLY_COLD __attribute__((cold, noinline))
#define TLY_NOINLINE __attribute__((noinline))
#define TLY_INLINE static inline __attribute__((always_inline, unused))
// It calls no code of the program's: no exception comes out of it.
#define TLY_NOTHROW __attribute__((nothrow))
#define TLY_PRINTF(f, a) __attribute__((format(printf, f, a)))

// x86-64 and aarch64 both have lines of 64 bytes, or prefetch them in pairs.
#define TLY_LINE 64
#define TLY_ALIGNED(n) __attribute__((aligned(n)))

#define TLY_PREFETCH(p) __builtin_prefetch(p, 0, 3)
// Into the second cache only, which has room for more that are on their way.
#define TLY_PREFETCH_FAR(p) __builtin_prefetch(p, 0, 2)
// Generic x86-64 has the instruction, which compilers do not make unasked; a
// processor without it takes it for a no-op.
#if defined(__x86_64__)
#define TLY_PREFETCH_WRITE(p)                                                  \
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)(p)))
#else
#define TLY_PREFETCH_WRITE(p) __builtin_prefetch(p, 1, 3)
#endif

// The structure that holds a member.
#define TLY_CONTAINER_OF(pointer, type, member)                                \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#ifndef TLY_CHECK
#define TLY_CHECK 0
#endif
#ifndef TLY_POISON
#define TLY_POISON 0
#endif
#ifndef TLY_SCHED
#define TLY_SCHED 0
#endif

#if defined(__SANITIZE_THREAD__)
#define TLY_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TLY_TSAN 1
#endif
#endif
#ifndef TLY_TSAN
#define TLY_TSAN 0
#endif

#endif
