// The runtime's life.

#ifndef TLY_RUNTIME_START_H
#define TLY_RUNTIME_START_H

#include <tally/runtime.h>

#include "object/local.h"

// Starts the runtime if it has not started (hook of the epoch layer).
tally_status tly_runtime_ensure(void);

// Whether it has started.
bool tly_runtime_started(void);

// Reads TALLY_CONF into [config] and checks its ranges (options.c).
tally_status tly_options_read(struct tally_config *config);

// In a forked child: nobody else starts or ends it, and nobody has the lock,
// whether this thread had it ([locked]) or one that is not there.
void tly_runtime_forked(bool locked);

// Starting and ending exclude each other, and fork.
void tly_runtime_lock(void);
bool tly_runtime_try(void);
void tly_runtime_unlock(void);

// Ends all layers, with the lock.
void tly_layers_end(void);
extern bool tly_runtime_reports; // option report

// ---- end.c

// In a forked child: nobody else is in tally_shutdown.
void tly_end_forked(void);

// At a safepoint with work, from the frame [here]: whether the thread has left
// tally_shutdown by longjmp; then the runtime goes on. _unwound: it has left
// all calls.
void tly_end_poll(const void *here);
void tly_end_unwound(void);

// ---- fork.c

// Registers the handlers of fork, once.
void tly_fork_start(void);
// How long a fork waits for others, in milliseconds; 0: for ever (option).
void tly_fork_configure(uint64_t wait_ms);
// Aborts in a forked child that may only exec.
void tly_fork_check(void);
// In a forked child: whether what the other threads had yet to do waits for
// somebody; does it, at a safepoint of [self]. Not in a world that this thread
// has stopped.
extern uint32_t tly_fork_orphans; // (a)
void tly_fork_adopt(struct tly_mutator *self);

#endif
