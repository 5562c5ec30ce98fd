// Tables that lie beside the heap.

#include "tables.h"

#include <string.h>

#include "collector/sides.h"
#include "object/weak_table.h"
#include "pool/walk.h"
#include "schedule.h"
#include "snapshot.h"

// Of each unit as much as the objects of a schedule take.
#define BLOCKS ((size_t)2048)
#define GRANULES (BLOCKS >> TLY_GRANULE_SHIFT)

static void granules_add(size_t granule) {
    if (tly_weak_table)
        snapshot_add(tly_weak_table + granule,
                     GRANULES * sizeof(*tly_weak_table));
}

void tables_snapshot(const void *first, unsigned units) {
    const char *unit = first;
    size_t granule = tly_granule_of((const tally_object *)first);
    size_t count = (units * TLY_UNIT_SIZE) >> TLY_GRANULE_SHIFT;
    for (unsigned n = 0; n < units; n++, unit += TLY_UNIT_SIZE) {
        snapshot_add((void *)(uintptr_t)unit, BLOCKS);
        granules_add(tly_granule_of((const tally_object *)(const void *)unit));
    }
    snapshot_add(tly_sides.trial + granule, count);
    snapshot_add(tly_sides.member + granule / 64, count / 8);
    snapshot_add(tly_sides.listed + granule / 64, count / 8);
    snapshot_add(tly_sides.watched + granule / 64, count / 8);
    snapshot_add(tly_sides.guarded + granule / 64, count / 8);
    snapshot_add(tly_sides.own[0].marked + granule / 64, count / 8);
}

// ---- chaos

static bool pool_copy(void *arg, struct tly_pool *pool) {
    (void)arg;
    size_t count, first = tly_side_words(pool, &count);
    memcpy(tly_sides.watched + first, tly_sides.member + first, count * 8);
    return true;
}

static bool pool_propose(void *arg, struct tly_pool *pool) {
    uint64_t *random = arg;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++) {
        uint64_t more = tly_sides.watched[w] & ~tly_sides.listed[w];
        if (random)
            more &= random_next(random);
        tly_sides.member[w] |= more;
        tly_sides.watched[w] = 0;
    }
    return true;
}

// What is looked at lies in the table of what is watched meanwhile, which is
// empty until the collection watches.
void tables_looked(void) { tly_pools_looked(pool_copy, NULL); }

void tables_propose(uint64_t *random) {
    tly_pools_looked(pool_propose, random);
}
