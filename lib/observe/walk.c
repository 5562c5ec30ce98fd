// Visiting every live object, in a stopped world.

#include <tally/stats.h>

#include "collector/collect.h"
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

static bool pool_walk(void *arg, struct tly_pool *pool) {
    struct walk *walk = arg;
    for (unsigned w = 0; w * 64 < pool->blocks; w++) {
        uint64_t bits = tly_pool_taken_bits(pool, w);
        for (; bits; bits &= bits - 1) {
            char *block = tly_block_at(pool, w * 64 + tly_bit_lowest(bits));
            TLY_PREFETCH(block + AHEAD * pool->size);
            if (is_visible((tally_object *)(void *)block) &&
                !walk->fn(block, walk->arg))
                return false;
        }
    }
    return true;
}

tally_status tally_walk(tally_object_fn fn, void *arg) {
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    bool ours = !self->stopped_world;
    // Not in the middle of a collection: garbage that is being destroyed has
    // lost some of its fields.
    tally_status status = ours ? tly_collector_stop(self, 0) : TALLY_OK;
    if (status != TALLY_OK)
        return status;
    tly_pools_each(pool_walk, &(struct walk){fn, arg});
    if (ours)
        tly_collector_resume(self);
    return TALLY_OK;
}
