// What has been put off ends in time, without anything else going on: what
// waits for a grace period that nobody else asks for, and buffered drops. The
// thread that collects sees to it.

#ifndef TLY_RUNTIME_DUE_H
#define TLY_RUNTIME_DUE_H

#include "object/local.h"

// Whether there is anything to be told to the thread of [self], which is at a
// safepoint, or about to be idle; asked once until that thread has acted.
bool tly_due_ask(struct tly_local *self);

// Whether anybody has asked, and the thread has not acted yet. Any thread.
bool tly_due_is_asked(void);

// For that thread: when it is to act, on tly_os_now's scale; 0: nothing is
// asked for.
uint64_t tly_due_at(void);

// Whether it is time.
bool tly_due_is_now(void);

// Acts: ends the wait of what threads left that do not run, and tells those
// that run to look. Waits, DETACHED, for grace periods; not for a section that
// does not end, whose time is another one.
void tly_due_turn(struct tly_local *self);

// Whether it acts now: a thread that was told to look, and finds that what was
// ripe led to more of its kind, says so. Any thread.
extern uint32_t tly_due_follows; // (a)
void tly_due_leads(void);

// Nobody has asked for anything: before the thread may start.
void tly_due_reset(void);

// The same in a forked child, where what the other threads kept is for all.
void tly_due_forked(void);

#endif
