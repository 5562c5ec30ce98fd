// Being told of collections.

#ifndef TALLY_WATCH_H
#define TALLY_WATCH_H

#include <tally/collect.h>

TALLY_BEGIN

// When a watcher is called.
typedef enum tally_collect_phase {
    TALLY_COLLECT_START, // a collection is about to begin
    TALLY_COLLECT_STOP   // it has ended, and finalizers that this thread runs
} tally_collect_phase;

// What a watcher is told.
struct tally_collect_event {
    tally_collect_phase phase;
    tally_collect_mode mode; // at the start what was asked for, at the stop
                             // how it looked
    tally_generation generation;
    tally_status status; // at the stop: 0; why it was given up; TALLY_BUSY:
                         // another collects, and this one did not begin
    const struct tally_collection *done; // at the stop what it did, else zero;
                                         // good until the watcher returns
};

// Called by the thread that collects, with no lock of the runtime's and in no
// pause. It may do anything that the program may do at a safepoint; of
// collections that it starts itself nobody is told. If it is left by an
// exception or by longjmp (tally_unwind), the collection has ended with it, or
// never begins, and later watchers are not called.
typedef void (*tally_collect_watcher)(const struct tally_collect_event *event,
                                      void *arg);

// Has [fn] called at the start and the stop of each collection, but for those
// of tally_shutdown, which ends all watching. Starts and
// stops of several threads may overlap, while they wait for each other; each
// thread's own come in pairs, and watchers are called in the order in which
// they were added.
//
// Returns:  0; watching twice is being told twice.
// Errors:   TALLY_INVALID (no fn), TALLY_LIMIT (16 watch).
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     a short lock.
TALLY_API tally_status tally_collect_watch(tally_collect_watcher fn, void *arg);

// Undoes one tally_collect_watch of the same two. It may still be running in
// another thread, or be called once more by one that has begun to tell.
//
// Returns:  0.
// Errors:   TALLY_INVALID when these do not watch.
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     a short lock.
TALLY_API tally_status tally_collect_unwatch(tally_collect_watcher fn,
                                             void *arg);

TALLY_END

#endif
