// Lists: values in an order, that many threads may use at once.
//
//     tally_list *list = tally_list_new();
//     tally_list_append(list, tally_small(42));
//     tally_value v = tally_list_get(list, 0);       // owned
//     tally_value_decref(v);
//
//     struct tally_list_iterator i;                  // tally/list_whole.h
//     tally_value each;                              // borrowed from i
//     for (tally_list_begin(list, &i); tally_list_next(&i, &each);)
//         use(each);
//     tally_list_end(&i);
//
// Each call is atomic: it acts at one moment between its beginning and its
// end, also beside others. Who reads an element or the length takes no lock
// and writes nothing that others read but the element's count. Who writes
// holds the list's lock for as long as that takes; nothing of the program's is
// called meanwhile.
//
// A list holds values, not what is absent; what is stored is published. The
// caller of each function holds a reference to the list that lasts over the
// call. Where a function waits for the list's lock it is not for borrow
// sections: debug builds abort there.

#ifndef TALLY_LIST_H
#define TALLY_LIST_H

#include <tally/value.h>

TALLY_BEGIN

typedef struct tally_list tally_list;
TALLY_TYPE_OWN_(list);

// ---- making lists

// Makes an empty list.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   ENOMEM, EAGAIN (too many mutators or types).
// Threads:  any.
// Blocks:   as tally_object_new.
// Cost:     an object of 56 bytes.
TALLY_API TALLY_MUST_USE tally_list *tally_list_new(void);

// Makes an empty list with room for some elements.
//
// capacity: how many are added before the list grows.
// Returns:  as tally_list_new.
// Errors:   as tally_list_new.
// Threads:  any.
// Blocks:   as tally_object_new.
// Cost:     two objects; up to 16 bytes an element.
TALLY_API TALLY_MUST_USE tally_list *tally_list_new_sized(size_t capacity);

// ---- elements

// Returns:  how many elements there are.
// Threads:  any.
// Blocks:   no.
// Cost:     a load.
TALLY_API size_t tally_list_length(const tally_list *list);

// Reads an element.
//
// index:    from 0 on.
// Returns:  an owned value, or absent with errno set.
// Errors:   ERANGE.
// Threads:  any; also inside a borrow section.
// Blocks:   as TALLY_BORROW; where others shift elements again and again, for
//           the list's lock.
// Cost:     a borrow section, some loads, and a tally_try_incref (bench/list).
TALLY_API TALLY_MUST_USE tally_value tally_list_get(const tally_list *list,
                                                    size_t index);

// Replaces an element.
//
// value:    one that lasts over the call; still the caller's.
// Returns:  0.
// Errors:   TALLY_RANGE, TALLY_INVALID (it is absent).
// Threads:  any.
// Blocks:   for the list's lock; as tally_decref of the old element.
// Cost:     two locked operations, an incref and a decref.
TALLY_API tally_status tally_list_set(tally_list *list, size_t index,
                                      tally_value value);

// Adds an element behind the last one.
//
// value:    one that lasts over the call; still the caller's.
// Returns:  0.
// Errors:   TALLY_NO_MEMORY, TALLY_LIMIT (too many mutators), TALLY_INVALID
//           (it is absent); the list is unchanged.
// Threads:  any.
// Blocks:   for the list's lock; when it grows as tally_object_new.
// Cost:     two locked operations and an incref, amortised (bench/list).
TALLY_API tally_status tally_list_append(tally_list *list, tally_value value);

// The same with a value that the caller owns.
//
// value:    owned; the caller's no longer, also on failure.
// Returns:  0.
// Errors:   as tally_list_append.
// Threads:  any.
// Blocks:   as tally_list_append.
// Cost:     two locked operations, amortised.
TALLY_API tally_status tally_list_append_steal(tally_list *list,
                                               tally_value value);

// Adds an element before the first one.
//
// value:    one that lasts over the call; still the caller's.
// Returns:  0.
// Errors:   as tally_list_append.
// Threads:  any.
// Blocks:   as tally_list_append.
// Cost:     as tally_list_append.
TALLY_API tally_status tally_list_push_front(tally_list *list,
                                             tally_value value);

// Adds an element before the one at an index.
//
// index:    0 .. the length.
// value:    one that lasts over the call; still the caller's.
// Returns:  0.
// Errors:   TALLY_RANGE; as tally_list_append.
// Threads:  any.
// Blocks:   as tally_list_append.
// Cost:     as tally_list_append, and a step for each element up to the nearer
//           end.
TALLY_API tally_status tally_list_insert(tally_list *list, size_t index,
                                         tally_value value);

// Takes the last element out.
//
// Returns:  an owned value, or absent with errno set.
// Errors:   ERANGE (the list is empty).
// Threads:  any.
// Blocks:   for the list's lock.
// Cost:     two locked operations, amortised.
TALLY_API TALLY_MUST_USE tally_value tally_list_pop(tally_list *list);

// Takes the first element out.
//
// Returns:  an owned value, or absent with errno set.
// Errors:   ERANGE (the list is empty).
// Threads:  any.
// Blocks:   for the list's lock.
// Cost:     two locked operations, amortised.
TALLY_API TALLY_MUST_USE tally_value tally_list_pop_front(tally_list *list);

// Takes an element out.
//
// Returns:  an owned value, or absent with errno set.
// Errors:   ERANGE.
// Threads:  any.
// Blocks:   for the list's lock.
// Cost:     two locked operations, and a step for each element up to the
//           nearer end.
TALLY_API TALLY_MUST_USE tally_value tally_list_remove(tally_list *list,
                                                       size_t index);

// Drops all elements.
//
// Returns:  nothing.
// Threads:  any; as tally_decref.
// Blocks:   for the list's lock; as tally_decref of the elements.
// Cost:     two locked operations, and the elements' end.
TALLY_API void tally_list_clear(tally_list *list);

TALLY_END

#endif
