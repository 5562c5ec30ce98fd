// Weak maps: their entries go when the object dies that is the key, or the
// value.
//
//     tally_weakmap *notes = tally_weakmap_new(TALLY_WEAKMAP_KEYS);
//     tally_weakmap_set(notes, tally_of(session), tally_of(note));
//
// With weak keys, keys are objects, compared by identity: something is noted
// about an object without keeping it alive. A value that leads to its own key
// keeps it alive, though. With weak values keys are hashed and compared as in
// a map, and values are objects: a cache of what somebody else holds.
//
// A look-up never finds what is dead. Its entry goes when weak references'
// callbacks are called (weak.h): until then the length counts it. What
// <tally/map.h> says of threads, order and iteration holds for weak maps.

#ifndef TALLY_WEAKMAP_H
#define TALLY_WEAKMAP_H

#include <tally/value.h>

TALLY_BEGIN

typedef struct tally_weakmap tally_weakmap;
TALLY_TYPE_OWN_(weakmap);

// What a weak map does not keep alive.
enum tally_weakmap_kind { TALLY_WEAKMAP_KEYS, TALLY_WEAKMAP_VALUES };

// Makes a weak map.
//
// Returns:  an owned reference, or NULL with errno set.
// Errors:   EINVAL (no such kind); as tally_object_new.
// Threads:  as tally_map_new.
// Blocks:   as tally_object_new.
// Cost:     as tally_map_new; an entry has besides a weak reference with a
//           callback, of 80 bytes.
TALLY_API TALLY_MUST_USE tally_weakmap *tally_weakmap_new(
    enum tally_weakmap_kind kind);

// Returns:  the number of entries, among them those that are about to go.
// Threads:  any.
// Blocks:   no.
// Cost:     a load.
TALLY_API size_t tally_weakmap_length(const tally_weakmap *map);

// Looks a key up.
//
// Returns:  as tally_map_get.
// Errors:   as tally_map_get.
// Threads:  as tally_map_get.
// Blocks:   as tally_map_get.
// Cost:     as tally_map_get; of weak values, tally_weak_get as well.
TALLY_API TALLY_MUST_USE tally_value tally_weakmap_get(const tally_weakmap *map,
                                                       tally_value key);

// Looks a key up, and says what went wrong.
//
// ret_value: its value, owned; untouched on failure.
// Returns:  0 or a status.
// Errors:   as tally_map_find; TALLY_WRONG_TYPE (a weak key is no object).
// Threads:  as tally_map_find.
// Blocks:   as tally_map_find.
// Cost:     as tally_weakmap_get.
TALLY_API tally_status tally_weakmap_find(const tally_weakmap *map,
                                          tally_value key,
                                          tally_value *ret_value);

// Sets a key's value.
//
// key, value: that last over the call; still the caller's.
// Returns:  0; else nothing is changed.
// Errors:   as tally_map_set; TALLY_WRONG_TYPE (what is to be weak is no
//           object); TALLY_INVALID as tally_weak_new.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_set.
// Cost:     as tally_map_set and tally_weak_new.
TALLY_API tally_status tally_weakmap_set(tally_weakmap *map, tally_value key,
                                         tally_value value);

// Returns what a key has, after setting it if it was missing or dead.
//
// ret_value: what is there now, owned; untouched on failure.
// Returns:  0; else nothing is changed.
// Errors:   as tally_weakmap_set.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_set.
// Cost:     as tally_weakmap_get where it is there, else as tally_weakmap_set.
TALLY_API tally_status tally_weakmap_get_or_set(tally_weakmap *map,
                                                tally_value key,
                                                tally_value value,
                                                tally_value *ret_value);

// Removes a key, and returns its value.
//
// ret_value: owned; untouched on failure; or NULL.
// Returns:  0; else nothing is changed but that a dead entry is gone.
// Errors:   TALLY_NOT_FOUND; as tally_weakmap_find.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_set.
// Cost:     as tally_map_delete.
TALLY_API tally_status tally_weakmap_pop(tally_weakmap *map, tally_value key,
                                         tally_value *ret_value);

// Removes a key.
//
// Returns:  as tally_weakmap_pop.
// Errors:   as tally_weakmap_pop.
// Threads:  as tally_map_set.
// Blocks:   as tally_map_set.
// Cost:     as tally_map_delete.
TALLY_API tally_status tally_weakmap_delete(tally_weakmap *map,
                                            tally_value key);

// Removes all entries.
//
// Returns:  nothing; cannot fail.
// Threads:  as tally_map_clear.
// Blocks:   as tally_map_clear.
// Cost:     as tally_map_clear.
TALLY_API void tally_weakmap_clear(tally_weakmap *map);

// A place in a weak map, as tally_map_iterator.
struct tally_weakmap_iterator {
    const tally_weakmap *map_;
    void *table_;
    uint32_t at_;
};

// Begins before the first entry.
//
// map:      a reference that lasts over the iteration.
// ret_it:   to be ended by tally_weakmap_end.
// Returns:  nothing; cannot fail.
// Threads:  as tally_map_begin.
// Blocks:   as tally_map_begin.
// Cost:     as tally_map_begin.
TALLY_API void tally_weakmap_begin(tally_weakmap *map,
                                   struct tally_weakmap_iterator *ret_it);

// Goes to the next entry that is alive.
//
// ret_key, ret_value: owned; untouched at the end.
// Returns:  false at the end.
// Threads:  as tally_map_next.
// Blocks:   as tally_map_next.
// Cost:     as tally_map_next and tally_weak_get.
TALLY_API bool tally_weakmap_next(struct tally_weakmap_iterator *it,
                                  tally_value *ret_key, tally_value *ret_value);

// Ends an iteration, at any place.
//
// it:       begun; ending it again does nothing.
// Returns:  nothing.
// Threads:  as tally_map_end.
// Blocks:   as tally_map_end.
// Cost:     as tally_map_end.
TALLY_API void tally_weakmap_end(struct tally_weakmap_iterator *it);

TALLY_END

#endif
