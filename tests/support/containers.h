// Objects for tests of containers: things without hooks, which are the same
// only as themselves, and points, whose hooks can be led astray.

#ifndef SUPPORT_CONTAINERS_H
#define SUPPORT_CONTAINERS_H

#include <stdatomic.h>

#include <tally/tally.h>

#include "must.h"
#include "threads.h"

struct thing {
    tally_object head;
    uint64_t number;
    tally_aref other;
};

static atomic_int things_destroyed;

static inline void thing_gone(void *object) {
    (void)object;
    things_destroyed++;
}
TALLY_TYPE(thing, TALLY_AREF(other), TALLY_DESTROY(thing_gone));

static inline struct thing *thing_new(uint64_t number) {
    struct thing *thing = tally_new(thing);
    must(thing);
    thing->number = number;
    return thing;
}

static inline tally_text *text(const char *string) {
    tally_text *text = tally_text_of(string);
    must(text);
    return text;
}

// Equal where the numbers are; less than 0 has no hash.
struct point {
    tally_object head;
    int64_t number;
};

static uint64_t point_hashes = UINT64_MAX; // so many different ones
static tally_status point_equal_status;    // what comparing says
static void (*point_on_equal)(void);       // called meanwhile; or NULL
TALLY_TYPE_DECLARE(point);

static inline tally_status point_equal(void *object, tally_value other,
                                       bool *ret_equal) {
    if (!tally_is_object(other) ||
        tally_type_of(tally_object_of(other)) != TALLY_TYPE_OF(point))
        return TALLY_WRONG_TYPE;
    if (point_on_equal)
        point_on_equal();
    if (point_equal_status != TALLY_OK)
        return point_equal_status;
    struct point *a = object, *b = tally_object_of(other);
    *ret_equal = a->number == b->number;
    return TALLY_OK;
}

static inline tally_status point_hash(void *object, uint64_t *ret_hash) {
    struct point *point = object;
    if (point->number < 0)
        return TALLY_FORMAT;
    *ret_hash = (uint64_t)point->number % point_hashes;
    return TALLY_OK;
}

static const tally_protocol point_protocol = {.equal = point_equal,
                                              .hash = point_hash};
TALLY_TYPE(point, TALLY_PROTOCOL(point_protocol));

static inline struct point *point_new(int64_t number) {
    struct point *point = tally_new(point);
    must(point);
    point->number = number;
    return point;
}

#endif
