// The scenario: objects that have finalizers are let go, and asked for.
//
// Two objects in shared fields, with a weak reference to each. Threads take
// counted references from the fields, by borrowing, and through the weak
// references; empty and fill the fields; drop, block, detach and attach again.
// Some finalizers put their object back.
//
// ORACLE  What a thread is given is open: its finalizer has not begun, or has
//         put it back. No object is finalized while a thread holds it, nor
//         twice; all are destroyed in the end, after their finalizer.

#include <tally/tally.h>

#include <stdio.h>

#include "collector/sides.h"
#include "object/local.h"
#include "scenario.h"
#include "snapshot.h"
#include "tables.h"

#define THREADS SCHEDULE_THREADS
#define OBJECTS 2u
#define OPERATIONS_MAX 8u
#define UNITS 8u

enum state { OPEN, ENDING, BACK, CLOSED, GONE };

struct door {
    tally_object head;
    uint64_t which;
};
static void door_closes(void *object);
static void door_ends(void *object);
TALLY_TYPE(door, TALLY_FINALIZE(door_closes), TALLY_DESTROY(door_ends));

static struct door *doors[OBJECTS];
static tally_weak *weak[OBJECTS];
static tally_aref fields[OBJECTS];
static enum state state[OBJECTS];
static bool returns[OBJECTS]; // its finalizer puts it back
static uint32_t held[THREADS][OBJECTS];
static uint64_t scenario_seed;

static uint32_t held_by_all(unsigned k) {
    uint32_t count = 0;
    for (unsigned n = 0; n < THREADS; n++)
        count += held[n][k];
    return count;
}

static unsigned number_of(const struct door *door, const char *how) {
    if (door != doors[0] && door != doors[1])
        schedule_fail("%s leads to what is no object", how);
    return door == doors[1];
}

// ---- the oracle

static void door_closes(void *object) {
    unsigned k = number_of(object, "a finalizer");
    schedule_say("finalizes object %u", k);
    if (held_by_all(k))
        schedule_fail("object %u is finalized, and held", k);
    if (state[k] != OPEN)
        schedule_fail("object %u is finalized in state %d", k, (int)state[k]);
    state[k] = ENDING;
    for (unsigned n = 0; n < 3; n++) // it takes a moment
        tly_point(&state[k]);
    state[k] = returns[k] ? BACK : CLOSED;
    if (returns[k])
        tally_aref_set(NULL, &fields[k], object);
}

static void door_ends(void *object) {
    unsigned k = number_of(object, "a destroy hook");
    schedule_say("destroys object %u", k);
    if (held_by_all(k) || state[k] != (returns[k] ? BACK : CLOSED))
        schedule_fail("object %u is destroyed in state %d, and held %u times",
                      k, (int)state[k], held_by_all(k));
    state[k] = GONE;
}

static void got(unsigned self, struct door *door, const char *how) {
    if (!door)
        return;
    unsigned k = number_of(door, how);
    schedule_say("has object %u: %s", k, how);
    if (state[k] != OPEN && state[k] != BACK)
        schedule_fail("%s gives object %u in state %d", how, k, (int)state[k]);
    held[self][k]++;
}

static void look(const void *address) {
    (void)address;
    for (unsigned k = 0; k < OBJECTS; k++)
        if (held_by_all(k) && state[k] != OPEN && state[k] != BACK)
            schedule_fail("object %u is held in state %d", k, (int)state[k]);
}

static void end(void) {
    if (tally_attach("explorer") != TALLY_OK)
        schedule_fail("nobody can attach");
    // What comes back does so once.
    for (unsigned n = 0; n < 2; n++) {
        for (unsigned k = 0; k < OBJECTS; k++)
            tally_aref_set(NULL, &fields[k], NULL);
        tally_collect();
    }
    for (unsigned k = 0; k < OBJECTS; k++)
        if (state[k] != GONE)
            schedule_fail("object %u was never destroyed: state %d", k,
                          (int)state[k]);
    if (tally_verify(2) != TALLY_OK)
        schedule_fail("the heap is not right");
    tally_detach();
    scenario_mutators_check();
}

// ---- what threads do

static void drop(unsigned self, unsigned k) {
    schedule_say("decrefs object %u", k);
    held[self][k]--;
    tally_decref(doors[k]);
}

static void borrow(unsigned self, unsigned k) {
    struct door *door = NULL;
    schedule_say("borrows");
    TALLY_BORROW { door = tally_upgrade(tally_aref_get(&fields[k])); }
    got(self, door, "what was borrowed");
}

static void rest(unsigned how) {
    if (how == 0) {
        schedule_say("polls");
        tally_safepoint_slow_();
    } else if (how == 1) {
        schedule_say("blocks");
        TALLY_BLOCKING { tly_point(&fields); }
    } else {
        schedule_say("detaches");
        tally_detach();
        tly_point(&fields);
        tally_attach("explorer");
    }
}

static void operate(unsigned self, unsigned k, unsigned r) {
    switch (r % 8) {
    case 0:
        if (held[self][k]) {
            schedule_say("fills field %u", k);
            tally_aref_set(NULL, &fields[k], doors[k]);
        }
        break;
    case 1:
        schedule_say("empties field %u", k);
        tally_aref_set(NULL, &fields[k], NULL);
        break;
    case 2:
        got(self, tally_aref_dup(&fields[k]), "a field");
        break;
    case 3:
        got(self, tally_aref_take(NULL, &fields[k]), "a field, emptied");
        break;
    case 4:
        borrow(self, k);
        break;
    case 5:
        got(self, tally_weak_get(weak[k]), "a weak reference");
        break;
    case 6:
        rest(r / 8 % 3);
        break;
    default:
        if (held[self][k])
            drop(self, k);
    }
}

static void thread(unsigned self) {
    uint64_t random = scenario_seed + self;
    (void)random_next(&random);
    unsigned operations = (unsigned)random_next(&random) % OPERATIONS_MAX;
    for (unsigned n = 0; n < operations; n++) {
        uint64_t r = random_next(&random);
        // Mostly of one object, so that threads meet.
        operate(self, r % 8 == 0, (unsigned)(r >> 8));
    }
    for (unsigned k = 0; k < OBJECTS; k++)
        while (held[self][k])
            drop(self, k);
    schedule_say("detaches, and ends");
    tally_detach();
}

// ---- begin

static void begin(uint64_t seed) {
    scenario_seed = ~seed;
    uint64_t random = scenario_seed;
    for (unsigned k = 0; k < OBJECTS; k++)
        returns[k] = random_next(&random) % 2;
}

static void thread_setup(unsigned n) {
    if (n != 1)
        return;
    for (unsigned k = 0; k < OBJECTS; k++) {
        doors[k] = tally_new(door);
        doors[k]->which = k;
        weak[k] = tally_weak_new(doors[k], NULL, NULL);
        tally_aref_set_steal(NULL, &fields[k], doors[k]);
    }
}

static void snapshot(void) {
    struct tly_arena *arena = tly_arena_of(doors[0]);
    if (tly_sides_prepare(false) != TALLY_OK)
        schedule_fail("no memory for tables");
    schedule_settle(true); // walks ask about each slot; there is one
    (void)tly_slot_is(0, TLY_SLOT_ARENA);
    (void)tly_slot_is(0, TLY_SLOT_HUGE);
    (void)tly_slots_frontier();
    schedule_settle(false);
    snapshot_add(tly_colds, SCENARIO_RECORDS * TLY_COLD_SIZE);
    snapshot_add(arena, TLY_DESCRIPTOR_SIZE * (TLY_META_UNITS + UNITS));
    tables_snapshot(tly_unit_at(arena, TLY_META_UNITS), UNITS);
}

static bool describe(const void *address, char *ret_name, size_t size) {
    for (unsigned k = 0; k < OBJECTS; k++) {
        size_t offset = (uintptr_t)address - (uintptr_t)doors[k];
        if (offset < sizeof(struct door)) {
            snprintf(ret_name, size, "object %u %s", k, part_of_object(offset));
            return true;
        }
    }
    return false;
}

const struct scenario scenario_ending = {
    .name = "ending",
    .steps_usual = 300,
    .steps_max = 50000,
    .stays = {0, 256, 512, 896},
    .thread_setup = thread_setup,
    .snapshot = snapshot,
    .begin = begin,
    .thread = thread,
    .look = look,
    .end = end,
    .describe = describe,
};
