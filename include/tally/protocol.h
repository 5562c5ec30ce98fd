// What values of a type can do: be compared, be a key, be told as text, be
// called, and lend their memory. A type joins in by a trait.
//
//     static tally_status point_equal(void *object, tally_value other,
//                                     bool *ret_equal);
//     static const tally_protocol point_protocol = {.equal = point_equal,
//                                                   .hash = point_hash};
//     TALLY_TYPE(point, TALLY_PROTOCOL(point_protocol));
//
// Programs do not call these hooks: tally_value_equal and its like do, which
// also know the values that are no objects. What a type leaves out its base is
// asked for. A hook is called without any lock of the runtime's and outside of
// borrow sections, on any thread, with references that last over the call; it
// may do what the program may. On failure it leaves its result untouched.
//
// What a hook fails with is what the caller of tally_value_equal, or of a
// container, gets (tally/status.h says which numbers). It does not fail with
// TALLY_NOT_FOUND, which is an answer: TALLY_HOOK_FAILED comes in its place.
// What it leaves in errno says nothing: errno is as it was before the hook.
//
// A hook, an updater or the order of a sort may be left by an exception:
// containers and views are as if it had failed, and hold nothing for the call
// any more. It must not be left by longjmp: a call that is under way keeps what
// it holds then, and its thread counts containers in containers by it.

#ifndef TALLY_PROTOCOL_H
#define TALLY_PROTOCOL_H

#include <tally/value.h>

TALLY_BEGIN

struct tally_text;
struct tally_buffer;

typedef struct tally_protocol {
    // Whether the object equals another value of any type. TALLY_WRONG_TYPE:
    // it does not know that type, and the other value is asked.
    tally_status (*equal)(void *object, tally_value other, bool *ret_equal);

    // Values that are equal have the same hash, for as long as they are keys.
    tally_status (*hash)(void *object, uint64_t *ret_hash);

    // Less than 0, 0, or more: the object's place beside another value.
    // TALLY_WRONG_TYPE as above.
    tally_status (*compare)(void *object, tally_value other, int *ret_order);

    // The object as text for people, owned.
    tally_status (*text)(void *object, struct tally_text **ret_text);

    // Calls the object. The arguments are borrowed, the result is owned.
    tally_status (*call)(void *object, const tally_value *arguments,
                         size_t count, tally_value *ret_result);

    // Fills in where the object's memory is, if it can be had as the flags ask
    // for (tally/buffer.h). As long as it is lent the object lives and its
    // memory neither moves nor changes size.
    tally_status (*get_buffer)(void *object, struct tally_buffer *buffer,
                               unsigned flags);

    // The memory is not used any more; or NULL. Cannot fail.
    void (*release_buffer)(void *object, struct tally_buffer *buffer);
} tally_protocol;

TALLY_END

#endif
