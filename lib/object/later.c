// Buffered decrements: references that a thread drops some time before they
// are counted. Applied together, the headers are fetched side by side instead
// of one after the other.
//
// INVARIANT  What is in a buffer is counted: it is alive, and no garbage. The
//            buffer of a mutator that does not run is empty.

#include "object/later.h"

#include <tally/defer.h>

#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "object/finish.h"

// What a safepoint is asked for. One that finds less is not: the drops wait as
// what is in limbo does, below its bounds.
#define ENOUGH (TLY_LATER / 2)
// Safepoints with other work that a drop may wait for.
#define POLLS 64u

static uint64_t later_bytes_max = (uint64_t)1 << 20;

void tly_later_configure(uint64_t bytes) { later_bytes_max = bytes; }

void tly_later_apply(struct tly_local *self) {
    struct tly_cold *cold = tly_cold(self);
    uint32_t count = cold->later_count;
    if (count == 0)
        return;
    // Fetched when they came; some may have been driven out since.
    for (uint32_t n = 0; n < count; n++)
        TLY_PREFETCH_WRITE(cold->later[n]);
    for (uint32_t n = 0; n < count; n++)
        tly_count_act(self, cold->later[n],
                      tly_count_drop(self, cold->later[n]));
    // Nothing of the program's ran: nothing was added.
    tly_check(cold->later_count == count);
    // Relaxed: one writer; statistics read it.
    tly_store_relaxed(&cold->later_count, 0);
    tly_store_relaxed(&cold->later_bytes, 0);
}

void tly_later_poll(struct tly_local *self, bool now) {
    struct tly_cold *cold = tly_cold(self);
    if (cold->later_count == 0)
        return;
    if (now || cold->later_count >= ENOUGH || ++cold->later_polls >= POLLS)
        tly_later_apply(self);
}

static TLY_NOINLINE void apply_now(struct tly_local *self) {
    tly_later_apply(self);
    tly_finish(self, true);
}

void tally_decref_later(void *reference) {
    tally_object *object = reference;
    struct tly_mutator *mutator = tly_self();
    if (TLY_CHECK >= 1)
        tly_object_check(object, "decref_later");
    if (TLY_UNLIKELY(!tly_is_attached(mutator))) {
        tally_object_decref_(object);
        return;
    }
    TLY_PREFETCH_WRITE(object);
    struct tly_local *self = tly_local_of(mutator);
    struct tly_cold *cold = tly_cold(self);
    uint32_t count = cold->later_count;
    uint64_t bytes =
        cold->later_bytes + tly_pool_block_size(tly_pool_of(object));
    if (count == 0)
        cold->later_polls = 0;
    else if (count + 1 == ENOUGH)
        tly_break_self(mutator, TLY_BREAK_FLUSH);
    cold->later[count] = object;
    // Relaxed: one writer; statistics read it.
    tly_store_relaxed(&cold->later_count, count + 1);
    tly_store_relaxed(&cold->later_bytes, bytes);
    if (count == 0)
        tly_put_off_begin(self);
    if (TLY_UNLIKELY(count + 1 == TLY_LATER || bytes >= later_bytes_max))
        apply_now(self);
}

void tally_flush(void) {
    struct tly_mutator *mutator = tly_self();
    if (!tly_is_attached(mutator))
        return;
    struct tly_local *self = tly_local_of(mutator);
    int error = errno;
    tly_later_apply(self);
    tly_pending_flush(&self->heap);
    tly_finish(self, true);
    if (!tly_rcu_ongoing())
        tly_poll(mutator, true);
    errno = error;
}
