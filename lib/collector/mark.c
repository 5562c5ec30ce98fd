// Kernel B: from what is referred to from outside, everything it leads to.
//
// Sweeps in the order of addresses. What an object leads to is noted in a table
// of bits; a sweep takes the members that are noted out of the set, and notes
// what they lead to. A bit is a small target, and what is scanned lies close
// together, so that on graphs that are wide a sweep is several times cheaper an
// object than following references is. Each worker sweeps pools of its own, and
// has a table of notes of its own, which the others only read: no word has two
// writers, and nothing is handed over. It ends with a sweep that takes nothing.
//
// What is narrow, a list say, would take a sweep an object. After a sweep that
// took little, one worker follows references for as many objects as a sweep
// looks at words; so neither costs much more than the other.

#include "collector/lock.h"
#include "collector/trial.h"
#include "collector/workers.h"
#include "object/type.h"
#include "pool/walk.h"

// Objects between the prefetch and the scan, a power of two.
#define RING 32u

// A sweep that takes less than one member in so many words is a narrow one, and
// following goes on for as many objects as there are words.
#define NARROW 16u

// How far ahead of the one that is scanned objects of the queue are fetched.
#define AHEAD 8u

// A worker's state, in registers (see trial.c).
struct marker {
    uint64_t *member;
    uint64_t *marked; // the worker's notes
    struct tly_cover cover;
    unsigned tables;
};

struct sweep {
    struct tly_cursor pools;
    struct {
        uint64_t taken, words;
    } TLY_ALIGNED(TLY_LINE) by[TLY_WORKERS_MAX];
};

// What a worker has on its way.
struct sweeper {
    struct marker m;
    tally_object *ring[RING];
    unsigned at;
    uint64_t taken, words;
};

static struct marker marker_of(unsigned worker) {
    return (struct marker){tly_sides.member, tly_sides.own[worker].marked,
                           tly_sides_cover(), tly_sides.tables};
}

// Notes what fields refer to: if it is a member, unless the tables are dropped
// as a [whole] in the end.
TLY_INLINE void note_fields(struct marker m, tally_ref *first, size_t count,
                            bool whole) {
    for (size_t n = 0; n < count; n++) {
        size_t granule;
        if (!tly_side_of(m.cover, tly_trial_load(&first[n]), &granule))
            continue;
        size_t word = granule / 64;
        uint64_t bit = (uint64_t)1 << (granule % 64);
        // Relaxed: the pool's worker may take it away meanwhile; what is noted
        // of no member is of no interest.
        if (!whole)
            bit &= tly_load_relaxed(&m.member[word]);
        // Relaxed: written by this worker only, and whoever misses it has not
        // swept last.
        tly_store_relaxed(&m.marked[word],
                          tly_load_relaxed(&m.marked[word]) | bit);
    }
}

static void note_run(void *arg, tally_ref *first, size_t count) {
    note_fields(*(struct marker *)arg, first, count, false);
}

static TLY_NOINLINE void note_typed(struct marker m, tally_object *object) {
    tly_refs_each(object, tly_type_of(object), note_run, &m);
}

TLY_INLINE void scan(struct marker m, tally_object *object, bool whole) {
    unsigned refs = tly_trial_refs(object);
    if (TLY_UNLIKELY(refs == TLY_TF_ASK))
        note_typed(m, object);
    else
        note_fields(m, (tally_ref *)(void *)(object + 1), refs, whole);
}

void tly_mark_fields(unsigned worker, tally_object *object) {
    scan(marker_of(worker), object, false);
}

// Takes the members of a word that are noted out of the set.
TLY_INLINE uint64_t word_take(const struct marker *m, size_t w,
                              uint64_t members) {
    uint64_t noted = 0;
    // Relaxed: see note_fields.
    for (unsigned n = 0; n < m->tables; n++)
        noted |= tly_load_relaxed(&tly_sides.own[n].marked[w]);
    noted &= members;
    if (noted)
        tly_store_relaxed(&m->member[w], members & ~noted);
    return noted;
}

TLY_INLINE bool pool_sweep(struct sweeper *s, struct tly_pool *pool,
                           bool whole) {
    struct marker m = s->m;
    unsigned at = s->at;
    uint64_t taken = 0;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++) {
        // Relaxed: written by this worker only.
        uint64_t members = tly_load_relaxed(&m.member[w]);
        if (!members)
            continue;
        uint64_t bits = word_take(&m, w, members);
        taken += tly_bit_count(bits);
        for (; bits; bits &= bits - 1, at++) {
            tally_object *object =
                tly_side_object(pool, w * 64 + tly_bit_lowest(bits));
            TLY_PREFETCH_FAR(object);
            tally_object *before = s->ring[at % RING];
            s->ring[at % RING] = object;
            if (TLY_LIKELY(before))
                scan(m, before, whole);
        }
    }
    s->at = at;
    s->words += count;
    s->taken += taken;
    return !tly_collector_is_urgent();
}

static bool pool_sweep_whole(void *sweeper, struct tly_pool *pool) {
    return pool_sweep(sweeper, pool, true);
}
static bool pool_sweep_part(void *sweeper, struct tly_pool *pool) {
    return pool_sweep(sweeper, pool, false);
}

static void worker_sweep(void *arg, unsigned worker) {
    struct sweep *sweep = arg;
    struct sweeper s = {.m = marker_of(worker)};
    tly_pools_share(&sweep->pools,
                    tly_sides.whole ? pool_sweep_whole : pool_sweep_part, &s);
    for (unsigned n = 0; n < RING; n++)
        if (s.ring[n])
            scan(s.m, s.ring[n], false);
    sweep->by[worker].taken = s.taken;
    sweep->by[worker].words = s.words;
}

// Returns how many members it took, and how many words it passed.
static uint64_t sweep_all(uint64_t *ret_words) {
    struct sweep sweep = {.pools = tly_cursor_begin()};
    uint64_t taken = 0;
    tly_workers_run(worker_sweep, &sweep);
    *ret_words = 0;
    for (unsigned n = 0; n < TLY_WORKERS_MAX; n++) {
        taken += sweep.by[n].taken;
        *ret_words += sweep.by[n].words;
    }
    return taken;
}

// ---- what is narrow: one worker alone, in the order of distance

struct queue {
    tally_object **object;
    size_t from, to, size;
    struct marker m;
    bool more; // what did not find room is noted
};

TLY_INLINE void queue_fields(struct queue *q, tally_ref *first, size_t count) {
    for (size_t n = 0; n < count; n++) {
        tally_object *child = tly_trial_load(&first[n]);
        size_t granule;
        if (!tly_side_of(q->m.cover, child, &granule) ||
            !tly_side_get(q->m.member, granule))
            continue;
        if (q->to < q->size) {
            tly_side_reset(q->m.member, granule);
            q->object[q->to++] = child;
        } else {
            tly_side_set(q->m.marked, granule);
            q->more = true;
        }
    }
}

static void queue_run(void *arg, tally_ref *first, size_t count) {
    queue_fields(arg, first, count);
}

static void queue_scan(struct queue *q, tally_object *object) {
    unsigned refs = tly_trial_refs(object);
    if (TLY_UNLIKELY(refs == TLY_TF_ASK))
        tly_refs_each(object, tly_type_of(object), queue_run, q);
    else
        queue_fields(q, (tally_ref *)(void *)(object + 1), refs);
}

static bool pool_queue(void *arg, struct tly_pool *pool) {
    struct queue *q = arg;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++) {
        uint64_t bits = word_take(&q->m, w, q->m.member[w]);
        for (; bits; bits &= bits - 1) {
            size_t granule = w * 64 + tly_bit_lowest(bits);
            if (q->to < q->size) {
                q->object[q->to++] = tly_side_object(pool, granule);
            } else {
                tly_side_set(q->m.member, granule);
                q->more = true;
            }
        }
    }
    return true;
}

// Takes what is noted and what it leads to, at most [size] objects. False:
// nothing is noted any more.
static bool follow(size_t size) {
    struct queue q = {
        .object = tly_sides.queue,
        .size = size < tly_sides.queue_size ? size : tly_sides.queue_size,
        .m = marker_of(0)};
    tly_pools_looked(pool_queue, &q);
    for (; q.from < q.to; q.from++) {
        if (q.from + AHEAD < q.to)
            TLY_PREFETCH(q.object[q.from + AHEAD]);
        queue_scan(&q, q.object[q.from]);
    }
    return q.more;
}

void tly_mark_noted(void) {
    for (;;) {
        uint64_t words, taken = sweep_all(&words);
        if (taken == 0 || tly_collector_is_urgent())
            return;
        if (taken * NARROW < words && !follow(words))
            return;
    }
}

// ---- what is referred to from outside

typedef uint64_t __attribute__((may_alias)) bytes8;

// Which of 64 bytes are not zero, as bits.
TLY_INLINE uint64_t bytes_shown(const uint8_t *bytes) {
    const uint64_t low = 0x7F7F7F7F7F7F7F7Fu;
    uint64_t bits = 0;
    for (unsigned n = 0; n < 8; n++) {
        uint64_t x = ((const bytes8 *)(const void *)bytes)[n];
        uint64_t high = (((x & low) + low) | x) & ~low;
        // The high bits of the bytes, side by side in the highest byte.
        bits |= ((high >> 7) * 0x0102040810204080u >> 56) << (n * 8);
    }
    return bits;
}

static bool pool_roots(void *arg, struct tly_pool *pool) {
    uint64_t *marked = arg;
    size_t count, first = tly_side_words(pool, &count);
    if (tly_collector_is_urgent())
        return false;
    for (size_t w = first; w < first + count; w++)
        if (tly_sides.member[w])
            marked[w] |=
                bytes_shown(tly_sides.trial + w * 64) & tly_sides.member[w];
    return true;
}

static void worker_roots(void *pools, unsigned worker) {
    tly_pools_share(pools, pool_roots, tly_sides.own[worker].marked);
}

void tly_trial_mark(void) {
    struct tly_cursor pools = tly_cursor_begin();
    tly_workers_run(worker_roots, &pools);
    tly_mark_noted();
}
