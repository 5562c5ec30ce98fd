// Sets: any hashable values, each once, in the order in which they came.
//
//     tally_set *set = tally_set_new(0);
//     bool added;
//     tally_set_add(set, tally_small(42), &added);
//     tally_decref(set);
//
// What <tally/map.h> says of keys, threads, order and iteration holds for the
// elements of a set.

#ifndef TALLY_SET_H
#define TALLY_SET_H

#include <tally/value.h>

TALLY_BEGIN

typedef struct tally_set tally_set;
TALLY_TYPE_OWN_(set);

// Makes a set.
//
// expected: elements that it has room for at once, 0 .. 1.3e9; a hint.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   as tally_map_new.
// Threads:  as tally_map_new.
// Blocks:   as tally_object_new.
// Cost:     as tally_map_new; 10 bytes less an element.
TALLY_API TALLY_MUST_USE tally_set *tally_set_new(size_t expected);

// Returns:  the number of elements, as tally_map_length.
// Threads:  any.
// Blocks:   no.
// Cost:     a load.
TALLY_API size_t tally_set_length(const tally_set *set);

// Whether a value is in a set.
//
// value:    one that lasts over the call; still the caller's.
// Returns:  0 or a status.
// Errors:   as tally_map_contains.
// Threads:  any.
// Blocks:   as tally_map_contains.
// Cost:     as tally_map_contains.
TALLY_API tally_status tally_set_contains(const tally_set *set,
                                          tally_value value, bool *ret_found);

// Looks for the element that equals a value.
//
// ret_element: owned; untouched on failure.
// Returns:  0 or a status.
// Errors:   as tally_map_find.
// Threads:  any.
// Blocks:   as tally_map_find.
// Cost:     as tally_map_find.
TALLY_API tally_status tally_set_find(const tally_set *set, tally_value value,
                                      tally_value *ret_element);

// Adds a value, unless an equal one is there.
//
// value:    one that lasts over the call; still the caller's.
// ret_added: whether it was added; or NULL.
// Returns:  0; else nothing is changed.
// Errors:   as tally_map_set.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_set.
// Cost:     as tally_map_set.
TALLY_API tally_status tally_set_add(tally_set *set, tally_value value,
                                     bool *ret_added);

// Removes the element that equals a value.
//
// Returns:  0; else nothing is changed.
// Errors:   as tally_map_delete.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_set.
// Cost:     as tally_map_delete.
TALLY_API tally_status tally_set_remove(tally_set *set, tally_value value);

// Removes all elements.
//
// Returns:  nothing; cannot fail.
// Threads:  as tally_map_clear.
// Blocks:   as tally_map_clear.
// Cost:     as tally_map_clear.
TALLY_API void tally_set_clear(tally_set *set);

// Makes a set with the same elements in the same order: those of one moment.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   as tally_map_new.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_copy.
// Cost:     as tally_map_copy.
TALLY_API TALLY_MUST_USE tally_set *tally_set_copy(tally_set *set);

// Adds all elements of another set: those of one moment, one by one.
//
// from:     may be the same set: nothing is changed.
// Returns:  0; else some may be added.
// Errors:   as tally_map_set.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_merge.
// Cost:     as tally_map_merge.
TALLY_API tally_status tally_set_merge(tally_set *set, tally_set *from);

// A place in a set, as tally_map_iterator.
struct tally_set_iterator {
    void *table_;
    uint32_t at_;
};

// Begins before the first element.
//
// ret_it:   to be ended by tally_set_end.
// Returns:  nothing; cannot fail.
// Threads:  as tally_map_begin.
// Blocks:   as tally_map_begin.
// Cost:     as tally_map_begin.
TALLY_API void tally_set_begin(tally_set *set,
                               struct tally_set_iterator *ret_it);

// Goes to the next element.
//
// ret_element: owned; untouched at the end.
// Returns:  false at the end.
// Threads:  as tally_map_next.
// Blocks:   as tally_map_next.
// Cost:     as tally_map_next.
TALLY_API bool tally_set_next(struct tally_set_iterator *it,
                              tally_value *ret_element);

// Ends an iteration, at any place.
//
// it:       begun; ending it again does nothing.
// Returns:  nothing.
// Threads:  as tally_map_end.
// Blocks:   as tally_map_end.
// Cost:     as tally_map_end.
TALLY_API void tally_set_end(struct tally_set_iterator *it);

TALLY_END

#endif
