// Stress: weak references taken while their objects lose the last count, are
// collected in rings, and come back from finalizers.
//
// ORACLE  what tally_weak_get gives is whole and not destroyed while it is
//         held; once it gave nothing it never gives anything again. A callback
//         is called once, when its reference gives nothing, and before its
//         object is destroyed; of an object whose weak reference with a
//         callback lives on it is called. In the end all is destroyed.
// USE     weak [--threads N] [--seconds N] [--seed N]
// FAILS   when targets are cleared after the pause of a collection
//         (collector/collect.c); when get does not upgrade, or reads outside of
//         a section (object/weak.c); when a callback is called twice; when one
//         that is cleared as garbage stays on its object's list
//         (collector/weaken.c), in dev and asan builds.

#include "rounds.h"

#define SLOTS 16u
#define WORDS 4u
#define TURNS 3000u
#define LEAST 300u

struct thing {
    tally_object head;
    tally_ref next;
    uint64_t number;
    uint64_t words[WORDS]; // number + their index
    atomic_uint held;      // by threads that got it
    struct telling *tell;  // of its callback, or NULL
};

// What became of a callback; malloc'ed, freed by its object's end.
struct telling {
    atomic_uint called;
    tally_weak *weak; // a reference of ours
};

static tally_aref weaks[SLOTS];  // weak references, of all kinds
static tally_aref kept[SLOTS];   // some of their objects
static tally_aref leaves[SLOTS]; // of wreaths
static atomic_ulong made, destroyed, got, nothing, called, revived;
static atomic_ulong wreaths, told;

static void thing_check(const struct thing *thing) {
    for (uint32_t i = 0; i < WORDS; i++)
        expect(thing->words[i] == thing->number + i,
               "thing %llu is not whole: word %u is %llu",
               (unsigned long long)thing->number, i,
               (unsigned long long)thing->words[i]);
}

static void thing_gone(void *object) {
    struct thing *thing = object;
    thing_check(thing);
    expect(atomic_load(&thing->held) == 0, "thing %llu goes while it is held",
           (unsigned long long)thing->number);
    struct telling *tell = thing->tell;
    if (tell) {
        expect(atomic_load(&tell->called) == 1,
               "thing %llu goes, and its callback was called %u times",
               (unsigned long long)thing->number, atomic_load(&tell->called));
        free(tell);
    }
    thing->number = 0;
    atomic_fetch_add_explicit(&destroyed, 1, memory_order_relaxed);
}
TALLY_TYPE(thing, TALLY_REF(next), TALLY_DESTROY(thing_gone));

// A thing that comes back once, maybe.
struct phoenix {
    struct thing thing;
};
static void phoenix_dies(void *object) {
    struct phoenix *phoenix = object;
    thing_check(&phoenix->thing);
    if (phoenix->thing.number % 3 == 0) {
        tally_aref_set(NULL, &kept[phoenix->thing.number % SLOTS], phoenix);
        atomic_fetch_add_explicit(&revived, 1, memory_order_relaxed);
    }
}
TALLY_TYPE(phoenix, TALLY_BASE(thing), TALLY_FINALIZE(phoenix_dies));

static void tell(tally_weak *weak, void *arg) {
    struct telling *telling = arg;
    expect(tally_weak_get(weak) == NULL, "a callback's object can be got");
    expect(weak == telling->weak, "another weak reference is told");
    expect(atomic_fetch_add(&telling->called, 1) == 0, "called again");
    atomic_fetch_add_explicit(&called, 1, memory_order_relaxed);
    tally_decref(weak);
}

static struct thing *thing_new(uint64_t *random) {
    struct thing *thing =
        stress_below(random, 4) ? tally_new(thing) : (void *)tally_new(phoenix);
    must(thing);
    thing->number = (uint64_t)stress_random(random) << 16 | 1;
    for (uint32_t i = 0; i < WORDS; i++)
        thing->words[i] = thing->number + i;
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    return thing;
}

static void ring_close(uint64_t *random, struct thing *thing) {
    if (stress_below(random, 2)) {
        tally_set(thing, next, thing);
        return;
    }
    struct thing *other = thing_new(random);
    tally_set(other, next, thing);
    tally_set_steal(thing, next, other);
}

static void make(uint64_t *random) {
    struct thing *thing = thing_new(random);
    uint32_t slot = stress_below(random, SLOTS);
    if (stress_below(random, 3) == 0)
        ring_close(random, thing);
    if (stress_below(random, 3) == 0) {
        struct telling *telling = calloc(1, sizeof *telling);
        must(telling);
        telling->weak = tally_weak_new(thing, tell, telling);
        must(telling->weak);
        thing->tell = telling;
        tally_aref_set(NULL, &weaks[slot], telling->weak);
    } else {
        tally_aref_set_steal(NULL, &weaks[slot],
                             tally_weak_new(thing, NULL, NULL));
    }
    if (stress_below(random, 2))
        tally_aref_set(NULL, &kept[stress_below(random, SLOTS)], thing);
    tally_decref(thing);
}

// A ring of one that has a weak reference, with a callback, to a leaf of its
// own. Nobody else has the weak reference: it is called by who drops the leaf
// while the ring lives, and never once the ring is cleared.
struct wreath {
    tally_object head;
    tally_ref self, leaf, weak;
    struct telling *tell;
};

// Bits of [called]: 1 called, 2 the wreath is gone, 4 the leaf is. The second
// to go frees it.
static void telling_end(struct telling *telling, unsigned bit) {
    unsigned before = atomic_fetch_or(&telling->called, bit);
    expect(!(before & bit), "a wreath or its leaf goes twice");
    if (before & 6)
        free(telling);
}

static void wreath_gone(void *object) {
    struct wreath *wreath = object;
    telling_end(wreath->tell, 2);
    atomic_fetch_add_explicit(&wreaths, -1UL, memory_order_relaxed);
}
TALLY_TYPE(wreath, TALLY_REF(self), TALLY_REF(leaf), TALLY_REF(weak),
           TALLY_DESTROY(wreath_gone));

struct leaf {
    tally_object head;
    struct telling *tell;
};
static void leaf_gone(void *object) {
    telling_end(((struct leaf *)object)->tell, 4);
}
TALLY_TYPE(leaf, TALLY_DESTROY(leaf_gone));

static void tell_wreath(tally_weak *weak, void *arg) {
    struct telling *telling = arg;
    expect(weak == telling->weak && tally_weak_is_dead(weak),
           "a weak reference is called that is no more");
    expect(!(atomic_fetch_or(&telling->called, 1) & 1), "called again");
    tally_incref(weak); // a debug build aborts if it is dead
    tally_decref(weak);
    atomic_fetch_add_explicit(&told, 1, memory_order_relaxed);
}

static void wreath_make(uint64_t *random) {
    struct wreath *wreath = tally_new(wreath);
    struct leaf *leaf = tally_new(leaf);
    struct telling *telling = calloc(1, sizeof *telling);
    must(wreath && leaf && telling);
    wreath->tell = leaf->tell = telling;
    telling->weak = tally_weak_new(leaf, tell_wreath, telling);
    must(telling->weak);
    tally_set(wreath, self, wreath);
    tally_set_steal(wreath, weak, telling->weak);
    atomic_fetch_add_explicit(&wreaths, 1, memory_order_relaxed);
    uint32_t who = stress_below(random, 3);
    if (who < 2)
        tally_set(wreath, leaf, leaf);
    if (who > 0)
        tally_aref_set(NULL, &leaves[stress_below(random, SLOTS)], leaf);
    tally_decref(leaf);
    tally_decref(wreath);
}

static struct thing *get(uint64_t *random) {
    tally_weak *weak = tally_aref_dup(&weaks[stress_below(random, SLOTS)]);
    if (!weak)
        return NULL;
    bool dead = tally_weak_is_dead(weak);
    struct thing *thing = tally_weak_get(weak);
    if (thing) {
        expect(!dead, "thing %llu is got though it was dead",
               (unsigned long long)thing->number);
        atomic_fetch_add(&thing->held, 1);
        thing_check(thing);
    }
    atomic_fetch_add_explicit(thing ? &got : &nothing, 1, memory_order_relaxed);
    tally_decref(weak);
    return thing;
}

static void let_go(void *reference) {
    struct thing *thing = reference;
    thing_check(thing);
    atomic_fetch_sub(&thing->held, 1);
    tally_decref(thing);
}

static void turn(uint64_t me, uint64_t *random, void **held) {
    (void)me;
    uint32_t what = stress_below(random, 16);
    if (what == 0) {
        wreath_make(random);
    } else if (what < 4) {
        make(random);
    } else if (what < 6) {
        tally_aref_set(NULL, &kept[stress_below(random, SLOTS)], NULL);
    } else {
        void **slot = &held[stress_below(random, 4)];
        if (*slot)
            let_go(*slot);
        *slot = get(random);
    }
    if (stress_below(random, 2048) == 0)
        tally_collect();
    if (stress_below(random, 512) == 0)
        TALLY_BLOCKING { sched_yield(); }
}

// Says what those that are left wait for, and whether they only came late.
static void ended_check(void) {
    unsigned long ended = atomic_load(&destroyed);
    if (ended == atomic_load(&made))
        return;
    struct tally_stats stats = stress_stats();
    unsigned fields = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct thing *thing = tally_aref_dup(&kept[i]);
        fields += thing != NULL;
        if (thing)
            tally_decref(thing);
    }
    stress_settle();
    stress_fail(__FILE__, __LINE__,
                "%lu things were made, and %lu are destroyed: %u are in "
                "fields, %llu wait for finalizers, %llu are dead, %llu wait "
                "for a grace period, %llu for a drop; later %lu are destroyed",
                atomic_load(&made), ended, fields,
                (unsigned long long)stats.finalizers_waiting,
                (unsigned long long)stats.dying_objects,
                (unsigned long long)stats.limbo_objects,
                (unsigned long long)stats.later_drops, atomic_load(&destroyed));
}

static void checkpoint(void) {
    for (uint32_t i = 0; i < SLOTS; i++) {
        tally_aref_set(NULL, &weaks[i], NULL);
        tally_aref_set(NULL, &kept[i], NULL);
        tally_aref_set(NULL, &leaves[i], NULL);
    }
    // Phoenixes come back into fields, and are dropped there.
    for (int n = 0; n < 4; n++) {
        stress_collect();
        for (uint32_t i = 0; i < SLOTS; i++)
            tally_aref_set(NULL, &kept[i], NULL);
        stress_tick();
    }
    stress_settle();
    ended_check();
    expect(atomic_load(&wreaths) == 0, "%lu wreaths are left",
           atomic_load(&wreaths));
    expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "weak", 4);
    rounds_run((struct round_of){TURNS, turn, let_go, checkpoint, LEAST});
    printf("weak: %lu got, %lu times nothing, %lu called, %lu came back, %lu "
           "of what is garbage later\n",
           atomic_load(&got), atomic_load(&nothing), atomic_load(&called),
           atomic_load(&revived), atomic_load(&told));
    expect(atomic_load(&got) > 0 && atomic_load(&called) > 0,
           "nothing was got, or nobody was called");
    return stress_end();
}
