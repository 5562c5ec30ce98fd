// A thread of the runtime's own, that sleeps DETACHED until there is work.
//
// It starts at the first safepoint that finds work for it, so that a program
// without such work has no thread that it did not start.

#ifndef TLY_RUNTIME_SERVICE_H
#define TLY_RUNTIME_SERVICE_H

#include "object/local.h"
#include "sync/event.h"

struct tly_service {
    // What it is about; constant.
    const char *name;        // of the thread
    const char *what;        // that there is no thread for, in a report
    struct tly_event *work;  // wakes it
    uint32_t *served;        // (a) a hint: whether it runs
    bool (*has_work)(void);  // looked at before it sleeps
    uint64_t (*wakes)(void); // when it has; 0: when it is woken. Or NULL
    void (*turn)(struct tly_local *self); // does some of it

    struct tly_mutator *starter; // of who has started it last
    uint32_t state;              // (a)
    uint32_t failed;             // (a) it could not attach
    uint32_t reported;           // (a) that it cannot be started
    struct tly_event ended;      // it runs no more
};

// Sees to it that the thread runs or is about to. False: it cannot; the caller
// does the work.
bool tly_service_run(struct tly_service *service, struct tly_local *self);

// Ends the thread, after what it is at, and starts it no more. [self] is
// attached; it is detached meanwhile. TALLY_TIMED_OUT: what it is at has not
// ended in time (option deadline_ms), which is said on stderr; it goes on.
tally_status tly_service_stop(struct tly_service *service,
                              struct tly_mutator *self);

// From now on it may be started.
void tly_service_ready(struct tly_service *service);

// In a forked child, where it is gone and may be started; unless it is the
// thread that has forked, in a hook.
void tly_service_forked(struct tly_service *service);

#endif
