// What the program says of collections: whether and when they start by
// themselves, who is told of them, and what is told.
//
// Lists that the program makes here are short and guarded by one lock, under
// which nothing is called and nothing else is taken.

#ifndef TLY_COLLECTOR_CONTROL_H
#define TLY_COLLECTOR_CONTROL_H

#include <tally/control.h>
#include <tally/runtime.h>

#include "base/atomic.h"
#include "sync/spin.h"

extern struct tly_spin tly_control_lock;
void tly_control_hold(bool hold); // around fork

// ---- enable.c

// Whether somebody holds automatic collections off. A hint.
bool tly_collect_is_held(void);

// ---- thresholds.c

// Options, before threads come.
void tly_thresholds_configure(const struct tally_config *config);

// A collection of this generation has ended: growth counts from now on. With
// the collector's lock, or after it.
void tly_growth_done(tally_generation generation);
// The heap is empty.
void tly_growth_reset(void);

#endif
