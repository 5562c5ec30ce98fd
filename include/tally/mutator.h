// Mutators: what a thread holds while it uses the heap.
//
// A thread attaches by itself on first use, or by name. While it is attached
// it passes safepoints; around a call that may block it detaches, so that
// nobody waits for it. A mutator outlives its thread: the next thread that
// attaches takes it over, warm, with its pools and its objects.
//
// A thread that ends is detached after its thread-local destructors, which may
// use the heap: C++'s, and those of pthread_key_create in each of the C
// library's rounds, unless there are more than 31 other keys in the process.
//
// A thread may be cancelled (pthread_cancel), but not asynchronously. Of calls
// to the library only those are cancellation points that read or write a file
// (tally_view_read, tally_view_write), and hooks that make some.

#ifndef TALLY_MUTATOR_H
#define TALLY_MUTATOR_H

#include <tally/inline/count.h>
#include <tally/status.h>

TALLY_BEGIN

// Mutators at once: 16,367, of which one is the runtime's.
#define TALLY_MUTATORS_MAX TALLY_OWNER_MAX_

// Attaches the calling thread by name.
//
// name:     up to 15 bytes are kept for reports; NULL keeps the thread's.
// Returns:  0; also if the thread is attached already.
// Errors:   TALLY_NO_MEMORY, TALLY_LIMIT (TALLY_MUTATORS_MAX are attached),
//           TALLY_INVALID (the first use, with a TALLY_CONF that makes no
//           sense).
// Threads:  any.
// Blocks:   while the world is stopped.
// Cost:     some microseconds for a thread's first time.
TALLY_API tally_status tally_attach(const char *name);

// Gives the thread's mutator up, as the thread's end would do: what it owns
// stays, and is the next thread's that attaches.
//
// Returns:  nothing; does nothing if the thread is not attached. In a hook, a
//           finalizer or a callback it is a mistake, and does nothing but say
//           so on stderr, once a thread.
// Threads:  any, outside of borrow sections.
// Blocks:   no. Finalizers may run inside.
// Cost:     what others have handed over since the last safepoint.
TALLY_API void tally_detach(void);

// Returns:  the number of the calling thread's mutator, 1 ..
//           TALLY_MUTATORS_MAX; 0 if it is not attached.
// Threads:  any.
// Blocks:   no.
// Cost:     one load.
TALLY_API uint32_t tally_mutator_number(void);

// Lets the runtime ask something of the thread: hand over what others wait
// for, stop while the world is stopped, start a collection that is due. Every
// attached thread passes a safepoint at least every millisecond, or is in a
// blocking region; allocating, counting and storing are none. Does nothing
// inside a borrow section. Keeps errno, whatever the hooks do that it runs.
//
// Returns:  nothing.
// Threads:  any.
// Blocks:   while the world is stopped. Finalizers may run inside.
// Cost:     one load and one predicted branch (bench/count_pair).
TALLY_INLINE void tally_safepoint(void) {
    TALLY_POINT_(&tally_breaker_->bits_);
    // Relaxed: a request that is missed now is seen at the next safepoint.
    if (TALLY_UNLIKELY(
            __atomic_load_n(&tally_breaker_->bits_, __ATOMIC_RELAXED)))
        tally_safepoint_slow_();
}

// Begins a blocking region: until tally_blocking_exit nobody waits for this
// thread, and others do its duties. The thread must not use the heap inside:
// debug builds abort where it does, and else the region has ended there.
// Regions nest. Hooks that run inside, as the region begins, may have regions
// of their own.
//
// Returns:  nothing.
// Threads:  any, outside of borrow sections.
// Blocks:   no. Finalizers may run inside.
// Cost:     two locked operations and what waits to be handed over
//           (bench/start).
TALLY_API void tally_blocking_enter(void);

// Ends a blocking region. Keeps errno.
//
// Returns:  nothing. More often than it was entered is a mistake, and does
//           nothing but say so on stderr, once a thread.
// Threads:  the one that entered it.
// Blocks:   while the world is stopped.
// Cost:     two locked operations and what waits to be handed over
//           (bench/start).
TALLY_API void tally_blocking_exit(void);

// The statement that follows is a blocking region, however it is left: by its
// end, return, goto, or break and continue, which both leave the region and not
// the loop around it.
//
//     TALLY_BLOCKING { n = read(fd, buffer, size); }
//
#define TALLY_BLOCKING TALLY_BLOCKING_(TALLY_CAT_(tally_once_, __COUNTER__))
#define TALLY_BLOCKING_(once)                                                  \
    for (bool once __attribute__((cleanup(tally_blocking_scope_end_))) =       \
             (tally_blocking_enter(), true);                                   \
         once; once = false)

// The end of a TALLY_BLOCKING statement.
// Returns:  nothing.  Threads: the one that entered.  Blocks: as
// tally_blocking_exit.  Cost: as tally_blocking_exit.
TALLY_INLINE void tally_blocking_scope_end_(const bool *unused) {
    (void)unused;
    tally_blocking_exit();
}

// Where a thread is: in how many borrow sections and blocking regions, and
// whether it has stopped the world, itself or by a walk. For code that leaves
// that by longjmp, past its end. (An exception ends walks, and statements in
// C++ and in C that is compiled with -fexceptions, by itself; a world that
// tally_stop_world has stopped it does not start.)
//
//     struct tally_mark mark = tally_mark_now();
//     if (setjmp(env))
//         tally_unwind(&mark);
//
// A finalizer, destroy hook, callback, deferred call or watcher of collections
// (with its collection) that an exception or the end of its thread leaves has
// ended then. One that is left by longjmp has ended with tally_unwind, or else
// when the thread next comes to a safepoint with work, or drops a last
// reference; a watcher, when a collection is due or asked for: at once, or from
// a deeper stack, in which its frame may happen to look whole, at the latest
// with the 4,096th. That is so on the stack that the thread was started with.
// On another, of a coroutine, it goes for unfinished until its thread ends.
struct tally_mark {
    unsigned long sections_;
    uint32_t regions_;
    bool stopped_;
};

// Returns:  where the thread is now; good as long as it is there, or deeper.
// Threads:  any.
// Blocks:   no.
// Cost:     two loads.
TALLY_API struct tally_mark tally_mark_now(void);

// Ends the sections and regions that the thread has begun since, the innermost
// first, and starts the world if the thread has stopped it since; hooks and
// watchers that were called since, and tally_shutdown, have ended. Keeps errno.
//
// Returns:  nothing.
// Threads:  the one that made the mark.
// Blocks:   as tally_blocking_exit and tally_borrow_leave.
// Cost:     that of each end.
TALLY_API void tally_unwind(const struct tally_mark *mark);

// Stops every other attached thread at its next safepoint, and keeps those
// that attach waiting. Passes a safepoint itself before. No collection is under
// way meanwhile; finalizers and destroy hooks of what the caller drops wait for
// its first safepoint afterwards. If the world stands for more than a second,
// it is said on stderr by whom.
//
// Returns:  0 when all others stand still.
// Errors:   TALLY_TIMED_OUT (a thread passed no safepoint, or what came first
//           did not end, for as long as the option deadline_ms says, both
//           together; it is named on stderr, and the world goes on),
//           TALLY_DEADLOCK inside a borrow section, or when the caller has
//           stopped the world already; TALLY_NO_MEMORY and TALLY_LIMIT as
//           tally_attach.
// Threads:  any; a thread that is not attached is attached.
// Blocks:   for other stops and collections, in the order they were asked for,
//           of which a collection gives up if it can, and for the slowest
//           safepoint.
// Cost:     a visit of each mutator and a wake-up of each thread.
TALLY_API tally_status tally_stop_world(void);

// Lets the other threads go on. Each thread that waited gets through before
// the world is stopped again.
//
// Returns:  nothing.
// Threads:  the one that stopped the world.
// Blocks:   no; for the loader's lock once, where the stopped world saw the
//           first object of a library's type.
// Cost:     one wake-up.
TALLY_API void tally_start_world(void);

TALLY_END

#endif
