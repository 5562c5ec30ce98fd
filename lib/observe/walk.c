// Visiting every live object, in a stopped world.

#include <tally/stats.h>

#include "collector/collect.h"
#include "collector/lock.h"
#include "epoch/attach.h"
#include "object/local.h"
#include "pool/walk.h"

// How many headers ahead are fetched.
#define AHEAD 8

struct walk {
    tally_object_fn fn;
    void *arg;
};

// What is dying is invisible: its count field is a link.
static bool is_visible(const tally_object *object) {
    return tly_load_relaxed(&object->gc_) & TLY_GC_LIVE &&
           !(tly_load_relaxed(&object->shared_) & TLY_DYING);
}

TLY_INLINE bool pool_walk(struct walk *walk, struct tly_pool *pool,
                          bool immortal) {
    for (unsigned w = 0; w * 64 < pool->blocks; w++) {
        uint64_t bits = tly_pool_taken_bits(pool, w);
        for (; bits; bits &= bits - 1) {
            char *block = tly_block_at(pool, w * 64 + tly_bit_lowest(bits));
            TLY_PREFETCH(block + AHEAD * pool->size);
            const tally_object *object = (const tally_object *)(void *)block;
            if (is_visible(object) && (!immortal || tly_is_immortal(object)) &&
                !walk->fn(block, walk->arg))
                return false;
        }
    }
    return true;
}

static bool pool_all(void *walk, struct tly_pool *pool) {
    return pool_walk(walk, pool, false);
}

static bool pool_immortal(void *walk, struct tly_pool *pool) {
    return pool_walk(walk, pool, true);
}

// The end of a stop of ours; also when an exception leaves the walk.
static void stop_end(struct tly_mutator *const *self) {
    if (*self)
        tly_collector_resume(*self);
}

static tally_status heap_walk(tly_pool_fn each, struct walk walk) {
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    bool ours;
    struct tly_patience patience = tly_patience_begin();
    // Not in the middle of a collection: garbage that is being destroyed has
    // lost some of its fields.
    tally_status status = tly_collector_quiet(self, &patience, &ours);
    if (status != TALLY_OK)
        return status;
    struct tly_mutator *stopped __attribute__((cleanup(stop_end), unused)) =
        ours ? self : NULL;
    tly_pools_each(each, &walk);
    return TALLY_OK;
}

tally_status tally_walk(tally_object_fn fn, void *arg) {
    return heap_walk(pool_all, (struct walk){fn, arg});
}

tally_status tally_each_immortal(tally_object_fn fn, void *arg) {
    return heap_walk(pool_immortal, (struct walk){fn, arg});
}
