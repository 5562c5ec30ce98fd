// What every public header starts from: versions, visibility, attributes.
//
// All other public headers include this one; programs include <tally/tally.h>.

#ifndef TALLY_API_H
#define TALLY_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_VERSION_MAJOR 0
#define TALLY_VERSION_MINOR 1
#define TALLY_VERSION_PATCH 0

// An exported function or variable.
#define TALLY_API __attribute__((visibility("default")))

// A variable of one program or shared library, which no other sees.
#define TALLY_HIDDEN_ __attribute__((visibility("hidden")))

// A fast path that programs compile in. Each one exists in the library as a
// symbol too, for debuggers and foreign-function interfaces.
#define TALLY_INLINE TALLY_API inline

#define TALLY_LIKELY(x) __builtin_expect(!!(x), 1)
#define TALLY_UNLIKELY(x) __builtin_expect(!!(x), 0)

// A result that must not be dropped.
#define TALLY_MUST_USE __attribute__((warn_unused_result))

// Thread-local variables that fast paths read. They live in the static TLS
// block, so that reading one is a single load; the two of them take 16 bytes.
#define TALLY_THREAD __thread __attribute__((tls_model("initial-exec")))

// For debug builds of a program, -DTALLY_CHECKED=1: a store into a tally_ref
// aborts if another thread stores into the same field at the same time
// (docs/counting.md). It costs a locked instruction each.
#ifndef TALLY_CHECKED
#define TALLY_CHECKED 0
#endif

// Joins two names, once they are expanded.
#define TALLY_CAT_(a, b) TALLY_CAT2_(a, b)
#define TALLY_CAT2_(a, b) a##b

// What C and C++ say differently. TALLY_WANT_ is 0 in a constant, and fails to
// compile, with a text, for a [pointer] that is none to a [wanted].
#ifdef __cplusplus
#define TALLY_BEGIN extern "C" {
#define TALLY_END }
#define TALLY_ASSERT_(condition, text) static_assert(condition, text)
extern "C++" {
template <class A, class B> struct tally_same_ {
    static const bool is = false;
};
template <class A> struct tally_same_<A, A> { static const bool is = true; };
}
#define TALLY_WANT_(wanted, pointer, text)                                     \
    ([]() {                                                                    \
        static_assert(tally_same_<decltype(pointer), wanted *>::is, text);     \
        return 0;                                                              \
    }())
#else
#define TALLY_BEGIN
#define TALLY_END
#define TALLY_ASSERT_(condition, text) _Static_assert(condition, text)
#define TALLY_WANT_(wanted, pointer, text)                                     \
    (0 * sizeof(struct {                                                       \
         char unused_;                                                         \
         _Static_assert(_Generic((pointer), wanted * : 1, default : 0), text); \
     }))
#endif

#endif
