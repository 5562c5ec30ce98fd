// Giving blocks back: by their owner a bit in a bitmap; by others a bit in a
// cache, told in batches. No lock, no loop, and the block is not written.

#include "pool/heap.h"

#include "base/check.h"
#include "base/poison.h"
#include "epoch/attach.h"

void tly_pool_list(struct tly_heap *heap, struct tly_pool *pool) {
    struct tly_pool **head =
        &heap->partial[pool->kind == TLY_POOL_OBJECT][pool->class];
    pool->listed = TLY_LISTED;
    pool->low = 0;
    pool->prev = NULL;
    pool->next = *head;
    if (*head)
        (*head)->prev = pool;
    *head = pool;
}

void tly_pool_unlist(struct tly_heap *heap, struct tly_pool *pool) {
    struct tly_pool **head =
        &heap->partial[pool->kind == TLY_POOL_OBJECT][pool->class];
    if (pool->prev)
        pool->prev->next = pool->next;
    else
        *head = pool->next;
    if (pool->next)
        pool->next->prev = pool->prev;
    pool->next = pool->prev = NULL;
    pool->listed = TLY_UNLISTED;
}

// One empty pool of a class is kept for the next object; a loop that makes
// and drops at the edge of a pool would otherwise carve one each time.
static bool is_spare(struct tly_heap *heap, struct tly_pool *pool) {
    struct tly_pool *head =
        heap->partial[pool->kind == TLY_POOL_OBJECT][pool->class];
    return !head || (head == pool && !pool->next);
}

// Released at one safepoint.
#define RELEASE 16u

uint32_t tly_pools_held;

// A collection looks at descriptors of pools of objects.
static bool is_retained(const struct tly_pool *pool) {
    // ORDER[cycle] acquire: when it is clear, the collector is past its reads
    // of the descriptor. It was set before a handshake that this thread has
    // answered, or the collection has not chosen its pools.
    return pool->kind == TLY_POOL_OBJECT && tly_load_acquire(&tly_pools_held) &&
           !TLY_BUSTED(NO_POOL_HOLD);
}

static void retain(struct tly_heap *heap, struct tly_pool *pool) {
    pool->listed = TLY_RETAINED;
    pool->low = -1;
    pool->next = heap->retained;
    heap->retained = pool;
}

static void retire(struct tly_heap *heap, struct tly_pool *pool) {
    if (pool->listed == TLY_LISTED)
        tly_pool_unlist(heap, pool);
    tly_pool_account(heap, pool);
    if (TLY_UNLIKELY(is_retained(pool))) {
        retain(heap, pool);
        return;
    }
    tly_pool_give_back(pool);
}

bool tly_retained_give(struct tly_heap *heap, bool all) {
    for (unsigned n = 0; heap->retained; n++) {
        // ORDER[cycle] acquire: as in is_retained.
        if (tly_load_acquire(&tly_pools_held) || (n == RELEASE && !all))
            return true;
        struct tly_pool *pool = heap->retained;
        heap->retained = pool->next;
        pool->next = NULL;
        pool->listed = TLY_UNLISTED;
        tly_pool_give_back(pool);
    }
    return false;
}

bool tly_pool_park(struct tly_pool *pool) {
    pool->low = (int32_t)pool->blocks - pool->blocks / 8 - 1;
    // ORDER[park] seq_cst: before the look at [remote] (Dekker). Pairs with
    // the free, which sets its bit and then reads [parked].
    tly_store_seq_cst(&pool->parked, 1);
    for (unsigned w = 0; w * 64 < pool->blocks; w++)
        // ORDER[park] seq_cst: see above; whoever gets the 1 has to wake the
        // pool.
        if (tly_load_seq_cst(&pool->remote[w]))
            return tly_exchange_seq_cst(&pool->parked, 0) == 0;
    return true;
}

static void relist(struct tly_heap *heap, struct tly_pool *pool) {
    tly_pool_list(heap, pool);
    tly_pool_account(heap, pool);
}

// A frozen pool is listed nowhere, and stays when it is empty. It is looked at
// now and then, for the heap's size.
static void rest(struct tly_heap *heap, struct tly_pool *pool) {
    if (!pool->listed)
        pool->low = pool->used - pool->blocks / 8 - 1;
    tly_pool_account(heap, pool);
}

void tly_pool_settle(struct tly_heap *heap, struct tly_pool *pool) {
    if (pool->leased || pool->size == 0 || pool->listed == TLY_RETAINED)
        return;
    tly_audit(tly_pool_valid(pool));
    if (TLY_UNLIKELY(tly_pool_is_frozen(pool))) {
        rest(heap, pool);
    } else if (pool->used == 0 && !is_spare(heap, pool)) {
        retire(heap, pool);
    } else if (pool->listed) {
        return;
    } else if (pool->used < (int32_t)pool->blocks) {
        // ORDER[park] seq_cst: a freer that gets the 1 first puts the pool in
        // the inbox; it is listed then already.
        tly_exchange_seq_cst(&pool->parked, 0);
        relist(heap, pool);
    } else if (!tly_load_relaxed(&pool->parked) && !tly_pool_park(pool)) {
        // A wake may bring nothing: one that was meant for an earlier life of
        // the units (tests/model/pool.pml, NOREPARK).
        tly_pool_harvest(pool);
        relist(heap, pool);
    }
}

void tly_word_give(struct tly_heap *self, struct tly_pool *pool, unsigned word,
                   uint64_t bits) {
    tly_require(!(pool->free[word] & bits)); // else a block is freed twice
    tly_free_add(pool, word, bits);
    pool->used -= (int32_t)tly_bit_count(bits);
    if (TLY_UNLIKELY(pool->used <= pool->low))
        tly_pool_settle(self, pool);
}

static void large_give(struct tly_heap *self, struct tly_pool *pool) {
    tly_unpoison(pool->base, pool->bytes);
    tly_heap_account(self, -(int64_t)pool->bytes);
    if (TLY_LIKELY(!is_retained(pool))) {
        tly_pool_give_back(pool);
        return;
    }
    // An object ends in an attached thread.
    tly_check(tly_is_attached(&self->mutator));
    retain(self, pool);
}

// Without a cache: for threads that are not attached.
static void give_direct(struct tly_pool *pool, void *block) {
    unsigned n = tly_block_of(pool, block);
    uint64_t bit = (uint64_t)1 << (n % 64);
    // ORDER[remote] seq_cst: what this thread did with the block happens
    // before its next use; and [parked] is read after.
    uint64_t old = tly_or_seq_cst(&pool->remote[n / 64], bit);
    tly_require(!(old & bit)); // else a block is freed twice
    // ORDER[park] seq_cst: see tly_pool_park.
    if (!tly_load_seq_cst(&pool->parked) ||
        tly_exchange_seq_cst(&pool->parked, 0) == 0)
        return;
    // Once in many frees; waking a pool takes a mutator after all.
    struct tly_mutator *self = tly_reserve_take();
    tly_inbox_send(pool);
    tly_reserve_leave(self);
}

void tly_block_give_any(struct tly_heap *self, void *block) {
    struct tly_pool *pool = tly_pool_of(block);
    if (pool->size == 0) {
        large_give(self, pool);
        return;
    }
    // Relaxed: a thread's own number is there only if it put it there, or
    // took the mutator over.
    if (tly_load_relaxed(&pool->owner) == self->mutator.number &&
        tly_is_attached(&self->mutator)) {
        tly_block_give(self, pool, block);
    } else if (tly_is_attached(&self->mutator)) {
        unsigned n = tly_block_of(pool, block);
        tly_count(&self->remote_frees, 1);
        bool first = tly_pending_add(self, pool, &pool->remote[n / 64],
                                     (uint64_t)1 << (n % 64));
        tly_require(first); // else a block is freed twice
    } else {
        give_direct(pool, block);
    }
}

// Gives a lease back to its pool.
static void lease_empty(struct tly_heap *heap, struct tly_lease *lease) {
    struct tly_pool *pool = lease->pool;
    if (!pool)
        return;
    if (lease->mask) {
        unsigned word = tly_block_of(pool, lease->base) / 64;
        tly_free_add(pool, word, lease->mask);
        pool->used -= (int32_t)tly_bit_count(lease->mask);
        lease->mask = 0;
    }
    lease->pool = NULL;
    pool->leased = 0;
    tly_pool_harvest(pool);
    tly_pool_settle(heap, pool);
}

// Pools that are kept as spares.
static void partial_release(struct tly_heap *heap) {
    tly_retained_give(heap, true);
    for (unsigned kind = 0; kind < 2; kind++)
        for (unsigned c = 0; c < TLY_CLASSES; c++)
            for (struct tly_pool *next, *pool = heap->partial[kind][c]; pool;
                 pool = next) {
                next = pool->next;
                tly_pool_harvest(pool);
                if (pool->used == 0 && !tly_pool_is_frozen(pool))
                    retire(heap, pool);
            }
}

void tly_heap_empty(struct tly_heap *heap, bool release) {
    heap->active = false;
    for (unsigned c = 0; c < TLY_CLASSES; c++) {
        struct tly_bin *bin = &heap->bins[c + 1];
        while (bin->lease.cached) {
            void *block = bin->cache[--bin->lease.cached];
            tly_block_give(heap, tly_pool_of(block), block);
        }
        lease_empty(heap, &bin->lease);
        lease_empty(heap, &heap->raw[c]);
    }
    if (release)
        partial_release(heap);
}
