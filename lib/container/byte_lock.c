// Parking of those who wait for a lock of one byte.

#include "container/byte_lock.h"

#include <tally/mutator.h>

#include "epoch/rcu.h"
#include "platform/os.h"
#include "sync/event.h"

// A power of two; others are woken needlessly if two locks share one.
#define EVENTS 64u
// Looks before parking: a holder does some hundred instructions of work.
#define SPINS 64u
// Rounds in which two locks are wanted, and one is given back for the other.
#define ROUNDS 8u

static struct {
    struct tly_event event;
    char pad[60]; // a cache line each
} parked[EVENTS];

static struct tly_event *event_of(const struct tly_byte_lock *lock) {
    // Knuth's multiplicative hash: neighbours use different events.
    uint64_t hash = (uint64_t)(uintptr_t)lock * 0x9E3779B97F4A7C15u;
    return &parked[hash >> 58].event;
}

struct tly_byte_parking tly_byte_parking;

void tly_byte_lock_start(void) {
    tly_byte_parking.barrier = tly_os_barrier_start();
}

void tly_byte_lock_forked(void) {
    // Relaxed: the child has one thread.
    tly_store_relaxed(&tly_byte_parking.waiters, 0);
    tly_byte_lock_start();
}

static bool try(struct tly_byte_lock *lock) {
    uint8_t free = 0;
    // ORDER[byte-lock] seq_cst: as tly_byte_lock; and after this thread has
    // said that it waits.
    if (!tly_cas_seq_cst(&lock->state, &free, TLY_LOCK_HELD))
        return false;
    tly_unranked_enter();
    return true;
}

static bool spin(struct tly_byte_lock *lock) {
    for (unsigned n = 0; n < SPINS; n++) {
        // Relaxed: a hint.
        if (!tly_load_relaxed(&lock->state) && try(lock))
            return true;
        ck_pr_stall();
    }
    return false;
}

// Says that this thread waits, to all that unlock from now on. Who has unlocked
// before and has not seen it has given the lock back.
static void wait_begin(void) {
    // ORDER[byte-waiter] seq_cst: before the lock is tried once more. Pairs
    // with the load of tly_byte_unlock.
    tly_add_seq_cst(&tly_byte_parking.waiters, 1);
    if (tly_byte_parking.barrier)
        tly_os_barrier();
}

// In a borrow section nobody parks: others wait for its end. The holder does
// not, and is done soon.
static void yield_until(struct tly_byte_lock *lock) {
    while (!spin(lock))
        tly_os_yield();
}

void tly_byte_lock_slow(struct tly_byte_lock *lock) {
    struct tly_event *event = event_of(lock);
    if (spin(lock))
        return;
    if (tly_rcu_ongoing()) {
        yield_until(lock);
        return;
    }
    wait_begin();
    do {
        // Read before the try: who unlocks afterwards changes it.
        uint32_t seen = tly_event_value(event);
        if (try(lock))
            break;
        tally_blocking_enter();
        tly_event_wait(event, seen, 0);
        tally_blocking_exit();
    } while (!spin(lock));
    // Relaxed: one look too many by who unlocks does no harm.
    tly_add_relaxed(&tly_byte_parking.waiters, (uint32_t)-1);
}

// All that wait at the event try again.
void tly_byte_unlock_slow(struct tly_byte_lock *lock) {
    tly_event_signal(event_of(lock));
}

// Both are held, if the second is free within some looks; or none is.
static bool take_both(struct tly_byte_lock *first,
                      struct tly_byte_lock *second) {
    tly_byte_lock(first);
    if (tly_byte_try(second) || spin(second))
        return true;
    tly_byte_unlock(first);
    return false;
}

// The lower address first, so that of those that come here nobody waits in a
// ring, and without a blocking region: whoever holds the second does not wait
// for this thread, passes no safepoint, and is done soon.
static TLY_COLD void take_in_order(struct tly_byte_lock *first,
                                   struct tly_byte_lock *second) {
    tly_byte_lock(first);
    yield_until(second);
}

void tly_byte_lock_both(struct tly_byte_lock *a, struct tly_byte_lock *b) {
    if (a == b) {
        tly_byte_lock(a);
        return;
    }
    struct tly_byte_lock *low = a < b ? a : b, *high = a < b ? b : a;
    for (unsigned n = 0; n < ROUNDS; n += 2)
        // What was busy is waited for with nothing held.
        if (take_both(low, high) || take_both(high, low))
            return;
    take_in_order(low, high);
}

void tly_byte_unlock_both(struct tly_byte_lock *a, struct tly_byte_lock *b) {
    tly_byte_unlock(a);
    if (a != b)
        tly_byte_unlock(b);
}
