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

// In a forked child: nobody else starts or ends it.
void tly_runtime_forked(void);

// Starting and ending exclude each other, and fork.
void tly_runtime_lock(void);
void tly_runtime_unlock(void);

// Registers the handlers of fork, once (fork.c).
void tly_fork_start(void);
// Aborts in a forked child that may only exec.
void tly_fork_check(void);

#endif
