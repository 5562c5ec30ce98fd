// One word says whether the gate is open and how many are inside.
//
// To end the runtime (tests/model/gate.pml):
//
//   close the gate      nobody comes in any more
//   wait for nobody     who came before is ATTACHED, and is seen
//   look at the states  anybody ATTACHED or DETACHED: open it again
//   wait for nobody     who was leaving has left
//
// A thread that leaves goes inside before it stores VACANT: it is seen by its
// state, or by the count that is read after the state.

#include "epoch/gate.h"

#include "base/atomic.h"
#include "base/check.h"
#include "epoch/mutator.h"

#define OPEN ((uint32_t)1 << 31)

static uint32_t gate;              // (a) OPEN | how many are inside
static uint64_t gate_arrivals;     // (a)
static struct tly_event gate_left; // somebody left a closed gate

bool tly_gate_is_open(void) {
    // ORDER[gate] acquire: all layers are complete. Pairs with tly_gate_open.
    return tly_load_acquire(&gate) & OPEN;
}

bool tly_gate_enter(void) {
    // ORDER[gate] acq_rel: all layers are complete, and stay: whoever closes
    // the gate sees that somebody is inside.
    if (TLY_LIKELY(tly_add_acq_rel(&gate, 1) & OPEN))
        return true;
    tly_gate_leave();
    return false;
}

tally_status tly_gate_pass(void) {
    do {
        tally_status status =
            tly_epoch_hooks.start ? tly_epoch_hooks.start() : TALLY_OK;
        if (status != TALLY_OK)
            return status;
    } while (!tly_gate_enter());
    return TALLY_OK;
}

void tly_gate_hold(void) {
    // ORDER[gate] acq_rel: counted before the state is idle.
    tly_add_acq_rel(&gate, 1);
}

void tly_gate_leave(void) {
    // ORDER[gate] acq_rel: what the thread did inside happens before the end
    // that it kept waiting.
    uint32_t before = tly_add_acq_rel(&gate, (uint32_t)-1);
    tly_check(before & ~OPEN);
    if (TLY_UNLIKELY(!(before & OPEN)))
        tly_event_signal(&gate_left);
}

void tly_gate_arrive(void) {
    // Relaxed: the gate orders it.
    tly_add_relaxed(&gate_arrivals, 1);
    tly_gate_leave();
}

uint64_t tly_gate_arrivals(void) {
    // Relaxed: as above.
    return tly_load_relaxed(&gate_arrivals);
}

void tly_gate_open(void) {
    // ORDER[gate] acq_rel: all layers are complete.
    tly_or_acq_rel(&gate, OPEN);
}

void tly_gate_close(void) {
    // ORDER[gate] acq_rel: counted against by whoever comes.
    tly_and_acq_rel(&gate, ~OPEN);
}

void tly_gate_await(void) {
    for (;;) {
        uint32_t seen = tly_event_value(&gate_left);
        // ORDER[gate] acquire: what was done inside. It is read after the
        // states of the mutators, which an earlier count of a thread that
        // leaves happens before.
        if (tly_load_acquire(&gate) == 0)
            return;
        tly_event_wait(&gate_left, seen, 0);
    }
}

void tly_gate_forked(void) {
    // Relaxed: the child has one thread, which is outside.
    tly_store_relaxed(&gate, tly_load_relaxed(&gate) & OPEN);
}
