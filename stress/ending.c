// Stress: objects in shared fields, maps and lists are replaced, and their
// finalizers close them, while other threads take counted references.
//
// ORACLE  what a counted read gives is open, or its finalizer has put it there
//         itself; and it stays as it is while it is held. Each is finalized
//         once. In the end all is destroyed.
// USE     ending [--threads N] [--seconds N] [--seed N]
// FAILS   when an object's end is not one step with its count
//         (tly_count_drop_shared), or a reader takes what is at its end
//         without looking again (tly_count_take): a few in a million reads.

#include "rounds.h"

#define FIELDS 2u
#define TURNS 20000u

enum state { OPEN = 0x09E9, BACK = 0xBAC4, CLOSED = 0xC705ED, GONE = 0xDEAD };

struct door {
    tally_object head;
    atomic_uint state;
    atomic_uint held;    // by threads that got it
    uint32_t field, way; // where it was put
    bool returns;
};

static tally_aref fields[FIELDS];
static tally_cell cells[FIELDS];
static tally_aref weaks[FIELDS];
static tally_map *map; // by small integers, and by text
static tally_list *list;
static tally_weakmap *weakmap;
static tally_text *names[FIELDS];
static atomic_ulong made, finalized, destroyed, got, returned;

enum way { AREF, CELL, MAP, NAMED, LIST, WEAK, WEAKMAP, WAYS };

static void put(uint32_t way, uint32_t n, struct door *door) {
    tally_value value = tally_of(door), key = tally_small((int64_t)n);
    switch (way) {
    case AREF:
        tally_aref_set(NULL, &fields[n], door);
        break;
    case CELL:
        tally_cell_set(NULL, &cells[n], value);
        break;
    case MAP:
        must(tally_map_set(map, key, value) == TALLY_OK);
        break;
    case NAMED:
        must(tally_map_set(map, tally_of(names[n]), value) == TALLY_OK);
        break;
    case LIST:
        must(tally_list_set(list, n, value) == TALLY_OK);
        break;
    case WEAK:
        tally_aref_set_steal(NULL, &weaks[n], tally_weak_new(door, NULL, NULL));
        break;
    default:
        must(tally_weakmap_set(weakmap, key, value) == TALLY_OK);
    }
}

static struct door *get_weak(uint32_t n) {
    tally_weak *weak = tally_aref_dup(&weaks[n]);
    struct door *door = weak ? tally_weak_get(weak) : NULL;
    if (weak)
        tally_decref(weak);
    return door;
}

static struct door *get_next(void) {
    struct tally_map_iterator it;
    tally_value key, value = tally_absent();
    tally_map_begin(map, &it);
    if (tally_map_next(&it, &key, &value))
        tally_value_decref(key);
    tally_map_end(&it);
    return tally_object_of(value);
}

static struct door *get(uint32_t way, uint32_t n) {
    tally_value key = tally_small((int64_t)n);
    switch (way) {
    case AREF:
        return tally_aref_dup(&fields[n]);
    case CELL:
        return tally_object_of(tally_cell_dup(&cells[n]));
    case MAP:
        return tally_object_of(tally_map_get(map, key));
    case NAMED:
        return tally_object_of(tally_map_get(map, tally_of(names[n])));
    case LIST:
        return tally_object_of(tally_list_get(list, n));
    case WEAK:
        return get_weak(n);
    case WEAKMAP:
        return tally_object_of(tally_weakmap_get(weakmap, key));
    default:
        return get_next();
    }
}

static void door_close(void *object) {
    struct door *door = object;
    expect(atomic_load(&door->held) == 0, "a door is closed that is held");
    expect(atomic_exchange(&door->state, door->returns ? BACK : CLOSED) == OPEN,
           "a finalizer runs twice");
    for (volatile int n = 0; n < 200; n++) // it takes a moment
        continue;
    atomic_fetch_add_explicit(&finalized, 1, memory_order_relaxed);
    if (door->returns) {
        put(door->way, door->field, door);
        atomic_fetch_add_explicit(&returned, 1, memory_order_relaxed);
    }
}

static void door_gone(void *object) {
    struct door *door = object;
    expect(atomic_load(&door->held) == 0, "a door goes that is held");
    expect(atomic_exchange(&door->state, GONE) ==
               (door->returns ? BACK : CLOSED),
           "a door goes that is open, or has gone");
    atomic_fetch_add_explicit(&destroyed, 1, memory_order_relaxed);
}
TALLY_TYPE(door, TALLY_FINALIZE(door_close), TALLY_DESTROY(door_gone));

struct served {
    struct door door;
};
TALLY_TYPE(served, TALLY_BASE(door), TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

struct pumped {
    struct door door;
};
TALLY_TYPE(pumped, TALLY_BASE(door), TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));

static void replace(uint64_t *random) {
    tally_type *types[] = {TALLY_TYPE_OF(door), TALLY_TYPE_OF(door),
                           TALLY_TYPE_OF(served), TALLY_TYPE_OF(pumped)};
    struct door *door = tally_object_new(types[stress_below(random, 4)], 0);
    must(door);
    door->way = stress_below(random, WAYS);
    door->field = stress_below(random, FIELDS);
    // Not by what does not keep it.
    door->returns = door->way < WEAK && stress_below(random, 8) == 0;
    atomic_store(&door->state, OPEN);
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    put(door->way, door->field, door);
    // Who is weakly referred to lives in a field for a while.
    if (door->way >= WEAK)
        put(AREF, door->field, door);
    tally_decref(door);
}

static void let_go(void *reference) {
    struct door *door = reference;
    unsigned state = atomic_load(&door->state);
    expect(state == OPEN || state == BACK, "a door that is held is %x", state);
    atomic_fetch_sub(&door->held, 1);
    tally_decref(door);
}

static void turn(uint64_t me, uint64_t *random, void **held) {
    if (me == 0 || stress_below(random, 16) == 0) {
        replace(random);
        if (stress_below(random, 16) == 0)
            tally_finalize_pending(SIZE_MAX);
        if (stress_below(random, 4096) == 0)
            tally_collect();
        return;
    }
    uint32_t way = stress_below(random, WAYS + 1);
    struct door *door = get(way, stress_below(random, FIELDS));
    if (!door)
        return;
    atomic_fetch_add(&door->held, 1);
    unsigned state = atomic_load(&door->state);
    expect(state == OPEN || (state == BACK && door->returns),
           "read %u gives a door that is %x", way, state);
    atomic_fetch_add_explicit(&got, 1, memory_order_relaxed);
    void **slot = &held[stress_below(random, 4)];
    if (*slot)
        let_go(*slot);
    *slot = door;
}

static void empty(void) {
    for (uint32_t n = 0; n < FIELDS; n++) {
        tally_aref_set(NULL, &fields[n], NULL);
        tally_cell_set(NULL, &cells[n], tally_nil());
        tally_aref_set(NULL, &weaks[n], NULL);
        must(tally_list_set(list, n, tally_nil()) == TALLY_OK);
    }
    tally_map_clear(map);
}

static void check(void) {
    // What comes back does so once.
    for (int n = 0; n < 3; n++) {
        empty();
        tally_synchronize();
        for (uint64_t left = 1; left; stress_tick()) {
            stress_collect();
            tally_finalize_pending(SIZE_MAX);
            left = stress_stats().finalizers_waiting;
        }
    }
    stress_settle();
    expect(atomic_load(&made) == atomic_load(&destroyed),
           "%lu doors were made, and %lu are destroyed", atomic_load(&made),
           atomic_load(&destroyed));
    expect(atomic_load(&made) == atomic_load(&finalized),
           "%lu doors were made, and %lu finalized", atomic_load(&made),
           atomic_load(&finalized));
    expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "ending", 4);
    map = tally_map_new(0), list = tally_list_new();
    weakmap = tally_weakmap_new(TALLY_WEAKMAP_VALUES);
    must(map && list && weakmap);
    for (uint32_t n = 0; n < FIELDS; n++) {
        names[n] = tally_text_new(n ? "back door" : "front door", n ? 9 : 10);
        must(names[n] && tally_list_append(list, tally_nil()) == TALLY_OK);
    }
    rounds_run((struct round_of){TURNS, turn, let_go, check, 0});
    printf("ending: %lu got, %lu finalized, %lu of them came back\n",
           atomic_load(&got), atomic_load(&finalized), atomic_load(&returned));
    for (uint32_t n = 0; n < FIELDS; n++)
        tally_decref(names[n]);
    tally_decref(map), tally_decref(list), tally_decref(weakmap);
    return stress_end();
}
