// The scenario: count, merge, duty.
//
// Two objects of thread 0's, which all three threads hold references to. They
// count up and down, hand references to each other without counting, come to
// safepoints, flush what they cached for others, block, stop the world, detach
// and attach again (as whoever is vacant, so that an owner's mutator may change
// hands), and end. One object has a destroy hook, the other is of the simplest
// kind.
//
// ORACLE  An object ends once, with no reference left; nobody touches it
//         afterwards, and nobody but its destroyer during it. While a thread
//         has stopped the world no other does anything. After the last thread
//         both have ended, and nothing waits in an inbox.

#include <tally/tally.h>

#include <stdio.h>

#include "epoch/registry.h"
#include "object/local.h"
#include "scenario.h"
#include "snapshot.h"

#define THREADS SCHEDULE_THREADS
#define OBJECTS 2u
#define OPERATIONS_MAX 8u
#define CLOSED 0x80000000u

struct hooked {
    tally_object head;
    uint64_t which;
};
static void hooked_ends(void *object);
TALLY_TYPE(hooked, TALLY_DESTROY(hooked_ends));

struct simple {
    tally_object head;
    uint64_t which;
};
TALLY_TYPE(simple);

static tally_object *objects[OBJECTS];
static struct tly_pool *pool;

// References that there are, of all threads and boxes together, and those of
// each thread; what lies in a box for a thread.
static uint32_t alive[OBJECTS];
static uint32_t held[THREADS][OBJECTS];
static uint32_t box[THREADS][OBJECTS];
static unsigned ends[OBJECTS];      // how often the destroy hook ran
static unsigned destroyer[OBJECTS]; // by whom
static unsigned stopper;            // 1 + who has stopped the world, or 0
static bool stops;                  // whether this schedule has stops at all
static uint64_t scenario_seed;

// ---- the oracle

static bool is_object(unsigned k) {
    return __atomic_load_n(&objects[k]->gc_, __ATOMIC_RELAXED) & TLY_GC_LIVE;
}

static uint32_t alive_now(unsigned k) {
    return __atomic_load_n(&alive[k], __ATOMIC_RELAXED);
}

static void hooked_ends(void *object) {
    unsigned k = objects[0] == object ? 0 : OBJECTS;
    if (k == OBJECTS)
        schedule_fail("a destroy hook is called for what is no object");
    schedule_say("destroys object %u", k);
    if (ends[k]++ > 0)
        schedule_fail("object %u is destroyed twice", k);
    if (alive_now(k) > 0)
        schedule_fail("object %u is destroyed with %u references left", k,
                      alive_now(k));
    destroyer[k] = schedule_self();
}

static void look(const void *address) {
    for (unsigned k = 0; k < OBJECTS; k++) {
        bool inside =
            (uintptr_t)address - (uintptr_t)objects[k] < sizeof(struct simple);
        if (!is_object(k)) {
            if (alive_now(k) > 0)
                schedule_fail("object %u is gone with %u references left", k,
                              alive_now(k));
            if (inside)
                schedule_fail("an access to object %u after its end", k);
        } else if (inside && ends[k] && destroyer[k] != schedule_self()) {
            schedule_fail("an access to object %u beside its destroyer", k);
        }
    }
}

static void end(void) {
    for (unsigned k = 0; k < OBJECTS; k++)
        if (is_object(k))
            schedule_fail("object %u was never destroyed (local %u, shared "
                          "%lld, owner %u, drop %#llx, merge %#llx)",
                          k, objects[k]->local_,
                          (long long)tly_count_of(objects[k]->shared_),
                          objects[k]->owner_ & TALLY_OWNER_MASK_,
                          (unsigned long long)pool->drop[0],
                          (unsigned long long)pool->merge[0]);
    scenario_mutators_check();
    if (pool->drop[0] | pool->merge[0])
        schedule_fail("drops or requests are left in the pool");
    if (!tly_pool_valid(pool))
        schedule_fail("the pool's bitmaps are wrong");
}

// ---- what threads do

// Before each thing that a thread does attached.
static void look_for_stop(unsigned self) {
    if (stopper && stopper != self + 1)
        schedule_fail("thread %u runs in a world that thread %u has stopped",
                      self, stopper - 1);
}

static void take_box(unsigned self, uint32_t flag) {
    look_for_stop(self);
    for (unsigned k = 0; k < OBJECTS; k++) {
        tly_point(&box[self][k]);
        uint32_t got =
            __atomic_exchange_n(&box[self][k], flag, __ATOMIC_ACQ_REL);
        held[self][k] += got & ~CLOSED;
    }
}

static void count_up(unsigned self, unsigned k) {
    if (!held[self][k])
        return;
    look_for_stop(self);
    schedule_say("increfs object %u", k);
    tally_incref(objects[k]);
    held[self][k]++;
    __atomic_fetch_add(&alive[k], 1, __ATOMIC_RELAXED);
}

static void count_down(unsigned self, unsigned k) {
    if (!held[self][k])
        return;
    look_for_stop(self);
    schedule_say("decrefs object %u", k);
    held[self][k]--;
    __atomic_fetch_sub(&alive[k], 1, __ATOMIC_RELAXED);
    tally_decref(objects[k]);
}

static void hand(unsigned self, unsigned k, unsigned to) {
    if (!held[self][k] || to == self)
        return;
    tly_point(&box[to][k]);
    uint32_t has = __atomic_load_n(&box[to][k], __ATOMIC_RELAXED);
    if (has & CLOSED)
        return;
    schedule_say("hands object %u to thread %u", k, to);
    held[self][k]--;
    __atomic_fetch_add(&box[to][k], 1, __ATOMIC_ACQ_REL);
}

static void block(unsigned self) {
    schedule_say("blocks");
    tally_blocking_enter();
    for (unsigned n = 0; n < 3; n++)
        tly_point(&box[self]);
    tally_blocking_exit();
    schedule_say("has blocked");
}

static void stop(unsigned self) {
    schedule_say("stops the world");
    if (tally_stop_world() != TALLY_OK)
        schedule_fail("thread %u cannot stop the world", self);
    look_for_stop(self);
    stopper = self + 1;
    for (unsigned n = 0; n < 3; n++)
        tly_point(&box[self]);
    stopper = 0;
    schedule_say("starts the world");
    tally_start_world();
}

static void leave_and_come(unsigned self) {
    schedule_say("detaches");
    tally_detach();
    for (unsigned n = 0; n < 3; n++)
        tly_point(&box[self]);
    tally_attach("explorer");
    schedule_say("attaches as mutator %u", tally_mutator_number());
}

static void operate(unsigned self, uint64_t r) {
    unsigned k = (unsigned)(r >> 8) % OBJECTS;
    switch ((unsigned)r % 16) {
    case 0:
    case 1:
    case 2:
        count_up(self, k);
        break;
    case 3:
    case 4:
    case 5:
        count_down(self, k);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        hand(self, k, (unsigned)(r >> 16) % THREADS);
        break;
    case 10:
        tally_safepoint();
        break;
    case 11:
        schedule_say("polls");
        tally_safepoint_slow_();
        break;
    case 12:
        schedule_say("flushes");
        tly_pending_flush(tly_heap_of(tly_self()));
        break;
    case 13:
        block(self);
        break;
    case 14:
        if (stops)
            stop(self);
        else
            block(self);
        break;
    default:
        leave_and_come(self);
    }
}

static void thread(unsigned self) {
    uint64_t random = scenario_seed + self;
    (void)random_next(&random);
    unsigned operations = (unsigned)random_next(&random) % OPERATIONS_MAX;
    for (unsigned n = 0; n < operations; n++) {
        take_box(self, 0);
        operate(self, random_next(&random));
    }
    take_box(self, CLOSED);
    for (unsigned k = 0; k < OBJECTS; k++)
        while (held[self][k])
            count_down(self, k);
    schedule_say("detaches, and ends");
    tally_detach();
}

// ---- begin

static void begin(uint64_t seed) {
    scenario_seed = ~seed;
    uint64_t random = scenario_seed;
    stops = random_next(&random) % 4 == 0;
    for (unsigned n = 1; n < THREADS; n++)
        for (unsigned k = 0; k < OBJECTS; k++) {
            uint64_t count = random_next(&random) % 3;
            for (; count > 0; count--) {
                tally_incref(objects[k]);
                held[n][k]++;
                alive[k]++;
            }
        }
}

static void thread_setup(unsigned n) {
    if (n > 0)
        return;
    objects[0] = tally_object_new(&tally_type_hooked, 0);
    objects[1] = tally_object_new(&tally_type_simple, 0);
    pool = tly_pool_of(objects[0]);
    for (unsigned k = 0; k < OBJECTS; k++)
        alive[k] = held[0][k] = 1;
}

static void snapshot(void) {
    struct tly_arena *arena = tly_arena_of(pool);
    snapshot_add(arena, TLY_DESCRIPTOR_SIZE * (tly_unit_of(pool->base) + 2));
    snapshot_add(pool->base, TLY_UNIT_SIZE);
}

// ---- names for traces

static const struct part pool_parts[] = {
    PART(struct tly_pool, owner),    PART(struct tly_pool, parked),
    PART(struct tly_pool, in_inbox), PART(struct tly_pool, inbox),
    PART(struct tly_pool, remote),   PART(struct tly_pool, drop),
    PART(struct tly_pool, merge),
};

static bool describe(const void *address, char *ret_name, size_t size) {
    size_t offset = (uintptr_t)address - (uintptr_t)pool;
    if (offset < sizeof(*pool)) {
        snprintf(ret_name, size, "pool %s", PART_OF(pool_parts, offset));
        return true;
    }
    for (unsigned k = 0; k < OBJECTS; k++) {
        offset = (uintptr_t)address - (uintptr_t)objects[k];
        if (offset < sizeof(struct simple)) {
            snprintf(ret_name, size, "object %u %s", k, part_of_object(offset));
            return true;
        }
    }
    if ((uintptr_t)address - (uintptr_t)box >= sizeof(box))
        return false;
    snprintf(ret_name, size, "a box");
    return true;
}

const struct scenario scenario_count = {
    .name = "count",
    .steps_usual = 400,
    .steps_max = 50000,
    .stays = {0, 256, 512, 768},
    .thread_setup = thread_setup,
    .snapshot = snapshot,
    .begin = begin,
    .thread = thread,
    .look = look,
    .end = end,
    .describe = describe,
};
