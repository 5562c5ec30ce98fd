// Progress: wait-free, an RMW or two for each member.
//
// WATCH and DEAD are set in one half-word by RMWs, so that the second of both
// knows of the first: who ends an object after it is watched leaves its block
// to the collector; an object that ended before is not watched
// (tests/model/hold.pml). Until every thread has answered the handshake that
// follows, blocks of what ends are held, so that no header is written anew.

#include "collector/watch.h"

#include "collector/lock.h"
#include "object/dead.h"
#include "pool/walk.h"

// Whether the object is watched now.
static bool watch(tally_object *object) {
    // Relaxed: of an earlier collection. What set it ended before its thread
    // answered the handshake that began this one.
    if (tly_load_relaxed(&object->shared_) & TLY_DIRTY)
        tly_and_relaxed(&object->shared_, ~(uint64_t)TLY_DIRTY);
    uint16_t owner = tly_load_relaxed(&object->owner_);
    if (TLY_BUSTED(WATCH_PLAINLY)) {
        tly_store_relaxed(&object->owner_,
                          (uint16_t)(owner | TALLY_OWNER_WATCH_));
        return true;
    }
    do {
        // Who makes an object cold has a reference to it. Nothing becomes HOT
        // that is watched.
        if (owner & TALLY_OWNER_DEAD_ ||
            (owner & TALLY_OWNER_MASK_) >= TALLY_OWNER_COOLING_)
            return false;
        // ORDER[death] acq_rel: see tly_end_is_held.
    } while (!tly_cas_acq_rel(&object->owner_, &owner,
                              (uint16_t)(owner | TALLY_OWNER_WATCH_)));
    // ORDER[untracked] acquire: one whose header is cleared has ended too.
    if (tly_load_acquire(&object->gc_) & TLY_GC_LIVE)
        return true;
    // ORDER[death] acq_rel: its block is held by who ended it.
    tly_and_acq_rel(&object->owner_, (uint16_t)~TALLY_OWNER_WATCH_);
    return false;
}

static bool pool_watch(void *arg, struct tly_pool *pool) {
    (void)arg;
    size_t count, first = tly_side_words(pool, &count);
    if (tly_collector_is_urgent())
        return false;
    for (size_t w = first; w < first + count; w++) {
        uint64_t members = tly_sides.member[w];
        for (uint64_t bits = members; bits; bits &= bits - 1)
            if (!watch(tly_side_object(pool, w * 64 + tly_bit_lowest(bits))))
                members &= ~(bits & -bits);
        tly_sides.member[w] = tly_sides.watched[w] = members;
    }
    return true;
}

static void worker_watch(void *pools, unsigned worker) {
    (void)worker;
    tly_pools_share(pools, pool_watch, NULL);
}

// A pool without a watched object may be gone when every thread has answered
// the handshake that follows: it is not looked at any more.
static bool pool_is_watched(void *arg, struct tly_pool *pool) {
    (void)arg;
    uint64_t any = 0;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++)
        any |= tly_sides.watched[w];
    if (!any)
        tly_sides_clear(pool);
    return any;
}

void tly_watch(void) {
    struct tly_cursor pools = tly_cursor_begin();
    tly_workers_run(worker_watch, &pools);
    tly_pools_looked(pool_is_watched, NULL);
}

static void unwatch(struct tly_ended *ended, tally_object *object) {
    // ORDER[watch] acq_rel: what the collection has read of the object was
    // before; if it ended meanwhile, its block is ours.
    uint16_t owner =
        tly_and_acq_rel(&object->owner_, (uint16_t)~TALLY_OWNER_WATCH_);
    if (!(owner & TALLY_OWNER_DEAD_))
        return;
    tly_dead_link(object, ended->first);
    ended->first = object;
    // ORDER[untracked] release: as tly_header_end.
    tly_store_release((tly_header_word *)object, 0);
}

// After the last of a pool's objects that is unwatched the pool may be gone.
static void words_unwatch(struct tly_ended *ended, const struct tly_pool *pool,
                          size_t first, size_t count) {
    for (size_t w = first; w < first + count; w++) {
        uint64_t bits = tly_sides.watched[w] & ~tly_sides.member[w];
        tly_sides.watched[w] &= tly_sides.member[w];
        for (; bits; bits &= bits - 1)
            unwatch(ended,
                    tly_side_object(pool, w * 64 + tly_bit_lowest(bits)));
    }
}

static bool pool_unwatch_dropped(void *ended, struct tly_pool *pool) {
    uint64_t members = 0;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++)
        members |= tly_sides.member[w];
    if (!members)
        tly_sides_clear(pool);
    words_unwatch(ended, pool, first, count);
    return members;
}

void tly_unwatch_dropped(struct tly_ended *ended) {
    tly_pools_looked(pool_unwatch_dropped, ended);
}

static bool pool_unwatch_all(void *ended, struct tly_pool *pool) {
    size_t count, first = tly_side_words(pool, &count);
    tly_sides_clear(pool);
    words_unwatch(ended, pool, first, count);
    return false;
}

void tly_unwatch_all(struct tly_ended *ended) {
    tly_pools_looked(pool_unwatch_all, ended);
}

void tly_ended_give(struct tly_ended *ended, struct tly_local *self) {
    while (ended->first) {
        tally_object *object = ended->first;
        ended->first = tly_dead_next(object);
        tly_block_poison(object);
        tly_block_give_any(&self->heap, object);
    }
}
