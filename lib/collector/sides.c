// Reserved once; committed as the heap grows; purged after each full
// collection.

#include "collector/sides.h"

#include <string.h>

#include "platform/os.h"
#include "pool/walk.h"

#define SLOT_GRANULES (TLY_SLOT_SIZE >> TLY_GRANULE_SHIFT)
#define SLOT_TRIAL SLOT_GRANULES
#define SLOT_BITS (SLOT_GRANULES / 8)
// A stack entry for every 16th granule: random graphs of two references each
// want one for every fifth object at most; overflow is no error.
#define SLOT_STACK (SLOT_GRANULES / 16 * sizeof(tally_object *))

struct tly_sides tly_sides;

static size_t slots_max(void) { return tly_range_size / TLY_SLOT_SIZE; }

tally_status tly_sides_start(void) {
    struct tly_sides *s = &tly_sides;
    size_t slots = slots_max();
    s->trial = tly_os_reserve(slots * SLOT_TRIAL, TLY_UNIT_SIZE);
    s->member = tly_os_reserve(slots * SLOT_BITS, TLY_UNIT_SIZE);
    s->listed = tly_os_reserve(slots * SLOT_BITS, TLY_UNIT_SIZE);
    s->watched = tly_os_reserve(slots * SLOT_BITS, TLY_UNIT_SIZE);
    s->guarded = tly_os_reserve(slots * SLOT_BITS, TLY_UNIT_SIZE);
    s->stack = tly_os_reserve(slots * SLOT_STACK, TLY_UNIT_SIZE);
    s->committed = 0;
    if (s->trial && s->member && s->listed && s->watched && s->guarded &&
        s->stack)
        return TALLY_OK;
    tly_sides_end();
    return TALLY_NO_MEMORY;
}

void tly_sides_end(void) {
    struct tly_sides *s = &tly_sides;
    size_t slots = slots_max();
    if (s->trial)
        tly_os_unreserve(s->trial, slots * SLOT_TRIAL);
    if (s->member)
        tly_os_unreserve(s->member, slots * SLOT_BITS);
    if (s->listed)
        tly_os_unreserve(s->listed, slots * SLOT_BITS);
    if (s->watched)
        tly_os_unreserve(s->watched, slots * SLOT_BITS);
    if (s->guarded)
        tly_os_unreserve(s->guarded, slots * SLOT_BITS);
    if (s->stack)
        tly_os_unreserve(s->stack, slots * SLOT_STACK);
    memset(s, 0, sizeof(*s));
}

// Makes [slots] slots' part of a table usable.
static tally_status commit(void *table, size_t from, size_t to, size_t each) {
    return tly_os_commit((char *)table + from * each, (to - from) * each);
}

tally_status tly_sides_prepare(bool populate) {
    struct tly_sides *s = &tly_sides;
    // Some slots more than there are: the heap may grow until it is stopped,
    // and the pause looks at no slot beyond.
    size_t from = s->committed, to = tly_slots_frontier() + 8;
    to = to > slots_max() ? slots_max() : to;
    if (to > from) {
        if (commit(s->trial, from, to, SLOT_TRIAL) != TALLY_OK ||
            commit(s->member, from, to, SLOT_BITS) != TALLY_OK ||
            commit(s->listed, from, to, SLOT_BITS) != TALLY_OK ||
            commit(s->watched, from, to, SLOT_BITS) != TALLY_OK ||
            commit(s->guarded, from, to, SLOT_BITS) != TALLY_OK ||
            commit(s->stack, from, to, SLOT_STACK) != TALLY_OK)
            return TALLY_NO_MEMORY;
        s->committed = to;
        s->stack_size = to * SLOT_STACK / sizeof(tally_object *);
    }
    if (populate) {
        size_t slots = tly_slots_frontier();
        tly_os_populate(s->trial, slots * SLOT_TRIAL);
        tly_os_populate(s->member, slots * SLOT_BITS);
    }
    return TALLY_OK;
}

static void purge(void *table, size_t size) {
    if (tly_os_purge(table, size) != TALLY_OK)
        memset(table, 0, size);
}

void tly_sides_drop(void) {
    struct tly_sides *s = &tly_sides;
    purge(s->trial, s->committed * SLOT_TRIAL);
    purge(s->member, s->committed * SLOT_BITS);
    // What the stack holds is of no interest; failing to purge does no harm.
    (void)tly_os_purge(s->stack, s->committed * SLOT_STACK);
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
    memset(tly_sides.trial + first * 64, 0, count * 64);
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
