// Waits for other threads' safepoints: each has a deadline, and says once,
// after a second, which thread it waits for, what that is at, and what to do.

#ifndef TLY_EPOCH_WAIT_H
#define TLY_EPOCH_WAIT_H

#include "epoch/mutator.h"

// How long one call of the program's may still wait for others, in all of its
// waits together: never a deadline after the other. What it does itself, and
// what hooks do that it runs, does not count. A NULL waits for ever.
struct tly_patience {
    uint64_t left; // in ns
    bool endless;
    bool brief; // who waits so was not asked, and gives up without a word
};

struct tly_wait {
    uint64_t began, deadline; // on tly_os_now's scale; no deadline: 0
    uint32_t told;            // the number of the mutator that was named, or 0
    bool quiet;               // names nobody: who waits does
    bool brief;               // see tly_patience
};

// How long a thread is waited for where the program does not say it (option
// deadline_ms); 0: for ever.
void tly_wait_configure(uint64_t deadline_ms);

// That of a call that begins now.
struct tly_patience tly_patience_begin(void);

// The deadline of a wait that begins now; 0: none.
uint64_t tly_patience_deadline(const struct tly_patience *patience);
// That wait has ended. False: the deadline has passed.
bool tly_patience_spend(struct tly_patience *patience, uint64_t deadline);

struct tly_wait tly_wait_begin(const struct tly_patience *patience);

// Who a mutator is, for reports.
struct tly_who {
    char name[16];
    uint32_t thread, number;
    bool by_itself; // it attached by its first use of the heap
};
struct tly_who tly_who_is(const struct tly_mutator *mutator);

// Says who the calling thread is, which has the mutator. [name] NULL: as the
// system calls it. Whoever waits for the thread may read it meanwhile.
void tly_who_set(struct tly_mutator *self, const char *name, bool by_itself);

// As tly_event_wait, for a mutator that is waited for. False: the deadline has
// passed, and the mutator has been named on stderr. One that several short
// waits in a row were in vain for is named when that has gone on for a second.
bool tly_wait_for(struct tly_wait *wait, struct tly_event *event, uint32_t seen,
                  const struct tly_mutator *late);

// Short waits of now on are not in a row with those before: nobody is late.
void tly_wait_end(void);

// The same as tly_wait_for for a world that is stopped. False: [*stopper], of
// whom the program wants it so, has been named, and it is stopped still. True
// also after each second in which that was nobody: 0.
bool tly_wait_world(struct tly_wait *wait, struct tly_event *event,
                    uint32_t seen, const uint32_t *stopper);

#endif
