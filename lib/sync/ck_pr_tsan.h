// A stand-in for <ck_pr.h> in ThreadSanitizer builds, which cannot see the
// inline assembly of ConcurrencyKit: it takes that header's include guard, so
// that the CK headers that follow are compiled on the compiler's builtins.
//
// Loads acquire, stores release, read-modify-writes are sequentially
// consistent, as CK assumes of x86 (CK_MD_TSO); a fence orders the compiler
// only, since every access carries its own order.

#ifndef TLY_SYNC_CK_PR_TSAN_H
#define TLY_SYNC_CK_PR_TSAN_H

#define CK_PR_H

// clang-format off: their order is CK's.
#include <ck_cc.h>
#include <ck_limits.h>
#include <ck_md.h>
#include <ck_stdint.h>
#include <ck_stdbool.h>
#include <ck_stddef.h>
#include <gcc/ck_f_pr.h>
// clang-format on

#undef CK_F_PR_CAS_PTR_2
#undef CK_F_PR_CAS_PTR_2_VALUE
#undef CK_F_PR_RTM
#define CK_F_PR_FAS_PTR
#define CK_F_PR_FAA_32

#define TLY_CK static inline __attribute__((always_inline, unused))

TLY_CK void ck_pr_barrier(void) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
TLY_CK void ck_pr_stall(void) { ck_pr_barrier(); }

#define TLY_CK_FENCE(name)                                                     \
    TLY_CK void ck_pr_fence_##name(void) { ck_pr_barrier(); }
TLY_CK_FENCE(acquire)
TLY_CK_FENCE(atomic)
TLY_CK_FENCE(atomic_load)
TLY_CK_FENCE(load)
TLY_CK_FENCE(load_atomic)
TLY_CK_FENCE(load_depends)
TLY_CK_FENCE(load_store)
TLY_CK_FENCE(lock)
TLY_CK_FENCE(memory)
TLY_CK_FENCE(release)
TLY_CK_FENCE(store)
TLY_CK_FENCE(store_atomic)
TLY_CK_FENCE(store_load)
TLY_CK_FENCE(unlock)
#undef TLY_CK_FENCE

#define TLY_CK_OPS(name, type)                                                 \
    TLY_CK type ck_pr_md_load_##name(const type *p) {                          \
        return __atomic_load_n(p, __ATOMIC_ACQUIRE);                           \
    }                                                                          \
    TLY_CK void ck_pr_md_store_##name(type *p, type v) {                       \
        __atomic_store_n(p, v, __ATOMIC_RELEASE);                              \
    }                                                                          \
    TLY_CK bool ck_pr_cas_##name##_value(type *p, type c, type s, type *v) {   \
        bool done = __atomic_compare_exchange_n(                               \
            p, &c, s, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);              \
        *v = c;                                                                \
        return done;                                                           \
    }                                                                          \
    TLY_CK bool ck_pr_cas_##name(type *p, type c, type s) {                    \
        return ck_pr_cas_##name##_value(p, c, s, &c);                          \
    }                                                                          \
    TLY_CK type ck_pr_faa_##name(type *p, type d) {                            \
        return __atomic_fetch_add(p, d, __ATOMIC_SEQ_CST);                     \
    }                                                                          \
    TLY_CK type ck_pr_fas_##name(type *p, type v) {                            \
        return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                    \
    }                                                                          \
    TLY_CK void ck_pr_or_##name(type *p, type v) {                             \
        __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                             \
    }                                                                          \
    TLY_CK void ck_pr_and_##name(type *p, type v) {                            \
        __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                            \
    }                                                                          \
    TLY_CK bool ck_pr_bts_##name(type *p, unsigned int bit) {                  \
        type mask = (type)1 << bit;                                            \
        return __atomic_fetch_or(p, mask, __ATOMIC_SEQ_CST) & mask;            \
    }
TLY_CK_OPS(uint, unsigned int)
TLY_CK_OPS(32, uint32_t)
TLY_CK_OPS(64, uint64_t)
#undef TLY_CK_OPS

#define ck_pr_load_uint(p) ck_pr_md_load_uint(p)
#define ck_pr_load_32(p) ck_pr_md_load_32(p)
#define ck_pr_load_64(p) ck_pr_md_load_64(p)
#define ck_pr_store_uint(p, v) ck_pr_md_store_uint(p, v)
#define ck_pr_store_32(p, v) ck_pr_md_store_32(p, v)
#define ck_pr_store_64(p, v) ck_pr_md_store_64(p, v)
#define ck_pr_load_ptr(p)                                                      \
    ((CK_CC_TYPEOF(*(p), (void *)))__atomic_load_n(                            \
        (void *const *)(const void *)(p), __ATOMIC_ACQUIRE))
#define ck_pr_store_ptr(p, v)                                                  \
    __atomic_store_n((void **)(void *)(p), (void *)(uintptr_t)(v),             \
                     __ATOMIC_RELEASE)

TLY_CK bool ck_pr_cas_ptr_value(void *p, void *c, void *s, void *v) {
    bool done = __atomic_compare_exchange_n((void **)p, &c, s, false,
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    *(void **)v = c;
    return done;
}
TLY_CK bool ck_pr_cas_ptr(void *p, void *c, void *s) {
    return ck_pr_cas_ptr_value(p, c, s, &c);
}
TLY_CK void *ck_pr_fas_ptr(void *p, void *v) {
    return __atomic_exchange_n((void **)p, v, __ATOMIC_SEQ_CST);
}

#endif
