// The runtime's own thread for collections that nobody asked for.

#ifndef TLY_RUNTIME_BACKGROUND_H
#define TLY_RUNTIME_BACKGROUND_H

#include "epoch/wait.h"
#include "object/local.h"

// Whether it is used at all (option collector).
void tly_background_configure(bool used);

// As tly_service_stop.
tally_status tly_background_stop(struct tly_mutator *self,
                                 struct tly_patience *patience);

// At an open safepoint, or before an idle state: tells the thread if [self]
// keeps something that has been put off, and nobody has told it yet.
void tly_background_poll(struct tly_local *self);

// From now on it may be started. _again: unless it may.
void tly_background_start(void);
void tly_background_again(void);

// In a forked child: the thread is gone, and may be started anew.
void tly_background_forked(void);

#endif
