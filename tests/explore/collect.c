// The scenario: a collection beside threads that move references.
//
// Some objects that refer to each other, of several threads, some of them
// garbage, some kept by one reference only, which moves. Thread 0 collects
// beside the others. Those change fields of objects that they hold, put
// references into shared cells and take them out, borrow, take references
// through weak ones, drop, make new objects, block, detach and attach again.
//
// ORACLE  What a thread holds lives, and all that it leads to; what a thread
//         has borrowed is not made into something else before the section
//         ends. No object ends twice. When all is dropped a quiet collection
//         leaves nothing, and the heap's counts are right before.

#include <stdio.h>

#include "base/bits.h"
#include "collector/sides.h"
#include "epoch/registry.h"
#include "nodes.h"
#include "scenario.h"
#include "snapshot.h"
#include "tables.h"

#define CELLS 2u
#define OPERATIONS_MAX 12u
#define UNITS 24u

static tally_weak *weak[OBJECTS];
static tally_aref cells[CELLS];
static uint64_t scenario_seed;

// What a thread does mostly.
enum habit { MIXED, WALKS, FLIPS, TAKES, DROPS, ASKS, BORROWS, MAKES, HABITS };
static enum habit habit[THREADS];

// Of the collection: how many turns it has taken, TURNS when it is over; and
// what it proposes.
#define TURNS 1000u
static unsigned turns;
static enum { FOUND, HALF, ALL } proposal;
static uint64_t proposal_random;

// ---- the end

static void end(void) {
    reached_check();
    if (tally_attach("explorer") != TALLY_OK)
        schedule_fail("nobody can attach");
    if (scenario_seed % 16 == 0 && tally_verify(2) != TALLY_OK)
        schedule_fail("the heap is not right");
    for (unsigned n = 0; n < CELLS; n++)
        tally_aref_set_steal(NULL, &cells[n], NULL);
    proposal = FOUND;
    tally_collect();
    for (unsigned k = 0; k < OBJECTS; k++)
        if (is_alive(k))
            schedule_fail("object %u was never destroyed (local %u, shared "
                          "%#llx, owner %#x)",
                          k, objects[k]->head.local_,
                          (unsigned long long)objects[k]->head.shared_,
                          objects[k]->head.owner_);
    tally_detach();
    scenario_mutators_check();
}

// ---- what threads do; [k] is held

static void got(unsigned self, void *object, const char *how) {
    if (!object)
        return;
    unsigned k = number_of(object, how);
    schedule_say("has object %u: %s", k, how);
    hold(self, k);
}

// Puts a reference of its own, to object [to], into a field of object [k].
static void put(unsigned self, unsigned k, unsigned to) {
    schedule_say("puts object %u into object %u", to, k);
    release(self, to);
    tally_set_steal(objects[k], next, objects[to]);
}

static void take(unsigned self, unsigned k) {
    schedule_say("takes what object %u has", k);
    got(self, tally_take(objects[k], next), "a field");
}

// Turns a reference over: what the object refers to has it then.
static void flip(unsigned self, unsigned k) {
    schedule_say("turns over what object %u has", k);
    struct node *node = tally_take(objects[k], next);
    got(self, node, "a field");
    if (node && writer[node->which] == self)
        put(self, (unsigned)node->which, k);
}

// Holds what the object refers to, and lets the object go: the reference
// moves on.
static void walk(unsigned self, unsigned k) {
    schedule_say("walks on from object %u", k);
    got(self, tally_dup(objects[k], next), "a step");
    release(self, k);
    tally_decref(objects[k]);
}

static void count_up(unsigned self, unsigned k) {
    schedule_say("increfs object %u", k);
    tally_incref(objects[k]);
    hold(self, k);
}

static void count_down(unsigned self, unsigned k) {
    schedule_say("decrefs object %u", k);
    release(self, k);
    tally_decref(objects[k]);
}

// A shared field: a cell, or that of an object which is held.
struct place {
    struct node *container;
    tally_aref *field;
};
static struct place place_of(unsigned self, uint64_t r) {
    unsigned k = (unsigned)r % (2 * OBJECTS);
    if (k < OBJECTS && holds[self] >> k & 1)
        return (struct place){objects[k], &objects[k]->link};
    return (struct place){NULL, &cells[k % CELLS]};
}

static void share(unsigned self, struct place at, unsigned k) {
    schedule_say("shares object %u", k);
    release(self, k);
    tally_aref_set_steal(at.container, at.field, objects[k]);
}

static void exchange(unsigned self, struct place at, unsigned k, bool empty) {
    schedule_say("exchanges what is shared");
    if (!empty)
        release(self, k);
    got(self,
        tally_aref_exchange(at.container, at.field, empty ? NULL : objects[k]),
        "what was shared");
}

static void borrow(unsigned self, struct place at, unsigned points) {
    void *object = NULL;
    schedule_say("borrows");
    TALLY_BORROW {
        struct node *node = tally_aref_get(at.field);
        borrow_note(self, node);
        for (; node && points > 0; points--)
            tly_point(&holds[self]);
        object = node ? tally_upgrade(node) : NULL;
        borrow_note(self, NULL);
    }
    got(self, object, "what was borrowed");
}

static void weaken(unsigned self, unsigned k) {
    if (!weak[k])
        return;
    schedule_say("asks for object %u", k);
    asked[self] = &objects[k]->head;
    void *object = tally_weak_get(weak[k]);
    asked[self] = NULL;
    asks_granted |= object != NULL;
    got(self, object, "a weak reference");
}

static tally_type *type_usual(unsigned k) {
    return k % 2 ? &tally_type_bare : &tally_type_told;
}

static void make(unsigned self) {
    for (unsigned k = FIRST; k < OBJECTS; k++)
        if (!objects[k] || is_free(k)) {
            // Nobody else takes the number meanwhile.
            objects[k] = (struct node *)(void *)&cells;
            object_make(self, k, type_usual(k));
            schedule_say("makes object %u", k);
            return;
        }
}

// Comes to safepoints until the collection has taken so many turns.
static void await(unsigned self, unsigned turn) {
    schedule_say("waits for turn %u", turn);
    while (turns < turn && turns < TURNS) {
        tly_point(&holds[self]);
        tally_safepoint();
        tly_point_yield();
    }
}

static void rest(unsigned self, unsigned how) {
    switch (how % 5) {
    case 4:
        await(self, turns + 1 + (how >> 8) % 2);
        break;
    case 0:
        schedule_say("polls");
        tally_safepoint_slow_();
        break;
    case 1:
        schedule_say("blocks");
        tally_blocking_enter();
        for (unsigned n = 0; n < 3; n++)
            tly_point(&holds[self]);
        tally_blocking_exit();
        break;
    case 2:
        schedule_say("detaches");
        tally_detach();
        for (unsigned n = 0; n < 3; n++)
            tly_point(&holds[self]);
        tally_attach("explorer");
        break;
    default:
        make(self);
    }
}

// One of what is held: OBJECTS if nothing is.
static unsigned pick(unsigned self, uint64_t r) {
    unsigned left = holds[self];
    if (!left)
        return OBJECTS;
    for (unsigned skip = (unsigned)r % tly_bit_count(left); skip > 0; skip--)
        left &= left - 1;
    return tly_bit_lowest(left);
}

static void operate_on(unsigned self, unsigned k, uint64_t r) {
    bool writes = writer[k] == self;
    switch ((unsigned)r % 8) {
    case 0:
        count_up(self, k);
        break;
    case 1:
        count_down(self, k);
        break;
    case 2:
        if (writes)
            put(self, k, pick(self, r >> 32));
        break;
    case 3:
        if (writes)
            take(self, k);
        break;
    case 4:
        if (writes)
            flip(self, k);
        break;
    case 5:
        if (writes)
            walk(self, k);
        break;
    case 6:
        share(self, place_of(self, r >> 40), k);
        break;
    default:
        exchange(self, place_of(self, r >> 40), k, r >> 63);
    }
}

static void operate_as_ever(unsigned self, unsigned k, uint64_t r) {
    bool writes = k < OBJECTS && writer[k] == self;
    if (habit[self] == ASKS && (!writes || (r & 3) == 0))
        weaken(self, self == 1 ? 1 : 4);
    else if (k < OBJECTS &&
             (habit[self] == DROPS || (habit[self] == ASKS && r & 4)))
        count_down(self, k);
    else if (habit[self] == BORROWS)
        borrow(self, place_of(self, OBJECTS + r), (unsigned)(r >> 4) % 4);
    else if (habit[self] == MAKES && (k >= OBJECTS || r & 1))
        make(self);
    else if (habit[self] == MAKES)
        count_down(self, k);
    else if (writes && habit[self] == WALKS)
        walk(self, k);
    else if (writes && habit[self] == FLIPS)
        flip(self, k);
    else if (writes)
        take(self, k);
}

static void operate(unsigned self, uint64_t r) {
    unsigned k = pick(self, r >> 8);
    if (habit[self] != MIXED && r >> 62) {
        operate_as_ever(self, k, r >> 24);
        return;
    }
    switch ((unsigned)(r >> 16) % 8) {
    case 0:
        rest(self, (unsigned)(r >> 20));
        break;
    case 1:
        borrow(self, place_of(self, r >> 40), (unsigned)(r >> 20) % 4);
        break;
    case 2:
        weaken(self, (r >> 20 & 1) ? 1 : 4);
        break;
    case 3:
        exchange(self, place_of(self, r >> 40), k, true);
        break;
    default:
        if (k < OBJECTS)
            operate_on(self, k, r >> 24);
    }
}

static void turn(enum tly_turn what, bool young) {
    (void)young;
    turns += turns < TURNS;
    schedule_say("turn %u of the collection", turns);
    if (turns < TURNS)
        schedule_turn(turns);
    if (proposal == FOUND)
        return;
    if (what == TLY_TURN_COUNTED)
        tables_looked();
    else if (what == TLY_TURN_MARKED)
        tables_propose(proposal == HALF ? &proposal_random : NULL);
}

static void collect(uint64_t r) {
    tally_generation generation = r % 4 ? TALLY_YOUNG : TALLY_FULL;
    schedule_say("collects");
    tally_status status =
        tally_collect_with(TALLY_CONCURRENT, generation, NULL);
    if (status != TALLY_OK)
        schedule_fail("a collection gives %d", status);
    schedule_say("has collected");
    turns = TURNS;
}

static void thread(unsigned self) {
    uint64_t random = scenario_seed + self;
    (void)random_next(&random);
    unsigned operations = (unsigned)random_next(&random) % OPERATIONS_MAX;
    uint64_t r = random_next(&random);
    if (self == 0)
        collect(r);
    else if (r & 3)
        await(self, r & 0x70 && schedule_first_turn() ? schedule_first_turn()
                                                      : (unsigned)(r >> 7) % 8);
    for (unsigned n = 0; n < operations; n++) {
        operate(self, random_next(&random));
        schedule_operated();
    }
    while (holds[self])
        count_down(self, tly_bit_lowest(holds[self]));
    schedule_say("detaches, and ends");
    tally_detach();
}

// ---- begin

// Three objects of a thread refer to each other in a ring, or one to another,
// or to any. Returns which of the references to them are kept, one bit each.
static unsigned shape(unsigned self, unsigned first, uint64_t r) {
    bool any = (r & 14) == 0;
    bool noise = !schedule_first_turn() || (r & 0xC0) == 0;
    enum {
        RING,
        CHAIN,
        SELF
    } shape = habit[self] == FLIPS && r >> 26 & 1 ? CHAIN : r >> 24 & 3;
    unsigned from = (unsigned)(r >> 8) % 3;
    schedule_as(self);
    for (unsigned n = 0; n < 3; n++) {
        unsigned k = first + n;
        if (any)
            tally_set(objects[k], next, objects[(r >> (16 + 4 * n)) % FIRST]);
        else if (shape == SELF)
            tally_set(objects[k], next, objects[k]);
        else if (shape != CHAIN || n == from)
            tally_set(objects[k], next, objects[first + (n + 1) % 3]);
        if (noise && (r >> (32 + 4 * n) & 15) == 0)
            tally_aref_set(objects[k], &objects[k]->link,
                           objects[(r >> (44 + 4 * n)) % FIRST]);
        if (noise && (r >> (48 + 4 * n) & 7) == 0)
            tally_aref_set(NULL, &cells[k % CELLS], objects[k]);
    }
    if ((r >> 60 & 3) == 0)
        return 0;
    if (!noise && (self == 2 ? r >> 61 != 7 : habit[1] == ASKS && r >> 63))
        return 0;
    return r & 0x30 ? 1u << from : (unsigned)(r >> 20) & 7;
}

static void begin(uint64_t seed) {
    scenario_seed = ~seed;
    uint64_t random = scenario_seed;
    proposal_random = random_next(&random);
    proposal = (unsigned)(proposal_random % 4 < 2 ? ALL : proposal_random % 2);
    turns = 0;
    for (unsigned n = 0; n < THREADS; n++)
        habit[n] = (enum habit)(random_next(&random) % HABITS);
    tly_chaos = turn;
    if (random_next(&random) % 4 == 0) {
        schedule_as(2);
        count_down(2, FIRST - 1);
        object_make(2, FIRST - 1, &tally_type_last);
    }
    // In bursts of thread 1 what takes the most luck to be found.
    static const enum habit often[] = {ASKS,  ASKS,  ASKS, FLIPS,
                                       FLIPS, WALKS, TAKES};
    if (schedule_first_turn() && random_next(&random) % 8)
        habit[1] = often[random_next(&random) % 7];
    unsigned keeps = shape(1, 0, random_next(&random));
    keeps |= shape(2, 3, random_next(&random)) << 3;
    for (unsigned k = 0; k < FIRST; k++)
        if (!(keeps >> k & 1)) {
            schedule_as(writer[k]);
            count_down(writer[k], k);
        }
    schedule_as(schedule_self());
}

static void thread_setup(unsigned n) {
    for (unsigned k = 0; k < FIRST; k++) {
        if (n != 1 + k / 3)
            continue;
        object_make(n, k, type_usual(k));
        if (k % 3 == 1)
            weak[k] = tally_weak_new(objects[k], NULL, NULL);
    }
}

static void snapshot(void) {
    struct tly_arena *arena = tly_arena_of(objects[0]);
    unsigned last = TLY_META_UNITS + UNITS;
    if (tly_sides_prepare(false) != TALLY_OK)
        schedule_fail("no memory for tables");
    // Walks ask about each slot; there is one.
    schedule_settle(true);
    (void)tly_slot_is(0, TLY_SLOT_ARENA);
    (void)tly_slot_is(0, TLY_SLOT_HUGE);
    (void)tly_slots_frontier();
    schedule_settle(false);
    snapshot_add(tly_colds, SCENARIO_RECORDS * TLY_COLD_SIZE);
    snapshot_add(arena, TLY_DESCRIPTOR_SIZE * last);
    tables_snapshot(tly_unit_at(arena, TLY_META_UNITS), UNITS);
}

static bool describe(const void *address, char *ret_name, size_t size) {
    for (unsigned k = 0; k < OBJECTS; k++) {
        size_t offset = (uintptr_t)address - (uintptr_t)objects[k];
        if (offset < sizeof(struct node)) {
            snprintf(ret_name, size, "object %u %s", k,
                     offset >= sizeof(tally_object) ? "field"
                                                    : part_of_object(offset));
            return true;
        }
    }
    return false;
}

const struct scenario scenario_collect = {
    .name = "collect",
    .steps_usual = 1000,
    .steps_max = 100000,
    .stays = {512, 896, 1000, 1020},
    .focuses = true,
    .turns = 8,
    .thread_setup = thread_setup,
    .snapshot = snapshot,
    .begin = begin,
    .thread = thread,
    .look = nodes_look,
    .end = end,
    .describe = describe,
};
