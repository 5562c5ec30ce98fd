// A part of scenario.h: what is deferred while any step may be refused.

#ifndef SUPPORT_SCENARIO_DEFER_H
#define SUPPORT_SCENARIO_DEFER_H

static atomic_uint deferrals; // calls that are to come
static inline void deferral_comes(void *arg) {
    must(atomic_fetch_sub(&deferrals, 1) > 0);
    // Here the program's code may fail as well.
    struct thing *thing = arg ? tally_new(thing) : NULL;
    if (thing)
        tally_decref(thing);
}

// What is not deferred is still the caller's; what is, is done in the end.
static inline void *thread_defers(void *arg) {
    bool done = true;
    for (int n = 0; n < 300 && done; n++) {
        struct thing *thing =
            tally_object_new_sized(TALLY_TYPE_OF(thing), sizeof(*thing));
        char *block = tally_alloc((size_t)n * 30);
        done = !refused(thing) && !refused(block);
        if (thing) {
            tally_publish(thing);
            tally_decref_later(thing);
        }
        if (block && refused_status(tally_defer_free(block))) {
            done = false;
            tally_free(block);
        }
        atomic_fetch_add(&deferrals, 1);
        if (refused_status(tally_defer(deferral_comes, arg))) {
            done = false;
            atomic_fetch_sub(&deferrals, 1);
        }
        if (n % 50 == 0)
            tally_safepoint();
    }
    return done ? &deferrals : NULL;
}

static inline bool defer_scenario(void) {
    bool done = thread_defers(&deferrals) != NULL;
    if (!thread_run(thread_defers, NULL))
        done = false;
    (void)tally_collect();
    (void)tally_collect();
    must(atomic_load(&deferrals) == 0);
    return done;
}

#endif
