// Maps: what hashed.c does, by the names of map.h.

#include <tally/map.h>

#include "container/types.h"
#include "container/compound.h"
#include "base/status.h"
#include "container/hashed.h"
#include "object/owns.h"
#include "sync/rank.h"

struct map {
    struct tly_hashed hashed;
};
TLY_TYPE(map, map,
         TLY_HAS(map, TALLY_AREF(hashed.table))
             TLY_HAS(map, TALLY_PROTOCOL(tly_map_protocol)));

static struct tly_hashed *hashed_of(const tally_map *map) {
    return (struct tly_hashed *)(uintptr_t)map;
}

static struct map *map_make(void) {
    struct map *map = tally_new(map);
    if (map)
        map->hashed.shift = 1;
    return map;
}

tally_map *tally_map_new(size_t expected) {
    struct map *map = map_make();
    if (!map || !expected)
        return (tally_map *)(void *)map;
    tally_status status = tly_hashed_reserve(&map->hashed, expected);
    if (status == TALLY_OK)
        return (tally_map *)(void *)map;
    tally_decref(map);
    errno = tly_errno_of(status);
    return NULL;
}

size_t tally_map_length(const tally_map *map) {
    return tly_hashed_count(hashed_of(map));
}

tally_status tally_map_find(const tally_map *map, tally_value key,
                            tally_value *ret_value) {
    return tly_hashed_find(hashed_of(map), key, ret_value);
}

tally_value tally_map_get(const tally_map *map, tally_value key) {
    return tly_hashed_value(hashed_of(map), key);
}

tally_status tally_map_contains(const tally_map *map, tally_value key,
                                bool *ret_found) {
    return tly_hashed_has(hashed_of(map), key, ret_found);
}

// A change that begins with its key.
static tally_status change(tally_map *map, tally_value key,
                           const struct tly_change *change,
                           tally_value *ret_before) {
    struct tly_probe probe TLY_PROBE_ENDS;
    tally_status status = tly_probe_begin(&probe, key);
    if (status == TALLY_OK)
        status = tly_hashed_change(hashed_of(map), &probe, change, ret_before);
    return status;
}

tally_status tally_map_set(tally_map *map, tally_value key, tally_value value) {
    tally_value before = tally_absent();
    if (tally_is_absent(value))
        return TALLY_INVALID;
    tally_status status = change(
        map, key, &(struct tly_change){.key = key, .value = value}, &before);
    tally_value_decref(before);
    return status;
}

tally_status tally_map_get_or_set(tally_map *map, tally_value key,
                                  tally_value value, tally_value *ret_value) {
    struct tly_change one = {.key = key, .value = value, .expects = true};
    struct tly_probe probe TLY_PROBE_ENDS = {.table = NULL};
    if (tally_is_absent(value))
        return TALLY_INVALID;
    tally_status status = tly_probe_begin(&probe, key);
    if (status == TALLY_OK)
        status = tly_hashed_get(hashed_of(map), &probe, ret_value);
    if (status == TALLY_NOT_FOUND) {
        tally_value before = tally_absent();
        status = tly_hashed_change(hashed_of(map), &probe, &one, &before);
        if (status == TALLY_OK)
            *ret_value =
                tally_is_absent(before) ? tally_value_incref(value) : before;
    }
    return status;
}

static tally_status updater_call(tally_map_updater fn, void *arg,
                                 tally_value old, tally_value *ret_value) {
    TLY_KEEPS_ERRNO;
    tly_locks_none("an updater");
    return fn(arg, old, ret_value);
}

// One try to replace [*old], which is owned: it is what is there then.
static tally_status update_once(tally_map *map, struct tly_probe *probe,
                                tally_map_updater fn, void *arg,
                                tally_value *old, bool *ret_done) {
    struct tly_change one = {
        .key = probe->key, .expects = true, .expected = *old};
    tally_status status = updater_call(fn, arg, *old, &one.value);
    if (status != TALLY_OK)
        return status;
    tally_value before = tally_absent(), value TLY_OWNS_VALUE = one.value;
    status = tly_hashed_change(hashed_of(map), probe, &one, &before);
    if (status != TALLY_OK)
        return status;
    tally_value was TLY_OWNS_VALUE = *old;
    *ret_done = tally_is(before, was);
    *old = before;
    return TALLY_OK;
}

tally_status tally_map_update(tally_map *map, tally_value key,
                              tally_map_updater fn, void *arg) {
    struct tly_probe probe TLY_PROBE_ENDS;
    tally_value old TLY_OWNS_VALUE = tally_absent();
    tally_status status = tly_probe_begin(&probe, key);
    if (status == TALLY_OK)
        status = tly_hashed_get(hashed_of(map), &probe, &old);
    if (status == TALLY_NOT_FOUND)
        status = TALLY_OK;
    for (bool done = false; status == TALLY_OK && !done;)
        status = update_once(map, &probe, fn, arg, &old, &done);
    return status;
}

tally_status tally_map_pop(tally_map *map, tally_value key,
                           tally_value *ret_value) {
    tally_value before = tally_absent();
    tally_status status =
        change(map, key, &(struct tly_change){.expects = false}, &before);
    if (status == TALLY_OK && tally_is_absent(before))
        status = TALLY_NOT_FOUND;
    if (status == TALLY_OK)
        *ret_value = before;
    return status;
}

tally_status tally_map_delete(tally_map *map, tally_value key) {
    tally_value value = tally_absent();
    tally_status status = tally_map_pop(map, key, &value);
    tally_value_decref(value);
    return status;
}

tally_status tally_map_pop_newest(tally_map *map, tally_value *ret_key,
                                  tally_value *ret_value) {
    return tly_hashed_pop(hashed_of(map), ret_key, ret_value);
}

void tally_map_clear(tally_map *map) { tly_hashed_clear(hashed_of(map)); }

tally_map *tally_map_copy(tally_map *map) {
    struct map *copy = map_make();
    if (!copy)
        return NULL;
    tally_status status = tly_hashed_copy(hashed_of(map), &copy->hashed);
    if (status == TALLY_OK)
        return (tally_map *)(void *)copy;
    tally_decref(copy);
    errno = tly_errno_of(status);
    return NULL;
}

tally_status tally_map_merge(tally_map *map, tally_map *from) {
    if (map == from)
        return TALLY_OK;
    void *copy TLY_OWNS_OBJECT = tally_map_copy(from);
    return copy ? tly_hashed_merge(hashed_of(map), hashed_of(copy)) : -errno;
}

// ---- iteration

void tally_map_begin(tally_map *map, struct tally_map_iterator *ret_it) {
    ret_it->table_ = tly_hashed_hold(hashed_of(map));
    ret_it->at_ = 0;
}

bool tally_map_next(struct tally_map_iterator *it, tally_value *ret_key,
                    tally_value *ret_value) {
    return it->table_ &&
           tly_table_next(it->table_, &it->at_, ret_key, ret_value);
}

void tally_map_end(struct tally_map_iterator *it) {
    if (it->table_)
        tly_hashed_let_go(it->table_);
    it->table_ = NULL;
}
