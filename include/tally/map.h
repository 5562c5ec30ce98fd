// Maps: from any hashable value to any value, in the order in which keys came.
//
//     tally_map *map = tally_map_new(0);
//     tally_map_set(map, tally_of(name), tally_small(42));
//     tally_value v = tally_map_get(map, tally_of(name));  // owned, or absent
//     tally_value_decref(v);
//     tally_decref(map);
//
// Keys are hashed and compared as tally_value_hash and tally_value_equal do
// it, by hooks of their types where they have some; a key's hash must not
// change while it is one. Any number of threads may use a map at once: who
// reads takes no lock and writes nothing that others use, who changes a map
// takes its lock for some instructions. Each function is one step for the
// others, but where it says otherwise.
//
// A key keeps its place when its value changes; one that is removed and set
// again comes last. Iteration sees each entry at most once, in order; what is
// set or removed meanwhile it may see or not. Hooks are called without a lock:
// they may use the map.

#ifndef TALLY_MAP_H
#define TALLY_MAP_H

#include <tally/value.h>

TALLY_BEGIN

typedef struct tally_map tally_map;
TALLY_TYPE_OWN_(map);

// Makes a map.
//
// expected: entries that it has room for at once, 0 .. 1.3e9; a hint.
// Returns:  an owned reference, or NULL with errno set.
// Errors:   ENOMEM, EAGAIN (too many entries, mutators or types).
// Threads:  any; a thread that is not attached is attached.
// Blocks:   as tally_object_new.
// Cost:     an object of 32 bytes; with the first entry a table, of 29 to 40
//           bytes an entry from two hundred on (bench/map).
TALLY_API TALLY_MUST_USE tally_map *tally_map_new(size_t expected);

// Returns:  the number of entries; changes that have not returned yet may be
//           counted or not, whatever look-ups find of them.
// Threads:  any.
// Blocks:   no.
// Cost:     a load.
TALLY_API size_t tally_map_length(const tally_map *map);

// Looks a key up.
//
// key:      one that lasts over the call; still the caller's.
// Returns:  its value, owned; absent when it is missing, and with errno set
//           where it could not be looked for.
// Errors:   EINVAL (the key is absent), or as a hook's status says.
// Threads:  any; a thread that is not attached is attached.
// Blocks:   as TALLY_BORROW; as the hooks of the keys' types.
// Cost:     a hash, a borrow section, two cache misses, a comparison, and an
//           upgrade of the value (bench/map).
TALLY_API TALLY_MUST_USE tally_value tally_map_get(const tally_map *map,
                                                   tally_value key);

// Looks a key up, and says what went wrong.
//
// ret_value: its value, owned; untouched on failure.
// Returns:  0 or a status.
// Errors:   TALLY_NOT_FOUND, TALLY_INVALID (the key is absent), what a hook
//           says.
// Threads:  any.
// Blocks:   as tally_map_get.
// Cost:     as tally_map_get.
TALLY_API tally_status tally_map_find(const tally_map *map, tally_value key,
                                      tally_value *ret_value);

// Whether a key is there.
//
// Returns:  0 or a status.
// Errors:   TALLY_INVALID (the key is absent), what a hook says.
// Threads:  any.
// Blocks:   as tally_map_get.
// Cost:     as tally_map_get, without the upgrade.
TALLY_API tally_status tally_map_contains(const tally_map *map, tally_value key,
                                          bool *ret_found);

// Sets a key's value.
//
// key, value: that last over the call; still the caller's.
// Returns:  0; else nothing is changed.
// Errors:   TALLY_NO_MEMORY, TALLY_LIMIT (too many entries), TALLY_INVALID (one
//           of both is absent), what a hook says.
// Threads:  any, outside of borrow sections.
// Blocks:   for the map's lock; as the hooks of the keys' types; as
//           tally_decref of the value that was there.
// Cost:     a hash, two locked operations, and two for each that is published;
//           of what makes the map grow, 28 bytes of an entry copied.
TALLY_API tally_status tally_map_set(tally_map *map, tally_value key,
                                     tally_value value);

// Returns what a key has, after setting it if it was missing.
//
// ret_value: what is there now, owned; untouched on failure.
// Returns:  0; else nothing is changed.
// Errors:   as tally_map_set.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_set.
// Cost:     as tally_map_get where it is there, else as tally_map_set.
TALLY_API tally_status tally_map_get_or_set(tally_map *map, tally_value key,
                                            tally_value value,
                                            tally_value *ret_value);

// Says what comes in a value's place.
//
// old:      the key's value, borrowed; absent if it is missing.
// ret_new:  owned, the map's then; absent: the entry is removed.
// Returns:  0; else nothing is changed, and the caller of tally_map_update
//           gets this status.
typedef tally_status (*tally_map_updater)(void *arg, tally_value old,
                                          tally_value *ret_new);

// Replaces a key's value by what a function makes of it: if the value is
// another one meanwhile, the function is called again with that.
//
// fn:       called without a lock; it may use the map.
// Returns:  0; else nothing is changed.
// Errors:   as tally_map_set; what [fn] returns.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_set; as [fn].
// Cost:     as tally_map_get and tally_map_set.
TALLY_API tally_status tally_map_update(tally_map *map, tally_value key,
                                        tally_map_updater fn, void *arg);

// Removes a key.
//
// Returns:  0; else nothing is changed.
// Errors:   TALLY_NOT_FOUND; as tally_map_contains.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_set.
// Cost:     as tally_map_set. The entry's place is used again when the map
//           grows or is cleared.
TALLY_API tally_status tally_map_delete(tally_map *map, tally_value key);

// Removes a key, and returns its value.
//
// ret_value: owned; untouched on failure.
// Returns:  0; else nothing is changed.
// Errors:   as tally_map_delete.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_set.
// Cost:     as tally_map_delete.
TALLY_API tally_status tally_map_pop(tally_map *map, tally_value key,
                                     tally_value *ret_value);

// Removes the newest entry.
//
// ret_key, ret_value: owned; untouched on failure.
// Returns:  0.
// Errors:   TALLY_NOT_FOUND (the map is empty).
// Threads:  as tally_map_set.
// Blocks:   for the map's lock.
// Cost:     two locked operations, amortised.
TALLY_API tally_status tally_map_pop_newest(tally_map *map,
                                            tally_value *ret_key,
                                            tally_value *ret_value);

// Removes all entries.
//
// Returns:  nothing; cannot fail.
// Threads:  any; as tally_decref.
// Blocks:   for the map's lock; as tally_decref of what was there.
// Cost:     a decref of all that was there.
TALLY_API void tally_map_clear(tally_map *map);

// Makes a map with the same entries in the same order: those of one moment.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   as tally_map_new.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_new; for the map's lock.
// Cost:     an incref and a copy of all entries, under the lock.
TALLY_API TALLY_MUST_USE tally_map *tally_map_copy(tally_map *map);

// Sets in a map what another one has. What the other has is taken at one
// moment, and set one by one.
//
// from:     may be the same map: nothing is changed.
// Returns:  0; else some entries may be set.
// Errors:   as tally_map_set.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_copy and tally_map_set.
// Cost:     as tally_map_copy, and tally_map_set of each without hashing.
TALLY_API tally_status tally_map_merge(tally_map *map, tally_map *from);

// A place in a map. It holds what it goes over, not the map, and as long as it
// does the map grows by counting instead of by moving: end it.
//
//     struct tally_map_iterator it;
//     tally_value key, value;
//     tally_map_begin(map, &it);
//     while (tally_map_next(&it, &key, &value)) {
//         ...;
//         tally_value_decref(key);
//         tally_value_decref(value);
//     }
//     tally_map_end(&it);
//
// Once the map has grown or was cleared an iterator sees it as it was then.
struct tally_map_iterator {
    void *table_;
    uint32_t at_;
};

// Begins before the first entry.
//
// ret_it:   to be ended by tally_map_end.
// Returns:  nothing; cannot fail.
// Threads:  as tally_map_set; the iterator is one thread's at a time.
// Blocks:   for the map's lock.
// Cost:     four locked operations.
TALLY_API void tally_map_begin(tally_map *map,
                               struct tally_map_iterator *ret_it);

// Goes to the next entry.
//
// ret_key, ret_value: owned; untouched at the end.
// Returns:  false at the end.
// Threads:  who has the iterator; a thread that is not attached is attached.
// Blocks:   as TALLY_BORROW.
// Cost:     a borrow section and two upgrades.
TALLY_API bool tally_map_next(struct tally_map_iterator *it,
                              tally_value *ret_key, tally_value *ret_value);

// Ends an iteration, at any place.
//
// it:       begun; ending it again does nothing.
// Returns:  nothing.
// Threads:  who has the iterator.
// Blocks:   as tally_decref of what the map had.
// Cost:     two locked operations.
TALLY_API void tally_map_end(struct tally_map_iterator *it);

TALLY_END

#endif
