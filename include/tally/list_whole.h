// Lists: what has to do with all elements: slices, two lists, sorting, looking
// for values, iterating.

#ifndef TALLY_LIST_WHOLE_H
#define TALLY_LIST_WHOLE_H

#include <tally/list.h>

TALLY_BEGIN

// Makes a list of some of a list's elements, as they are at one moment.
//
// begin, end: indexes, begin <= end <= length; end SIZE_MAX: the length.
// step:     every how-manieth element; at least 1.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   ERANGE (the indexes), EINVAL (step 0), ENOMEM, EAGAIN.
// Threads:  any.
// Blocks:   for the list's lock; as tally_object_new.
// Cost:     two objects and an incref an element.
TALLY_API TALLY_MUST_USE tally_list *tally_list_slice(tally_list *list,
                                                      size_t begin, size_t end,
                                                      size_t step);

// Adds all elements of another list behind the last one, in one step: nobody
// sees some of them only.
//
// other:    may be the list itself, which is doubled.
// Returns:  0.
// Errors:   TALLY_NO_MEMORY, TALLY_LIMIT; the list is unchanged.
// Threads:  any.
// Blocks:   for both lists' locks; when it grows as tally_object_new.
// Cost:     four locked operations and an incref an element, amortised.
TALLY_API tally_status tally_list_extend(tally_list *list, tally_list *other);

// Compares two elements for tally_list_sort: [*ret_order] is less than 0, 0,
// or more, as [a] belongs before, beside, or behind [b]. Values are borrowed.
typedef tally_status (*tally_list_order)(void *arg, tally_value a,
                                         tally_value b, int *ret_order);

// Sorts a list; elements that are beside each other stay in their order. The
// order is asked for without a lock, on elements that are held. If the list is
// another one by the time they are sorted, it stays as it is.
//
// order:    called with [arg], on this thread; NULL: tally_value_compare.
// Returns:  0.
// Errors:   TALLY_BUSY (somebody changed the list), TALLY_NO_MEMORY,
//           TALLY_LIMIT; what [order] fails with. The list is unchanged.
// Threads:  any.
// Blocks:   for the list's lock; as [order] does.
// Cost:     n log2 n calls, an incref and a decref an element, and 24 bytes
//           an element meanwhile.
TALLY_API tally_status tally_list_sort(tally_list *list, tally_list_order order,
                                       void *arg);

// Looks for a value: for an element that is the same word or that
// tally_value_equal finds equal. Each element is read as by tally_list_get, so
// that beside writers one that is moved may be missed.
//
// value:    one that lasts over the call.
// begin:    where to begin; beyond the end nothing is found.
// ret_index: of the first one.
// Returns:  0.
// Errors:   TALLY_NOT_FOUND; what the hooks fail with.
// Threads:  any.
// Blocks:   as tally_value_equal.
// Cost:     as tally_list_get and tally_value_equal, an element.
TALLY_API tally_status tally_list_find(const tally_list *list,
                                       tally_value value, size_t begin,
                                       size_t *ret_index);

// Whether a list has a value, as by tally_list_find.
//
// value:    one that lasts over the call.
// Returns:  0.
// Errors:   what the hooks fail with.
// Threads:  any.
// Blocks:   as tally_list_find.
// Cost:     as tally_list_find.
TALLY_API tally_status tally_list_contains(const tally_list *list,
                                           tally_value value, bool *ret_found);

// ---- iterating

// Elements of a list as they were at one moment. The program's, on a stack
// say; the members are the library's.
struct tally_list_iterator {
    void *elements_; // owned
    uint64_t next_, count_;
};

// Begins to iterate: all elements of now will be seen, each once, whatever
// others do to the list meanwhile. tally_list_end must follow.
//
// ret_iterator: to be filled in; on failure there is nothing to see in it.
// Returns:  0.
// Errors:   TALLY_NO_MEMORY, TALLY_LIMIT.
// Threads:  any.
// Blocks:   for the list's lock; as tally_object_new.
// Cost:     an object, and an incref an element.
TALLY_API tally_status
tally_list_begin(tally_list *list, struct tally_list_iterator *ret_iterator);

// The next element.
//
// ret_value: borrowed from the iterator, good until its end; untouched when
//           there is none.
// Returns:  whether there is one.
// Threads:  one at a time.
// Blocks:   no.
// Cost:     a load.
TALLY_API bool tally_list_next(struct tally_list_iterator *iterator,
                               tally_value *ret_value);

// Ends an iteration, whether all has been seen or not. Twice is harmless.
//
// Returns:  nothing.
// Threads:  any.
// Blocks:   as tally_decref of the elements.
// Cost:     a decref an element.
TALLY_API void tally_list_end(struct tally_list_iterator *iterator);

TALLY_END

#endif
