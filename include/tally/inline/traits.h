// What TALLY_TYPE and the traits expand to: an array of struct tally_trait and
// a tally_type that names it. Included by <tally/type.h>.

#ifndef TALLY_INLINE_TRAITS_H
#define TALLY_INLINE_TRAITS_H

#include <tally/inline/layout.h>

#define TALLY_COUNT_(...)                                                      \
    TALLY_PICK_(__VA_ARGS__, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, \
                3, 2, 1, 0)
#define TALLY_PICK_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, ...) r

// The first of some arguments.
#define TALLY_FIRST_(...) TALLY_FIRST2_(__VA_ARGS__, 0)
#define TALLY_FIRST2_(first, ...) first

// A type and its traits, by [linkage]; [check] is a function or nothing.
#define TALLY_DEFINE_(linkage, check, T, ...)                                  \
    TALLY_DEFINE2_(linkage, check, T, __VA_ARGS__)
#define TALLY_DEFINE2_(linkage, check, T, ...)                                 \
    static const tally_trait tally_traits_##T[] = {__VA_ARGS__{                \
        TALLY_TRAIT_END, NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL}};           \
    linkage tally_type tally_type_##T = {#T,                                   \
                                         sizeof(struct T),                     \
                                         tally_traits_##T,                     \
                                         0,                                    \
                                         0,                                    \
                                         0,                                    \
                                         0,                                    \
                                         0,                                    \
                                         0,                                    \
                                         0,                                    \
                                         0,                                    \
                                         0,                                    \
                                         0,                                    \
                                         0,                                    \
                                         0,                                    \
                                         NULL,                                 \
                                         NULL,                                 \
                                         NULL,                                 \
                                         NULL,                                 \
                                         NULL,                                 \
                                         NULL,                                 \
                                         0};                                   \
    enum { tally_type_##T##_is_of_the_library_ };                              \
    check(T) TALLY_ASSERT_(sizeof(struct T) >= sizeof(tally_object),           \
                           "an object begins with a tally_object")

#define TALLY_CHECK_NOT_(T)
// What another library exports under the same name comes before or after this.
#define TALLY_CHECK_EXPORT_(T)                                                 \
    __attribute__((constructor)) static void tally_check_##T(void) {           \
        tally_type_exported_(&tally_type_##T, tally_traits_##T,                \
                             sizeof(struct T));                                \
    }
#define TALLY_TRAITS_OF_(...)                                                  \
    TALLY_CAT_(TALLY_TRAITS_, TALLY_COUNT_(__VA_ARGS__))(__VA_ARGS__)

#define TALLY_TRAIT_(T, tuple) TALLY_TRAIT2_(T, TALLY_OPEN_ tuple)
#define TALLY_OPEN_(a, b, c) a, b, c
#define TALLY_TRAIT2_(T, args) TALLY_TRAIT3_(T, args)
#define TALLY_TRAIT3_(T, kind, a, b) TALLY_IS_##kind##_(T, a, b)

// Fields: at an offset, [count] of them, or as many as a length says.
#define TALLY_FIELDS_(kind, f, at, count, length_at, length_size)              \
    {TALLY_TRAIT_##kind, #f,   at,   count, length_at,                         \
     length_size,        NULL, NULL, NULL,  NULL},
#define TALLY_AT_(T, f) offsetof(struct T, f)
#define TALLY_HAS_(T, f) (((struct T *)0)->f)
#define TALLY_AT_ONE_(is, T, f)                                                \
    TALLY_AT_(T, f) + TALLY_WANT_(is, &TALLY_HAS_(T, f),                       \
                                  "field " #f " of struct " #T " is no " #is)
#define TALLY_AT_FIRST_(is, T, f)                                              \
    TALLY_AT_(T, f) + TALLY_WANT_(is, &TALLY_HAS_(T, f)[0],                    \
                                  "field " #f " of struct " #T                 \
                                  " is no array of " #is)
#define TALLY_ONE_(kind, is, T, f)                                             \
    TALLY_FIELDS_(kind, f, TALLY_AT_ONE_(is, T, f), 1, 0, 0)
#define TALLY_MANY_(kind, is, T, f)                                            \
    TALLY_FIELDS_(kind, f, TALLY_AT_FIRST_(is, T, f),                          \
                  sizeof(TALLY_HAS_(T, f)) / sizeof(tally_ref), 0, 0)
#define TALLY_AS_MANY_(is, T, f, n)                                            \
    TALLY_FIELDS_(REF_ITEMS, f, TALLY_AT_FIRST_(is, T, f), sizeof(tally_ref),  \
                  TALLY_AT_(T, n), sizeof(TALLY_HAS_(T, n)))

#define TALLY_IS_REF_(T, f, unused) TALLY_ONE_(REFS, tally_ref, T, f)
#define TALLY_IS_REF_ARRAY_(T, f, unused) TALLY_MANY_(REFS, tally_ref, T, f)
#define TALLY_IS_REF_ITEMS_(T, f, n) TALLY_AS_MANY_(tally_ref, T, f, n)
#define TALLY_IS_AREF_(T, f, unused) TALLY_ONE_(REFS, tally_aref, T, f)
#define TALLY_IS_AREF_ARRAY_(T, f, unused) TALLY_MANY_(REFS, tally_aref, T, f)
#define TALLY_IS_AREF_ITEMS_(T, f, n) TALLY_AS_MANY_(tally_aref, T, f, n)
#define TALLY_IS_CELL_(T, f, unused) TALLY_ONE_(CELLS, tally_cell, T, f)
#define TALLY_IS_CELL_ARRAY_(T, f, unused) TALLY_MANY_(CELLS, tally_cell, T, f)
#define TALLY_IS_CELL_ITEMS_(T, f, n) TALLY_AS_MANY_(tally_cell, T, f, n)
#define TALLY_IS_ITEMS_(T, f, n)                                               \
    TALLY_FIELDS_(ITEMS, f, TALLY_AT_(T, f), sizeof(TALLY_HAS_(T, f)[0]),      \
                  TALLY_AT_(T, n), sizeof(TALLY_HAS_(T, n)))
#define TALLY_IS_FINALIZE_(T, f, unused)                                       \
    {TALLY_TRAIT_FINALIZE, #f, 0, 0, 0, 0, f, NULL, NULL, NULL},
#define TALLY_IS_EXECUTOR_(T, by, unused)                                      \
    {TALLY_TRAIT_EXECUTOR, #by, 0, (size_t)(by), 0, 0, NULL, NULL, NULL, NULL},
#define TALLY_IS_DESTROY_(T, f, unused)                                        \
    {TALLY_TRAIT_DESTROY, #f, 0, 0, 0, 0, f, NULL, NULL, NULL},
#define TALLY_IS_VISIT_(T, f, unused)                                          \
    {TALLY_TRAIT_VISIT, #f, 0, 0, 0, 0, NULL, f, NULL, NULL},
#define TALLY_IS_VISIT_LIVE_(T, f, unused)                                     \
    {TALLY_TRAIT_VISIT, #f, 0, 1, 0, 0, NULL, f, NULL, NULL},
#define TALLY_IS_PROTOCOL_(T, p, unused)                                       \
    {TALLY_TRAIT_PROTOCOL, #p, 0, 0, 0, 0, NULL, NULL, NULL, &(p)},
#define TALLY_IS_BASE_(T, B, unused)                                           \
    {TALLY_TRAIT_BASE, #B, 0, 0, 0, 0, NULL, NULL, TALLY_TYPE_OF(B), NULL},

#define TALLY_TRAITS_1(T)
#define TALLY_TRAITS_2(T, a) TALLY_TRAITS_1(T) TALLY_TRAIT_(T, a)
#define TALLY_TRAITS_3(T, a, b) TALLY_TRAITS_2(T, a) TALLY_TRAIT_(T, b)
#define TALLY_TRAITS_4(T, a, b, c) TALLY_TRAITS_3(T, a, b) TALLY_TRAIT_(T, c)
#define TALLY_TRAITS_5(T, a, b, c, d)                                          \
    TALLY_TRAITS_4(T, a, b, c) TALLY_TRAIT_(T, d)
#define TALLY_TRAITS_6(T, a, b, c, d, e)                                       \
    TALLY_TRAITS_5(T, a, b, c, d) TALLY_TRAIT_(T, e)
#define TALLY_TRAITS_7(T, a, b, c, d, e, f)                                    \
    TALLY_TRAITS_6(T, a, b, c, d, e) TALLY_TRAIT_(T, f)
#define TALLY_TRAITS_8(T, a, b, c, d, e, f, g)                                 \
    TALLY_TRAITS_7(T, a, b, c, d, e, f) TALLY_TRAIT_(T, g)
#define TALLY_TRAITS_9(T, a, b, c, d, e, f, g, h)                              \
    TALLY_TRAITS_8(T, a, b, c, d, e, f, g) TALLY_TRAIT_(T, h)
#define TALLY_TRAITS_10(T, a, b, c, d, e, f, g, h, i)                          \
    TALLY_TRAITS_9(T, a, b, c, d, e, f, g, h) TALLY_TRAIT_(T, i)
#define TALLY_TRAITS_11(T, a, b, c, d, e, f, g, h, i, j)                       \
    TALLY_TRAITS_10(T, a, b, c, d, e, f, g, h, i) TALLY_TRAIT_(T, j)
#define TALLY_TRAITS_12(T, a, b, c, d, e, f, g, h, i, j, k)                    \
    TALLY_TRAITS_11(T, a, b, c, d, e, f, g, h, i, j) TALLY_TRAIT_(T, k)
#define TALLY_TRAITS_13(T, a, b, c, d, e, f, g, h, i, j, k, l)                 \
    TALLY_TRAITS_12(T, a, b, c, d, e, f, g, h, i, j, k) TALLY_TRAIT_(T, l)
#define TALLY_TRAITS_14(T, a, b, c, d, e, f, g, h, i, j, k, l, m)              \
    TALLY_TRAITS_13(T, a, b, c, d, e, f, g, h, i, j, k, l) TALLY_TRAIT_(T, m)
#define TALLY_TRAITS_15(T, a, b, c, d, e, f, g, h, i, j, k, l, m, n)           \
    TALLY_TRAITS_14(T, a, b, c, d, e, f, g, h, i, j, k, l, m) TALLY_TRAIT_(T, n)
#define TALLY_TRAITS_16(T, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)        \
    TALLY_TRAITS_15(T, a, b, c, d, e, f, g, h, i, j, k, l, m, n)               \
    TALLY_TRAIT_(T, o)
#define TALLY_TRAITS_17(T, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)     \
    TALLY_TRAITS_16(T, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)            \
    TALLY_TRAIT_(T, p)

#endif
