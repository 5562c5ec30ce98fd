// Stress: threads share a cache that holds nothing and notes about what they
// hold, while they make and drop it.
//
// ORACLE  a ledger says which object a key has while anybody holds it: who gets
//         another from the cache has found two. A note is the object's own.
//         What is seen on the way through is what its key says. In the end
//         both maps are empty.
// USE     weakmaps [--threads N] [--seconds N] [--seed N]
// FAILS   when an entry that replaced a dead one is removed for that one
//         (entry_gone in container/weakmap.c), when a dead value is given, or
//         what a table had is lost when it grows.

#include "stress.h"

#define KEYS 2000u
#define HELD 60u

struct thing {
    tally_object head;
    tally_ref other; // some are in rings
    uint64_t key;
};
TALLY_TYPE(thing, TALLY_REF(other));

static struct entry {
    pthread_mutex_t lock;
    struct thing *thing; // while [holders] are not 0
    unsigned holders;
} ledger[KEYS];

static tally_weakmap *cache, *notes;
static atomic_ulong made, found, seen;

static void count(atomic_ulong *counter) {
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

// One that is in no ring dies by its count, others by a collection.
static struct thing *thing_new(uint64_t *random, uint32_t key) {
    struct thing *thing = tally_new(thing);
    must(thing);
    thing->key = key;
    if (stress_below(random, 4) == 0)
        tally_set(thing, other, thing);
    return thing;
}

static struct thing *take(uint64_t *random, uint32_t key) {
    struct thing *fresh = thing_new(random, key), *thing;
    tally_value value;
    tally_status status = tally_weakmap_get_or_set(cache, tally_small(key),
                                                   tally_of(fresh), &value);
    expect(status == TALLY_OK, "key %u: %s", key, tally_strerror(status));
    thing = tally_object_of(value);
    expect(thing->key == key, "key %u has the thing of %u", key,
           (unsigned)thing->key);
    count(thing == fresh ? &made : &found);
    if (thing == fresh)
        must(tally_weakmap_set(notes, value, tally_small(key)) == TALLY_OK);
    struct entry *entry = &ledger[key];
    must(pthread_mutex_lock(&entry->lock) == 0);
    expect(entry->holders == 0 || entry->thing == thing,
           "key %u is two things, %p and %p", key, (void *)entry->thing,
           (void *)thing);
    entry->thing = thing;
    entry->holders++;
    must(pthread_mutex_unlock(&entry->lock) == 0);
    tally_decref(fresh);
    return thing;
}

static void drop(struct thing *thing) {
    struct entry *entry = &ledger[thing->key];
    must(pthread_mutex_lock(&entry->lock) == 0);
    expect(entry->thing == thing, "key %u has changed", (unsigned)thing->key);
    entry->holders--;
    must(pthread_mutex_unlock(&entry->lock) == 0);
    tally_decref(thing);
}

// Who made the thing sets the note right after.
static void note_check(struct thing *thing) {
    tally_value note;
    tally_status status = tally_weakmap_find(notes, tally_of(thing), &note);
    expect(status == TALLY_OK || status == TALLY_NOT_FOUND, "a note: %s",
           tally_strerror(status));
    if (status == TALLY_OK)
        expect(tally_small_of(note) == (int64_t)thing->key,
               "the note of %u is %d", (unsigned)thing->key,
               (int)tally_small_of(note));
}

static void look_through(void) {
    struct tally_weakmap_iterator it;
    tally_value key, value;
    tally_weakmap_begin(cache, &it);
    while (tally_weakmap_next(&it, &key, &value)) {
        struct thing *thing = tally_object_of(value);
        expect(tally_small_of(key) == (int64_t)thing->key,
               "on the way, key %d has the thing of %u",
               (int)tally_small_of(key), (unsigned)thing->key);
        tally_value_decref(value);
        count(&seen);
    }
    tally_weakmap_end(&it);
}

static void turn(uint64_t *random, struct thing **held) {
    struct thing **at = &held[stress_below(random, HELD)];
    if (*at)
        drop(*at);
    *at = NULL;
    // Some keys are many threads', most one's.
    uint32_t few = stress_below(random, 4) ? KEYS : 30;
    if (stress_below(random, 8))
        *at = take(random, stress_below(random, few));
    at = &held[stress_below(random, HELD)];
    if (*at)
        note_check(*at);
    tally_value value =
        tally_weakmap_get(cache, tally_small(stress_below(random, KEYS)));
    if (!tally_is_absent(value))
        note_check(tally_object_of(value));
    tally_value_decref(value);
}

static void *run(void *arg) {
    uint64_t random = stress_stream((uintptr_t)arg, 0);
    struct thing *held[HELD] = {NULL};
    must(tally_attach("weakmaps") == TALLY_OK);
    for (unsigned n = 0; !stress_over(); n++) {
        turn(&random, held);
        if (n % 512 == 0)
            look_through();
        if ((uintptr_t)arg == 0 && n % 512 == 0)
            tally_collect();
        tally_safepoint();
        stress_tick();
    }
    for (uint32_t n = 0; n < HELD; n++)
        if (held[n]) {
            // Whoever made it has set the note by now, or is at it.
            note_check(held[n]);
            drop(held[n]);
        }
    tally_detach();
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "weakmaps", 6);
    cache = tally_weakmap_new(TALLY_WEAKMAP_VALUES);
    notes = tally_weakmap_new(TALLY_WEAKMAP_KEYS);
    must(cache && notes);
    for (uint32_t n = 0; n < KEYS; n++)
        must(pthread_mutex_init(&ledger[n].lock, NULL) == 0);
    team_run(run);
    stress_settle();
    size_t cached = tally_weakmap_length(cache);
    size_t noted = tally_weakmap_length(notes);
    expect(!cached && !noted, "%zu things and %zu notes are left", cached,
           noted);
    printf("weakmaps: %lu made, %lu found, %lu seen on the way\n",
           atomic_load(&made), atomic_load(&found), atomic_load(&seen));
    tally_decref(cache);
    tally_decref(notes);
    stress_settle();
    return stress_end();
}
