// Sets: what has to do with all elements of two of them, and taking the newest.
//
// Each function is one step for the others: both sets are seen as they are at
// one moment of both, copied under both locks. What hooks say of their elements
// is asked for afterwards, without a lock.

#ifndef TALLY_SET_WHOLE_H
#define TALLY_SET_WHOLE_H

#include <tally/set.h>

TALLY_BEGIN

// Makes a set of what is in one of two sets, or in both: those of the first in
// its order, then those of the second.
//
// a, b:     may be the same.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   as tally_map_new; as a hook's status says.
// Threads:  as tally_set_add.
// Blocks:   as tally_set_add.
// Cost:     tally_set_copy of both, and tally_set_add of each of the second's
//           elements without hashing.
TALLY_API TALLY_MUST_USE tally_set *tally_set_union(tally_set *a, tally_set *b);

// Makes a set of what is in both of two sets, in the order of the first.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   as tally_set_union.
// Threads:  as tally_set_add.
// Blocks:   as tally_set_add.
// Cost:     tally_set_copy of both; tally_set_contains of each of the first's
//           elements, and tally_set_add of those that are in both.
TALLY_API TALLY_MUST_USE tally_set *tally_set_intersection(tally_set *a,
                                                           tally_set *b);

// Makes a set of what is in the first of two sets only, in its order.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   as tally_set_union.
// Threads:  as tally_set_add.
// Blocks:   as tally_set_add.
// Cost:     as tally_set_intersection.
TALLY_API TALLY_MUST_USE tally_set *tally_set_difference(tally_set *a,
                                                         tally_set *b);

// Makes a set of what is in just one of two sets: those of the first in its
// order, then those of the second.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   as tally_set_union.
// Threads:  as tally_set_add.
// Blocks:   as tally_set_add.
// Cost:     as tally_set_difference, both ways.
TALLY_API TALLY_MUST_USE tally_set *tally_set_symmetric_difference(
    tally_set *a, tally_set *b);

// Whether all elements of a set are in another one.
//
// Returns:  0; else *ret_is is untouched.
// Errors:   TALLY_NO_MEMORY; as tally_set_contains.
// Threads:  as tally_set_add.
// Blocks:   as tally_set_copy of both; as tally_set_contains.
// Cost:     tally_set_copy of both; tally_set_contains of each element, up to
//           the first that is not.
TALLY_API tally_status tally_set_is_subset(tally_set *set, tally_set *of,
                                           bool *ret_is);

// Whether two sets have no element in common.
//
// Returns:  0; else *ret_is is untouched.
// Errors:   as tally_set_is_subset.
// Threads:  as tally_set_add.
// Blocks:   as tally_set_is_subset.
// Cost:     tally_set_copy of both; tally_set_contains of each of the first's
//           elements, up to the first that is in both.
TALLY_API tally_status tally_set_is_disjoint(tally_set *a, tally_set *b,
                                             bool *ret_is);

// Removes the newest element.
//
// ret_element: owned; untouched on failure.
// Returns:  0.
// Errors:   TALLY_NOT_FOUND (the set is empty).
// Threads:  as tally_set_add.
// Blocks:   for the set's lock.
// Cost:     two locked operations, amortised.
TALLY_API tally_status tally_set_pop(tally_set *set, tally_value *ret_element);

TALLY_END

#endif
