// Sets made of two sets.

#include <tally/set_whole.h>

#include <errno.h>

#include "container/hashed.h"

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

// Returns the set, or drops it and returns NULL with errno.
static tally_set *set_or(tally_set *set, tally_status status) {
    if (status == TALLY_OK)
        return set;
    tally_decref(set);
    errno = -status;
    return NULL;
}

tally_set *tally_set_union(tally_set *a, tally_set *b) {
    tally_set *set = tally_set_copy(a);
    return set ? set_or(set, tally_set_merge(set, b)) : NULL;
}

tally_set *tally_set_intersection(tally_set *a, tally_set *b) {
    tally_set *set = tally_set_new(0);
    return set ? set_or(set, gather(set, a, b, true)) : NULL;
}

tally_set *tally_set_difference(tally_set *a, tally_set *b) {
    tally_set *set = tally_set_new(0);
    return set ? set_or(set, gather(set, a, b, false)) : NULL;
}

tally_set *tally_set_symmetric_difference(tally_set *a, tally_set *b) {
    tally_set *set = tally_set_difference(a, b);
    return set ? set_or(set, gather(set, b, a, false)) : NULL;
}

// Whether each element of a set is in another, or none is, as asked.
static tally_status is_each(tally_set *set, tally_set *in, bool wanted,
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

tally_status tally_set_is_subset(tally_set *set, tally_set *of, bool *ret_is) {
    return is_each(set, of, true, ret_is);
}

tally_status tally_set_is_disjoint(tally_set *a, tally_set *b, bool *ret_is) {
    return is_each(a, b, false, ret_is);
}

tally_status tally_set_pop(tally_set *set, tally_value *ret_element) {
    tally_value element, none;
    tally_status status =
        tly_hashed_pop((struct tly_hashed *)(void *)set, &element, &none);
    if (status == TALLY_OK)
        *ret_element = element;
    return status;
}
