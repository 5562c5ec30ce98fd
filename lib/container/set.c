// Sets: what hashed.c does, by the names of set.h. A table of keys only.

#include <tally/set.h>

#include "container/types.h"
#include "container/compound.h"
#include "base/status.h"
#include "container/hashed.h"
#include "object/owns.h"

struct set {
    struct tly_hashed hashed;
};
TLY_TYPE(set, set,
         TLY_HAS(set, TALLY_AREF(hashed.table))
             TLY_HAS(set, TALLY_PROTOCOL(tly_set_protocol)));

static struct tly_hashed *hashed_of(const tally_set *set) {
    return (struct tly_hashed *)(uintptr_t)set;
}

// Returns the set, or drops it and returns NULL with errno.
static tally_set *set_or(struct set *set, tally_status status) {
    if (status == TALLY_OK)
        return (tally_set *)(void *)set;
    tally_decref(set);
    errno = tly_errno_of(status);
    return NULL;
}

tally_set *tally_set_new(size_t expected) {
    struct set *set = tally_new(set);
    if (!set || !expected)
        return (tally_set *)(void *)set;
    return set_or(set, tly_hashed_reserve(&set->hashed, expected));
}

size_t tally_set_length(const tally_set *set) {
    return tly_hashed_count(hashed_of(set));
}

tally_status tally_set_contains(const tally_set *set, tally_value value,
                                bool *ret_found) {
    return tly_hashed_has(hashed_of(set), value, ret_found);
}

tally_status tally_set_find(const tally_set *set, tally_value value,
                            tally_value *ret_element) {
    return tly_hashed_find(hashed_of(set), value, ret_element);
}

static tally_status change_one(tally_set *set, tally_value value,
                               const struct tly_change *one,
                               tally_value *ret_before) {
    struct tly_probe probe TLY_PROBE_ENDS;
    tally_status status = tly_probe_begin(&probe, value);
    if (status == TALLY_OK)
        status = tly_hashed_change(hashed_of(set), &probe, one, ret_before);
    return status;
}

// Adds [element], or removes what equals [value] where that is absent.
static tally_status change(tally_set *set, tally_value value,
                           tally_value element, bool *ret_was_there) {
    struct tly_change one = {.key = element, .value = element};
    tally_value before = tally_absent();
    tally_status status = change_one(set, value, &one, &before);
    *ret_was_there = !tally_is_absent(before);
    tally_value_decref(before);
    return status;
}

tally_status tally_set_add(tally_set *set, tally_value value, bool *ret_added) {
    bool was_there;
    tally_status status = change(set, value, value, &was_there);
    if (status == TALLY_OK && ret_added)
        *ret_added = !was_there;
    return status;
}

tally_status tally_set_remove(tally_set *set, tally_value value) {
    bool was_there;
    tally_status status = change(set, value, tally_absent(), &was_there);
    return status == TALLY_OK && !was_there ? TALLY_NOT_FOUND : status;
}

void tally_set_clear(tally_set *set) { tly_hashed_clear(hashed_of(set)); }

tally_set *tally_set_copy(tally_set *set) {
    struct set *copy = tally_new(set);
    if (!copy)
        return NULL;
    return set_or(copy, tly_hashed_copy(hashed_of(set), &copy->hashed));
}

tally_status tally_set_merge(tally_set *set, tally_set *from) {
    if (set == from)
        return TALLY_OK;
    void *copy TLY_OWNS_OBJECT = tally_set_copy(from);
    return copy ? tly_hashed_merge(hashed_of(set), hashed_of(copy)) : -errno;
}

// ---- iteration

void tally_set_begin(tally_set *set, struct tally_set_iterator *ret_it) {
    ret_it->table_ = tly_hashed_hold(hashed_of(set));
    ret_it->at_ = 0;
}

bool tally_set_next(struct tally_set_iterator *it, tally_value *ret_element) {
    tally_value same;
    if (!it->table_ ||
        !tly_table_next(it->table_, &it->at_, ret_element, &same))
        return false;
    tally_value_decref(same); // the key, once more
    return true;
}

void tally_set_end(struct tally_set_iterator *it) {
    if (it->table_)
        tly_hashed_let_go(it->table_);
    it->table_ = NULL;
}
