// The runtime as a whole: options, memory given back, checks, the end.
//
// Nothing here is needed to begin: the runtime starts itself on first use,
// with options from the environment (TALLY_CONF) or their defaults.

#ifndef TALLY_RUNTIME_H
#define TALLY_RUNTIME_H

#include <tally/status.h>

TALLY_BEGIN

// Options. TALLY_CONF has the same names, as in
// "purge_delay_ms:0,collect:0"; it is ignored in set-user-ID programs.
struct tally_config {
    size_t size;             // of this structure; TALLY_CONFIG_INIT sets it
    uint64_t reserve_bytes;  // of address space, 64 MiB .. 512 GiB; 0: four
                             // times the machine's memory, at least 64 GiB
    uint64_t purge_delay_ms; // until free pages go back to the OS; 1000
    uint64_t collect;        // 0: no collection starts by itself; 1
    uint64_t young_bytes;    // growth that starts a young collection; 4 MiB
    uint64_t full_percent;   // growth since the last full collection that
                             // starts the next, in percent; 100
    uint64_t verify;         // 1: check the heap after each collection; 0
    uint64_t finalizers;     // who calls those of types that do not say it:
                             // enum tally_executor; 0
    uint64_t destroy_slice;  // objects that one tally_decref, or safepoint,
                             // destroys, 128 .. 2^32 - 1; 0: no bound; 0
    uint64_t report;         // 1: tally_shutdown writes to stderr what was
                             // made to live on; 0
    uint64_t hot;            // 0: no object becomes HOT by itself; 1
    uint64_t limbo_objects;  // how many may wait for a grace period before a
                             // thread waits for one, objects and deferrals, 1
                             // .. 2^20; 127
    uint64_t limbo_bytes;    // the same in bytes, 1 .. 512 GiB; 1 MiB
    uint64_t later_bytes;    // what buffered drops may keep, 0 .. 512 GiB; 1
                             // MiB
    uint64_t mode;           // how collections look: enum tally_collect_mode;
                             // 0
    uint64_t collector;      // who collects when it is time: 0, the thread that
                             // finds so at a safepoint; 1, one of the runtime's
                             // that does nothing else but end what is put off
                             // (defer.h); 1
    uint64_t deadline_ms;    // how long one call waits for others before it
                             // gives up: for threads' safepoints, collections
                             // and stops of the world, all its waits together;
                             // what it does itself, and hooks that it runs, do
                             // not count. After a second it names a thread
                             // without a safepoint on stderr; 0 .. 86400000;
                             // 0: for ever; 10000
    uint64_t collect_share;  // of one processor's time that collections take,
                             // unless memory is at stake, in percent, 1 .. 100;
                             // 10
    uint64_t limit_bytes;    // that live blocks may have, above which there is
                             // no memory, 1 MiB .. 512 GiB; 0: no limit; 0
    uint64_t limit_wait_ms;  // how long an allocation waits there for another
                             // thread's collection, 0 .. 60000; 100
    uint64_t zeal;           // for tests: a full collection at one in so many
                             // safepoints, 1 .. 2^20; 0: at none; 0
    uint64_t workers;        // threads that share a collection's work, the
                             // one that collects among them, 1 .. 16; 0: as
                             // many as processors in a stopped world, at most
                             // 8, and one for four beside the threads; 0
    uint64_t hash_seed;      // makes the hashes of every run the same, for
                             // tests; 0: random; 0
    uint64_t copies;         // 1: another copy of the library may run in this
                             // process, linked into a plugin say, none of
                             // whose objects come to this one; each stops and
                             // forks without the other (objects.md); 0
    uint64_t fork_wait_ms;   // how long a fork waits for other threads'
                             // safepoints before its child may only exec, 0 ..
                             // 86400000; 0: for ever; 10000
};
#define TALLY_CONFIG_INIT                                                      \
    {                                                                          \
        sizeof(struct tally_config), 0, 1000, 1, 4194304, 100, 0, 0, 0, 0, 1,  \
            127, 1048576, 1048576, 0, 1, 10000, 10, 0, 100, 0, 0, 0, 0, 10000  \
    }

// Starts the runtime with options. Environment options win over these.
//
// Whatever uses the heap first starts the runtime too, with the options of the
// environment; so does what reads or sets an option (tally_thresholds_set).
//
// config:   NULL for the defaults.
// Returns:  0.
// Errors:   TALLY_BUSY when it has started already, TALLY_INVALID for an
//           option out of range, TALLY_NO_MEMORY when no address space is to
//           be had, TALLY_UNSUPPORTED when another copy of the library runs
//           in this process (told on stderr; option copies).
// Threads:  any, before the runtime is used; of several at once one sets the
//           options, and the others get TALLY_BUSY when it has started.
// Blocks:   while another thread starts or ends the runtime.
// Cost:     some system calls.
TALLY_API tally_status tally_init(const struct tally_config *config);

// Ends the runtime: collects, runs all finalizers that wait, whoever would have
// run them, frees all that waits, gives the memory back.
// For programs that unload the library or check for leaks; a program that
// exits need not call it. With the option report it writes a line to stderr
// for each type that has immortal objects, and one if there are pins left.
//
// Other threads may come and go meanwhile. One that is attached, or attaches
// before the last finalizer has run, keeps the runtime, and so do threads that
// keep coming and going: TALLY_BUSY. One that is giving its mutator up is
// waited for. One that comes later waits for the end and starts the runtime
// anew, with the options of the environment. An object or a block of before the
// end is nobody's any more.
//
// What was set ends with the runtime: options and thresholds, watchers, which
// are not told of the collections in here, debug flags and the sink of errors.
// What the program undoes itself stays until it does: who holds collections
// off, and memory pressure.
//
// A hook that leaves the call, by longjmp, an exception or its thread's end,
// ends nothing: the runtime goes on, and can be ended by another call.
//
// ret_leaked: how many objects were still alive, one included whose end makes
//           the next without an end; may be NULL.
// Returns:  0; the runtime can be started again.
// Errors:   TALLY_BUSY when other threads of the program are attached or end
//           the runtime, and in a finalizer, hook, deferred call or watcher;
//           TALLY_DEADLOCK inside a borrow section and in a world that the
//           caller has stopped; TALLY_TIMED_OUT when the hook, or collection,
//           that a thread of the runtime's is inside of has not ended for as
//           long as the option deadline_ms says, which is told on stderr. Of
//           its other hooks none is waited for: they run here. The runtime goes
//           on, and the caller is attached as it was, with another mutator
//           maybe; it may have collected.
// Threads:  any, attached or not; it is detached.
// Blocks:   as tally_collect, and for threads that are coming or leaving.
// Cost:     a full collection.
TALLY_API tally_status tally_shutdown(size_t *ret_leaked);

// Gives free memory back to the OS at once: of this thread, and of threads that
// do not run. The others free what they have cached at their next safepoint; it
// goes back after the option purge_delay_ms, or with the next call.
//
// Returns:  how many bytes went back.
// Threads:  any.
// Blocks:   no; it is a safepoint.
// Cost:     a system call for each run of free pages.
TALLY_API size_t tally_trim(void);

// Checks the heap's invariants: counts against references, states, bitmaps.
//
// level:    1: structures; 2: also every object's count.
// Returns:  0 when all hold; what does not is written to stderr.
// Errors:   TALLY_CORRUPT, TALLY_NO_MEMORY, TALLY_INVALID (another level),
//           TALLY_DEADLOCK (inside a borrow section), TALLY_TIMED_OUT (as
//           tally_stop_world), TALLY_LIMIT (the thread cannot attach).
// Threads:  any; also one that has stopped the world itself.
// Blocks:   for a collection that is under way, and until the world stands
//           still, which it does meanwhile.
// Cost:     a visit of each object; level 2: three, and 4 bytes of memory for
//           each 32 of the heap meanwhile.
TALLY_API tally_status tally_verify(int level);

TALLY_END

#endif
