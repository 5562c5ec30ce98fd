// The scenario: garbage is given a reference to what lies beyond the tables.
//
// Thread 0 collects. Beside it, when all know of that, thread 1 makes an object
// that takes slots of its own, puts it into a ring, and lets both go; thread 2
// makes one more. The tables are prepared for what the heap has before, and no
// more.
//
// ORACLE  No table is written beyond what the collection has prepared: that
//         part has memory here, and stays zero. All that was made ends.

#include <tally/tally.h>

#include <stdio.h>
#include <sys/mman.h>

#include "collector/sides.h"
#include "platform/os.h"
#include "scenario.h"
#include "snapshot.h"
#include "tables.h"

#define UNITS 8u
#define SLOTS ((size_t)8) // that may be taken, with the first
#define FAR_BYTES (TLY_SLOT_SIZE)

static unsigned ended;
static void far_ends(void *object) {
    (void)object;
    ended++;
}
struct ring {
    tally_object head;
    tally_ref next, beyond;
};
TALLY_TYPE(ring, TALLY_REF(next), TALLY_REF(beyond));
struct far {
    tally_object head;
    uint64_t n;
    char data[];
};
TALLY_TYPE(far, TALLY_ITEMS(data, n), TALLY_DESTROY(far_ends));

static struct ring *ring; // thread 1 has a reference
static uint64_t scenario_seed;
static unsigned made;
static size_t granules; // that the tables covered when a collection began

static void tables_check(void) {
    size_t first = SLOTS * (TLY_SLOT_SIZE >> TLY_GRANULE_SHIFT);
    for (size_t n = granules; n < first;
         n += TLY_UNIT_SIZE >> TLY_GRANULE_SHIFT)
        if (tly_sides.trial[n] || tly_sides.own[0].marked[n / 64])
            schedule_fail("a table is written beyond what was prepared");
}

static unsigned turns; // that the collection has taken; TURNS when it is over
#define TURNS 100u
static void turn(enum tly_turn what, bool young) {
    (void)young;
    turns++;
    if (what == TLY_TURN_COUNTED || what == TLY_TURN_MARKED) {
        granules = tly_sides_cover().limit;
        tables_check();
    }
}

static void end(void) {
    if (tally_attach("explorer") != TALLY_OK)
        schedule_fail("nobody can attach");
    tally_collect();
    if (ended != made)
        schedule_fail("of %u objects %u have ended", made, ended);
    tally_detach();
    scenario_mutators_check();
}

static struct far *far_make(void) {
    struct far *object = tally_new_items(far, FAR_BYTES);
    schedule_say("makes what lies beyond: %d", object != NULL);
    made += object != NULL;
    return object;
}

static void thread(unsigned self) {
    if (self == 0) {
        schedule_say("collects");
        if (tally_collect_with(TALLY_CONCURRENT, TALLY_FULL, NULL) != TALLY_OK)
            schedule_fail("a collection fails");
        turns = TURNS;
    } else if (self == 1) {
        // Then the tables are prepared, some steps later.
        while (turns < 1) {
            tly_point(&turns);
            tally_safepoint();
            tly_point_yield();
        }
        for (uint64_t n = scenario_seed >> 1 & 63; n > 0; n--)
            tly_point(&turns);
        struct far *object = far_make();
        tally_set_steal(ring, beyond, object);
        tally_decref(ring);
    } else if (scenario_seed & 1) {
        struct far *object = far_make();
        if (object)
            tally_decref(object);
    }
    tally_detach();
}

static void begin(uint64_t seed) {
    scenario_seed = seed;
    made = ended = turns = 0;
    granules = 0;
    tly_chaos = turn;
    // What a schedule that failed has left.
    (void)madvise(tly_range_base + TLY_SLOT_SIZE, (SLOTS - 1) * TLY_SLOT_SIZE,
                  MADV_DONTNEED);
}

static void thread_setup(unsigned n) {
    if (n != 1)
        return;
    ring = tally_new(ring);
    tally_set(ring, next, ring);
}

static void commit(void *table, size_t each) {
    if (tly_os_commit(table, SLOTS * each) != TALLY_OK)
        schedule_fail("no memory for tables");
}

static void snapshot(void) {
    struct tly_arena *arena = tly_arena_of(ring);
    size_t bytes = TLY_SLOT_SIZE >> TLY_GRANULE_SHIFT;
    tly_sides.margin = 0;
    if (tly_sides_prepare(false) != TALLY_OK)
        schedule_fail("no memory for tables");
    // Walks ask about each slot, most of which nobody takes.
    schedule_settle(true);
    for (size_t n = 0; n < SLOTS; n++) {
        (void)tly_slot_is(n, TLY_SLOT_ARENA);
        (void)tly_slot_is(n, TLY_SLOT_HUGE);
        (void)tly_slot_is(n, TLY_SLOT_LOOKED);
    }
    schedule_settle(false);
    commit(tly_sides.trial, bytes);
    commit(tly_sides.own[0].marked, bytes / 8);
    commit(tly_sides.member, bytes / 8);
    snapshot_add(tly_colds, SCENARIO_RECORDS * TLY_COLD_SIZE);
    snapshot_add(arena, TLY_DESCRIPTOR_SIZE * (TLY_META_UNITS + UNITS));
    tables_snapshot(tly_unit_at(arena, TLY_META_UNITS), UNITS);
}

static void look(const void *address) { (void)address; }

static bool describe(const void *address, char *ret_name, size_t size) {
    (void)address, (void)ret_name, (void)size;
    return false;
}

const struct scenario scenario_far = {
    .name = "far",
    .steps_usual = 1000,
    .steps_max = 100000,
    .stays = {512, 896, 1000, 1020},
    .thread_setup = thread_setup,
    .snapshot = snapshot,
    .begin = begin,
    .thread = thread,
    .look = look,
    .end = end,
    .describe = describe,
};
