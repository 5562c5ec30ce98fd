// Equality and order of lists, maps and sets.
//
// What is compared is held, as of one moment, and hooks are called without any
// lock. Containers in containers are gone through by a loop that keeps a stack
// of its own, so that depth costs memory of the heap and no stack of the
// thread's; a thread knows how deep it is, also through hooks of the program's,
// and has an end (depth.h).

#include "container/compound.h"

#include <errno.h>

#include <tally/alloc.h>
#include <tally/dynamic.h>
#include <tally/list_whole.h>
#include <tally/map.h>
#include <tally/set.h>

#include "base/compiler.h"
#include "container/depth.h"
#include "container/hashed.h"
#include "container/pair.h"
#include "container/quick.h"
#include "container/tell.h"
#include "object/owns.h"

static tally_status list_equal(void *object, tally_value other,
                               bool *ret_equal);
static tally_status map_equal(void *object, tally_value other, bool *ret_equal);

// ---- two containers side by side

// Two lists, or two maps, that are compared pair by pair.
struct pairs {
    bool is_map;
    uint32_t at; // of maps: the next entry
    struct tally_list_iterator list[2];
    tally_map *map[2]; // copies that nobody else knows
    tally_value there; // of the second, owned while it is compared; or absent
};

enum step {
    STEP_PAIR,  // there is one more
    STEP_END,   // there is none
    STEP_DIFFER // what one has the other lacks
};

static void pairs_end(struct pairs *p) {
    tally_value_decref(p->there);
    if (p->is_map) {
        tally_decref(p->map[0]);
        tally_decref(p->map[1]);
        return;
    }
    tally_list_end(&p->list[0]);
    tally_list_end(&p->list[1]);
}

static tally_status lists_begin(struct pairs *p, tally_list *a, tally_list *b) {
    tally_status status = tally_list_begin(a, &p->list[0]);
    if (status != TALLY_OK)
        return status;
    status = tally_list_begin(b, &p->list[1]);
    if (status != TALLY_OK)
        tally_list_end(&p->list[0]);
    return status;
}

static struct tly_hashed *hashed_of(void *container) { return container; }

// The next entry of the first map, and what the second has for its key.
static tally_status entry_next(struct pairs *p, tally_value pair[2],
                               enum step *ret_step) {
    struct tly_probe probe TLY_PROBE_ENDS = {.table = NULL};
    tally_value there, last TLY_OWNS_VALUE = p->there;
    p->there = tally_absent();
    *ret_step = STEP_END;
    if (!tly_hashed_entry(hashed_of(p->map[0]), &p->at, &probe, &pair[0]))
        return TALLY_OK;
    tally_status status = tly_hashed_get(hashed_of(p->map[1]), &probe, &there);
    *ret_step = status == TALLY_OK ? STEP_PAIR : STEP_DIFFER;
    if (status == TALLY_OK)
        pair[1] = p->there = there;
    return status == TALLY_NOT_FOUND ? TALLY_OK : status;
}

// *ret_more: that of the lengths, where there is no more pair.
static tally_status pairs_next(struct pairs *p, tally_value pair[2],
                               enum step *ret_step, int *ret_more) {
    *ret_more = 0;
    if (p->is_map)
        return entry_next(p, pair, ret_step);
    bool in_a = tally_list_next(&p->list[0], &pair[0]);
    bool in_b = tally_list_next(&p->list[1], &pair[1]);
    *ret_more = (int)in_a - (int)in_b;
    *ret_step = in_a && in_b ? STEP_PAIR : STEP_END;
    return TALLY_OK;
}

// ---- a stack of them

struct comparing {
    bool orders; // asked is an order, and not only whether they are equal
    int order;   // 0: no pair was decisive so far
    uint32_t count, room;
    struct pairs *pairs; // [first], or memory of the heap
    struct pairs first;
};

static tally_status room_make(struct comparing *c) {
    if (c->count < c->room)
        return TALLY_OK;
    bool is_first = c->pairs == &c->first;
    uint32_t room = c->room * 4;
    struct pairs *pairs =
        tally_realloc(is_first ? NULL : c->pairs, room * sizeof(*pairs));
    if (!pairs)
        return TALLY_NO_MEMORY;
    if (is_first)
        pairs[0] = c->first;
    c->pairs = pairs;
    c->room = room;
    return TALLY_OK;
}

// Begins with two more containers, which go before those that they are in.
static tally_status push(struct comparing *c, void *a, void *b, bool is_map) {
    tally_status status = room_make(c);
    if (status != TALLY_OK)
        return status;
    status = tly_depth_enter();
    if (status != TALLY_OK)
        return status;
    struct pairs *p = &c->pairs[c->count];
    *p = (struct pairs){.is_map = is_map, .there = tally_absent()};
    status = is_map ? tly_maps_copy((tally_map *[2]){a, b}, p->map)
                    : lists_begin(p, a, b);
    if (status != TALLY_OK) {
        tly_depth_leave();
        return status;
    }
    c->count++;
    if (is_map && tally_map_length(p->map[0]) != tally_map_length(p->map[1]))
        c->order = 1;
    return TALLY_OK;
}

static void pop(struct comparing *c) {
    tly_depth_leave();
    pairs_end(&c->pairs[--c->count]);
}

// Also when a hook has been left.
static void comparing_end(struct comparing *c) {
    while (c->count > 0)
        pop(c);
    if (c->pairs != &c->first)
        tally_free(c->pairs);
}

static void *instance_of(tally_value value, const tally_type *type) {
    void *object = tally_object_of(value);
    return object && tally_is_instance(object, type) ? object : NULL;
}

// Whether lists, or maps, differ in what is known before they are gone through.
// Where lengths differ that are read one after the other, the two are not equal
// at one moment in between: what makes them equal is a change of one of both.
static bool lists_differ(tally_list *a, tally_list *b) {
    return tally_list_length(a) != tally_list_length(b);
}
static bool maps_differ(tally_map *a, tally_map *b) {
    return !tly_maps_alike((tally_map *[2]){a, b});
}

// Containers that are compared here, not by a hook that leads here. *ret_is_map
// says how.
static bool are_ours(const struct comparing *c, const tally_value pair[2],
                     bool *ret_is_map) {
    void *a = tally_object_of(pair[0]);
    const tally_protocol *hooks =
        a && tally_is_object(pair[1]) ? TLY_PROTOCOL_WITH(a, equal) : NULL;
    if (!hooks)
        return false;
    *ret_is_map = hooks->equal == map_equal;
    if (*ret_is_map)
        return !c->orders && instance_of(pair[1], &tally_type_map);
    if (hooks->equal != list_equal || !instance_of(pair[1], &tally_type_list))
        return false;
    return !c->orders ||
           TLY_PROTOCOL_WITH(a, compare)->compare == tly_list_protocol.compare;
}

static tally_status pair_order(struct comparing *c, const tally_value pair[2]) {
    if (c->orders)
        // Two doubles that are no numbers are beside each other, and not equal.
        return tally_value_compare(pair[0], pair[1], &c->order);
    c->order = 1;
    return TALLY_OK;
}

static tally_status pair_compare(struct comparing *c,
                                 const tally_value pair[2]) {
    bool equal = true;
    tally_status status = tally_value_equal(pair[0], pair[1], &equal);
    return status != TALLY_OK || equal ? status : pair_order(c, pair);
}

static tally_status pair_take(struct comparing *c, const tally_value pair[2]) {
    bool is_map, equal;
    // As in Python, what is the same is equal here, though it be no number.
    if (tly_equal_quick(pair[0], pair[1], &equal))
        return equal ? TALLY_OK : pair_order(c, pair);
    if (!are_ours(c, pair, &is_map))
        return pair_compare(c, pair);
    void *a = tally_object_of(pair[0]), *b = tally_object_of(pair[1]);
    if (!c->orders && (is_map ? maps_differ(a, b) : lists_differ(a, b))) {
        c->order = 1;
        return TALLY_OK;
    }
    return push(c, a, b, is_map);
}

static tally_status step(struct comparing *c) {
    tally_value pair[2];
    enum step step = STEP_END;
    int more;
    tally_status status =
        pairs_next(&c->pairs[c->count - 1], pair, &step, &more);
    if (status != TALLY_OK)
        return status;
    if (step == STEP_PAIR)
        return pair_take(c, pair);
    c->order = step == STEP_DIFFER ? 1 : more;
    if (c->order == 0)
        pop(c);
    return TALLY_OK;
}

// Compares two containers. *ret_order is not 0 if a pair, or a length, was
// decisive.
static tally_status compare(void *a, void *b, bool is_map, bool orders,
                            int *ret_order) {
    struct comparing c
        __attribute__((cleanup(comparing_end))) = {.orders = orders, .room = 1};
    c.pairs = &c.first;
    tally_status status = push(&c, a, b, is_map);
    while (status == TALLY_OK && c.count > 0 && c.order == 0)
        status = step(&c);
    *ret_order = c.order;
    return status;
}

// ---- hooks

static tally_status list_equal(void *object, tally_value other,
                               bool *ret_equal) {
    void *with = instance_of(other, &tally_type_list);
    int order = 1;
    if (!with)
        return TALLY_WRONG_TYPE;
    tally_status status = TALLY_OK;
    if (!lists_differ(object, with))
        status = compare(object, with, false, false, &order);
    if (status == TALLY_OK)
        *ret_equal = order == 0;
    return status;
}

static tally_status list_compare(void *object, tally_value other,
                                 int *ret_order) {
    void *with = instance_of(other, &tally_type_list);
    int order;
    if (!with)
        return TALLY_WRONG_TYPE;
    tally_status status = compare(object, with, false, true, &order);
    if (status == TALLY_OK)
        *ret_order = order;
    return status;
}

static tally_status map_equal(void *object, tally_value other,
                              bool *ret_equal) {
    void *with = instance_of(other, &tally_type_map);
    int order = 1;
    if (!with)
        return TALLY_WRONG_TYPE;
    tally_status status = TALLY_OK;
    if (!maps_differ(object, with))
        status = compare(object, with, true, false, &order);
    if (status == TALLY_OK)
        *ret_equal = order == 0;
    return status;
}

static tally_status sets_ask(void *object, void *with, bool *ret_equal) {
    tally_set *both[2];
    tally_status status = tly_sets_copy((tally_set *[2]){object, with}, both);
    if (status != TALLY_OK)
        return status;
    void *first TLY_OWNS_OBJECT = both[0], *second TLY_OWNS_OBJECT = both[1];
    if (tally_set_length(both[0]) == tally_set_length(both[1]))
        status = tly_set_each_is(both[0], both[1], true, ret_equal);
    return status;
}

static void depth_end(const bool *inside) {
    if (*inside)
        tly_depth_leave();
}

// Elements are no containers, but may have hooks that compare some.
static tally_status set_equal(void *object, tally_value other,
                              bool *ret_equal) {
    void *with = instance_of(other, &tally_type_set);
    bool equal = false;
    if (!with)
        return TALLY_WRONG_TYPE;
    if (!tly_sets_alike((tally_set *[2]){object, with})) {
        *ret_equal = false;
        return TALLY_OK;
    }
    tally_status status = tly_depth_enter();
    if (status != TALLY_OK)
        return status;
    const bool inside __attribute__((cleanup(depth_end), unused)) = true;
    status = sets_ask(object, with, &equal);
    if (status == TALLY_OK)
        *ret_equal = equal;
    return status;
}

const tally_protocol tly_list_protocol = {
    .equal = list_equal, .compare = list_compare, .text = tly_list_text};
const tally_protocol tly_map_protocol = {.equal = map_equal,
                                         .text = tly_map_text};
const tally_protocol tly_set_protocol = {.equal = set_equal,
                                         .text = tly_set_text};
