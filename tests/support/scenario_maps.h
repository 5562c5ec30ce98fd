// Maps that are filled, copied, merged, and looked through. Included by
// scenario.h.

#ifndef SUPPORT_SCENARIO_MAPS_H
#define SUPPORT_SCENARIO_MAPS_H

// What could be set is there, and what could not be is not.
static inline bool map_fill(tally_map *map, int64_t count) {
    for (int64_t n = 0; n < count; n++) {
        struct thing *thing = tally_new(thing);
        if (refused(thing))
            return false;
        tally_value key = tally_small(n), value = tally_of(thing), got;
        size_t before = tally_map_length(map);
        bool failed = refused_status(tally_map_set(map, key, value));
        must(tally_map_length(map) == before + !failed);
        must(tally_map_find(map, key, &got) ==
             (failed ? TALLY_NOT_FOUND : TALLY_OK));
        if (!failed)
            tally_value_decref(got);
        tally_decref(thing);
        if (failed)
            return false;
    }
    return true;
}

static inline bool map_scenario(void) {
    struct tally_map_iterator it;
    tally_value key, value;
    tally_map *map = tally_map_new(5);
    if (refused(map))
        return false;
    tally_map_begin(map, &it);
    bool done = map_fill(map, 200);
    while (tally_map_next(&it, &key, &value))
        tally_value_decref(value);
    tally_map_end(&it);
    tally_map *copy = tally_map_copy(map);
    if (refused(copy)) {
        done = false;
    } else {
        tally_map_clear(map);
        done = !refused_status(tally_map_merge(map, copy)) && done;
        if (!refused_status(
                tally_map_get_or_set(map, tally_nil(), tally_of(copy), &value)))
            tally_value_decref(value);
        else
            done = false;
        tally_decref(copy);
    }
    tally_decref(map);
    return done;
}

static inline bool set_scenario(void) {
    tally_set *set = tally_set_new(0), *copy = NULL;
    bool done = !refused(set);
    for (int64_t n = 0; n < 100 && done; n++)
        done = !refused_status(tally_set_add(set, tally_small(n), NULL));
    if (done) {
        copy = tally_set_copy(set);
        done = !refused(copy) && !refused_status(tally_set_merge(copy, set));
    }
    if (copy)
        tally_decref(copy);
    if (set)
        tally_decref(set);
    return done;
}

// Two that hold the same are equal, if there is memory to find out.
static inline bool is_equal(void *a, void *b) {
    bool equal = false;
    bool done =
        !refused_status(tally_value_equal(tally_of(a), tally_of(b), &equal));
    must(equal == done);
    return done;
}

// Two sets, and two maps, are asked about each other.
static inline bool pairs_scenario(void) {
    tally_set *set = tally_set_new(0), *other = NULL;
    tally_map *map = tally_map_new(0), *copy = NULL;
    bool done = !refused(set) && !refused(map), is = false;
    for (int64_t n = 0; n < 40 && done; n++)
        done =
            !refused_status(tally_set_add(set, tally_small(n), NULL)) &&
            !refused_status(tally_map_set(map, tally_small(n), tally_of(set)));
    done = done && !refused(other = tally_set_copy(set)) &&
           !refused(copy = tally_map_copy(map)) && is_equal(set, other) &&
           is_equal(map, copy);
    if (done) {
        done = !refused_status(tally_set_is_subset(set, other, &is));
        must(is == done);
    }
    if (done) {
        is = true;
        done = !refused_status(tally_set_is_disjoint(set, other, &is));
        must(is != done);
    }
    void *all[] = {set, other, map, copy};
    for (size_t n = 0; n < 4; n++)
        if (all[n])
            tally_decref(all[n]);
    return done;
}

// Two sets are made a third, and compared and told with a list and a map.
static inline bool compound_scenario(void) {
    tally_set *sets[6] = {tally_set_new(0), tally_set_new(0)};
    tally_list *list = tally_list_new();
    tally_map *map = tally_map_new(0);
    tally_text *text = NULL;
    bool done = sets[0] && sets[1] && list && map, equal = false;
    for (int64_t n = 0; n < 40 && done; n++)
        done =
            !refused_status(tally_set_add(sets[n % 2], tally_small(n), NULL)) &&
            !refused_status(tally_set_add(sets[0], tally_small(n / 2), NULL));
    tally_set *(*const make[])(tally_set *, tally_set *) = {
        tally_set_union, tally_set_intersection, tally_set_difference,
        tally_set_symmetric_difference};
    for (size_t n = 0; n < 4 && done; n++)
        done = !refused(sets[n + 2] = make[n](sets[0], sets[1]));
    for (size_t n = 0; n < 6 && done; n++)
        done = !refused_status(tally_list_append(list, tally_of(sets[n])));
    done = done &&
           !refused_status(tally_map_set(map, tally_small(1), tally_of(list)));
    done = done && !refused_status(tally_value_text(tally_of(map), &text));
    tally_list *copy = done ? tally_list_slice(list, 0, SIZE_MAX, 1) : NULL;
    if (done && refused(copy))
        done = false;
    if (done) {
        done = !refused_status(
            tally_value_equal(tally_of(list), tally_of(copy), &equal));
        must(equal == done);
    }
    void *all[] = {sets[0], sets[1], sets[2], sets[3], sets[4],
                   sets[5], list,    map,     text,    copy};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++)
        if (all[n])
            tally_decref(all[n]);
    return done;
}

static inline bool weakmap_scenario(void) {
    struct thing *things[30] = {NULL};
    tally_weakmap *map[2] = {tally_weakmap_new(TALLY_WEAKMAP_KEYS),
                             tally_weakmap_new(TALLY_WEAKMAP_VALUES)};
    bool done = map[0] && map[1];
    for (int n = 0; n < 30 && done; n++) {
        tally_value got, value = tally_small(n);
        things[n] = tally_new(thing);
        done = !refused(things[n]) &&
               !refused_status(
                   tally_weakmap_set(map[0], tally_of(things[n]), value)) &&
               !refused_status(tally_weakmap_get_or_set(
                   map[1], value, tally_of(things[n]), &got));
        if (done)
            tally_value_decref(got);
    }
    for (int n = 0; n < 30; n++)
        if (things[n])
            tally_decref(things[n]);
    for (int n = 0; n < 2; n++)
        if (map[n]) {
            must(tally_weakmap_length(map[n]) == 0);
            tally_decref(map[n]);
        }
    return done;
}

#endif
