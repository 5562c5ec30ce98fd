// Stress: types are made, derived from, dropped and freed while threads
// make objects of them, store them, read them in sections and drop them.
//
// ORACLE  an object's type has the name that the object has noted: while it is
//         held, borrowed, or being destroyed. In the end no type is left.
// USE     types [--threads N] [--seconds N] [--seed N]
// FAILS   when a type is freed that a block names: one that is dying, or waits
//         for a grace period, or whose derived type is used (object/made.c).

#include "stress.h"

#define SLOTS 64u

struct thing {
    tally_object head;
    tally_cell field;
    uint64_t key; // of its type: the name is its number
};

static tally_aref slots[SLOTS];
static atomic_ulong keys;

static void thing_check(const struct thing *thing, const char *when) {
    char name[24];
    snprintf(name, sizeof(name), "#%llu", (unsigned long long)thing->key);
    const char *found = tally_type_of(thing)->name;
    expect(!strcmp(name, found), "%s, an object of %s is of %s", when, name,
           found);
}

static void thing_gone(void *object) { thing_check(object, "at its end"); }

static tally_type *type_make(uint64_t *random, tally_type *base,
                             uint64_t *ret_key) {
    const tally_trait own[] = {
        {.kind = TALLY_TRAIT_CELLS,
         .name = "field",
         .offset = offsetof(struct thing, field),
         .count = 1},
        {.kind = TALLY_TRAIT_DESTROY, .hook = thing_gone},
        {.kind = TALLY_TRAIT_END}};
    const tally_trait derived[] = {{.kind = TALLY_TRAIT_BASE, .base = base},
                                   {.kind = TALLY_TRAIT_END}};
    char name[24];
    *ret_key = atomic_fetch_add(&keys, 1);
    snprintf(name, sizeof(name), "#%llu", (unsigned long long)*ret_key);
    size_t more = base ? 128 : stress_below(random, 96);
    tally_type_spec spec = {name, sizeof(struct thing) + more,
                            base ? derived : own};
    tally_type *type = tally_type_make(&spec);
    must(type);
    return type;
}

// Objects of a type, some of them stored, some in rings.
static void things_make(uint64_t *random, tally_type *type, uint64_t key) {
    for (uint32_t n = stress_below(random, 6); n > 0; n--) {
        struct thing *thing = tally_object_new(type, 0);
        must(thing);
        thing->key = key;
        if (stress_below(random, 4) == 0)
            tally_cell_set(thing, &thing->field, tally_of(thing));
        if (stress_below(random, 2))
            tally_aref_set(NULL, &slots[stress_below(random, SLOTS)], thing);
        tally_decref(thing);
    }
}

static void turn(uint64_t *random) {
    uint64_t key, other;
    tally_type *type = type_make(random, NULL, &key);
    if (stress_below(random, 3) == 0) {
        tally_type *derived = type_make(random, type, &other);
        tally_type_drop(type);
        things_make(random, derived, other);
        tally_type_drop(derived);
    } else {
        things_make(random, type, key);
        tally_type_drop(type);
    }
    TALLY_BORROW {
        for (uint32_t n = 0; n < 8; n++) {
            const struct thing *thing =
                tally_aref_get(&slots[stress_below(random, SLOTS)]);
            if (thing)
                thing_check(thing, "borrowed");
        }
    }
    struct thing *held = tally_aref_dup(&slots[stress_below(random, SLOTS)]);
    if (!held)
        return;
    tally_type *its = tally_type_hold(tally_type_of(held));
    thing_check(held, "held");
    key = held->key;
    tally_decref(held);
    things_make(random, its, key);
    tally_type_drop(its);
}

static void *run(void *arg) {
    uint64_t random = stress_stream((uintptr_t)arg, 0);
    must(tally_attach("types") == TALLY_OK);
    for (unsigned n = 0; !stress_over(); n++) {
        turn(&random);
        if ((uintptr_t)arg == 0 && n % 256 == 0)
            tally_collect();
        tally_safepoint();
        stress_tick();
    }
    tally_detach();
    return NULL;
}

static bool is_ours(tally_type *type, void *arg) {
    (void)arg;
    expect(type->name[0] != '#', "type %s is left", type->name);
    return true;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "types", 6);
    team_run(run);
    for (uint32_t n = 0; n < SLOTS; n++)
        tally_aref_set(NULL, &slots[n], NULL);
    stress_settle();
    stress_collect();
    tally_types_each(is_ours, NULL);
    printf("types: %lu were made\n", atomic_load(&keys));
    return stress_end();
}
