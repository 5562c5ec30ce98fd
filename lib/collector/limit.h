// The hard byte limit, where an allocation meets it.

#ifndef TLY_COLLECTOR_LIMIT_H
#define TLY_COLLECTOR_LIMIT_H

#include <tally/collect.h>

#include "object/local.h"

// Live bytes of the heap (0: none), and how long an allocation waits.
void tly_limit_configure(uint64_t bytes, uint64_t wait_ms);

// How long an allocation waits, in ns; 0 without a limit.
uint64_t tly_limit_wait(void);

// Wakes who collects on a thread of its own, for what is due; false: there is
// nobody. NULL where collections run at the safepoints of the program.
extern bool (*tly_limit_wake)(void);

// Whether an allocation asks for a full collection.
bool tly_limit_wants(void);

// An allocation would go beyond the limit: asks for a full collection, and
// waits for it where that is safe. Whether there is room now.
bool tly_limit_room(struct tly_local *self, size_t bytes);

// ---- told by pace.c

void tly_limit_began(tally_generation generation);
// It has ended, but if it [waits], for the hooks that come after its lock, and
// for the second look: who waits for room is told when these have run, by
// _freed, with the number that _last has said under the lock. One that was
// [abandoned] is none to those that wait.
void tly_limit_done(tally_generation generation, bool abandoned, bool waits);
uint64_t tly_limit_last(void);
void tly_limit_freed(uint64_t number, bool waits);

// In a forked child: nobody waits.
void tly_limit_forked(void);

// At an open safepoint of a thread whose heap grows faster than another thread
// collects it: waits for the end of a collection, DETACHED, and as long as an
// allocation would at most.
void tly_limit_wait_late(struct tly_local *self);

#endif
