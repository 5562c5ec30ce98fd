// The few memory accesses that public fast paths are made of.
//
// Public structures have plain fields and are accessed through the compiler's
// __atomic builtins, so that they mean the same in C11, C17 and C++17.

#ifndef TALLY_INLINE_ATOMIC_H
#define TALLY_INLINE_ATOMIC_H

#include <tally/api.h>

// A schedule point: nothing in a program. The library's own test builds
// define it before they include this file.
#ifndef TALLY_POINT_
#define TALLY_POINT_(address) ((void)0)
#endif

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TALLY_SANITIZED_ 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define TALLY_SANITIZED_ 1
#endif
#endif

// One instruction instead of three changes a count that only its owner
// writes: compilers do not fuse a relaxed load, an addition and a relaxed
// store. Aligned 32-bit accesses are single-copy atomic on x86-64, so other
// threads read the old or the new count (Intel SDM volume 3, 9.1.1).
#if defined(__x86_64__) && !defined(TALLY_SANITIZED_) && !defined(TALLY_NO_ASM)
#define TALLY_COUNT_ASM_ 1
#else
#define TALLY_COUNT_ASM_ 0
#endif

TALLY_BEGIN

// Adds one to a count that only the calling thread writes.
// Returns:  true when the count wrapped to zero.
// Threads:  the count's only writer.  Blocks: no.  Cost: one instruction.
TALLY_INLINE bool tally_count_up_(uint32_t *count) {
    TALLY_POINT_(count);
#if TALLY_COUNT_ASM_
    bool wrapped;
    __asm__ volatile("addl $1, %0" : "+m"(*count), "=@ccc"(wrapped));
    return wrapped;
#else
    uint32_t next = __atomic_load_n(count, __ATOMIC_RELAXED) + 1;
    TALLY_POINT_(count);
    __atomic_store_n(count, next, __ATOMIC_RELAXED);
    return next == 0;
#endif
}

// Takes one from a count that only the calling thread writes.
// Returns:  true when the count is now zero.
// Threads:  the count's only writer.  Blocks: no.  Cost: one instruction.
TALLY_INLINE bool tally_count_down_(uint32_t *count) {
    TALLY_POINT_(count);
#if TALLY_COUNT_ASM_
    bool zero;
    __asm__ volatile("subl $1, %0" : "+m"(*count), "=@ccz"(zero));
    return zero;
#else
    uint32_t next = __atomic_load_n(count, __ATOMIC_RELAXED) - 1;
    TALLY_POINT_(count);
    __atomic_store_n(count, next, __ATOMIC_RELAXED);
    return next == 0;
#endif
}

// Adds one to a statistic that only the calling thread writes.
// Returns:  nothing.
// Threads:  the counter's only writer.  Blocks: no.  Cost: one instruction.
TALLY_INLINE void tally_count_one_(uint64_t *counter) {
#if TALLY_COUNT_ASM_
    __asm__ volatile("addq $1, %0" : "+m"(*counter) : : "cc");
#else
    uint64_t next = __atomic_load_n(counter, __ATOMIC_RELAXED) + 1;
    __atomic_store_n(counter, next, __ATOMIC_RELAXED);
#endif
}

TALLY_END

// Programs that want the owner's counting in their statistics define
// TALLY_COUNT_OPERATIONS before they include a header, in C files only.
#ifdef TALLY_COUNT_OPERATIONS
#define TALLY_COUNTED_() tally_count_one_(&tally_breaker_->counts_)
#else
#define TALLY_COUNTED_() ((void)0)
#endif

#endif
