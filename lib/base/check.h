// The ladder of checks.
//
//   tly_require   always: memory is corrupt already, going on makes it worse
//   tly_check     debug builds (TLY_CHECK >= 1): O(1)
//   tly_audit     TLY_CHECK >= 2: may walk a structure
//
// tly_misuse is what a program sees when it is wrong: one line that names the
// object, its type and the thread, then abort.

#ifndef TLY_BASE_CHECK_H
#define TLY_BASE_CHECK_H

#include "base/compiler.h"

#define tly_require(condition)                                                 \
    (TLY_LIKELY(condition) ? (void)0 : tly_fail(#condition, __FILE__, __LINE__))
#define tly_check(condition) (TLY_CHECK >= 1 ? tly_require(condition) : (void)0)
#define tly_audit(condition) (TLY_CHECK >= 2 ? tly_require(condition) : (void)0)

// Writes one line and aborts.
__attribute__((noreturn, cold)) void tly_fail(const char *condition,
                                              const char *file, int line);

// Writes one line in the program's terms and aborts.
__attribute__((noreturn, cold))
TLY_PRINTF(1, 2) void tly_misuse(const char *format, ...);

// Writes one line to stderr, whole, without allocating.
TLY_PRINTF(1, 2) void tly_report(const char *format, ...);

#endif
