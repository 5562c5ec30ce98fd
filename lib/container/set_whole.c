// Sets made of two sets, and asked about two: all on copies of both.

#include <tally/set_whole.h>

#include <errno.h>

#include "container/hashed.h"
#include "base/status.h"
#include "container/pair.h"

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

// Adds to [to] what is in [from], and is in [with] or is not, as asked.
static tally_status gather(tally_set *to, tally_set *from, tally_set *with,
                           bool wanted) {
    struct tally_set_iterator it;
    tally_value element;
    tally_status status = TALLY_OK;
    tally_set_begin(from, &it);
    while (status == TALLY_OK && tally_set_next(&it, &element)) {
        bool found = false;
        status = tally_set_contains(with, element, &found);
        if (status == TALLY_OK && found == wanted)
            status = tally_set_add(to, element, NULL);
        tally_value_decref(element);
    }
    tally_set_end(&it);
    return status;
}

// How a set is made of two.
struct recipe {
    bool common;  // what is in both, or else what is in the first only
    bool reverse; // and what is in the second only
};

static tally_status mix(tally_set *to, tally_set *const both[2],
                        struct recipe recipe) {
    tally_status status = gather(to, both[0], both[1], recipe.common);
    if (status == TALLY_OK && recipe.reverse)
        status = gather(to, both[1], both[0], false);
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
    set = tally_set_new(0);
    status = set ? mix(set, both, recipe) : -errno;
    tally_decref(both[0]);
    tally_decref(both[1]);
    return set_or(set, status);
}

tally_set *tally_set_union(tally_set *a, tally_set *b) {
    tally_set *both[2];
    tally_status status = tly_sets_copy((tally_set *[2]){a, b}, both);
    if (status != TALLY_OK)
        return set_or(NULL, status);
    status = tly_hashed_merge(hashed_of(both[0]), hashed_of(both[1]));
    tally_decref(both[1]);
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
    struct tally_set_iterator it;
    tally_value element;
    bool is = true;
    tally_status status = TALLY_OK;
    tally_set_begin(set, &it);
    while (status == TALLY_OK && is && tally_set_next(&it, &element)) {
        bool found = wanted;
        status = tally_set_contains(in, element, &found);
        is = found == wanted;
        tally_value_decref(element);
    }
    tally_set_end(&it);
    if (status == TALLY_OK)
        *ret_is = is;
    return status;
}

static tally_status ask(tally_set *a, tally_set *b, bool wanted, bool *ret_is) {
    tally_set *both[2];
    tally_status status = tly_sets_copy((tally_set *[2]){a, b}, both);
    if (status != TALLY_OK)
        return status;
    status = tly_set_each_is(both[0], both[1], wanted, ret_is);
    tally_decref(both[0]);
    tally_decref(both[1]);
    return status;
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
