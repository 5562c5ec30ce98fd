// The one file that knows liburcu, with rcu.c: borrow sections and grace
// periods of its memb flavour.
//
// liburcu's calls that allocate (call_rcu, rcu_barrier) are not used: they
// abort when memory is short. Publishing goes through our own atomics.

#ifndef TLY_EPOCH_RCU_H
#define TLY_EPOCH_RCU_H

#include "epoch/mutator.h"

// Makes the calling thread a reader, unless the program did so already.
void tly_rcu_register(struct tly_mutator *self);
void tly_rcu_unregister(struct tly_mutator *self);

void tly_rcu_enter(void);
void tly_rcu_leave(void);

// Waits for a grace period. Not inside a section, not by an attached thread.
void tly_rcu_synchronize(void);

// Around fork: no thread is half registered; in the child only the calling
// thread is a reader.
void tly_rcu_fork_prepare(void);
void tly_rcu_fork_parent(void);
void tly_rcu_fork_child(struct tly_mutator *self);

#endif
