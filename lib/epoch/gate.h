// The gate of the runtime: whoever comes or leaves while it starts or ends.
//
// A thread is inside the gate on its way to ATTACHED, on its way from there,
// and while it reads the runtime's tables without a mutator. Inside it runs no
// code of the program's, waits for no stop of the world, and takes no lock
// above RUNTIME. The gate is open from the end of the start to the begin of
// the end. A thread that finds it closed asks for the start, and so waits for
// the lock under which the runtime starts and ends.

#ifndef TLY_EPOCH_GATE_H
#define TLY_EPOCH_GATE_H

#include <tally/status.h>

#include "base/compiler.h"

// Whether the runtime has started and does not end.
bool tly_gate_is_open(void);

// Goes inside. False, and outside, when the gate is closed.
bool tly_gate_enter(void);

// Goes inside, starting the runtime if need be. A status, and outside, when it
// cannot be started.
tally_status tly_gate_pass(void);

// The same for a thread that is attached and about to be no more: also
// through a closed gate, for whoever closes it looks at the mutators after.
void tly_gate_hold(void);

// Goes outside.
void tly_gate_leave(void);

// The same, with a mutator.
void tly_gate_arrive(void);
// How often that was. To be compared by a thread that has closed the gate.
uint64_t tly_gate_arrivals(void);

void tly_gate_open(void);

// From now on nobody comes in but by tly_gate_hold.
void tly_gate_close(void);

// Waits until nobody is inside a closed gate.
void tly_gate_await(void);

// In a forked child: the threads that were inside are gone.
void tly_gate_forked(void);

#endif
