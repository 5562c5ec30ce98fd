// What is in no other scenario: weak references, freezing, a stopped world,
// updates. Included by scenario.h.

#ifndef SUPPORT_SCENARIO_REST_H
#define SUPPORT_SCENARIO_REST_H

static inline void weak_called(tally_weak *weak, void *arg) {
    (void)weak;
    ++*(int *)arg;
}

// Those that were made are called, once.
static inline bool weak_scenario(void) {
    int called = 0, made = 0;
    bool done = true;
    for (int n = 0; n < 40; n++) {
        struct thing *thing = tally_object_new_items_sized(TALLY_TYPE_OF(thing),
                                                           0, sizeof(*thing));
        if (refused(thing))
            return false;
        tally_weak *weak[3] = {NULL};
        for (int m = 0; m < 3; m++) {
            weak[m] = tally_weak_new(thing, m ? weak_called : NULL, &called);
            done = !refused(weak[m]) && done;
            made += m && weak[m];
        }
        tally_decref(thing);
        tally_flush();
        for (int m = 0; m < 3; m++)
            if (weak[m]) {
                must(!tally_weak_get(weak[m]));
                tally_decref(weak[m]);
            }
    }
    must(called <= made);
    return done;
}

static inline bool each_referent(void *object, void *arg) {
    (void)object;
    ++*(int *)arg;
    return true;
}

static inline bool frozen_scenario(void) {
    struct thing *thing = tally_new(thing), *left = tally_new(thing);
    size_t frozen = 0;
    int referents = 0;
    bool done = !refused(thing) && !refused(left);
    if (done) {
        tally_set(thing, left, left);
        done = !refused_status(
                   tally_referents_each(thing, each_referent, &referents)) &&
               done;
        must(!done || referents == 1);
        done = !refused_status(tally_freeze()) && done;
        done = !refused_status(tally_freeze_count(&frozen)) && done;
        must(!done || frozen >= 2);
        for (int mode = 0; mode < 2; mode++)
            done = !refused_status(tally_collect_with((tally_collect_mode)mode,
                                                      TALLY_FULL, NULL)) &&
                   done;
        done = !refused_status(tally_unfreeze()) && done;
        if (refused_status(tally_stop_world()))
            done = false;
        else
            tally_start_world();
    }
    if (thing)
        tally_decref(thing);
    if (left)
        tally_decref(left);
    return done;
}

static inline tally_status update_counts(void *arg, tally_value old,
                                         tally_value *ret_new) {
    (void)arg;
    tally_value next =
        tally_double(tally_is_absent(old)                      ? 1.5
                     : tally_value_is(old, &tally_type_double) ? 2.5
                                                               : 0);
    if (tally_is_absent(next))
        return TALLY_NO_MEMORY;
    *ret_new = next;
    return TALLY_OK;
}

// Keys are text that is hashed; _steal consumes also when it fails.
static inline bool words_scenario(void) {
    tally_map *map = tally_map_new(0);
    tally_list *list = tally_list_new();
    bool done = !refused(map) && !refused(list);
    size_t listed = 0;
    for (int n = 0; n < 100 && done; n++) {
        uint64_t hash = 0;
        tally_text *word = tally_text_of(n & 1 ? "one" : "another");
        done = !refused(word) &&
               !refused_status(tally_value_hash(tally_of(word), &hash)) && hash;
        if (!word)
            break;
        done = !refused_status(tally_map_update(map, tally_of(word),
                                                update_counts, NULL)) &&
               done;
        if (refused_status(tally_list_append_steal(list, tally_of(word))))
            done = false;
        else
            listed++;
        must(tally_list_length(list) == listed);
    }
    if (map)
        tally_decref(map);
    if (list)
        tally_decref(list);
    size_t size = 16;
    char *block = tally_reallocarray(NULL, 100, size);
    done = !refused(block) && done;
    tally_free(block);
    return done;
}

#endif
