// Parking of those who wait for a lock of one byte.

#include "container/byte_lock.h"

#include <tally/mutator.h>

#include "base/compiler.h"
#include "sync/event.h"

// A power of two; others are woken needlessly if two locks share one.
#define EVENTS 64u
// Looks before parking: a holder does some hundred instructions of work.
#define SPINS 64u

static struct {
    struct tly_event event;
    char pad[60]; // a cache line each
} parked[EVENTS];

static struct tly_event *event_of(const struct tly_byte_lock *lock) {
    // Knuth's multiplicative hash: neighbours use different events.
    uint64_t hash = (uint64_t)(uintptr_t)lock * 0x9E3779B97F4A7C15u;
    return &parked[hash >> 58].event;
}

// One try. False: it is held, and the byte says that somebody waits.
static bool take_or_mark(struct tly_byte_lock *lock) {
    // Relaxed: what the exchanges find counts.
    uint8_t state = tly_load_relaxed(&lock->state);
    for (;;) {
        if (state == (TLY_LOCK_HELD | TLY_LOCK_WAITED))
            return false;
        uint8_t next = state ? TLY_LOCK_HELD | TLY_LOCK_WAITED : TLY_LOCK_HELD;
        // ORDER[byte-lock] acq_rel: as tly_byte_lock.
        if (tly_cas_acq_rel(&lock->state, &state, next))
            return !state;
    }
}

static bool spin(struct tly_byte_lock *lock) {
    for (unsigned n = 0; n < SPINS; n++) {
        uint8_t free = 0;
        // Relaxed: a hint.
        // ORDER[byte-lock] acq_rel: as tly_byte_lock.
        if (!tly_load_relaxed(&lock->state) &&
            tly_cas_acq_rel(&lock->state, &free, TLY_LOCK_HELD))
            return true;
        ck_pr_stall();
    }
    return false;
}

void tly_byte_lock_slow(struct tly_byte_lock *lock) {
    struct tly_event *event = event_of(lock);
    while (!spin(lock)) {
        // Read before the mark: who unlocks a marked lock changes it after.
        uint32_t seen = tly_event_value(event);
        if (take_or_mark(lock))
            return;
        tally_blocking_enter();
        tly_event_wait(event, seen, 0);
        tally_blocking_exit();
    }
}

// All that wait at the event try again, and mark the lock anew.
void tly_byte_unlock_slow(struct tly_byte_lock *lock) {
    tly_event_signal(event_of(lock));
}

void tly_byte_lock_both(struct tly_byte_lock *a, struct tly_byte_lock *b) {
    tly_byte_lock(a < b ? a : b);
    if (a != b)
        tly_byte_lock(a < b ? b : a);
}

void tly_byte_unlock_both(struct tly_byte_lock *a, struct tly_byte_lock *b) {
    tly_byte_unlock(a);
    if (a != b)
        tly_byte_unlock(b);
}
