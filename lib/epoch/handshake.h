// Handshakes: the time after which every attached mutator has passed a
// safepoint and done there what the goal asks. Ragged: each at its own.

#ifndef TLY_EPOCH_HANDSHAKE_H
#define TLY_EPOCH_HANDSHAKE_H

#include "epoch/mutator.h"
#include "epoch/wait.h"

// What a goal asks of each mutator; passed to the hook acknowledge.
#define TLY_GOAL_FLUSH 0x1u // hand over what is cached for others
#define TLY_GOAL_TRIM 0x2u  // give back what is cached for oneself
#define TLY_GOAL_CYCLE 0x4u // look at what the collection is about
#define TLY_GOAL_ALL 0x7u   // several goals were missed

// Asks all mutators for [kind], does it for [self], and waits, detached, until
// each other is done or does not run. Returns TALLY_TIMED_OUT when the patience
// is at its end: some will be done later.
tally_status tly_handshake(struct tly_mutator *self, uint32_t kind,
                           struct tly_patience *patience);

// The same for a thread that has made itself DETACHED and answers when it is
// ATTACHED again. *ret_late: the number of a mutator that was waited for in
// vain, which has been named on stderr, else 0.
tally_status tly_handshake_detached(uint32_t kind,
                                    struct tly_patience *patience,
                                    uint32_t *ret_late);

// Asks for it and waits for nobody: each does it at its next safepoint.
uint64_t tly_handshake_ask(uint32_t kind);

// Whether a mutator has answered that goal since, or does not run.
bool tly_handshake_is_done(struct tly_mutator *mutator, uint64_t goal);

// The calling mutator's share, at each safepoint: the goal that it has to
// answer, 0 if none; and the answer, after the safepoint's other work.
uint64_t tly_handshake_seen(const struct tly_mutator *self);
void tly_handshake_answer(struct tly_mutator *self, uint64_t goal);

// Tells who waits for acknowledgements that a mutator runs no more.
void tly_handshake_left(struct tly_mutator *self);

// Around fork: no handshake is under way.
void tly_handshake_hold(bool hold);

#endif
