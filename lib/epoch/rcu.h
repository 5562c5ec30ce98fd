// The one file that knows liburcu, with rcu.c: borrow sections and grace
// periods of its memb flavour.
//
// liburcu's calls that allocate (call_rcu, rcu_barrier) are not used: they
// abort when memory is short. Publishing goes through our own atomics.

#ifndef TLY_EPOCH_RCU_H
#define TLY_EPOCH_RCU_H

#include <tally/inline/borrow.h>

#include "epoch/mutator.h"

// Makes the calling thread a reader, unless the program did so already.
void tly_rcu_register(struct tly_mutator *self);
void tly_rcu_unregister(struct tly_mutator *self);

void tly_rcu_enter(void);
void tly_rcu_leave(void);

// Ends all sections of the calling thread.
void tly_rcu_leave_all(void);

// How many sections the calling thread is inside of.
unsigned long tly_rcu_depth(void);

// Whether the calling thread is inside a section: ours, or one that the
// program began with liburcu's own functions.
bool tly_rcu_ongoing_slow(void);
TLY_INLINE bool tly_rcu_ongoing(void) {
    const unsigned long *reader = tally_breaker_->reader_;
    // Relaxed: the thread's own word.
    return TLY_LIKELY(reader != &tly_no_reader)
               ? tly_load_relaxed(reader) & TALLY_SECTIONS_
               : tly_rcu_ongoing_slow();
}

// Whether the thread that has a mutator is inside a section that the runtime
// registered it for: for reports.
bool tly_rcu_has_section(const struct tly_mutator *mutator);

// Whether any thread is: one that stays there holds grace periods up for ever.
bool tly_rcu_any_section(void);

// The mutator whose section the grace period that is waited for waits for; 0:
// none that the runtime registered. For reports.
uint32_t tly_rcu_late(void);

// Wakes who waits for sections to end; after one has ended without a call.
void tly_rcu_wake(void);

// Grace periods have numbers. What was taken out of the readers' reach before
// a call of tly_grace_next may go when the one that it names has passed,
// whoever waited for it.
uint64_t tly_grace_next(void);
bool tly_grace_passed(uint64_t number);

// Waits until that one has passed, unless it has. Not inside a section, not by
// an attached thread.
void tly_grace_await(uint64_t number);

// How many there were.
uint64_t tly_grace_count(void);

// Around fork, outside of sections: no thread is half registered, and none
// waits for a grace period.
void tly_rcu_hold(bool hold);
// In a forked child the calling thread is the only reader of those that there
// were. Held.
void tly_rcu_forked(void);

#endif
