// The arithmetic of pacing: no clock, no heap, no globals, so that a
// simulation can drive it (tests/unit/test_pacer.c).
//
// Bytes are the heap's with what the program holds beside it. Four numbers
// come out of each full collection:
//
//   base    what is taken to live: what was left, without what was made while
//           it ran
//   runway  what is made while one runs, for each byte that it begins with
//   soft    the heap in which the next one is to end, if the share allows it
//   hard    the heap in which it is to end, whatever it costs
//
//   soft = base + growth              growth: full_percent of the base
//   hard = base + growth * 3/2        it begins at hard / (1 + runway)
//
// With full_percent 100 a collection so ends at the latest at 2.5 times the
// base. The rest, up to 3 times, is for what is not known: an eighth of what
// lies in pools that have free blocks, 64 KiB a mutator, and a runway that is
// longer than the last ones.
//
// Locking key -- who may touch a field:
//   (c) constant while collections run     (a) any thread, atomically; written
//   under the collector's lock, but for [low]

#ifndef TLY_COLLECTOR_PACER_H
#define TLY_COLLECTOR_PACER_H

#include "collector/pace.h"

struct tly_pacer {
    int64_t young_bytes;  // (a) option
    int64_t full_percent; // (a) option
    uint64_t share;       // (c) percent of one processor
    int64_t low[2];       // (a) the least since the generation's last one
    int64_t fresh[2];     // (a) made while the generation's last one ran
    int64_t left;         // (c) by the last one: what is taken to live when
                          // garbage that has hooks has ended
    int64_t runway;       // (a) in 1/1024: the same, of the last ones
    int64_t backoff[2];   // (a) 1, 2, 4, 8
    uint64_t rest;        // (a) until then the share is used up
    uint64_t half;        // (a) until then half of a processor is
    int64_t stopped;      // (a) left by the last full one in a stopped world
    uint32_t frees;       // (a) which freed something
    uint64_t retry;       // (a) none before; 0: the last was not abandoned
    uint32_t abandoned;   // (a) in a row
};

// When a collection ran, and the heap's bytes then.
struct tly_pacer_span {
    uint64_t began_ns, ended_ns;
    int64_t before, after;
};

// All as after a start in an empty heap; options stay.
void tly_pacer_reset(struct tly_pacer *pacer);

// Which generation is due in a heap of so many bytes, which may not have more
// than [ceiling]; -1: none.
int tly_pacer_due(struct tly_pacer *pacer, int64_t bytes, int64_t ceiling,
                  uint64_t now);

// Whether the heap has outgrown the size in which a full collection was to end,
// or garbage that is [listed], and waits for finalizers, has come to as much as
// may be made from one full collection to the end of the next.
bool tly_pacer_is_late(const struct tly_pacer *pacer, int64_t bytes,
                       int64_t listed);

// Whether a collection that is wanted for another reason may run.
bool tly_pacer_may(const struct tly_pacer *pacer, uint64_t now);

// The same of one for an allocation that fails without it. What was dropped
// since the last one nobody knows, so it waits for no share: but where they
// free nothing, for as long as the last one took.
bool tly_pacer_may_at_limit(const struct tly_pacer *pacer, uint64_t now);

// Whether a full collection beside the threads, which has met objects that only
// a stopped world can be asked about, is followed by one in a stopped world: in
// a heap of at most [ceiling] bytes, what it left has grown by full_percent
// since the last such one, or half of what there was room for.
bool tly_pacer_stops(const struct tly_pacer *pacer, int64_t ceiling);

// Garbage of the last collection that had hooks has ended, and with it what
// only that held: [after] is what there is now, of which up to [made] was made
// since the collection began.
void tly_pacer_settled(struct tly_pacer *pacer, tally_generation generation,
                       int64_t after, int64_t made);

// Learns from a collection.
void tly_pacer_done(struct tly_pacer *pacer, const struct tly_pace_work *work,
                    const struct tly_pacer_span *span);

#endif
