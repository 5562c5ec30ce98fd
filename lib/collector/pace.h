// When a collection is due, for who runs collections (docs/pacing.md).

#ifndef TLY_COLLECTOR_PACE_H
#define TLY_COLLECTOR_PACE_H

#include <tally/collect.h>

#include "base/compiler.h"

// What a collection did.
struct tly_pace_work {
    tally_generation generation;
    bool abandoned;      // nothing was freed, and nothing is known
    bool stopped;        // in a stopped world
    bool waits;          // garbage has hooks that have yet to run
    bool opaque;         // has met what only a stopped world can be asked about
    uint64_t candidates; // objects looked at
    uint64_t freed;      // of these; what waits for finalizers counts as freed
    uint64_t freed_bytes;  // of their blocks: given back by now, or listed,
    uint64_t hooked_bytes; // but for these, whose destroy hooks come first
    uint64_t cpu_ns; // of processor time, on all threads that worked for it
};

// Which generation is due; -1: none, or one has begun.
int tly_pace_due(void);
// Whether it is to be in a stopped world, whatever the mode.
bool tly_pace_stops(void);

// A collection has begun, due or asked for by the program; under the
// collector's lock, like the next. A done follows, however it ends.
void tly_pace_began(tally_generation generation);
// It has ended. Returns its number.
uint64_t tly_pace_done(const struct tly_pace_work *work);
// Of one whose garbage waited: that has ended, as far as this thread can tell.
// Nothing if another collection has begun meanwhile. Under the lock.
void tly_pace_settled(uint64_t number, tally_generation generation);

// In a forked child that does not have who collected: it has ended.
void tly_pace_forked(void);

// The bytes that pacing goes by: the heap's, and what the program has told by
// tally_memory_pressure.
int64_t tly_pace_bytes(void);

// Whether collections may start by themselves.
bool tly_pace_is_open(void);
// Whether a full collection may run that an allocation at the limit wants.
bool tly_pace_may(void);
// Whether the heap grows faster than collections that start by themselves end.
bool tly_pace_is_late(void);
// Whether one has begun and not ended.
bool tly_pace_is_running(void);
// Whether one runs, or is due, or has listed garbage that waits for its end:
// what who is late may wait for.
bool tly_pace_is_asked(void);

// Options: percents of the heap, and of one processor.
void tly_pace_configure(bool automatic, uint64_t young_bytes,
                        uint64_t full_percent, uint64_t collect_share);
// The first two, while the program runs.
void tly_pace_set(uint64_t young_bytes, uint64_t full_percent);
// The heap is empty.
void tly_pace_reset(void);

#endif
