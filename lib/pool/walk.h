// Walking the pools of objects, in the order of addresses.

#ifndef TLY_POOL_WALK_H
#define TLY_POOL_WALK_H

#include "pool/heap.h"

typedef bool (*tly_pool_fn)(void *arg, struct tly_pool *pool);

// Calls [fn] for every pool of objects until it returns false. The world is
// stopped.
bool tly_pools_each(tly_pool_fn fn, void *arg);

// Chooses the pools that a collection looks at, in the first [slots] of the
// heap: all, or those only in which objects were made of another colour than
// [fresh]. The world is stopped, or no pool of objects is given back.
void tly_pools_look(bool young, unsigned fresh, size_t slots);

// Forgets which pools have objects of other colours than [fresh]: all of them
// are old now.
void tly_pools_aged(unsigned fresh);

// Chooses those pools of objects for which [fn] is true, in the first [slots]
// of the heap, and leaves alone what is noted of the young. As tly_pools_look.
void tly_pools_choose(tly_pool_fn fn, void *arg, size_t slots);

// Calls [fn] for every pool that is looked at; its result says whether the
// pool stays among them. Those that stay have a garbage object that keeps
// them where they are, so that this works in a running world too.
void tly_pools_looked(tly_pool_fn fn, void *arg);

// Keeps a pool among them from whose call of [fn] nobody returned: in a forked
// child the thread is not there.
void tly_pool_look_again(struct tly_pool *pool);

// The same shared out: each caller is given pools that no other is, some at a
// time, until there are none left or [fn] returns false, which leaves the rest
// to the others. The pools stay among those that are looked at.
struct tly_cursor {
    uint64_t next; // (a) in parts of slots
    uint64_t end;
    uint64_t step;
};
struct tly_cursor tly_cursor_begin(void);
void tly_pools_share(struct tly_cursor *cursor, tly_pool_fn fn, void *arg);

// How many pools are looked at.
uint64_t tly_pools_looked_count(void);

// The blocks of a word that may hold objects: neither free nor given back by
// others. Blocks of leases and caches are among them: their gc_ is zero.
TLY_INLINE uint64_t tly_pool_taken_bits(const struct tly_pool *pool,
                                        unsigned word) {
    // Relaxed: the world is stopped, or the caller expects change.
    return tly_pool_valid_bits(pool, word) &
           ~(tly_load_relaxed(&pool->free[word]) |
             tly_load_relaxed(&pool->remote[word]));
}

#endif
