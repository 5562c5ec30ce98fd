// A pool's life: carved from units, released to them.

#include "pool/pool.h"

#include "base/check.h"
#include "base/poison.h"

static void unit_note(uint64_t *words, unsigned unit, bool on) {
    uint64_t bit = (uint64_t)1 << (unit % 64);
    // ORDER[pool-carved] acq_rel: the descriptor is complete before walks find
    // it, and they are past it before it changes. Pairs with
    // tly_pools_each.
    if (on)
        tly_or_acq_rel(&words[unit / 64], bit);
    else
        tly_and_acq_rel(&words[unit / 64], ~bit);
}

// A free block's header says that it is not an object: its gc byte is zero. So
// it is already where objects of that size have ended.
static void headers_clear(struct tly_pool *pool) {
    if (pool->ended == pool->class + 1)
        return;
    for (unsigned n = 0; n < pool->blocks; n++)
        memset(tly_block_at(pool, n), 0, 16);
}

static void blocks_poison(struct tly_pool *pool) {
    size_t keep = pool->kind == TLY_POOL_OBJECT ? 16 : 0;
    for (unsigned n = 0; (TLY_POISON || TLY_ASAN) && n < pool->blocks; n++)
        tly_poison((char *)tly_block_at(pool, n) + keep, pool->size - keep);
}

// Fills in what everybody reads. The pool's owner comes last.
static void describe(struct tly_pool *pool, enum tly_pool_kind kind,
                     unsigned units) {
    pool->kind = (uint8_t)kind;
    pool->units = (uint16_t)units;
    pool->back = 0;
    for (unsigned n = 1; n < units; n++) {
        pool[n].back = (uint16_t)n;
        pool[n].ended = 0;
    }
    pool->listed = pool->leased = 0;
    pool->word = 0;
    pool->next = pool->prev = NULL;
    pool->accounted = 0;
}

// What is left of an earlier life of the unit.
static void thaw(const struct tly_pool *pool) {
    if (tly_pool_is_frozen(pool))
        unit_note(tly_arena_of(pool)->frozen, tly_unit_of(pool->base), false);
}

static void own(struct tly_pool *pool, uint16_t owner) {
    // ORDER[pool-owner] release: the descriptor is complete. Pairs with the
    // acquire of whoever pushes or drains the pool.
    tly_store_release(&pool->owner, owner);
    if (pool->kind != TLY_POOL_OBJECT)
        return;
    thaw(pool);
    unit_note(tly_arena_of(pool)->objects, tly_unit_of(pool->base), true);
    if (pool->units == 0)
        tly_slot_set(tly_slot_of(tly_arena_of(pool)), TLY_SLOT_HUGE, true);
}

struct tly_pool *tly_pool_carve(enum tly_pool_kind kind, unsigned class,
                                uint16_t owner) {
    const struct tly_class *c = &tly_classes[class];
    bool clean;
    char *base = tly_units_take(c->units, &clean);
    if (!base)
        return NULL;
    struct tly_pool *pool =
        tly_descriptor_at(tly_arena_of(base), tly_unit_of(base));
    describe(pool, kind, c->units);
    pool->class = (uint8_t) class;
    pool->size = c->size;
    pool->recip = c->recip;
    pool->blocks = c->blocks;
    pool->base = base;
    pool->bytes = 0;
    pool->used = 0;
    pool->low = -1;
    for (unsigned w = 0; w < TLY_POOL_WORDS; w++)
        tly_free_set(pool, w, tly_pool_valid_bits(pool, w));
    if (kind == TLY_POOL_OBJECT && !clean)
        headers_clear(pool);
    pool->ended = 0;
    blocks_poison(pool);
    own(pool, owner);
    return pool;
}

void *tly_large_take(enum tly_pool_kind kind, size_t bytes, uint16_t owner,
                     bool *ret_clean) {
    size_t units = (bytes + TLY_UNIT_SIZE - 1) / TLY_UNIT_SIZE;
    char *base;
    if (units <= TLY_UNITS_MAX) {
        base = tly_units_take((unsigned)units, ret_clean);
    } else {
        units = 0;
        base = tly_huge_take(bytes);
        *ret_clean = true;
    }
    if (!base)
        return NULL;
    struct tly_pool *pool =
        tly_descriptor_at(tly_arena_of(base), tly_unit_of(base));
    describe(pool, kind, (unsigned)units);
    pool->size = 0;
    pool->recip = 0;
    pool->blocks = 1;
    pool->base = base;
    pool->bytes = bytes;
    pool->ended = 0;
    pool->used = 1;
    pool->low = -1;
    tly_free_set(pool, 0, 0);
    if (!*ret_clean)
        memset(base, 0, 16);
    own(pool, owner);
    return base;
}

void tly_pool_give_back(struct tly_pool *pool) {
    tly_check(!pool->listed && !pool->leased);
    char *base = pool->base;
    unsigned units = pool->units;
    struct tly_arena *arena = tly_arena_of(base);
    if (pool->kind == TLY_POOL_OBJECT) {
        unit_note(arena->objects, tly_unit_of(base), false);
        tly_pool_melt(pool);
        if (units == 0)
            tly_slot_set(tly_slot_of(arena), TLY_SLOT_HUGE, false);
        for (unsigned c = 0; c < TLY_COLOURS; c++)
            unit_note(arena->young[c], tly_unit_of(base), false);
    }
    if (pool->kind == TLY_POOL_OBJECT && pool->size)
        pool->ended = (uint8_t)(pool->class + 1);
    else
        tly_poison(base, units * TLY_UNIT_SIZE);
    pool->kind = TLY_POOL_NONE;
    // Relaxed: nobody frees into a pool whose blocks are all free.
    tly_store_relaxed(&pool->parked, 0);
    // ORDER[pool-owner] release: late drains ignore the pool from now on.
    tly_store_release(&pool->owner, 0);
    if (units == 0)
        tly_huge_give(base);
    else
        tly_units_give(base, units);
}

unsigned tly_pool_harvest(struct tly_pool *pool) {
    unsigned count = 0;
    for (unsigned w = 0; w * 64 < pool->blocks; w++) {
        // Relaxed: a bit that is missed now is found at the next harvest.
        if (!tly_load_relaxed(&pool->remote[w]))
            continue;
        // ORDER[remote] acq_rel: all that others did with the blocks happens
        // before their next use. Pairs with the fetch_or of the free.
        uint64_t bits = tly_exchange_acq_rel(&pool->remote[w], 0);
        tly_require(!(bits & pool->free[w]));
        tly_free_add(pool, w, bits);
        count += tly_bit_count(bits);
    }
    pool->used -= (int32_t)count;
    return count;
}

bool tly_pool_valid(const struct tly_pool *pool) {
    unsigned free = 0;
    for (unsigned w = 0; w < TLY_POOL_WORDS && w * 64 < pool->blocks; w++) {
        uint64_t remote = tly_load_relaxed(&pool->remote[w]);
        if ((pool->free[w] | remote) & ~tly_pool_valid_bits(pool, w) ||
            pool->free[w] & remote)
            return false;
        free += tly_bit_count(pool->free[w]);
    }
    return pool->used == (int32_t)(pool->blocks - free);
}
