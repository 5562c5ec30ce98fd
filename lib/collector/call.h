// One collection from end to end, for who begins it.

#ifndef TLY_COLLECTOR_CALL_H
#define TLY_COLLECTOR_CALL_H

#include <tally/collect.h>

#include "epoch/wait.h"
#include "object/local.h"

// A call of the program's, or a collection that is due, with all that it leads
// to.
struct tly_call {
    struct tly_local *self;
    tally_collect_mode mode;
    struct tly_patience patience;
};
struct tly_call tly_call_begin(struct tly_local *self, tally_collect_mode mode);

// The option.
tally_collect_mode tly_collect_mode(void);

// A collection of a generation, by who has the lock and gives it back here,
// with what follows.
tally_status tly_call_collect(struct tly_call *call,
                              tally_generation generation,
                              struct tally_collection *done);

// The second look, for who has the lock and gives it back here; and whether
// garbage waits for finalizers, and all of them have run.
void tly_call_look_again(struct tly_call *call, struct tally_collection *done);
bool tly_second_is_due(void);

// The turn of the lock's in which what is due was first left, and since which
// nothing was collected; 0: none.
extern uint32_t tly_call_refused; // (a)

// Options.
void tly_zeal_configure(uint64_t every);

#endif
