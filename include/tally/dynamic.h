// What can be done with any value: ask for its type, compare, hash, tell it as
// text, call it.
//
//     tally_value key = tally_of(tally_text_of("key"));
//     bool same;
//     tally_status status = tally_value_equal(key, other, &same);
//     void *object;
//     if (tally_as(key, &tally_type_text, &object) == TALLY_OK)
//         puts(tally_text_data(object));
//
// Numbers, bytes and text are known here; for other objects the hooks of their
// types are called (tally/protocol.h), each the type's own or its nearest
// base's. Values are borrowed and must last over the call: hooks may do what
// the program may, so none of this is for what a borrow section alone keeps.
// What a hook fails with is returned (tally/status.h).

#ifndef TALLY_DYNAMIC_H
#define TALLY_DYNAMIC_H

#include <tally/number.h>
#include <tally/protocol.h>
#include <tally/text.h>

TALLY_BEGIN

// The types of nil, and of true and false. There are no objects of them.
TALLY_TYPE_OWN_(nil);
TALLY_TYPE_OWN_(bool);

// Asks for a value's type.
//
// value:    any, or absent.
// Returns:  the type: of an object tally_type_of; NULL of what is absent.
// Threads:  any.
// Blocks:   no.
// Cost:     some tests, for an object two loads.
TALLY_API tally_type *tally_value_type(tally_value value);

// Whether a value is of [type] or of a type that has it as a base.
//
// value:    any, or absent, which is of no type.
// type:     tally_type_integer is that of small integers too.
// Returns:  whether it is.
// Threads:  any.
// Blocks:   no.
// Cost:     a load for each base.
TALLY_API bool tally_value_is(tally_value value, const tally_type *type);

// A checked cast: the object of a value, if it is of [type] or of a type that
// has it as a base.
//
// value:    any, or absent.
// type:     of objects.
// ret_object: borrowed, as good as the value.
// Returns:  0.
// Errors:   TALLY_WRONG_TYPE; of small integers, true, false and nil too.
// Threads:  any.
// Blocks:   no.
// Cost:     as tally_is_instance.
TALLY_API tally_status tally_as(tally_value value, const tally_type *type,
                                void **ret_object);

// Whether two values are equal. The same word is equal, but for a double that
// is not a number; then numbers are compared with numbers, bytes with bytes,
// text with text; then the first one's hook is asked, and if it does not know
// the other's type the second one's. What nobody knows is not equal.
//
// a, b:     any.
// Returns:  0.
// Errors:   TALLY_INVALID (one is absent); what a hook fails with.
// Threads:  any.
// Blocks:   as the hooks.
// Cost:     as the hooks.
TALLY_API tally_status tally_value_equal(tally_value a, tally_value b,
                                         bool *ret_equal);

// Hashes a value: equal values have the same hash. It holds for this run of the
// runtime: hashes have a key that is random (option hash_seed). An object whose
// type has neither hash nor equal is hashed by what it is, not what it holds.
//
// value:    any.
// Returns:  0.
// Errors:   TALLY_UNSUPPORTED (its type can be equal and has no hash),
//           TALLY_INVALID (it is absent), TALLY_NO_MEMORY (the runtime cannot
//           start); what a hook fails with.
// Threads:  any.
// Blocks:   as the hook.
// Cost:     of bytes and text, a pass over them once; as the hook.
TALLY_API tally_status tally_value_hash(tally_value value, uint64_t *ret_hash);

// Compares two values that have an order: numbers, bytes byte by byte, text by
// code points, and objects whose hook says so; the first one's is asked, then
// the second one's. Of doubles, what is not a number comes last, and beside
// itself, so that they can be sorted.
//
// a, b:     any.
// ret_order: -1, 0 or 1: a is before b, beside it, or behind.
// Returns:  0.
// Errors:   TALLY_WRONG_TYPE (they have no order), TALLY_INVALID (one is
//           absent); what a hook fails with.
// Threads:  any.
// Blocks:   as the hooks.
// Cost:     as the hooks.
TALLY_API tally_status tally_value_compare(tally_value a, tally_value b,
                                           int *ret_order);

// Tells a value as text for people. Without a hook that is <name at 0x1234>,
// with the name of the type; doubles have as many digits as they need.
//
// value:    any.
// ret_text: owned.
// Returns:  0.
// Errors:   TALLY_NO_MEMORY, TALLY_LIMIT, TALLY_INVALID (it is absent); what
//           the hook fails with.
// Threads:  any.
// Blocks:   as the hook.
// Cost:     an object; as the hook.
TALLY_API tally_status tally_value_text(tally_value value,
                                        tally_text **ret_text);

// Calls a value.
//
// value:    an object whose type has the hook.
// arguments: [count] of them, borrowed; may be NULL if there are none.
// ret_result: owned.
// Returns:  0.
// Errors:   TALLY_UNSUPPORTED (it cannot be called), TALLY_INVALID (it is
//           absent); what the hook fails with.
// Threads:  any.
// Blocks:   as the hook.
// Cost:     as the hook.
TALLY_API tally_status tally_value_call(tally_value value,
                                        const tally_value *arguments,
                                        size_t count, tally_value *ret_result);

TALLY_END

#endif
