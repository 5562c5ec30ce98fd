// Weak maps: in the place of what is weak, the table has a weak reference with
// a callback, which removes the entry.
//
// The callback's argument is a weak reference to the map, which the entry's
// holds: a map may be gone when a callback of its entries is called.
//
// INVARIANT  an entry is found by its own weak reference only: what replaced
//            it is not removed with it.

#include <tally/weakmap.h>

#include <tally/weak.h>

#include "container/types.h"
#include "container/hash.h"
#include "base/status.h"
#include "container/hashed.h"
#include "object/owns.h"
#include "object/weak.h"

struct weakmap {
    struct tly_hashed hashed;
    bool by_value;
};
TLY_TYPE(weakmap, weakmap, TLY_HAS(weakmap, TALLY_AREF(hashed.table)));

static struct weakmap *weakmap_of(const tally_weakmap *map) {
    return (struct weakmap *)(uintptr_t)map;
}

tally_weakmap *tally_weakmap_new(enum tally_weakmap_kind kind) {
    if (kind != TALLY_WEAKMAP_KEYS && kind != TALLY_WEAKMAP_VALUES) {
        errno = EINVAL;
        return NULL;
    }
    struct weakmap *map = tally_new(weakmap);
    if (!map)
        return NULL;
    map->hashed.shift = 1;
    map->by_value = kind == TALLY_WEAKMAP_VALUES;
    return (tally_weakmap *)(void *)map;
}

size_t tally_weakmap_length(const tally_weakmap *map) {
    return tly_hashed_count(&weakmap_of(map)->hashed);
}

static tally_status probe_begin(const struct weakmap *map,
                                struct tly_probe *probe, tally_value key) {
    if (map->by_value || tally_is_absent(key))
        return tly_probe_begin(probe, key);
    *probe = (struct tly_probe){
        .key = key,
        .hash = tly_table_hash(tly_hash_word(key.bits_)),
        .by_target = true,
    };
    return tally_is_object(key) ? TALLY_OK : TALLY_WRONG_TYPE;
}

// What an entry's value stands for, which is owned, and goes: an owned value,
// or absent when it is dead.
static tally_value value_in(const struct weakmap *map, tally_value value) {
    if (!map->by_value || tally_is_absent(value))
        return value;
    void *object = tally_weak_get(tally_object_of(value));
    tally_value_decref(value);
    return tally_of(object);
}

static tally_status find(const struct weakmap *map, struct tly_probe *probe,
                         tally_value *ret_value) {
    tally_value value;
    tally_status status = tly_hashed_get(&map->hashed, probe, &value);
    if (status != TALLY_OK)
        return status;
    value = value_in(map, value);
    if (tally_is_absent(value))
        return TALLY_NOT_FOUND;
    *ret_value = value;
    return TALLY_OK;
}

tally_status tally_weakmap_find(const tally_weakmap *map, tally_value key,
                                tally_value *ret_value) {
    struct tly_probe probe TLY_PROBE_ENDS;
    tally_status status = probe_begin(weakmap_of(map), &probe, key);
    if (status == TALLY_OK)
        status = find(weakmap_of(map), &probe, ret_value);
    return status;
}

tally_value tally_weakmap_get(const tally_weakmap *map, tally_value key) {
    tally_value value = tally_absent();
    tally_status status = tally_weakmap_find(map, key, &value);
    if (status != TALLY_OK && status != TALLY_NOT_FOUND)
        errno = tly_errno_of(status);
    return value;
}

// ---- the end of what is weak

static void entry_dies(tally_weak *weak, void *arg) {
    struct weakmap *map = tally_weak_get(arg);
    if (!map)
        return;
    tly_hashed_forget(&map->hashed, (uint32_t)tly_weak_note(weak),
                      map->by_value, tally_of(weak));
    tally_decref(map);
}

// A weak reference for an entry to the object that is a key or a value.
static tally_status weak_make(struct weakmap *map, tally_value value,
                              uint32_t hash, tally_value *ret_weak) {
    if (!tally_is_object(value))
        return TALLY_WRONG_TYPE;
    tally_weak *self = tally_weak_new(map, NULL, NULL);
    if (!self)
        return -errno;
    tally_weak *weak =
        tly_weak_new_kept(tally_object_of(value), entry_dies, self, hash);
    tally_status status = weak ? TALLY_OK : -errno;
    tally_decref(self);
    if (weak)
        *ret_weak = tally_of(weak);
    return status;
}

// ---- changing

// Sets an entry, if it [expects] none only then. What was there comes back as
// the map has it.
static tally_status set(struct weakmap *map, struct tly_probe *probe,
                        tally_value value, bool expects, tally_value *before) {
    struct tly_change one = {.value = value, .expects = expects};
    tally_value weak = tally_absent();
    tally_status status = TALLY_NOT_FOUND;
    if (!map->by_value) // maybe the key's weak reference is there
        status = tly_hashed_change(&map->hashed, probe, &one, before);
    if (status != TALLY_NOT_FOUND)
        return status;
    status =
        weak_make(map, map->by_value ? value : probe->key, probe->hash, &weak);
    if (status != TALLY_OK)
        return status;
    one.key = map->by_value ? probe->key : weak;
    one.value = map->by_value ? weak : value;
    one.expected = *before;
    tally_value held TLY_OWNS_VALUE = weak;
    return tly_hashed_change(&map->hashed, probe, &one, before);
}

tally_status tally_weakmap_set(tally_weakmap *weakmap, tally_value key,
                               tally_value value) {
    struct weakmap *map = weakmap_of(weakmap);
    struct tly_probe probe TLY_PROBE_ENDS = {.table = NULL};
    tally_value before TLY_OWNS_VALUE = tally_absent();
    if (tally_is_absent(value))
        return TALLY_INVALID;
    tally_status status = probe_begin(map, &probe, key);
    if (status == TALLY_OK)
        status = set(map, &probe, value, false, &before);
    return status;
}

// One try. [*there] is what the map has, owned, and found dead; or absent. It
// becomes what the map had then.
static tally_status set_if_missing(struct weakmap *map, struct tly_probe *probe,
                                   tally_value value, tally_value *there,
                                   tally_value *ret_value) {
    tally_value expected = *there, before = expected;
    tally_status status = set(map, probe, value, true, &before);
    if (status != TALLY_OK)
        return status;
    *there = before;
    if (tally_is(before, expected)) {
        tally_value_decref(before);
        *there = tally_absent();
        *ret_value = tally_value_incref(value);
    } else {
        *ret_value = value_in(map, tally_value_incref(before));
    }
    tally_value_decref(expected);
    return TALLY_OK;
}

tally_status tally_weakmap_get_or_set(tally_weakmap *weakmap, tally_value key,
                                      tally_value value,
                                      tally_value *ret_value) {
    struct weakmap *map = weakmap_of(weakmap);
    struct tly_probe probe TLY_PROBE_ENDS = {.table = NULL};
    tally_value there TLY_OWNS_VALUE = tally_absent(), result = tally_absent();
    if (tally_is_absent(value))
        return TALLY_INVALID;
    tally_status status = probe_begin(map, &probe, key);
    if (status == TALLY_OK)
        status = tly_hashed_get(&map->hashed, &probe, &there);
    if (status == TALLY_OK)
        result = value_in(map, tally_value_incref(there));
    if (status == TALLY_NOT_FOUND)
        status = TALLY_OK;
    while (status == TALLY_OK && tally_is_absent(result))
        status = set_if_missing(map, &probe, value, &there, &result);
    if (status == TALLY_OK)
        *ret_value = result;
    return status;
}

tally_status tally_weakmap_pop(tally_weakmap *weakmap, tally_value key,
                               tally_value *ret_value) {
    struct weakmap *map = weakmap_of(weakmap);
    struct tly_change one = {.expects = false};
    struct tly_probe probe TLY_PROBE_ENDS;
    tally_value before = tally_absent();
    tally_status status = probe_begin(map, &probe, key);
    if (status == TALLY_OK)
        status = tly_hashed_change(&map->hashed, &probe, &one, &before);
    before = value_in(map, before);
    if (status == TALLY_OK && tally_is_absent(before))
        status = TALLY_NOT_FOUND;
    if (status == TALLY_OK && ret_value)
        *ret_value = before;
    else
        tally_value_decref(before);
    return status;
}

tally_status tally_weakmap_delete(tally_weakmap *map, tally_value key) {
    return tally_weakmap_pop(map, key, NULL);
}

void tally_weakmap_clear(tally_weakmap *map) {
    tly_hashed_clear(&weakmap_of(map)->hashed);
}

// ---- iteration

void tally_weakmap_begin(tally_weakmap *map,
                         struct tally_weakmap_iterator *ret_it) {
    ret_it->map_ = map;
    ret_it->table_ = tly_hashed_hold(&weakmap_of(map)->hashed);
    ret_it->at_ = 0;
}

bool tally_weakmap_next(struct tally_weakmap_iterator *it, tally_value *ret_key,
                        tally_value *ret_value) {
    bool by_value = weakmap_of(it->map_)->by_value;
    tally_value pair[2];
    while (it->table_ &&
           tly_table_next(it->table_, &it->at_, &pair[0], &pair[1])) {
        void *object = tally_weak_get(tally_object_of(pair[by_value]));
        tally_value_decref(pair[by_value]);
        if (!object) {
            tally_value_decref(pair[!by_value]);
            continue;
        }
        pair[by_value] = tally_of(object);
        *ret_key = pair[0];
        *ret_value = pair[1];
        return true;
    }
    return false;
}

void tally_weakmap_end(struct tally_weakmap_iterator *it) {
    if (it->table_)
        tly_hashed_let_go(it->table_);
    it->table_ = NULL;
}
