// What each mutator knows of the collection that is under way.
//
// Objects have the colour that was new to their mutator when they were made,
// until a collection has looked at them: then they are old. A collection begins
// with a new colour, which each mutator takes at a safepoint of its own, and
// looks at what is of another.
//
// While a collection reads the heap beside the threads, each mutator holds: the
// block of what dies of another colour is not made into something else before
// the collection has asked for the end of that. Whether it has marked such an
// object is settled by two RMWs on the header: it sets WATCH, who ends the
// object sets DEAD, and the second of both frees the block
// (tests/model/hold.pml).
//
//   cycle   number * 2 + whether mutators hold

#ifndef TLY_OBJECT_CYCLE_H
#define TLY_OBJECT_CYCLE_H

#include "object/dead.h"

// Set by the collector before it asks for a handshake.
extern uint32_t tly_cycle; // (a)

// The colour of a cycle.
TLY_INLINE unsigned tly_cycle_colour(uint32_t cycle) {
    return (cycle >> 1) % TLY_COLOURS;
}

// Takes over what is new of the cycle: at each safepoint that has something to
// do, before a handshake is answered; or for a mutator in a stopped world.
void tly_cycle_enter(struct tly_local *local);

// Gives back some of the blocks that were held, if no more are; the rest at
// later safepoints, or [all].
void tly_held_give(struct tly_local *self, bool all);

// Leaves held blocks to who asks for the end of holding: before an idle state.
void tly_held_leave(struct tly_local *self);

// Gives back what mutators left; [self] holds no more.
void tly_held_give_left(struct tly_local *self);
// Around fork.
void tly_held_hold(bool hold);

// Forgets what is held, with the heap it lies in.
void tly_held_end(void);

#endif
