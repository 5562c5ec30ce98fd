// Sets made of two sets, and asked about two: all on copies of both.

#include <tally/set_whole.h>

#include <errno.h>

#include "container/hashed.h"
#include "base/status.h"
#include "container/pair.h"
#include "object/owns.h"

// ---- copies of two

// Fills copies that are there, and drops them if it cannot.
static tally_status both_fill(struct tly_hashed *const from[2],
                              struct tly_hashed *const to[2]) {
    tally_status status =
        to[0] && to[1] ? tly_hashed_copy_both(from, to) : -errno;
    for (unsigned n = 0; n < 2 && status != TALLY_OK; n++)
        if (to[n])
            tally_decref(to[n]);
    return status;
}

static void *hashed_of(void *container) { return container; }

tally_status tly_maps_copy(tally_map *const from[2], tally_map *ret_copy[2]) {
    struct tly_hashed *const all[] = {hashed_of(from[0]), hashed_of(from[1])};
    struct tly_hashed *to[] = {hashed_of(tally_map_new(0)), NULL};
    if (to[0])
        to[1] = hashed_of(tally_map_new(0));
    tally_status status = both_fill(all, to);
    for (unsigned n = 0; n < 2; n++)
        ret_copy[n] = status == TALLY_OK ? (void *)to[n] : NULL;
    return status;
}

tally_status tly_sets_copy(tally_set *const from[2], tally_set *ret_copy[2]) {
    struct tly_hashed *const all[] = {hashed_of(from[0]), hashed_of(from[1])};
    struct tly_hashed *to[] = {hashed_of(tally_set_new(0)), NULL};
    if (to[0])
        to[1] = hashed_of(tally_set_new(0));
    tally_status status = both_fill(all, to);
    for (unsigned n = 0; n < 2; n++)
        ret_copy[n] = status == TALLY_OK ? (void *)to[n] : NULL;
    return status;
}

bool tly_maps_alike(tally_map *const pair[2]) {
    return tly_hashed_alike(
        (struct tly_hashed *[2]){hashed_of(pair[0]), hashed_of(pair[1])});
}

bool tly_sets_alike(tally_set *const pair[2]) {
    return tly_hashed_alike(
        (struct tly_hashed *[2]){hashed_of(pair[0]), hashed_of(pair[1])});
}

// ---- making

// Whether a set has what a probe looks for.
static tally_status has(const struct tly_hashed *set, struct tly_probe *probe,
                        bool *ret_found) {
    tally_value found;
    tally_status status = tly_hashed_get(set, probe, &found);
    *ret_found = status == TALLY_OK;
    if (*ret_found)
        tally_value_decref(found);
    return status == TALLY_NOT_FOUND ? TALLY_OK : status;
}

static tally_status add(struct tly_hashed *to, struct tly_probe *probe) {
    struct tly_change one = {.key = probe->key, .value = probe->key};
    tally_value before = tally_absent();
    tally_status status = tly_hashed_change(to, probe, &one, &before);
    tally_value_decref(before);
    return status;
}

// Adds to [to] what is in [from], and is in [with] or is not, as asked. Nobody
// else knows them, and their tables have the hashes.
static tally_status gather(struct tly_hashed *to, const struct tly_hashed *from,
                           const struct tly_hashed *with, bool wanted) {
    struct tly_probe probe TLY_PROBE_ENDS = {.table = NULL};
    tally_value element;
    uint32_t at = 0;
    tally_status status = TALLY_OK;
    while (status == TALLY_OK &&
           tly_hashed_entry(from, &at, &probe, &element)) {
        bool found = false;
        status = has(with, &probe, &found);
        if (status == TALLY_OK && found == wanted)
            status = add(to, &probe);
        tly_probe_end(&probe);
    }
    return status;
}

// How a set is made of two.
struct recipe {
    bool common;  // what is in both, or else what is in the first only
    bool reverse; // and what is in the second only
};

static tally_status mix(void *to, tally_set *const both[2],
                        struct recipe recipe) {
    struct tly_hashed *a = hashed_of(both[0]), *b = hashed_of(both[1]);
    tally_status status = gather(to, a, b, recipe.common);
    if (status == TALLY_OK && recipe.reverse)
        status = gather(to, b, a, false);
    return status;
}

// Returns the set, or drops it and returns NULL with errno.
static tally_set *set_or(tally_set *set, tally_status status) {
    if (status == TALLY_OK)
        return set;
    if (set)
        tally_decref(set);
    errno = tly_errno_of(status);
    return NULL;
}

static tally_set *make(tally_set *a, tally_set *b, struct recipe recipe) {
    tally_set *both[2], *set = NULL;
    tally_status status = tly_sets_copy((tally_set *[2]){a, b}, both);
    if (status != TALLY_OK)
        return set_or(NULL, status);
    void *first TLY_OWNS_OBJECT = both[0], *second TLY_OWNS_OBJECT = both[1];
    void *made TLY_OWNS_OBJECT = set = tally_set_new(0);
    status = set ? mix(set, both, recipe) : -errno;
    made = NULL;
    return set_or(set, status);
}

tally_set *tally_set_union(tally_set *a, tally_set *b) {
    tally_set *both[2];
    tally_status status = tly_sets_copy((tally_set *[2]){a, b}, both);
    if (status != TALLY_OK)
        return set_or(NULL, status);
    void *first TLY_OWNS_OBJECT = both[0], *second TLY_OWNS_OBJECT = both[1];
    status = tly_hashed_merge(hashed_of(both[0]), hashed_of(both[1]));
    first = NULL;
    return set_or(both[0], status);
}

tally_set *tally_set_intersection(tally_set *a, tally_set *b) {
    return make(a, b, (struct recipe){.common = true});
}

tally_set *tally_set_difference(tally_set *a, tally_set *b) {
    return make(a, b, (struct recipe){.common = false});
}

tally_set *tally_set_symmetric_difference(tally_set *a, tally_set *b) {
    return make(a, b, (struct recipe){.reverse = true});
}

// ---- asking

tally_status tly_set_each_is(tally_set *set, tally_set *in, bool wanted,
                             bool *ret_is) {
    struct tly_probe probe TLY_PROBE_ENDS = {.table = NULL};
    tally_value element;
    uint32_t at = 0;
    bool is = true;
    tally_status status = TALLY_OK;
    while (status == TALLY_OK && is &&
           tly_hashed_entry(hashed_of(set), &at, &probe, &element)) {
        bool found = wanted;
        status = has(hashed_of(in), &probe, &found);
        is = found == wanted;
        tly_probe_end(&probe);
    }
    if (status == TALLY_OK)
        *ret_is = is;
    return status;
}

static tally_status ask(tally_set *a, tally_set *b, bool wanted, bool *ret_is) {
    tally_set *both[2];
    tally_status status = tly_sets_copy((tally_set *[2]){a, b}, both);
    if (status != TALLY_OK)
        return status;
    void *first TLY_OWNS_OBJECT = both[0], *second TLY_OWNS_OBJECT = both[1];
    return tly_set_each_is(both[0], both[1], wanted, ret_is);
}

tally_status tally_set_is_subset(tally_set *set, tally_set *of, bool *ret_is) {
    return ask(set, of, true, ret_is);
}

tally_status tally_set_is_disjoint(tally_set *a, tally_set *b, bool *ret_is) {
    return ask(a, b, false, ret_is);
}

// ---- taking

tally_status tally_set_pop(tally_set *set, tally_value *ret_element) {
    tally_value element, none;
    tally_status status = tly_hashed_pop(hashed_of(set), &element, &none);
    if (status == TALLY_OK)
        *ret_element = element;
    return status;
}
