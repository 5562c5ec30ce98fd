// Steering automatic collections: who has turned them off, and when they are
// due.

#ifndef TALLY_CONTROL_H
#define TALLY_CONTROL_H

#include <tally/collect.h>

TALLY_BEGIN

// Bytes of a holder's name, its end included.
#define TALLY_HOLDER_NAME 32

// As tally_collect_disable, by somebody who has a name: a part of the program
// that others can look for when collections do not start.
//
// who:      the name, 1 .. 31 bytes; it is copied. A name may hold more often
//           than once, and then has to let go as often.
// Returns:  0.
// Errors:   TALLY_INVALID (no such name), TALLY_LIMIT (32 other names hold).
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     a short lock.
TALLY_API tally_status tally_collect_disable_by(const char *who);

// Undoes one tally_collect_disable_by of the same name.
//
// Returns:  0.
// Errors:   TALLY_INVALID for a name that does not hold, on which debug builds
//           abort: nothing changed.
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     a short lock.
TALLY_API tally_status tally_collect_enable_by(const char *who);

// Whether collections start by themselves: the option collect is 1, and nobody
// holds them off.
//
// Returns:  true if so.
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     two loads.
TALLY_API bool tally_collect_is_enabled(void);

// Called with who holds collections off, and how often. NULL: those that gave
// no name (tally_collect_disable).
typedef void (*tally_holder_fn)(const char *who, uint32_t times, void *arg);

// Tells who holds collections off, as they were when it was called.
//
// Returns:  nothing.
// Threads:  any, attached or not; the callback may do anything.
// Blocks:   as the callback does.
// Cost:     a short lock, and a call for each name.
TALLY_API void tally_collect_holders_each(tally_holder_fn fn, void *arg);

// When collections are due; the options young_bytes and full_percent.
struct tally_thresholds {
    uint64_t young_bytes;  // 4096 .. 512 GiB
    uint64_t full_percent; // 1 .. 10000
};

// Reads the thresholds. Starts the runtime, whose options they are.
//
// Returns:  nothing. Where the runtime cannot be started, the defaults.
// Threads:  any, attached or not.
// Blocks:   no; the first use starts the runtime.
// Cost:     three loads.
TALLY_API void tally_thresholds_get(struct tally_thresholds *ret_thresholds);

// Sets the thresholds from now on. Starts the runtime, so that they win over
// its options; tally_init comes before.
//
// Returns:  0.
// Errors:   TALLY_INVALID when a value is out of its range, which is told on
//           stderr; what tally_attach answers when the runtime cannot be
//           started. Nothing changed.
// Threads:  any, attached or not. Of two that set at once either may win, each
//           value by itself.
// Blocks:   no; the first use starts the runtime.
// Cost:     some stores.
TALLY_API tally_status
tally_thresholds_set(const struct tally_thresholds *thresholds);

// By how many bytes the heap has grown since the last collection of a
// generation: what the thresholds are about.
//
// Returns:  bytes, to 64 KiB for each mutator; 0 where it has shrunk, and for
//           no such generation.
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     two loads.
TALLY_API uint64_t tally_collect_growth(tally_generation generation);

TALLY_END

#endif
