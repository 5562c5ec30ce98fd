// Published objects that are dead: other threads may still read them through
// borrows, so they are destroyed after a grace period.

#include "epoch/borrow.h"
#include "object/finish.h"
#include "object/type.h"
#include "object/weak.h"

// Bounds of what waits before the epoch is pushed on.
#define LIMBO_OBJECTS 127u
#define LIMBO_BYTES ((uint64_t)1 << 20)

// What threads left that do not run: a list linked like the others.
static tally_object *limbo_left; // (a)
static uint64_t left_bytes;      // (a) of what is on it
static uint32_t left_count;      // (a)

// Appends a list; it is empty afterwards.
static void list_move(struct tly_limbo *to, struct tly_limbo *from) {
    if (from->head) {
        tly_dead_link(from->tail, to->head);
        to->tail = to->head ? to->tail : from->tail;
        to->head = from->head;
    }
    // Relaxed: one writer; statistics read it.
    tly_store_relaxed(&to->count, to->count + from->count);
    tly_store_relaxed(&from->count, 0);
    to->bytes += from->bytes;
    from->head = from->tail = NULL;
    from->bytes = 0;
}

static void list_add(struct tly_limbo *list, tally_object *object) {
    uint64_t bytes = tly_pool_block_size(tly_pool_of(object));
    list_move(list, &(struct tly_limbo){object, object, bytes, 1});
}

void tly_limbo_add(struct tly_local *self, tally_object *object) {
    // ORDER[dying] acq_rel: an RMW since upgrades may be looking; they fail
    // already, for the count is zero. Pairs with tally_try_incref.
    uint64_t shared = tly_or_acq_rel(&object->shared_, TLY_DYING);
    if (TLY_UNLIKELY(shared & TLY_WEAK) && tly_weak_died(self, object))
        return;
    tly_limbo_retire(self, object);
}

void tly_limbo_retire(struct tly_local *self, tally_object *object) {
    list_add(&self->limbo, object);
    if (self->limbo.count >= LIMBO_OBJECTS || self->limbo.bytes >= LIMBO_BYTES)
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

bool tly_limbo_has(const struct tly_local *self) {
    // Relaxed: a hint for who empties it.
    return self->limbo.head || tly_load_relaxed(&limbo_left);
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

// ---- what threads left

static void left_put(struct tly_limbo *list) {
    if (!list->head)
        return;
    // Relaxed: hints and statistics.
    tly_add_relaxed(&left_bytes, list->bytes);
    tly_add_relaxed(&left_count, list->count);
    tally_object *head = tly_load_relaxed(&limbo_left);
    do
        tly_dead_link(list->tail, head);
    // ORDER[limbo] acq_rel: the list is complete, and what it is put before.
    while (!tly_cas_acq_rel(&limbo_left, &head, list->head));
    list->head = list->tail = NULL;
    list->bytes = 0;
    tly_store_relaxed(&list->count, 0);
}

static void left_take(struct tly_limbo *list) {
    // Relaxed: mostly there is nothing.
    if (!tly_load_relaxed(&limbo_left))
        return;
    struct tly_limbo taken = {NULL, NULL, 0, 0};
    // ORDER[limbo] acq_rel: the list is complete. Pairs with left_put.
    tally_object *object = tly_exchange_acq_rel(&limbo_left, NULL);
    for (tally_object *next; object; object = next) {
        next = tly_dead_next(object);
        list_add(&taken, object);
    }
    // Relaxed: hints and statistics.
    tly_add_relaxed(&left_bytes, (uint64_t)0 - taken.bytes);
    tly_add_relaxed(&left_count, (uint32_t)0 - taken.count);
    list_move(list, &taken);
}

void tly_limbo_leave(struct tly_local *self) { left_put(&self->limbo); }

void tly_limbo_rescue(struct tly_local *of) {
    left_put(&of->limbo);
    left_put(&of->waiting);
}

// ---- the wait

static bool is_due(const struct tly_local *self) {
    // Relaxed: hints when to look.
    return self->limbo.count + tly_load_relaxed(&left_count) >= LIMBO_OBJECTS ||
           self->limbo.bytes + tly_load_relaxed(&left_bytes) >= LIMBO_BYTES;
}

void tly_limbo_poll(struct tly_local *self, bool all) {
    struct tly_limbo *waiting = &self->waiting;
    if (!all && (waiting->head || !is_due(self)))
        return;
    list_move(waiting, &self->limbo);
    left_take(waiting);
    if (!waiting->head)
        return;
    tly_count(&self->heap.moves, 1);
    tly_borrow_synchronize(tly_mutator_in(self));
    // Whoever took it over meanwhile waits for a grace period of its own.
    struct tly_limbo over = {NULL, NULL, 0, 0};
    list_move(&over, waiting);
    for (tally_object *next, *object = over.head; object; object = next) {
        next = tly_dead_next(object);
        tly_dead_put(self, object);
    }
}
