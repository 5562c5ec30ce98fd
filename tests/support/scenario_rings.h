// The scenarios with garbage rings and finalizers. A part of scenario.h, which
// includes it.

#ifndef SUPPORT_SCENARIO_RINGS_H
#define SUPPORT_SCENARIO_RINGS_H

struct guest {
    tally_object head;
    tally_ref next, other;
};
static bool guest_greedy; // its finalizer wants much memory
static void guest_finalize(void *object) {
    (void)object;
    // As much as lets the collector's tables grow.
    void *block = guest_greedy ? tally_alloc((size_t)48 << 20) : NULL;
    tally_free(block);
}
TALLY_TYPE(guest, TALLY_REF(next), TALLY_REF(other),
           TALLY_FINALIZE(guest_finalize));

struct pumped {
    struct guest guest;
};
TALLY_TYPE(pumped, TALLY_BASE(guest), TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));

static inline bool rings_of(tally_type *type) {
    bool done = true;
    for (int n = 0; n < 2000 && done; n++) {
        struct guest *guest = n % 8 ? NULL : tally_object_new(type, 0);
        struct thing *thing = tally_new(thing);
        if ((n % 8 == 0 && refused(guest)) || refused(thing))
            done = false;
        if (thing && guest)
            tally_set(guest, other, thing);
        if (guest)
            tally_set(guest, next, guest);
        if (thing)
            tally_set(thing, left, guest ? (void *)guest : (void *)thing);
        if (guest)
            tally_decref(guest);
        if (thing)
            tally_decref(thing);
    }
    if (refused_status(tally_collect_generation(TALLY_YOUNG, NULL)) ||
        refused_status(tally_collect_generation(TALLY_FULL, NULL)))
        done = false;
    return done;
}

static inline bool rings_scenario(void) {
    return rings_of(TALLY_TYPE_OF(guest));
}

// A collection whose second look needs larger tables than the first.
static inline bool greedy_scenario(void) {
    guest_greedy = true;
    bool done = rings_scenario();
    guest_greedy = false;
    return done;
}

// Rings whose finalizers wait for the pump.
static inline bool pump_scenario(void) {
    bool done = rings_of(TALLY_TYPE_OF(pumped));
    while (tally_finalize_pending(100) > 0) {
    }
    return done;
}

#endif
