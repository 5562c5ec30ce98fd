// What a thread has done to blocks of others' pools, gathered by word: up to
// 64 frees, or drops of references, are one fetch_or. (The idea of batching
// by the receiving slab is from BatchIt, ISMM 2024, there for lists.)

#include "pool/heap.h"

#include "base/check.h"

static bool is_drop(const struct tly_pending *entry) {
    return entry->word >= entry->pool->drop;
}

// Tells the owner of a pool which blocks were freed.
static void tell_frees(struct tly_pool *pool, uint64_t *word, uint64_t mask) {
    uint64_t valid = tly_pool_valid_bits(pool, (unsigned)(word - pool->remote));
    // ORDER[remote] seq_cst: what this thread did with the blocks happens
    // before their next use; and [parked] is read after. Pairs with harvest.
    uint64_t old = tly_or_seq_cst(word, mask);
    tly_require(!(old & mask)); // else a block is freed twice
    // From here on the pool may be another's, or none: only its atomics count.
    // ORDER[park] seq_cst: see tly_pool_park.
    bool wake = tly_load_seq_cst(&pool->parked) &&
                tly_exchange_seq_cst(&pool->parked, 0) == 1;
    bool full = (old | mask) == valid;
    if (wake || full)
        tly_inbox_send(pool);
}

void tly_word_give_any(struct tly_heap *self, struct tly_pool *pool,
                       unsigned word, uint64_t bits) {
    // Relaxed: see tly_block_give_any.
    if (tly_load_relaxed(&pool->owner) == self->mutator.number) {
        tly_word_give(self, pool, word, bits);
    } else {
        tly_count(&self->remote_frees, tly_bit_count(bits));
        tell_frees(pool, &pool->remote[word], bits);
    }
}

// Hands references over to the owner of a pool.
static void tell_drops(struct tly_heap *self, struct tly_pool *pool,
                       uint64_t *word, uint64_t mask) {
    // ORDER[drop] acq_rel: what this thread did with the objects happens
    // before the owner drops the references. Pairs with the drain.
    uint64_t old = tly_or_acq_rel(word, mask);
    uint64_t collided = old & mask;
    if (collided && !TLY_BUSTED(COLLISION_LOST) && tly_pool_hooks.collide)
        tly_pool_hooks.collide(self, pool, (unsigned)(word - pool->drop),
                               collided);
    tly_inbox_send(pool);
}

static void tell(struct tly_heap *self, struct tly_pending *entry) {
    struct tly_pending e = *entry;
    if (!e.word)
        return;
    entry->word = NULL;
    entry->mask = 0;
    self->pending_count -= tly_bit_count(e.mask);
    if (is_drop(&e))
        tell_drops(self, e.pool, e.word, e.mask);
    else
        tell_frees(e.pool, e.word, e.mask);
}

void tly_pending_turn(struct tly_heap *self, struct tly_pool *pool,
                      uint64_t *word, uint64_t bit) {
    struct tly_pending *entry = tly_pending_of(self, word);
    // Telling may act for an owner that does not run; what dies then drops what
    // it refers to, and that may come to this place, or be this very bit: then
    // it is told, and this one may collide with it.
    while (entry->word && (entry->word != word || entry->mask & bit))
        tell(self, entry);
    entry->word = word;
    entry->pool = pool;
    entry->mask |= bit;
    if (self->pending_count++ == 0) {
        self->pending_polls = 0;
        tly_break_self(&self->mutator, TLY_BREAK_FLUSH);
    }
    if (self->pending_count >= TLY_PENDING_BITS)
        tly_pending_flush(self);
}

// Whether anything is noted.
static bool any_noted(const struct tly_heap *self) {
    bool any = false;
    for (unsigned n = 0; n < TLY_PENDING && !any; n++)
        any = self->pending[n].word;
    return any;
}

void tly_pending_flush(struct tly_heap *self) {
    while (self->pending_count) {
        tly_audit(any_noted(self)); // else this never ends
        for (unsigned n = 0; n < TLY_PENDING; n++)
            tell(self, &self->pending[n]);
    }
}

void tly_pending_poll(struct tly_heap *self) {
    if (!self->pending_count)
        return;
    if (self->pending_count >= TLY_PENDING_BITS ||
        ++self->pending_polls >= TLY_PENDING_POLLS)
        tly_pending_flush(self);
    else
        tly_break_self(&self->mutator, TLY_BREAK_FLUSH);
}
