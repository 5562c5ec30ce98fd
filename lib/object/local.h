// The object layer's piece of a mutator: what is dead or dying in its hands.

#ifndef TLY_OBJECT_LOCAL_H
#define TLY_OBJECT_LOCAL_H

#include <tally/stats.h>

#include "epoch/registry.h"
#include "object/header.h"
#include "platform/calls.h"
#include "pool/heap.h"
#include "sync/rank.h"

struct tly_bag; // deferred calls and frees (defer.c)

// What waits for a grace period: dead published objects, linked by their count
// fields, and bags. Statistics read the sums.
struct tly_limbo {
    tally_object *head, *tail;
    struct tly_bag *first, *last;
    uint64_t grace;          // (a) number of the last that ends a wait here
    uint64_t bytes;          // (a) of the objects' blocks
    uint64_t deferred_bytes; // (a) of blocks to be freed, and of bags
    uint32_t count;          // (a) objects
    uint32_t calls;          // (a) entries of bags: calls and frees
};

// The program's code that a thread is inside of: one of these at a time.
enum tly_running { TLY_RUNS_NONE, TLY_RUNS_FINALIZER, TLY_RUNS_CALLBACK };

// What hooks of one loop, or of several, have made and ended (finish.h).
struct tly_levels {
    uint64_t made, ended; // at the last level
    uint32_t left;        // levels
    bool credit;          // what waits has yet to be looked at
};

struct tly_hot_cell;
struct tally_weak;
struct tly_weak_call;

struct tly_local {
    struct tly_heap heap;
    struct tally_counters counters; // (a) single writer
    tally_object *dead;     // to be destroyed; linked by their count fields
    tally_object *held;     // dead, but a hook of theirs may not run here
    tally_object *finalize; // a unit of each is ours; its finalizer is to run
    tally_object *kept;     // ended, their blocks held for a collection
    uint32_t cycle;         // (o) the collection that the mutator knows of
    uint32_t hold;          // (o) whether it holds (cycle.h)
    uint64_t dying;         // (a) objects on [dead] and [held]
    uint64_t slice;         // objects that this slice may still have
    struct tly_levels *levels;        // of the loop that [finishing] stands for
    struct tally_weak *weak_controls; // of the dead; a unit of each is ours
    struct tly_weak_call *weak_calls; // callbacks to call; a unit of each
    struct tly_weak_call **weak_calls_end;
    const void *hooks_back; // where the call at hooks_at returns to
    uint32_t running;       // (a) enum tly_running: what the thread is inside
                            // of,
    tally_object *inside;   // (a) and of which object: a unit of it is ours
    uint32_t finishing;     // not 0: destruction is under way; how often
                            // that has been asked, roughly
    uint32_t collects;      // tally_collect's that it is inside of: nothing
                            // collects by itself
    uint32_t lost;          // (a) its thread has left work to do, when it
                            // went or stopped running
    const uint32_t *ends;   // (o) NULL, or a word that is not 0 when its thread
                            // is to end (finish.h)
    uint32_t collector;     // enum tly_collector: with the lock no hook runs
    uint64_t claimed;       // (a) counter: finalizers and callbacks
                            // that it has claimed
    struct tly_hot_cell *hot_row; // (o) by HOT object; NULL: none yet
    uint32_t hot_seen;            // (o) the granule contended for, maybe
    uint8_t hot_score;            // (o) how often it was
    uint8_t hot_tick;             // (o) merged objects counted up
};
_Static_assert(sizeof(struct tly_local) <= TLY_RECORD_SIZE,
               "a mutator costs at most two pages");

// Drops that a mutator may have buffered.
#define TLY_LATER 64u

// The object layer's cold piece: what has been put off.
struct tly_cold {
    struct tly_limbo limbo;       // what comes; a grace period has yet to begin
    struct tly_limbo waiting;     // closed; others may take it over
    struct tly_limbo ready;       // calls whose grace period has passed
    uint32_t waits;               // depth of waits for one on this thread
    uint32_t collects_asks;       // for tly_call_left
    struct tly_frame waits_in;    // the outermost
    struct tly_frame collects_in; // the outermost of [collects] (finish.h)
    tally_object *destroys;       // (a) whose destroy hook the thread is
                                  // inside of
    uint32_t later_count;         // (a) references in [later]
    uint32_t later_polls;         // safepoints since the first of them
    uint64_t later_bytes;         // (a) of their blocks
    tally_object *later[TLY_LATER]; // dropped, but counted still
};
_Static_assert(sizeof(struct tly_cold) <= TLY_COLD_SIZE, "see registry.h");

TLY_INLINE struct tly_local *tly_local_of(struct tly_mutator *mutator) {
    return (struct tly_local *)(void *)mutator;
}
TLY_INLINE struct tly_mutator *tly_mutator_in(struct tly_local *local) {
    return &local->heap.mutator;
}
TLY_INLINE struct tly_cold *tly_cold(const struct tly_local *local) {
    return tly_cold_of(&local->heap.mutator);
}

// Says what was about to be called with the collector's lock, and aborts.
void tly_program_refuse(const char *call);

// Checks, in debug builds, what is so wherever the program's code is called:
// the thread holds no lock (tly_locks_none), and does not have the collector's,
// which is a word and in no rank.
TLY_INLINE void tly_program_next(const struct tly_local *self,
                                 const char *call) {
    tly_locks_none(call);
    if (TLY_CHECK >= 1 && TLY_UNLIKELY(self->collector))
        tly_program_refuse(call);
}

// What of the program's code the thread is inside of.
TLY_INLINE void tly_inside_set(struct tly_local *self, enum tly_running what,
                               tally_object *object) {
    // Relaxed, both: the thread's own; who waits for it looks, for a report.
    tly_store_relaxed(&self->running, what);
    tly_store_relaxed(&self->inside, object);
}
TLY_INLINE void tly_inside_end(struct tly_local *self) {
    // Relaxed: as above.
    tly_store_relaxed(&self->running, TLY_RUNS_NONE);
}

// The list of the dead.
TLY_INLINE void tly_dead_put(struct tly_local *self, tally_object *object) {
    tly_dead_link(object, self->dead);
    self->dead = object;
    tly_count(&self->dying, 1);
}
TLY_INLINE tally_object *tly_dead_take(struct tly_local *self) {
    tally_object *object = self->dead;
    if (object) {
        self->dead = tly_dead_next(object);
        tly_count(&self->dying, (uint64_t)-1);
    }
    return object;
}

#endif
