// An event count: threads wait for it to change.
//
// A waiter reads the value, looks whether it has to wait, and waits for the
// value to change; whoever makes the wait needless signals afterwards. The
// event orders nothing: what a waiter looks at does.

#ifndef TLY_SYNC_EVENT_H
#define TLY_SYNC_EVENT_H

#include "sync/ck.h"

struct tly_event {
    struct ck_ec32 count;
};

uint32_t tly_event_value(const struct tly_event *event);

// Wakes all who wait.
void tly_event_signal(struct tly_event *event);

// Waits until the value is not [seen] any more, or until [deadline] on
// tly_os_now's scale (0: none). Returns false when the deadline has passed.
// Must not be called by an attached thread.
bool tly_event_wait(struct tly_event *event, uint32_t seen, uint64_t deadline);

#endif
