// Inboxes: pools of a mutator that others did something to.
//
// One link a pool, pushed by whoever turns [in_inbox] from 0 to 1. A drain
// turns it back first and then takes the bits, so that a bit that comes later
// is pushed again. Between a bit and its push a pool may be emptied, released
// and carved for another: a drain that finds a pool of another's sends it on,
// and one that finds nobody's lets it go (tests/model/pool.pml).

#include "pool/heap.h"

#include "epoch/attach.h"
#include "epoch/registry.h"

// Pools drained for another in one suspension: its thread may wait for it.
#define HELP_POOLS 8u

// Pushes a pool whose [in_inbox] the caller has set. Returns its owner's
// number, 0 if it is nobody's any more.
static unsigned push(struct tly_pool *pool) {
    for (;;) {
        // ORDER[pool-owner] acquire: whose it is now; the pool is complete.
        unsigned owner = tly_load_acquire(&pool->owner);
        if (owner) {
            // The stack orders the push for whoever takes it.
            tly_stack_push(&tly_heap_of(tly_mutator_of(owner))->inbox,
                           &pool->inbox);
            return owner;
        }
        // ORDER[in-inbox] acq_rel: as in the drain: whoever found the flag
        // set has made the pool's owner visible.
        tly_exchange_acq_rel(&pool->in_inbox, 0);
        // ORDER[pool-owner] acquire: looks again for such a one.
        if (!tly_load_acquire(&pool->owner))
            return 0;
        // ORDER[in-inbox] acq_rel: as in tly_inbox_send.
        if (tly_exchange_acq_rel(&pool->in_inbox, 1))
            return 0;
    }
}

void tly_inbox_send(struct tly_pool *pool) {
    // ORDER[in-inbox] acq_rel: the bits were set before. Pairs with the
    // exchange in drain_pool, which takes them after. Whoever set the flag
    // first has yet to push, and then breaks and helps.
    if (tly_exchange_acq_rel(&pool->in_inbox, 1))
        return;
    unsigned owner = push(pool);
    if (!owner)
        return;
    tly_count(&tly_heap_of(tly_self())->moves, 1);
    // The very mutator that it was pushed to, whose pool it may be no more.
    struct tly_mutator *m = tly_mutator_of(owner);
    tly_break(m, TLY_BREAK_INBOX);
    if (!TLY_BUSTED(SEND_NO_CHECK))
        tly_inbox_help(tly_heap_of(m));
}

static void drain_pool(struct tly_heap *heap, struct tly_pool *pool) {
    // ORDER[in-inbox] acq_rel: cleared before the bits are taken. Pairs with
    // tly_inbox_send.
    if (!TLY_BUSTED(BITS_FIRST))
        tly_exchange_acq_rel(&pool->in_inbox, 0);
    // ORDER[pool-owner] acquire: see push.
    unsigned owner = tly_load_acquire(&pool->owner);
    if (owner != heap->mutator.number) {
        if (owner)
            tly_inbox_send(pool);
        return;
    }
    if (tly_pool_hooks.drain)
        tly_pool_hooks.drain(heap, pool);
    tly_pool_harvest(pool);
    tly_pool_settle(heap, pool);
    if (TLY_BUSTED(BITS_FIRST))
        // ORDER[in-inbox] acq_rel: too late, on purpose.
        tly_exchange_acq_rel(&pool->in_inbox, 0);
}

static void taken_set(struct tly_heap *heap, struct tly_link *link) {
    // Relaxed: who acts for the mutator is ordered by its state; others want a
    // hint.
    tly_store_relaxed(&heap->taken, link);
}

void tly_inbox_drain(struct tly_heap *heap, unsigned limit) {
    for (; limit > 0; limit--) {
        struct tly_link *link = heap->taken;
        if (!link)
            link = tly_stack_take(&heap->inbox);
        if (!link)
            return;
        // Before it is drained: a drain may lead here again.
        taken_set(heap, tly_stack_next(link));
        drain_pool(heap, TLY_CONTAINER_OF(link, struct tly_pool, inbox));
    }
    if (tly_inbox_has(heap))
        tly_break(&heap->mutator, TLY_BREAK_INBOX);
}

// [yields]: to the mutator's own thread, if it waits to come back.
static void help(struct tly_heap *heap, bool yields) {
    struct tly_mutator *m = &heap->mutator;
    uint32_t idle;
    for (;;) {
        // ORDER[breaker] seq_cst: set before by the sender or by another;
        // read after the last suspension was given back (Dekker).
        uint32_t bits = tly_load_seq_cst(&m->breaker.bits_);
        // Relaxed: it drains by itself when it is back.
        if (!(bits & TLY_BREAK_INBOX) ||
            (yields && tly_load_relaxed(&m->returning)) ||
            !tly_mutator_suspend(m, &idle))
            return;
        // ORDER[breaker] acq_rel: taken before the inbox.
        tly_and_acq_rel(&m->breaker.bits_, ~TLY_BREAK_INBOX);
        tly_inbox_drain(heap, HELP_POOLS);
        tly_mutator_resume(m, idle);
    }
}

void tly_inbox_help(struct tly_heap *heap) { help(heap, true); }

void tly_inbox_empty(struct tly_heap *heap) {
    if (!tly_inbox_has(heap))
        return;
    tly_break(&heap->mutator, TLY_BREAK_INBOX);
    help(heap, false);
}
