// Finding objects, what they refer to, and what refers to them: for leak
// hunts and debuggers. The walk of the whole heap is in stats.h.

#ifndef TALLY_INSPECT_H
#define TALLY_INSPECT_H

#include <tally/stats.h>

TALLY_BEGIN

// Which objects are visited: sums of these.
#define TALLY_OBJECTS_YOUNG 0x1u     // made since the last collection, tracked
#define TALLY_OBJECTS_OLD 0x2u       // have survived one, tracked
#define TALLY_OBJECTS_UNTRACKED 0x4u // not looked at by collections; immortal
#define TALLY_OBJECTS_FROZEN 0x8u    // frozen, tracked or not
#define TALLY_OBJECTS_TRACKED (TALLY_OBJECTS_YOUNG | TALLY_OBJECTS_OLD)
#define TALLY_OBJECTS_ALL                                                      \
    (TALLY_OBJECTS_TRACKED | TALLY_OBJECTS_UNTRACKED | TALLY_OBJECTS_FROZEN)

// Visits live objects, in the order of addresses, while the world stands still.
// An object whose finalizer waits or runs lives, and may be brought back: it is
// visited, also when the finalizer itself asks (tally_is_finalized tells). To
// keep one the callback counts a reference to it (tally_incref); it does
// nothing else to it, does not block and does not allocate. A false return of
// it ends the walk; so does an exception, and tally_unwind after a longjmp.
//
// type:     objects of this type or of one that has it as a base; NULL: all.
// which:    TALLY_OBJECTS_...
// Returns:  0.
// Errors:   TALLY_INVALID (no or unknown bits in [which]), TALLY_DEADLOCK
//           (inside a borrow section), TALLY_LIMIT (the thread cannot attach).
// Threads:  any; also one that has stopped the world itself.
// Blocks:   for a collection that is under way, and until the world stands
//           still, which it does during the walk.
// Cost:     2 ns an object (bench/walk), whether visited or not, and the
//           callback.
TALLY_API tally_status tally_objects_each(const tally_type *type,
                                          uint32_t which, tally_object_fn fn,
                                          void *arg);

// Visits what an object refers to, once for each reference: in the order of
// its fields, those of its own type before those of its bases. A false return
// of the callback ends it, or what ends tally_objects_each.
//
// object:   not NULL; the caller holds a reference, and may read its fields:
//           no other thread changes those that are not shared (tally_ref).
//           What it is called with is borrowed: from a shared field
//           (tally_aref) until the callback returns, for it is called inside
//           a borrow section; to keep that, tally_upgrade.
// Returns:  0.
// Errors:   TALLY_NO_MEMORY, TALLY_LIMIT: the thread could not be attached.
// Threads:  any.
// Blocks:   no, and the callback must not.
// Cost:     a load for each field, and a call for each reference.
TALLY_API tally_status tally_referents_each(void *object, tally_object_fn fn,
                                            void *arg);

// Visits each live object that refers to [target], once, in the order of
// addresses, while the world stands still. What refers to it otherwise, such
// as the program's variables and weak references, is not found. The callback
// is bound as that of tally_objects_each.
//
// target:   not NULL; the caller holds a reference.
// Returns:  0.
// Errors:   TALLY_DEADLOCK (inside a borrow section), TALLY_LIMIT (the thread
//           cannot attach).
// Threads:  any; also one that has stopped the world itself.
// Blocks:   as tally_objects_each.
// Cost:     a visit of each object, and a load for each of its fields.
TALLY_API tally_status tally_referrers_each(const void *target,
                                            tally_object_fn fn, void *arg);

TALLY_END

#endif
