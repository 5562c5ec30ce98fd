// The runtime's own thread for finalizers.

#ifndef TLY_RUNTIME_EXECUTOR_H
#define TLY_RUNTIME_EXECUTOR_H

#include "epoch/wait.h"
#include "object/local.h"

// Starts the thread if there is work for it and it does not run. Where it
// cannot be started, runs the finalizers here. Where hooks may run.
void tly_executor_poll(struct tly_local *self);

// As tly_service_stop.
tally_status tly_executor_stop(struct tly_mutator *self,
                               struct tly_patience *patience);

// From now on it may be started. _again: unless it may.
void tly_executor_start(void);
void tly_executor_again(void);

// In a forked child: the thread is gone, and may be started anew.
void tly_executor_forked(void);

#endif
