// Looking closely at collections: lines on stderr, and garbage that is saved
// rather than destroyed.

#ifndef TALLY_DEBUG_H
#define TALLY_DEBUG_H

#include <tally/stats.h>

TALLY_BEGIN

// What collections do besides: sums of these.
#define TALLY_DEBUG_STATS 0x1u         // a line for each collection
#define TALLY_DEBUG_COLLECTABLE 0x2u   // a line for each garbage object
#define TALLY_DEBUG_UNCOLLECTABLE 0x4u // a line for each that is not destroyed
#define TALLY_DEBUG_SAVE_ALL 0x8u      // none is destroyed, all are saved
#define TALLY_DEBUG_ALL 0xFu

// Says what collections do from now on, until tally_shutdown. One that is under
// way may go on as it began. Lines go to stderr; those for objects are written
// while the garbage is looked at, in a pause if there is one.
//
// flags:    TALLY_DEBUG_...; 0: nothing, as from the start.
// Returns:  0.
// Errors:   TALLY_INVALID (unknown flags, which is told on stderr),
//           TALLY_NO_MEMORY (no address space for the list of
//           TALLY_DEBUG_SAVE_ALL), and those of attaching: nothing changed.
// Threads:  any.
// Blocks:   no.
// Cost:     two stores; the first time with TALLY_DEBUG_SAVE_ALL some system
//           calls.
TALLY_API tally_status tally_collect_debug_set(uint32_t flags);

// Returns:  the flags that are set.
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     a load.
TALLY_API uint32_t tally_collect_debug_get(void);

// Visits the objects that TALLY_DEBUG_SAVE_ALL has saved, in the order in
// which they were found. They are whole: their finalizers have run, and weak
// references to them still find them. A false return of the callback ends it.
//
// fn:       may do anything with the object that a program may do with one it
//           has a reference to; to keep one it counts one of its own.
// Returns:  nothing. What is saved or dropped meanwhile is visited or not.
// Threads:  any attached thread.
// Blocks:   as the callback does.
// Cost:     a short lock and a call for each.
TALLY_API void tally_garbage_each(tally_object_fn fn, void *arg);

// Returns:  how many objects are saved.
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     a load.
TALLY_API size_t tally_garbage_count(void);

// Drops all that is saved. What nobody else refers to is destroyed; cycles by
// the next collection that does not save them again.
//
// Returns:  how many objects were dropped.
// Threads:  any attached thread.
// Blocks:   as tally_decref.
// Cost:     a short lock and a tally_decref for each.
TALLY_API size_t tally_garbage_clear(void);

TALLY_END

#endif
