// Taking blocks: the slow path, once in up to 64 blocks.
//
// The next word of the current pool; what others have freed in it; the
// fullest of the partial pools; what waits in the inbox; a new pool.

#include "pool/heap.h"

#include "base/poison.h"
#include "epoch/attach.h"
#include "platform/fault.h"

// How many partial pools are compared to find the fullest.
#define LOOK 8
#define REPORT_BYTES 65536

static int64_t live_bytes;  // (a)
static int64_t limit_bytes; // (a) 0: none

int64_t tly_pool_live_bytes(void) {
    // Relaxed: a statistic, and a hint when to collect.
    return tly_load_relaxed(&live_bytes);
}

void tly_pool_live_reset(void) { tly_store_relaxed(&live_bytes, 0); }

int64_t tly_pool_limit(void) {
    // Relaxed: an option.
    return tly_load_relaxed(&limit_bytes);
}

void tly_pool_limit_set(int64_t bytes) {
    // Relaxed: before threads come.
    tly_store_relaxed(&limit_bytes, bytes);
}

bool tly_pool_fits(size_t bytes) {
    int64_t limit = tly_pool_limit();
    return TLY_LIKELY(!limit) ||
           tly_pool_live_bytes() + (int64_t)bytes <= limit;
}

void tly_heap_account(struct tly_heap *self, int64_t bytes) {
    if (!tly_is_attached(&self->mutator)) {
        tly_add_relaxed(&live_bytes, bytes);
        return;
    }
    self->growth += bytes;
    if (self->growth < REPORT_BYTES && self->growth > -REPORT_BYTES)
        return;
    self->grown |= self->growth > 0;
    tly_heap_tell(self);
    if (tly_pool_hooks.grew)
        tly_pool_hooks.grew(self);
}

void tly_heap_tell(struct tly_heap *self) {
    // Relaxed: a statistic, and a hint when to collect.
    tly_add_relaxed(&live_bytes, self->growth);
    self->growth = 0;
}

void tly_pool_account(struct tly_heap *heap, struct tly_pool *pool) {
    int64_t blocks = pool->used - pool->accounted;
    pool->accounted = pool->used;
    tly_heap_account(heap, blocks * (int64_t)pool->size);
}

// Notes that objects are about to be made in a pool.
static void note_young(struct tly_heap *self, struct tly_pool *pool) {
    unsigned unit = tly_unit_of(pool->base);
    uint64_t *word = &tly_arena_of(pool)->young[self->colour][unit / 64];
    uint64_t bit = (uint64_t)1 << (unit % 64);
    // Relaxed: read by collections that each thread has answered.
    if (!(tly_load_relaxed(word) & bit))
        tly_or_relaxed(word, bit);
}

// Leases the next word with free blocks.
static bool lease_word(struct tly_lease *lease, struct tly_pool *pool) {
    for (unsigned w = pool->word; w * 64 < pool->blocks; w++) {
        uint64_t bits = pool->free[w];
        if (!bits)
            continue;
        tly_free_set(pool, w, 0);
        pool->used += (int32_t)tly_bit_count(bits);
        pool->word = w + 1;
        lease->mask = bits;
        lease->base = tly_block_at(pool, w * 64);
        return true;
    }
    return false;
}

// Leases from a pool, from its first word again if need be.
static bool lease_pool(struct tly_lease *lease, struct tly_pool *pool) {
    if (lease_word(lease, pool))
        return true;
    tly_pool_harvest(pool);
    pool->word = 0;
    return lease_word(lease, pool);
}

// Leaves a full pool. False: others have freed in it meanwhile, and a word of
// it is leased again.
static bool leave(struct tly_heap *self, struct tly_lease *lease,
                  struct tly_pool *pool) {
    if (!tly_pool_park(pool))
        return !lease_pool(lease, pool);
    pool->leased = 0;
    lease->pool = NULL;
    tly_pool_account(self, pool);
    return true;
}

static void adopt(struct tly_lease *lease, struct tly_pool *pool) {
    pool->leased = 1;
    pool->low = -1;
    pool->word = 0;
    lease->pool = pool;
    lease->size = pool->size;
}

// The fullest of the first partial pools, off the list.
static struct tly_pool *partial_take(struct tly_heap *self, unsigned kind,
                                     unsigned class) {
    struct tly_pool *best = NULL, *next;
    struct tly_pool *pool = self->partial[kind][class];
    for (int n = 0; pool && n < LOOK; pool = next) {
        next = pool->next;
        if (TLY_UNLIKELY(tly_pool_is_frozen(pool))) {
            tly_pool_unlist(self, pool);
            pool->low = -1;
            continue;
        }
        if (!best || pool->used > best->used)
            best = pool;
        n++;
    }
    if (best)
        tly_pool_unlist(self, best);
    return best;
}

static bool lease_partial(struct tly_heap *self, struct tly_lease *lease,
                          enum tly_pool_kind kind, unsigned class) {
    for (;;) {
        struct tly_pool *pool =
            partial_take(self, kind == TLY_POOL_OBJECT, class);
        if (!pool)
            return false;
        adopt(lease, pool);
        if (lease_pool(lease, pool))
            return true;
        if (!leave(self, lease, pool))
            return true;
    }
}

static bool lease_new(struct tly_heap *self, struct tly_lease *lease,
                      enum tly_pool_kind kind, unsigned class) {
    if (tly_fault(TLY_FAULT_REFILL)) {
        errno = ENOMEM;
        return false;
    }
    struct tly_pool *pool = tly_pool_carve(kind, class, self->mutator.number);
    if (!pool)
        return false;
    adopt(lease, pool);
    return lease_word(lease, pool);
}

// Whether the dead wait for a safepoint. Some of them go at each refill: who
// makes as many objects as it drops has no more of them in the end.
static bool reap_waits(struct tly_heap *self) {
    // Relaxed: the thread's own bits.
    return tly_load_relaxed(&self->mutator.breaker.bits_) & TLY_BREAK_FINISH &&
           tly_pool_hooks.reap;
}

// When memory is short: whether it was worth it to destroy all the dead.
static bool reap_last(struct tly_heap *self) {
    if (!reap_waits(self))
        return false;
    tly_pool_hooks.reap(self, true);
    return true;
}

// Whether so many bytes more are within the limit, or are made to be; before
// any of the heap's state is in the caller's hands.
static bool has_room(struct tly_heap *self, size_t bytes) {
    if (tly_pool_fits(bytes))
        return true;
    if (tly_pool_hooks.reap)
        tly_pool_hooks.reap(self, true);
    if (tly_inbox_has(self))
        tly_inbox_drain(self, UINT32_MAX);
    tly_heap_empty(self, false);
    tly_heap_tell(self);
    if (tly_pool_fits(bytes) ||
        (tly_pool_hooks.full && tly_pool_hooks.full(self, bytes)))
        return true;
    errno = ENOMEM;
    return false;
}

static bool lease_any(struct tly_heap *self, struct tly_lease *lease,
                      enum tly_pool_kind kind, unsigned class) {
    struct tly_pool *pool = lease->pool;
    if (pool && lease_pool(lease, pool))
        return true;
    if (pool && !leave(self, lease, pool))
        return true;
    bool has = tly_inbox_has(self);
    if (has)
        tly_inbox_drain(self, TLY_INBOX_SLICE);
    // Unless the refill has begun with that.
    if (tly_pool_hooks.reap && (has || !reap_waits(self)))
        tly_pool_hooks.reap(self, false);
    // What was reaped may have gone into the lease or the cache.
    return lease->mask || lease_partial(self, lease, kind, class) ||
           lease_new(self, lease, kind, class);
}

void *tly_lease_refill(struct tly_lease *lease, enum tly_pool_kind kind,
                       unsigned class) {
    struct tly_heap *self = tly_heap_of(tly_self());
    if (!tly_is_attached(&self->mutator)) {
        self = tly_heap_of(tly_self_attached());
        if (!self)
            return NULL;
        lease = kind == TLY_POOL_OBJECT ? &self->bins[class + 1].lease
                                        : &self->raw[class];
    }
    if (!has_room(self, tly_classes[class].size))
        return NULL;
    self->active = true;
    if (reap_waits(self))
        tly_pool_hooks.reap(self, false);
    if (!lease->mask && !lease_any(self, lease, kind, class) &&
        !(reap_last(self) && lease_any(self, lease, kind, class)))
        return NULL;
    if (kind == TLY_POOL_OBJECT)
        note_young(self, lease->pool);
    tly_pool_account(self, lease->pool);
    uint64_t mask = lease->mask;
    tly_count(&self->leased, tly_bit_count(mask) * lease->size);
    lease->mask = mask & (mask - 1);
    return lease->base + (size_t)tly_bit_lowest(mask) * lease->size;
}

void *tly_heap_take_large(struct tly_heap *self, enum tly_pool_kind kind,
                          size_t bytes, bool *ret_clean) {
    if (tly_fault(TLY_FAULT_REFILL)) {
        errno = ENOMEM;
        return NULL;
    }
    // The units are rounded up, but never beyond SIZE_MAX.
    if (bytes > TLY_RANGE_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    if (!has_room(self, bytes))
        return NULL;
    if (tly_pool_hooks.reap)
        tly_pool_hooks.reap(self, false);
    void *block = tly_large_take(kind, bytes, self->mutator.number, ret_clean);
    if (!block && reap_last(self))
        block = tly_large_take(kind, bytes, self->mutator.number, ret_clean);
    if (!block)
        return NULL;
    if (kind == TLY_POOL_OBJECT)
        note_young(self, tly_pool_of(block));
    tly_heap_account(self, (int64_t)bytes);
    tly_count(&self->leased, bytes);
    return block;
}
