// Reserved once; committed as the heap grows; purged after each full
// collection.

#include "collector/sides.h"

#include <string.h>

#include "platform/os.h"
#include "pool/walk.h"

#define SLOT_GRANULES (TLY_SLOT_SIZE >> TLY_GRANULE_SHIFT)
#define SLOT_TRIAL SLOT_GRANULES
#define SLOT_BITS (SLOT_GRANULES / 8)
// An entry for each word of bits (mark.c).
#define SLOT_QUEUE (SLOT_GRANULES / 64 * sizeof(tally_object *))

struct tly_sides tly_sides;

static size_t slots_max(void) { return tly_range_size / TLY_SLOT_SIZE; }

static bool own_reserve(struct tly_side_own *own) {
    if (!own->trial)
        own->trial = tly_os_reserve(slots_max() * SLOT_TRIAL, TLY_UNIT_SIZE);
    if (!own->marked)
        own->marked = tly_os_reserve(slots_max() * SLOT_BITS, TLY_UNIT_SIZE);
    return own->trial && own->marked;
}

static void own_unreserve(struct tly_side_own *own) {
    if (own->trial)
        tly_os_unreserve(own->trial, slots_max() * SLOT_TRIAL);
    if (own->marked)
        tly_os_unreserve(own->marked, slots_max() * SLOT_BITS);
}

tally_status tly_sides_start(void) {
    struct tly_sides *s = &tly_sides;
    size_t slots = slots_max();
    own_reserve(&s->own[0]);
    s->trial = s->own[0].trial;
    s->member = tly_os_reserve(slots * SLOT_BITS, TLY_UNIT_SIZE);
    s->listed = tly_os_reserve(slots * SLOT_BITS, TLY_UNIT_SIZE);
    s->watched = tly_os_reserve(slots * SLOT_BITS, TLY_UNIT_SIZE);
    s->guarded = tly_os_reserve(slots * SLOT_BITS, TLY_UNIT_SIZE);
    s->queue = tly_os_reserve(slots * SLOT_QUEUE, TLY_UNIT_SIZE);
    s->committed = 0;
    s->margin = 8;
    s->workers = s->tables = 1;
    if (s->trial && s->own[0].marked && s->member && s->listed && s->watched &&
        s->guarded && s->queue)
        return TALLY_OK;
    tly_sides_end();
    return TALLY_NO_MEMORY;
}

void tly_sides_end(void) {
    struct tly_sides *s = &tly_sides;
    size_t slots = slots_max();
    for (unsigned n = 0; n < TLY_WORKERS_MAX; n++)
        own_unreserve(&s->own[n]);
    if (s->member)
        tly_os_unreserve(s->member, slots * SLOT_BITS);
    if (s->listed)
        tly_os_unreserve(s->listed, slots * SLOT_BITS);
    if (s->watched)
        tly_os_unreserve(s->watched, slots * SLOT_BITS);
    if (s->guarded)
        tly_os_unreserve(s->guarded, slots * SLOT_BITS);
    if (s->queue)
        tly_os_unreserve(s->queue, slots * SLOT_QUEUE);
    memset(s, 0, sizeof(*s));
}

// Makes [slots] slots' part of a table usable.
static tally_status commit(void *table, size_t from, size_t to, size_t each) {
    return tly_os_commit((char *)table + from * each, (to - from) * each);
}

// Own tables cover what the others do.
static tally_status own_commit(struct tly_side_own *own, size_t to) {
    size_t from = own->committed;
    if (to <= from)
        return TALLY_OK;
    if (commit(own->trial, from, to, SLOT_TRIAL) != TALLY_OK ||
        commit(own->marked, from, to, SLOT_BITS) != TALLY_OK)
        return TALLY_NO_MEMORY;
    own->committed = to;
    return TALLY_OK;
}

void tly_sides_populate_own(unsigned worker) {
    const struct tly_side_own *own = &tly_sides.own[worker];
    size_t slots = tly_slots_frontier();
    slots = slots < own->committed ? slots : own->committed;
    tly_os_populate(own->trial, slots * SLOT_TRIAL);
    tly_os_populate(own->marked, slots * SLOT_BITS);
}

tally_status tly_sides_prepare(bool populate) {
    struct tly_sides *s = &tly_sides;
    // Some slots more than there are: the heap may grow until it is stopped,
    // and the pause looks at no slot beyond.
    size_t from = s->committed, to = tly_slots_frontier() + s->margin;
    to = to > slots_max() ? slots_max() : to;
    if (to > from) {
        if (own_commit(&s->own[0], to) != TALLY_OK ||
            commit(s->member, from, to, SLOT_BITS) != TALLY_OK ||
            commit(s->listed, from, to, SLOT_BITS) != TALLY_OK ||
            commit(s->watched, from, to, SLOT_BITS) != TALLY_OK ||
            commit(s->guarded, from, to, SLOT_BITS) != TALLY_OK ||
            commit(s->queue, from, to, SLOT_QUEUE) != TALLY_OK)
            return TALLY_NO_MEMORY;
        s->committed = to;
        s->queue_size = to * SLOT_QUEUE / sizeof(tally_object *);
    }
    size_t slots = tly_slots_frontier();
    slots = slots < s->committed ? slots : s->committed;
    if (populate)
        tly_os_populate(s->member, slots * SLOT_BITS);
    return TALLY_OK;
}

void tly_sides_outgrown(void) {
    if (tly_sides.margin < slots_max())
        tly_sides.margin *= 2;
}

unsigned tly_sides_prepare_own(unsigned workers) {
    struct tly_sides *s = &tly_sides;
    unsigned n = 1;
    for (; n < workers; n++) {
        if (!own_reserve(&s->own[n]) ||
            own_commit(&s->own[n], s->committed) != TALLY_OK)
            break;
    }
    return n;
}

static void purge(void *table, size_t size) {
    if (tly_os_purge(table, size) != TALLY_OK)
        memset(table, 0, size);
}

void tly_sides_drop(void) {
    struct tly_sides *s = &tly_sides;
    for (unsigned n = 0; n < s->tables; n++) {
        purge(s->own[n].trial, s->own[n].committed * SLOT_TRIAL);
        purge(s->own[n].marked, s->own[n].committed * SLOT_BITS);
    }
    purge(s->member, s->committed * SLOT_BITS);
    // What the queue holds is of no interest; failing to purge does no harm.
    (void)tly_os_purge(s->queue, s->committed * SLOT_QUEUE);
}

void tly_sides_unlist(void) {
    purge(tly_sides.listed, tly_sides.committed * SLOT_BITS);
}

tally_object *tly_side_block(const struct tly_pool *pool, size_t granule) {
    tally_object *object = tly_side_object(pool, granule);
    unsigned n = pool->size ? tly_block_of(pool, object) : 0;
    if (tly_granule_of(object) != granule || n >= pool->blocks ||
        !(tly_pool_taken_bits(pool, n / 64) >> (n % 64) & 1))
        return NULL;
    return object;
}

void tly_sides_clear(const struct tly_pool *pool) {
    size_t count, first = tly_side_words(pool, &count);
    for (unsigned n = 0; n < tly_sides.tables; n++) {
        memset(tly_sides.own[n].trial + first * 64, 0, count * 64);
        memset(tly_sides.own[n].marked + first, 0, count * 8);
    }
    memset(tly_sides.member + first, 0, count * 8);
}

struct each {
    const uint64_t *bits;
    tly_side_fn fn;
    void *arg;
};

static bool pool_each(void *arg, struct tly_pool *pool) {
    struct each *each = arg;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++)
        for (uint64_t bits = each->bits[w]; bits; bits &= bits - 1)
            each->fn(each->arg,
                     tly_side_object(pool, w * 64 + tly_bit_lowest(bits)));
    return true;
}

void tly_sides_each(const uint64_t *bits, tly_side_fn fn, void *arg) {
    tly_pools_looked(pool_each, &(struct each){bits, fn, arg});
}
