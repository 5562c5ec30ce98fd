// The cycle collector: finds garbage that refers to itself.
//
// It looks at the references that objects count among themselves; what none
// from outside explains stays, the rest is garbage. It needs no roots and no
// stack. Collections start at safepoints, by themselves as the heap grows, or
// when the program asks; never inside an allocation.

#ifndef TALLY_COLLECT_H
#define TALLY_COLLECT_H

#include <tally/status.h>

TALLY_BEGIN

// Which objects a collection looks at.
typedef enum tally_generation {
    TALLY_YOUNG, // those made since the last collection
    TALLY_FULL   // all of them
} tally_generation;

// How a collection looks.
typedef enum tally_collect_mode {
    TALLY_CONCURRENT, // beside the threads: each is held for its own share only
    TALLY_STOPPED     // while the world stands still
} tally_collect_mode;

// What a collection did.
struct tally_collection {
    uint64_t candidates; // objects looked at
    uint64_t garbage;    // found unreachable
    uint64_t freed;      // destroyed: of these, and of what waited before
    uint64_t finalized;  // finalizers called by this thread meanwhile
    uint64_t pause_ns;   // the longest that the world stood still
    uint64_t total_ns;   // from begin to end
    uint64_t opaque;     // objects left alone, whose fields only a visit hook
                         // knows that needs a stopped world (TALLY_VISIT)
    uint64_t visited;    // visits: candidates, and of these again what lives
    uint64_t rescued; // taken for garbage at first, and found to live: it was
                      // used meanwhile, or a finalizer brought it back
    uint64_t saved;   // garbage that was put on the list (debug.h)
    tally_collect_mode mode; // how it looked
};

// Finds garbage cycles in the whole heap and destroys them. Before it looks,
// all threads are asked to do what they hold for each other, in at most 4
// rounds, so that what was unreachable when it was called is found: all of it,
// unless its end leads from one running thread to another more often than that;
// then the next call goes on. Chains of published objects end, one after the
// other; where their destroy hooks make and drop as many, which wait in turn,
// the next call goes on too, and where a finalizer, a hook or a callback makes
// and drops the next object that has one, for more than 1024 of them.
// Finalizers run when it has ended; then it looks again at what waited for
// them. Those that others run (TALLY_FINALIZE_BY) are not waited for.
//
// Returns:  how many objects were destroyed; 0 also on error, with errno set;
//           errno is kept otherwise.
// Errors:   ENOMEM, EDEADLK (inside a borrow section or a world that the caller
//           has stopped), ETIMEDOUT (as below), EAGAIN (cannot attach).
// Threads:  any.
// Blocks:   for another collection, of those that ask in the order in which
//           they do, for each thread's next safepoint in each round, and until
//           the world stands still. Finalizers run inside.
// Cost:     two visits of each object that refers to others (bench/live), one
//           of each that does not, and the garbage's end (bench/cycles).
TALLY_API size_t tally_collect(void);

// As tally_collect, of one generation, and says more.
//
// ret_done: what the collection did; untouched on error; may be NULL.
// Returns:  0. Keeps errno, as on error.
// Errors:   TALLY_NO_MEMORY (the heap is as it was), TALLY_DEADLOCK (inside a
//           borrow section or a world that the caller has stopped),
//           TALLY_TIMED_OUT (the call has waited for as long as the option
//           deadline_ms says, all its waits together, for threads without a
//           safepoint, or for collections and stops of others that came first;
//           who it waited for last is named on stderr, and nothing is lost),
//           TALLY_INVALID, TALLY_LIMIT (the thread cannot attach).
// Threads:  any.
// Blocks:   as tally_collect.
// Cost:     as tally_collect, for the objects of the generation.
TALLY_API tally_status tally_collect_generation(
    tally_generation generation, struct tally_collection *ret_done);

// As tally_collect_generation, in a mode of the caller's choice; the others use
// that of the option mode.
//
// ret_done: what the collection did; untouched on error; may be NULL.
// Returns:  0. Keeps errno, as on error.
// Errors:   as tally_collect_generation; TALLY_INVALID for no such mode.
// Threads:  any.
// Blocks:   as tally_collect.
// Cost:     as tally_collect, for the objects of the generation; beside the
//           threads up to twice as much.
TALLY_API tally_status tally_collect_with(tally_collect_mode mode,
                                          tally_generation generation,
                                          struct tally_collection *ret_done);

// Keeps collections from starting by themselves, until as many calls of
// tally_collect_enable follow. tally_collect still works. A collection that has
// begun goes on; a tally_collect that follows waits for its end, and after that
// no other begins by itself. Garbage that waits for finalizers is still looked
// at again when they have run: that belongs to the collection that found it.
//
// Returns:  nothing.
// Threads:  any.
// Blocks:   no.
// Cost:     one locked operation.
TALLY_API void tally_collect_disable(void);

// Undoes one tally_collect_disable.
//
// Returns:  nothing; more than were disabled is an error that debug builds
//           abort on and others ignore.
// Threads:  any.
// Blocks:   no.
// Cost:     one locked operation.
TALLY_API void tally_collect_enable(void);

// Tells of memory that lives and dies with objects of the heap and is not in
// it: buffers of another library, mapped files, textures. It counts as live
// bytes where it is decided when to collect, and nowhere else: not in
// statistics, and not for the option limit_bytes. It stays until it is taken
// back, also when the runtime ends; a destroy hook is the place to do that.
//
// bytes:    more than before, up to 2^48 in all, above which they count as
//           that; a negative number takes back.
// Returns:  nothing; more taken back than was told is an error that debug
//           builds abort on and others take for all of it.
// Threads:  any. A collection that becomes due by it begins at the thread's
//           next safepoint, or of a thread that is not attached, at some
//           other's.
// Blocks:   no.
// Cost:     one locked operation on a word that all threads share: tell it in
//           steps of pages, not of bytes.
TALLY_API void tally_memory_pressure(int64_t bytes);

TALLY_END

#endif
