// What the heap holds and what happened in it. Reading has no side effects.

#ifndef TALLY_STATS_H
#define TALLY_STATS_H

#include <tally/collect.h>
#include <tally/type.h>

TALLY_BEGIN

// Durations in buckets of a quarter of a power of two nanoseconds.
#define TALLY_HISTOGRAM_BUCKETS 160
struct tally_histogram {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t max_ns;
    uint64_t bucket[TALLY_HISTOGRAM_BUCKETS];
};

// What mutators count. Each counter has one writer and is never torn.
struct tally_counters {
    uint64_t made;           // objects
    uint64_t destroyed;      // objects
    uint64_t owner_counts;   // counting by the owner inside the library, and
                             // in files compiled with TALLY_COUNT_OPERATIONS
    uint64_t shared_counts;  // by others, on objects that have an owner
    uint64_t handed_over;    // of these, drops that the owner does
    uint64_t merged_counts;  // on objects that have no owner
    uint64_t merges;         // objects whose owner gave them up
    uint64_t finalized;      // finalizers called
    uint64_t remote_frees;   // blocks freed in other mutators' pools
    uint64_t safepoint_work; // safepoints that found something to do
    uint64_t called;         // callbacks of weak references
};

// The heap at a glance. New members are added at the end.
struct tally_stats {
    size_t size;                    // of this structure; the caller sets it
    struct tally_counters counters; // of all mutators together
    uint64_t live_objects;
    uint64_t live_bytes; // in blocks handed out, to 1/8 and 64 KiB a mutator
    uint64_t heap_bytes; // in use by pools and large blocks
    uint64_t os_bytes;   // got from the OS and not given back
    uint64_t reserved_bytes; // of address space
    uint64_t metadata_bytes; // of os_bytes, descriptors and mutators
    uint64_t pools;
    uint64_t mutators; // records, attached or not
    uint64_t attached; // threads; also the runtime's own (finalize.h)
    uint64_t immortal_objects;
    uint64_t pinned;         // pins that are not undone
    uint64_t saturated;      // objects whose count overflowed
    uint64_t limbo_objects;  // dead, waiting for a grace period
    uint64_t collections[2]; // by generation
    uint64_t collected;      // garbage objects destroyed by collections
    uint64_t grace_periods;
    struct tally_histogram pauses; // times that the world stood still
    uint64_t finalizers_waiting;   // claimed, and not come to their end
    uint64_t dying_objects; // dead, waiting for a safepoint (destroy_slice);
                            // what only they refer to is not known yet
    uint64_t hot_objects;
    uint64_t hot_bytes;      // of metadata_bytes, the cells they are counted in
    uint64_t limbo_bytes;    // of limbo_objects
    uint64_t deferred_calls; // that wait to be made, and frees
    uint64_t deferred_bytes; // that they hold: blocks, and the lists' own
    uint64_t later_drops;    // buffered, and counted still
    uint64_t later_bytes;    // of the blocks that they keep
    struct tally_histogram stalls; // times that the runtime held one thread:
                                   // at a safepoint that had work, back from
                                   // a blocking region, in an allocation that
                                   // destroyed; not what it asked for itself
};

// Reads the heap's statistics.
//
// ret_stats: size is set by the caller to sizeof(struct tally_stats).
// Returns:  0.
// Errors:   TALLY_INVALID for a size of 0, or larger than this version's.
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     some loads for each mutator.
TALLY_API tally_status tally_stats_get(struct tally_stats *ret_stats);

// What collections of one mode and generation have come to; of those that the
// program asked for and those that started by themselves. New members are added
// at the end.
struct tally_collect_stats {
    size_t size;            // of this structure; the caller sets it
    uint64_t collections;   // that came to their end
    uint64_t abandoned;     // that were given up: memory was short, or a thread
                            // passed no safepoint; the heap was as before
    uint64_t candidates;    // objects looked at
    uint64_t visited;       // visits of them
    uint64_t garbage;       // found unreachable
    uint64_t collected;     // destroyed
    uint64_t rescued;       // taken for garbage at first, and found to live
    uint64_t uncollectable; // garbage that was not destroyed, but saved
                            // (debug.h)
    uint64_t finalized;     // finalizers called by the threads that collected
    uint64_t sum_ns;        // from begin to end
    uint64_t max_ns;        // of the longest one
};

// Reads what collections of a mode and generation have come to: of one moment,
// between two collections.
//
// ret_stats: size is set by the caller to sizeof(struct tally_collect_stats).
// Returns:  0.
// Errors:   TALLY_INVALID for a size of 0, or larger than this version's, and
//           for no such mode or generation.
// Threads:  any, attached or not.
// Blocks:   no; it reads again while a collection is being added.
// Cost:     some loads.
TALLY_API tally_status
tally_collect_stats_get(tally_collect_mode mode, tally_generation generation,
                        struct tally_collect_stats *ret_stats);

// Reads one mutator's counters.
//
// number:   1 .. TALLY_MUTATORS_MAX.
// Returns:  0.
// Errors:   TALLY_INVALID when there is no such mutator.
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     some loads.
TALLY_API tally_status tally_mutator_counters(uint32_t number,
                                              struct tally_counters *ret);

// Returns:  the duration in ns that a share [q] (0.0 .. 1.0) of the recorded
//           ones do not exceed, to a quarter of a power of two; 0 if empty.
// Threads:  any.
// Blocks:   no.
// Cost:     a walk of the buckets.
TALLY_API uint64_t tally_histogram_quantile(const struct tally_histogram *h,
                                            double q);

// Called for each live object while the world stands still: must not block,
// allocate or count. A false return ends the walk.
typedef bool (*tally_object_fn)(void *object, void *arg);

// Visits every live object, in the order of addresses.
//
// Returns:  0.
// Errors:   TALLY_DEADLOCK (inside a borrow section), TALLY_TIMED_OUT (a thread
//           passed no safepoint, or a collection or stop did not end, in time),
//           TALLY_LIMIT (the thread cannot attach).
// Threads:  any; also one that has stopped the world itself.
// Blocks:   for a collection that is under way, and until the world stands
//           still, which it does during the walk.
// Cost:     2 ns an object and the callback (bench/walk).
TALLY_API tally_status tally_walk(tally_object_fn fn, void *arg);

// Visits every immortal object, in the order of addresses: those that
// tally_immortalize was called for, and those whose count overflowed.
//
// Returns:  0.
// Errors:   TALLY_DEADLOCK (inside a borrow section or a hook that a
//           collection calls), TALLY_TIMED_OUT (a thread passed no safepoint,
//           or a collection or stop did not end, in time), TALLY_LIMIT (the
//           thread cannot attach).
// Threads:  any; also one that has stopped the world itself.
// Blocks:   as tally_walk.
// Cost:     2 ns an object, immortal or not, and the callback.
TALLY_API tally_status tally_each_immortal(tally_object_fn fn, void *arg);

TALLY_END

#endif
