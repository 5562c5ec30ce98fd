// The registry of types, and types that are made at run time.
//
//     const tally_trait traits[] = {
//         {.kind = TALLY_TRAIT_REFS, .name = "next", .offset = 16, .count = 1},
//         {.kind = TALLY_TRAIT_END}};
//     const tally_type_spec spec = {"pair", 32, traits};
//     tally_type *pair = tally_type_make(&spec);       // held
//     void *object = tally_object_new(pair, 0);
//     tally_type_drop(pair);     // it goes some time after its last object
//
// A type is registered by its first object, or by tally_type_register; then it
// can be found by its name and is listed. One that was made at run time is
// held by who made it and by who found it, used by its objects and by the types
// that have it as a base, and freed by a full collection once nobody holds or
// uses it. Types of the program's text are there for good: to hold one costs
// nothing and does nothing.

#ifndef TALLY_TYPES_H
#define TALLY_TYPES_H

#include <tally/type.h>

TALLY_BEGIN

// What a type is to be. All of it is copied, but not what it points to beyond
// names and traits: hooks, protocols and bases.
typedef struct tally_type_spec {
    const char *name;
    size_t size;               // of the fixed part, head included, in bytes
    const tally_trait *traits; // up to one of kind TALLY_TRAIT_END; or NULL
} tally_type_spec;

// Makes a type and registers it.
//
// spec:     a size of 16 bytes or more, and traits as TALLY_TYPE has them. A
//           trait of kind TALLY_TRAIT_BASE names a type that the caller holds.
// Returns:  the type, held; or NULL with errno set.
// Errors:   EINVAL (as tally_type_register), EAGAIN (2^22 types), ENOMEM.
// Threads:  any; a thread that is not attached is attached.
// Blocks:   for other registrations.
// Cost:     2 KiB and a lock. An object of such a type costs some 30 ns more
//           to make, and a count to end, than one of a type of the program's
//           text.
TALLY_API TALLY_MUST_USE tally_type *tally_type_make(
    const tally_type_spec *spec);

// Holds a type once more: it may be used until that is dropped.
//
// type:     one that the caller holds, or that an object has which the caller
//           has a reference to.
// Returns:  the same.
// Threads:  any.
// Blocks:   for registrations.
// Cost:     a lock, of a type that was made at run time.
TALLY_API tally_type *tally_type_hold(tally_type *type);

// Drops a hold: the caller makes no more objects of the type, and does not use
// it but through its objects.
//
// Returns:  nothing.
// Threads:  any.
// Blocks:   for registrations.
// Cost:     as tally_type_hold.
TALLY_API void tally_type_drop(tally_type *type);

// Finds a type by its name: of several, the one that was registered first.
//
// name:     not NULL.
// Returns:  the type, held; or NULL.
// Threads:  any.
// Blocks:   for registrations.
// Cost:     a lock, and a comparison for each type.
TALLY_API TALLY_MUST_USE tally_type *tally_type_find(const char *name);

typedef bool (*tally_type_fn)(tally_type *type, void *arg);

// Calls a function for each registered type, in the order of registration,
// until it returns false. Types that are registered meanwhile may be missed.
//
// fn:       gets a type that is held over the call; may do what the program
//           may.
// Returns:  nothing.
// Threads:  any.
// Blocks:   for registrations; as [fn].
// Cost:     a lock for each type.
TALLY_API void tally_types_each(tally_type_fn fn, void *arg);

TALLY_END

#endif
