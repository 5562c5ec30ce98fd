// Numbers as values: integers of 64 bits, and doubles.
//
//     tally_value big = tally_integer(INT64_MAX), half = tally_double(0.5);
//     int64_t n;
//     if (tally_as_integer(big, &n) == TALLY_OK)
//         printf("%lld\n", (long long)n);
//     tally_value_decref(big);
//     tally_value_decref(half);
//
// An integer that fits into a word is always small (tally_small), so that two
// equal integers are both small or both objects. A number never changes.
// Integers and doubles that are equal as numbers are equal as values, exactly:
// 1 equals 1.0, and 2^53 + 1 equals no double. What is not a number does not
// even equal itself, but as a key of a map the same object is found again.
// true and false are no numbers.

#ifndef TALLY_NUMBER_H
#define TALLY_NUMBER_H

#include <tally/value.h>

TALLY_BEGIN

// The types of integers, small ones too, and of doubles.
TALLY_TYPE_OWN_(integer);
TALLY_TYPE_OWN_(double);

// Makes a value of an integer.
//
// n:        any.
// Returns:  an owned value; absent, with errno set, when there is no memory
//           for one that is not small.
// Errors:   ENOMEM, EAGAIN (too many mutators or types).
// Threads:  any.
// Blocks:   as tally_object_new.
// Cost:     two instructions; of an integer that is not small, an object of 32
//           bytes.
TALLY_API TALLY_MUST_USE tally_value tally_integer(int64_t n);

// Makes a value of a double.
//
// real:     any, infinities and what is not a number too.
// Returns:  an owned value; absent with errno set.
// Errors:   ENOMEM, EAGAIN (too many mutators or types).
// Threads:  any.
// Blocks:   as tally_object_new.
// Cost:     an object of 32 bytes.
TALLY_API TALLY_MUST_USE tally_value tally_double(double real);

// Whether a value is an integer: a small one, or an object of
// tally_type_integer or of a type derived from it.
//
// value:    borrowed, or absent.
// Returns:  whether it is.
// Threads:  any.
// Blocks:   no.
// Cost:     as tally_is_instance.
TALLY_API bool tally_is_integer(tally_value value);

// Whether a value is a double.
//
// value:    borrowed, or absent.
// Returns:  whether it is.
// Threads:  any.
// Blocks:   no.
// Cost:     as tally_is_instance.
TALLY_API bool tally_is_double(tally_value value);

// Reads an integer.
//
// value:    borrowed, or absent.
// Returns:  0, and the integer in [*ret_n].
// Errors:   TALLY_WRONG_TYPE for all else, doubles too.
// Threads:  any.
// Blocks:   no.
// Cost:     as tally_is_instance.
TALLY_API tally_status tally_as_integer(tally_value value, int64_t *ret_n);

// Reads a double, or an integer as the nearest double.
//
// value:    borrowed, or absent.
// Returns:  0, and the number in [*ret_real].
// Errors:   TALLY_WRONG_TYPE for what is no number.
// Threads:  any.
// Blocks:   no.
// Cost:     as tally_is_instance.
TALLY_API tally_status tally_as_double(tally_value value, double *ret_real);

// Reads true or false.
//
// value:    borrowed, or absent.
// Returns:  0, and the truth in [*ret_truth].
// Errors:   TALLY_WRONG_TYPE for all else.
// Threads:  any.
// Blocks:   no.
// Cost:     two comparisons.
TALLY_API tally_status tally_as_bool(tally_value value, bool *ret_truth);

TALLY_END

#endif
