// A mutator: what a thread holds while it uses the heap.
//
// This is the lowest layer's piece of it. Each higher layer that keeps state
// of its own for each mutator puts it behind: struct tly_heap (pool/) begins
// with a struct tly_mutator, struct tly_local (object/) with a struct
// tly_heap; records are TLY_RECORD_SIZE bytes.
//
// Locking key -- who may touch a field:
//   (c) constant once registered            (a) any thread, atomically
//   (o) owner only, plain access: the thread that has the mutator ATTACHED,
//       or the one that has made it SUSPENDED
//
//                    attach                    blocking_enter
//   VACANT  ------------------------>  ATTACHED  ------->  DETACHED
//     ^  ^                              |    ^                |  ^
//     |  |           detach             |    +----------------+  |
//     |  +------------------------------+      blocking_exit     |
//     +------------------ SUSPENDED -----------------------------+
//                  (somebody acts for it, and gives it back)
//
// The state word alone decides who acts for a mutator: compare and exchange
// from VACANT or DETACHED to SUSPENDED to act, to ATTACHED to run.

#ifndef TLY_EPOCH_MUTATOR_H
#define TLY_EPOCH_MUTATOR_H

#include <tally/inline/layout.h>
#include <tally/status.h>

#include "base/atomic.h"
#include "base/check.h"
#include "sync/event.h"

// Two pages, what a mutator costs at most while it has no use for its cold part
// (registry.h).
#define TLY_RECORD_SIZE 8192
#define TLY_COLD_SIZE ((size_t)1024)

enum tly_state {
    TLY_VACANT,   // its thread is gone
    TLY_DETACHED, // its thread is in a blocking region, or parked by a stop
    TLY_ATTACHED,
    TLY_SUSPENDED // another thread acts for it
};

// What the breaker asks for.
#define TLY_BREAK_INBOX 0x1u     // others have handed something over
#define TLY_BREAK_HANDSHAKE 0x2u // a goal is not acknowledged
#define TLY_BREAK_STOP 0x4u      // the world is being stopped
#define TLY_BREAK_FLUSH 0x8u     // own caches hold what others wait for
#define TLY_BREAK_COLLECT 0x10u  // a collection is due
#define TLY_BREAK_FINISH 0x20u   // dead objects wait for a safepoint
#define TLY_BREAK_DEAD 0x40u     // who asks wants all that is dead to be gone
#define TLY_BREAK_ZEAL 0x80u     // every safepoint counts (option zeal)
#define TLY_BREAK_DUE 0x100u     // what has been put off may go by now
#define TLY_BREAK_KEEP 0x200u    // types' modules are to be kept (type.h)

struct tly_mutator {
    struct tally_breaker_ breaker; // (a) bits_; first: fast paths read it
    uint32_t state;                // (a) enum tly_state
    uint16_t number;               // (c) 1 .. TALLY_OWNER_MAX_
    uint16_t blocking;             // (o) blocking regions open
    uint32_t asked;                // (o) what the poll under way has taken
    const void *hooks_at;          // (o) frame of the call that runs hooks
    uint32_t thread;               // (a) the kernel's number of its thread
    uint64_t header;               // (c) the number, as in an object's header
    uint64_t ack;                  // (a) last handshake goal that is done
    struct tly_event resumed;      // SUSPENDED has ended
    uint32_t returning;            // (a) its thread waits for that
    struct tly_event turn;         // what it waits for in a queue is free
    bool rcu_ours;                 // (o) registered with liburcu by us
    bool stopped_world;            // (o) its thread has stopped the world
    bool by_itself;                // (a) attached by its first use of the heap
    char name[16];                 // (a) for reports, byte by byte
    void *rcu_reader;              // (o) liburcu's record of its thread
};

// What the higher layers do at the turns of a mutator's life; runtime/ defines
// it, a unit test defines its own. Any member may be NULL.
struct tly_patience;
struct tly_epoch_hooks {
    tally_status (*start)(void);               // before a thread's first attach
    void (*adopt)(struct tly_mutator *self);   // taken over, or new
    void (*unwound)(struct tly_mutator *self); // its thread has left all calls
    // A call from outside of the library, with a frame: what it has left?
    void (*enter)(struct tly_mutator *self, const void *frame);
    // The calls below that frame, which the program has left by longjmp.
    void (*left)(struct tly_mutator *self, const void *frame);
    void (*poll)(struct tly_mutator *self, uint32_t bits, bool open);
    // Before an idle state is stored; [waits]: for the runtime, not for long.
    void (*flush)(struct tly_mutator *self, bool waits);
    void (*acknowledge)(struct tly_mutator *self, uint32_t kinds);
    // Around a stop that the program asks for: before, and when the world runs
    // again, or was not stopped in time. What is none of a thread's own work
    // stands still in between. False: not in time.
    bool (*stop)(struct tly_mutator *self, struct tly_patience *patience);
    void (*started)(struct tly_mutator *self);
    // In a forked child, of a mutator that the calling thread has for this:
    // what its thread had yet to do is done, or left to others.
    void (*orphan)(struct tly_mutator *self);
    // Whether the thread is in code of the program's that the library calls.
    bool (*called)(struct tly_mutator *self);
};
extern const struct tly_epoch_hooks tly_epoch_hooks;

// A thread that is not attached sees this mutator: it wants nothing, has
// nothing cached, and its number is in no header.
union tly_record {
    struct tly_mutator mutator;
    char size[TLY_RECORD_SIZE];
};
extern union tly_record tly_nobody;

// Where a mutator's sections are counted while calls have to do it: all ones,
// never written.
extern unsigned long tly_no_reader;

// The mutator that the calling thread has attached, or tly_nobody.
TLY_INLINE struct tly_mutator *tly_self(void) {
    return (struct tly_mutator *)(void *)tally_breaker_;
}

TLY_INLINE bool tly_is_attached(const struct tly_mutator *self) {
    return self != &tly_nobody.mutator;
}

// Whether a mutator in this state is nobody's to wait for.
TLY_INLINE bool tly_is_idle(uint32_t state) {
    return state == TLY_DETACHED || state == TLY_VACANT;
}

// Asks something of a mutator. On other threads it acts at the next
// safepoint.
TLY_INLINE void tly_break(struct tly_mutator *mutator, uint32_t bits) {
    // ORDER[breaker] seq_cst: what the request is about was stored before;
    // and the requester reads the state after, against a thread that stores
    // its state and then reads the breaker (Dekker). Pairs with poll's
    // exchange and with detach's load.
    tly_or_seq_cst(&mutator->breaker.bits_, bits);
}

// Asks something of oneself.
TLY_INLINE void tly_break_self(struct tly_mutator *self, uint32_t bits) {
    // Relaxed: the same thread reads it.
    if ((tly_load_relaxed(&self->breaker.bits_) & bits) != bits)
        tly_or_relaxed(&self->breaker.bits_, bits);
}

#endif
