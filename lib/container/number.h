// Integers beyond the small ones and doubles: objects that never change.

#ifndef TLY_CONTAINER_NUMBER_H
#define TLY_CONTAINER_NUMBER_H

#include <tally/number.h>

#include "base/compiler.h"

struct tally_integer {
    tally_object head;
    int64_t value;
};

struct tally_double {
    tally_object head;
    double value;
};

// A number: an integer, or [real].
struct tly_number {
    bool is_double;
    int64_t integer;
    double real;
};

// False: the value is no number. [exact]: nor is one of a derived type.
bool tly_number_of(tally_value value, bool exact,
                   struct tly_number *ret_number);

// Equal numbers have the same hash, whether they are integers or doubles.
uint64_t tly_number_hash(const struct tly_number *number);

// Not a number equals nothing, not even itself.
bool tly_number_equal(const struct tly_number *a, const struct tly_number *b);

// Less than 0, 0, or more; exact. What is not a number comes after all others.
int tly_number_compare(const struct tly_number *a, const struct tly_number *b);

#endif
