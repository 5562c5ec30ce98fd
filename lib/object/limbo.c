// Published objects that are dead: other threads may still read them through
// borrows, so they are destroyed after a grace period.

#include "epoch/borrow.h"
#include "object/finish.h"
#include "object/type.h"

// Bounds of what waits before the epoch is pushed on.
#define LIMBO_OBJECTS 127u
#define LIMBO_BYTES ((uint64_t)1 << 20)

// What threads left that do not run: a list linked like the others.
static tally_object *limbo_left; // (a)
static uint64_t left_bytes;      // (a) of what is on it
static uint32_t left_count;      // (a)

void tly_limbo_add(struct tly_local *self, tally_object *object) {
    // ORDER[dying] acq_rel: an RMW since upgrades may be looking; they fail
    // already, for the count is zero. Pairs with tally_try_incref.
    tly_or_acq_rel(&object->shared_, TLY_DYING);
    tly_dead_link(object, self->limbo);
    if (!self->limbo)
        self->limbo_tail = object;
    self->limbo = object;
    // Relaxed: one writer; statistics read it.
    tly_store_relaxed(&self->limbo_count, self->limbo_count + 1);
    self->limbo_bytes += tly_pool_block_size(tly_pool_of(object));
    if (self->limbo_count >= LIMBO_OBJECTS || self->limbo_bytes >= LIMBO_BYTES)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

bool tly_limbo_has(const struct tly_local *self) {
    // Relaxed: a hint for who empties it.
    return self->limbo || tly_load_relaxed(&limbo_left);
}

void tly_limbo_end(void) {
    // Relaxed: nothing else runs.
    tly_store_relaxed(&limbo_left, NULL);
    tly_store_relaxed(&left_bytes, 0);
    tly_store_relaxed(&left_count, 0);
}

uint64_t tly_limbo_left_count(void) {
    // Relaxed: a statistic.
    return tly_load_relaxed(&left_count);
}

static tally_object *left_take(void) {
    // Relaxed: mostly there is nothing.
    if (!tly_load_relaxed(&limbo_left))
        return NULL;
    // ORDER[limbo] acq_rel: the list is complete. Pairs with tly_limbo_leave.
    return tly_exchange_acq_rel(&limbo_left, NULL);
}

static void revive_list(struct tly_local *self, tally_object *object) {
    for (tally_object *next; object; object = next) {
        next = tly_dead_next(object);
        tly_dead_link(object, self->dead);
        self->dead = object;
    }
}

static void left_uncount(tally_object *object) {
    for (; object; object = tly_dead_next(object)) {
        uint64_t bytes = tly_pool_block_size(tly_pool_of(object));
        // Relaxed: hints and statistics.
        tly_add_relaxed(&left_bytes, (uint64_t)0 - bytes);
        tly_add_relaxed(&left_count, (uint32_t)-1);
    }
}

void tly_limbo_poll(struct tly_local *self, bool all) {
    // Relaxed: hints when to look.
    uint32_t count = self->limbo_count + tly_load_relaxed(&left_count);
    uint64_t bytes = self->limbo_bytes + tly_load_relaxed(&left_bytes);
    if (!all && count < LIMBO_OBJECTS && bytes < LIMBO_BYTES)
        return;
    tally_object *mine = self->limbo, *left = left_take();
    self->limbo = self->limbo_tail = NULL;
    tly_store_relaxed(&self->limbo_count, 0);
    self->limbo_bytes = 0;
    if (!mine && !left)
        return;
    left_uncount(left);
    tly_borrow_synchronize(tly_mutator_in(self));
    revive_list(self, mine);
    revive_list(self, left);
}

void tly_limbo_leave(struct tly_local *self) {
    if (!self->limbo)
        return;
    // Relaxed: hints and statistics.
    tly_add_relaxed(&left_bytes, self->limbo_bytes);
    tly_add_relaxed(&left_count, self->limbo_count);
    tally_object *head = tly_load_relaxed(&limbo_left);
    do
        tly_dead_link(self->limbo_tail, head);
    // ORDER[limbo] acq_rel: the list is complete, and what it is put before.
    while (!tly_cas_acq_rel(&limbo_left, &head, self->limbo));
    self->limbo = self->limbo_tail = NULL;
    tly_store_relaxed(&self->limbo_count, 0);
    self->limbo_bytes = 0;
}
