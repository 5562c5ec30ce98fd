// The pool layer's piece of a mutator: its pools and its caches.
//
// A mutator leases one 64-bit word of its current pool's bitmap for each size
// class: taking a block is counting trailing zeros and a multiplication. In
// front of the lease of objects' classes lie up to four blocks that were
// freed last, so that a short-lived object costs no bitmap at all.
//
// INVARIANT  a block in a cache was of the mutator's colour when it was freed,
//            so its pool is noted for it (young collections look only there).

#ifndef TLY_POOL_HEAP_H
#define TLY_POOL_HEAP_H

#include "epoch/mutator.h"
#include "pool/pool.h"

#define TLY_CACHE_BLOCKS 4u
#define TLY_PENDING 16u

struct tly_lease {
    uint64_t mask; // blocks of the word that are free: bit n is block n
    char *base;    // block 0 of the word
    struct tly_pool *pool;
    uint32_t size; // of a block, in bytes
    uint32_t cached;
};

struct tly_bin {
    struct tly_lease lease;
    void *cache[TLY_CACHE_BLOCKS];
};

// Blocks freed, or references dropped, in one word of a pool of another
// mutator: told to it in one operation.
struct tly_pending {
    uint64_t *word; // NULL: unused
    uint64_t mask;
    struct tly_pool *pool;
};

struct tly_heap {
    struct tly_mutator mutator;
    // Objects: bins[class + 1]; bins[0] is always empty, for types that are
    // not registered or whose objects vary in size.
    struct tly_bin bins[TLY_CLASSES + 1] TLY_ALIGNED(TLY_LINE);
    struct tly_lease raw[TLY_CLASSES];
    struct tly_pending pending[TLY_PENDING];
    uint32_t pending_count;    // bits that wait in [pending]
    uint32_t pending_polls;    // safepoints since the first of them
    int64_t growth;            // bytes, not yet told to the pacing
    uint64_t leased;           // (a) counter: bytes, new or not
    uint64_t remote_frees;     // (a) counter
    uint64_t moves;            // (a) counter: what was handed on (settle.c)
    bool active;               // (o) has leased since it was emptied last
    bool grown;                // (o) by 64 KiB since a safepoint looked
    uint8_t colour;            // (o) of what it makes
    struct tly_pool *retained; // (o) empty, kept while pools are held
    struct tly_stack inbox;    // (a) pools that others did something to
    struct tly_link *taken;    // (o) of them, not yet looked at; flagged still
    struct tly_pool *partial[2][TLY_CLASSES]; // by kind: raw, objects
};

// What higher layers do at the turns of a pool's life. Members may be NULL.
struct tly_pool_hooks {
    // Takes the references and requests that others have set in [pool], whose
    // owner [heap] is the caller's or SUSPENDED by it.
    void (*drain)(struct tly_heap *heap, struct tly_pool *pool);
    // References in [word] of [pool] whose bits were set already: still the
    // caller's.
    void (*collide)(struct tly_heap *self, struct tly_pool *pool, unsigned word,
                    uint64_t bits);
    // The heap has grown or shrunk by 64 KiB or more.
    void (*grew)(struct tly_heap *self);
    // Before more memory is taken: destroys what drain found dead, and what has
    // waited long enough, where a finalizer may not run: as much as a safepoint
    // would, or [all].
    void (*reap)(struct tly_heap *self, bool all);
    // [bytes] more would go beyond the limit. Whether there is room now; may
    // have waited, DETACHED, with others acting for [self].
    bool (*full)(struct tly_heap *self, size_t bytes);
};
extern const struct tly_pool_hooks tly_pool_hooks;

TLY_INLINE struct tly_heap *tly_heap_of(struct tly_mutator *mutator) {
    return (struct tly_heap *)(void *)mutator;
}

// Bytes in blocks that are handed out, or lie in leases and caches; of all
// mutators, to 64 KiB for each.
int64_t tly_pool_live_bytes(void);
void tly_pool_live_reset(void);

// The most that live bytes may be, 0: any; and whether so many more fit.
int64_t tly_pool_limit(void);
void tly_pool_limit_set(int64_t bytes);
bool tly_pool_fits(size_t bytes);

// ---- taking (take.c)

// A block from a lease that is empty. NULL with errno.
void *tly_lease_refill(struct tly_lease *lease, enum tly_pool_kind kind,
                       unsigned class);

// A block of more than TLY_CLASS_MAX bytes; *ret_clean: it is zero.
void *tly_heap_take_large(struct tly_heap *self, enum tly_pool_kind kind,
                          size_t bytes, bool *ret_clean);

// Adds to the heap's size, in bytes; and tells the part of it that is not told
// yet, up to 64 KiB.
void tly_heap_account(struct tly_heap *self, int64_t bytes);
void tly_heap_tell(struct tly_heap *self);

// Brings a pool's part of the heap's size up to date. Owner.
void tly_pool_account(struct tly_heap *heap, struct tly_pool *pool);

// ---- giving (give.c)

// Gives back a block of any pool.
void tly_block_give_any(struct tly_heap *self, void *block);

// Gives back all blocks of a word at once, which [self] owns.
void tly_word_give(struct tly_heap *self, struct tly_pool *pool, unsigned word,
                   uint64_t bits);

// The same for a pool of any mutator, once its objects are no more.
void tly_word_give_any(struct tly_heap *self, struct tly_pool *pool,
                       unsigned word, uint64_t bits);

// Leaves a full pool to itself: a thread that frees in it wakes it. False:
// others have freed in it meanwhile, and it is the caller's to go on with.
bool tly_pool_park(struct tly_pool *pool);

// Puts a pool that is not leased where it belongs: on the partial list, to
// the arena, or nowhere. Owner, or who acts for it.
void tly_pool_settle(struct tly_heap *heap, struct tly_pool *pool);
void tly_pool_list(struct tly_heap *heap, struct tly_pool *pool);
void tly_pool_unlist(struct tly_heap *heap, struct tly_pool *pool);

// Gives back a block of a pool that [self] owns.
TLY_INLINE void tly_block_give(struct tly_heap *self, struct tly_pool *pool,
                               void *block) {
    unsigned n = tly_block_of(pool, block);
    uint64_t bit = (uint64_t)1 << (n % 64), free = pool->free[n / 64];
    tly_require(!(free & bit)); // else a block is freed twice
    tly_free_set(pool, n / 64, free | bit);
    if (TLY_UNLIKELY(--pool->used <= pool->low))
        tly_pool_settle(self, pool);
}

// While it is set, no pool of objects is given back or becomes another: a
// collection reads them beside their owners. Set before a handshake.
extern uint32_t tly_pools_held; // (a)

// Gives back some of the empty pools that were retained meanwhile, or [all].
// Returns whether there are more. Owner.
bool tly_retained_give(struct tly_heap *heap, bool all);

// Gives back everything that leases and caches hold, and empty pools too.
// Owner, or who acts for it, or a stopped world.
void tly_heap_empty(struct tly_heap *heap, bool release);

// Does tly_heap_empty for every mutator that does not run (idle.c). The thread
// is attached.
void tly_idle_empty(void);

// The same of leases and caches alone, and what they have not yet told of the
// heap's size: they count as used otherwise. Cost: a visit of each mutator.
void tly_idle_tell(void);

// ---- telling others (pending.c)

// Bounds of what waits: bits, and safepoints.
#define TLY_PENDING_BITS 256u
#define TLY_PENDING_POLLS 64u

// Where the bits of a word gather.
TLY_INLINE struct tly_pending *tly_pending_of(struct tly_heap *self,
                                              const uint64_t *word) {
    // Words of one pool, and of neighbouring ones, in different places.
    uintptr_t a = (uintptr_t)word / sizeof(*word);
    return &self->pending[(a ^ a >> 5 ^ a >> 9) % TLY_PENDING];
}

// What tly_pending_add does when another word is there, or it is the first
// bit, or the last that fits.
void tly_pending_turn(struct tly_heap *self, struct tly_pool *pool,
                      uint64_t *word, uint64_t bit);

// Notes a bit of a word of another's pool; told to it at the latest when
// TLY_PENDING_BITS wait, or at the safepoint with number TLY_PENDING_POLLS.
// Returns false, and does nothing, when the bit is noted already.
TLY_INLINE bool tly_pending_add(struct tly_heap *self, struct tly_pool *pool,
                                uint64_t *word, uint64_t bit) {
    struct tly_pending *entry = tly_pending_of(self, word);
    if (TLY_LIKELY(entry->word == word)) {
        if (TLY_UNLIKELY(entry->mask & bit))
            return false;
        if (TLY_LIKELY(self->pending_count < TLY_PENDING_BITS - 1)) {
            entry->mask |= bit;
            self->pending_count++;
            return true;
        }
    }
    tly_pending_turn(self, pool, word, bit);
    return true;
}
void tly_pending_flush(struct tly_heap *self);
void tly_pending_poll(struct tly_heap *self);

// ---- inboxes (inbox.c)

// Puts a pool in its owner's inbox: the owner looks at its next safepoint, and
// if it does not run, this thread looks for it. The thread is attached.
void tly_inbox_send(struct tly_pool *pool);

// Does what waits in the inbox of a mutator that does not run, unless its
// thread is about to.
void tly_inbox_help(struct tly_heap *heap);

// The same, even if its thread has to wait for it.
void tly_inbox_empty(struct tly_heap *heap);

// Pools that a safepoint looks at, if nobody waits for more.
#define TLY_INBOX_SLICE 32u

// Looks at what is in the inbox, [limit] pools of it: if there is more, a later
// safepoint goes on. Owner, or who acts for it.
void tly_inbox_drain(struct tly_heap *heap, unsigned limit);

// Whether anything is in the inbox.
TLY_INLINE bool tly_inbox_has(struct tly_heap *heap) {
    // Relaxed: hints.
    return tly_load_relaxed(&heap->taken) ||
           tly_load_relaxed(&heap->inbox.stack.head);
}

#endif
