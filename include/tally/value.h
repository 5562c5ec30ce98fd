// Values: one word whose type is known at run time. A value is a small integer,
// true, false, nil, or a counted object.
//
//     tally_value v = tally_small(42), w = tally_of(tally_new(node));
//     if (tally_is_small(v))
//         printf("%lld\n", (long long)tally_small_of(v));
//     tally_value_decref(w); // and so may v be: there is nothing to drop
//
// What holds for references of objects holds for values: they are owned or
// borrowed, and counting one that is no object does nothing. One word is no
// value: tally_absent(), which functions return that have none to return.

#ifndef TALLY_VALUE_H
#define TALLY_VALUE_H

#include <tally/object.h>

TALLY_BEGIN

// A value. Programs compare values with tally_is, tally_value_equal, and
// tally_value_compare; two words that differ may be equal.
//
//   ...000  an object, or 0: absent       ...001  a small integer, times 8
//   ...010  nil, false, true
typedef struct tally_value {
    uint64_t bits_;
} tally_value;

#define TALLY_TAG_SMALL_ 1u
#define TALLY_NIL_ 0x02u
#define TALLY_FALSE_ 0x0Au
#define TALLY_TRUE_ 0x12u

// The range of integers that are no objects: 61 bits.
#define TALLY_SMALL_MAX ((int64_t)0x0FFFFFFFFFFFFFFF)
#define TALLY_SMALL_MIN (-TALLY_SMALL_MAX - 1)

// ---- words

// Returns:  a value of these bits.  Threads: any.  Blocks: no.  Cost: none.
TALLY_INLINE tally_value tally_value_(uint64_t bits) {
    tally_value value;
    value.bits_ = bits;
    return value;
}

// Returns:  what is no value.
// Threads:  any.
// Blocks:   no.
// Cost:     none.
TALLY_INLINE tally_value tally_absent(void) { return tally_value_(0); }

// Returns:  nil, the value that stands for none.
// Threads:  any.
// Blocks:   no.
// Cost:     none.
TALLY_INLINE tally_value tally_nil(void) { return tally_value_(TALLY_NIL_); }

// Returns:  true or false as a value.
// Threads:  any.
// Blocks:   no.
// Cost:     an instruction or two.
TALLY_INLINE tally_value tally_bool(bool truth) {
    return tally_value_(truth ? TALLY_TRUE_ : TALLY_FALSE_);
}

// Makes a value of an integer that fits in one. tally_integer takes any.
//
// n:        TALLY_SMALL_MIN .. TALLY_SMALL_MAX; of others the upper three bits
//           are lost.
// Returns:  the value.
// Threads:  any.
// Blocks:   no.
// Cost:     two instructions.
TALLY_INLINE tally_value tally_small(int64_t n) {
    return tally_value_((uint64_t)n << 3 | TALLY_TAG_SMALL_);
}

// Makes a value of a reference: owned if the reference is, borrowed if not.
//
// object:   or NULL, which gives what is no value.
// Returns:  the value.
// Threads:  any.
// Blocks:   no.
// Cost:     none.
TALLY_INLINE tally_value tally_of(void *object) {
    return tally_value_((uint64_t)(uintptr_t)object);
}

// Whether two words are the same: the same object, integer, truth or nil.
//
// Returns:  whether they are.
// Threads:  any.
// Blocks:   no.
// Cost:     a comparison.
TALLY_INLINE bool tally_is(tally_value a, tally_value b) {
    return a.bits_ == b.bits_;
}

// Returns:  whether the word is no value.
// Threads:  any.
// Blocks:   no.
// Cost:     a comparison.
TALLY_INLINE bool tally_is_absent(tally_value value) { return !value.bits_; }

// Returns:  whether the value is nil.
// Threads:  any.
// Blocks:   no.
// Cost:     a comparison.
TALLY_INLINE bool tally_is_nil(tally_value value) {
    return value.bits_ == TALLY_NIL_;
}

// Returns:  whether the value is true or false.
// Threads:  any.
// Blocks:   no.
// Cost:     two comparisons.
TALLY_INLINE bool tally_is_bool(tally_value value) {
    return value.bits_ == TALLY_TRUE_ || value.bits_ == TALLY_FALSE_;
}

// Returns:  whether the value is an integer that is no object.
// Threads:  any.
// Blocks:   no.
// Cost:     a test.
TALLY_INLINE bool tally_is_small(tally_value value) {
    return (value.bits_ & TALLY_TAG_) == TALLY_TAG_SMALL_;
}

// Returns:  whether the value is an object.
// Threads:  any.
// Blocks:   no.
// Cost:     two tests.
TALLY_INLINE bool tally_is_object(tally_value value) {
    return value.bits_ && !(value.bits_ & TALLY_TAG_);
}

// Returns:  the integer of a value for which tally_is_small holds.
// Threads:  any.
// Blocks:   no.
// Cost:     an instruction.
TALLY_INLINE int64_t tally_small_of(tally_value value) {
    return (int64_t)value.bits_ >> 3;
}

// Returns:  the object of a value, owned or borrowed as the value is; NULL
//           when it is none.
// Threads:  any.
// Blocks:   no.
// Cost:     two instructions.
TALLY_INLINE void *tally_object_of(tally_value value) {
    return value.bits_ & TALLY_TAG_ ? NULL : (void *)(uintptr_t)value.bits_;
}

// ---- counting

// Counts one more reference to a value's object, if it is one.
//
// value:    any, borrowed so that it lasts over the call; or absent.
// Returns:  the same, owned.
// Threads:  any.
// Blocks:   no.
// Cost:     a test, and an incref of what is an object.
TALLY_INLINE tally_value tally_value_incref(tally_value value) {
    if (tally_is_object(value))
        tally_object_incref_((tally_object *)(uintptr_t)value.bits_);
    return value;
}

// Drops a value that the caller owns.
//
// value:    any, owned; or absent. The caller's no longer.
// Returns:  nothing.
// Threads:  any.
// Blocks:   as tally_decref.
// Cost:     a test, and a decref of what is an object.
TALLY_INLINE void tally_value_decref(tally_value value) {
    if (tally_is_object(value))
        tally_object_decref_((tally_object *)(uintptr_t)value.bits_);
}

TALLY_END

#endif
