// Collections: one at a time, in the thread that asks.

#ifndef TLY_COLLECTOR_COLLECT_H
#define TLY_COLLECTOR_COLLECT_H

#include <tally/collect.h>
#include <tally/runtime.h>
#include <tally/stats.h>

#include "object/local.h"

struct tly_patience;

// What collections have come to, for statistics.
struct tly_collect_totals {
    uint64_t collections[2]; // (a) by generation
    uint64_t collected;      // (a)
    struct tally_histogram pauses;
};
extern struct tly_collect_totals tly_collect_totals;

tally_status tly_collector_start(void);
void tly_collector_end(void);

// As tally_collect_with and tally_finalize_pending, as part of a call that may
// have waited already.
tally_status tly_collect_with(struct tly_patience *patience,
                              tally_collect_mode mode,
                              tally_generation generation,
                              struct tally_collection *ret_done);
size_t tly_finalize_pending(size_t max, struct tly_patience *patience);

// Collects if the heap has grown enough and no collection runs: at a
// safepoint whose breaker asked for it.
void tly_collector_poll(struct tly_local *self);

// Collects everything at every n-th open safepoint, of all threads together
// (option zeal).
void tly_collector_zeal(struct tly_local *self);

// The heap has grown: asks for a collection if it is due (hook).
void tly_collector_grew(struct tly_heap *self);

// Options.
void tly_collector_configure(const struct tally_config *config);

// If garbage waits for finalizers: looks at it again, and destroys what none
// that has still to run leads to, and what was not brought back. Returns how
// much. Blocks for a collection that is under way. Nothing where it may not.
uint64_t tly_second_look(struct tly_local *self, struct tly_patience *patience);
// Whether it may: not inside a hook, a borrow section, a stopped world.
bool tly_second_look_may(struct tly_local *self);

// ---- pump.c

// Runs up to [max] finalizers that wait for one of these executors (bits).
// Returns how many. None where hooks may not run.
size_t tly_pump(struct tly_local *self, unsigned by, size_t max);

// The same for a thread that does nothing else: whether anything is due; and
// does it. False: another thread has the lock.
bool tly_collector_is_due(void);
bool tly_collector_run_due(struct tly_local *self);

// Leaves what is due to another thread; false: it cannot. NULL: there is none.
extern bool (*tly_collector_elsewhere)(struct tly_local *self);

// Called after each collection, in a running world (option verify).
extern void (*tly_collector_after)(struct tly_patience *patience);

// ---- settle.c

// Asks all threads, in rounds, to do what they hold for each other, until a
// round moved nothing or there were 4. Blocks for each thread's safepoint:
// TALLY_TIMED_OUT when one does not come in time.
tally_status tly_settle(struct tly_local *self, struct tly_patience *patience);
// An allocation at the limit has found no room: the same, as long as it makes
// some; but nobody is waited for longer than an allocation waits.
void tly_settle_room(struct tly_local *self);
// Destroys what is dead here: all of it for who asked for a collection, else a
// slice.
void tly_settle_dead(struct tly_local *self);
// The share of it that needs no other thread: of mutators that do not run.
void tly_settle_idle(struct tly_local *self);
// Takes over what threads keep that do not run now.
void tly_settle_rescue(struct tly_local *self);

#endif
