// Workers: threads of the runtime's own that take a share of what the kernels
// do. They are no mutators: they read headers and fields, and write nothing but
// the collector's tables (and, in what they alone look at, gc_ and WATCH).
//
// The collector's thread is worker 0 and waits for nobody: it does whatever no
// other has taken. Who comes late to a run finds it closed.

#ifndef TLY_COLLECTOR_WORKERS_H
#define TLY_COLLECTOR_WORKERS_H

#include <tally/runtime.h>

#include "base/compiler.h"

#define TLY_WORKERS_MAX 16u

typedef void (*tly_worker_fn)(void *arg, unsigned worker);

// How many may work for a collection beside the threads, or in a stopped world:
// option workers.
void tly_workers_configure(uint64_t workers);
unsigned tly_workers_allowed(bool live);

// Starts threads until [count] can work, this one with them. Returns how many
// can: fewer where the system refuses. With the collector's lock, as all that
// follows.
unsigned tly_workers_start(unsigned count);

// From now on so many work, of those that can.
void tly_workers_use(unsigned count);

// Calls [fn] in this thread with 0, and in others with their own numbers, at
// once. Returns when all that came have ended.
void tly_workers_run(tly_worker_fn fn, void *arg);

// How many threads there are beside the collector's.
unsigned tly_workers_threads(void);

// Ends the threads; returns when the last has gone.
void tly_workers_end(void);

// Whether the calling thread is in a run that other threads share, of which it
// is one, or the collector's.
bool tly_workers_at_work(void);

// In a forked child, where they are not.
void tly_workers_forked(void);

#endif
