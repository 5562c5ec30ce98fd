// A thread of the runtime's own, that sleeps DETACHED until there is work.
//
// It starts at the first safepoint that finds work for it, so that a program
// without such work has no thread that it did not start.

#ifndef TLY_RUNTIME_SERVICE_H
#define TLY_RUNTIME_SERVICE_H

#include "epoch/wait.h"
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

    uint32_t ends;               // (a) not 0: it is to end between two hooks
    struct tly_mutator *mutator; // (a) its own, or its last one's; or NULL
    struct tly_mutator *starter; // of who has started it last
    uint32_t state;              // (a)
    uint32_t failed;             // (a) it could not attach
    uint32_t reported;           // (a) that it cannot be started
    struct tly_event ended;      // it runs no more
};

// Sees to it that the thread runs or is about to. False: it cannot; the caller
// does the work.
bool tly_service_run(struct tly_service *service, struct tly_local *self);

// Ends the thread, and starts it no more. It is waited for up to the end of the
// hook that it is inside of; a collection gives up if it can; what else it has
// to do is left to others. [self] is attached; it is detached meanwhile.
// TALLY_TIMED_OUT: not in time, which is said on stderr; it goes on.
tally_status tly_service_stop(struct tly_service *service,
                              struct tly_mutator *self,
                              struct tly_patience *patience);

// From now on it may be started.
void tly_service_ready(struct tly_service *service);

// Whether it may not.
bool tly_service_is_stopped(const struct tly_service *service);

// In a forked child, where it is gone and may be started; unless it is the
// thread that has forked, in a hook.
void tly_service_forked(struct tly_service *service);

#endif
