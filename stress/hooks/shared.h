// What all threads share: fields, containers, and a lock of the program's.

#ifndef STRESS_HOOKS_SHARED_H
#define STRESS_HOOKS_SHARED_H

#include "nodes.h"

#define ROOTS 32u
#define LISTS 4u
#define LIST_MOST 48u
#define LONG rounds(20000, 2000)
#define ALWAYS 4u // keys that are always in the map
static tally_aref roots[ROOTS];
static tally_list *lists[LISTS];
static tally_list *longs[2]; // of numbers; what holds their locks does so long
static tally_map *map;
static tally_weakmap *cache;
static struct node *always[ALWAYS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void shared_init(void) {
    for (unsigned n = 0; n < LISTS; n++)
        must((lists[n] = tally_list_new()) != NULL);
    for (unsigned n = 0; n < 2; n++) {
        must((longs[n] = tally_list_new()) != NULL);
        for (unsigned i = 0; i < LONG; i++)
            must(tally_list_append(longs[n], tally_small(i)) == TALLY_OK);
    }
    must((map = tally_map_new(0)) != NULL);
    must((cache = tally_weakmap_new(TALLY_WEAKMAP_VALUES)) != NULL);
}

// Each round has its own: nothing of the last one may be alive.
static void always_begin(void) {
    for (unsigned n = 0; n < ALWAYS; n++) {
        always[n] = node_new(KEY);
        always[n]->number = n;
        must(tally_map_set(map, tally_of(always[n]), tally_small(n)) ==
             TALLY_OK);
    }
}

static struct node *root_dup(void) {
    struct node *node = tally_aref_dup(&roots[below(ROOTS)]);
    if (node)
        node_check(node);
    return node;
}

static void root_set_steal(struct node *node) {
    tally_aref_set_steal(NULL, &roots[below(ROOTS)], node);
}

static void revive(struct node *node) {
    atomic_fetch_add(&revived, 1);
    tally_incref(node);
    root_set_steal(node);
}

// A key equal to one that is always there is found, unless a hook fails; and
// then it is said so.
static void always_find(void) {
    struct node *key = node_new(KEY);
    tally_value value = tally_absent();
    key->number = below(ALWAYS);
    unsigned failed = self.failed;
    tally_status status = tally_map_find(map, tally_of(key), &value);
    if (on(CHECK_FOUND)) {
        expect(status == TALLY_OK || self.failed != failed,
               "a key that is there: %s", tally_strerror(status));
        expect(status != TALLY_NOT_FOUND,
               "a hook failed, and the look-up says: not there");
        expect(status != TALLY_OK || tally_small_of(value) == key->number,
               "key %u has the value %lld", key->number,
               (long long)tally_small_of(value));
    }
    drop(key);
}

static void map_use(void) {
    struct node *key = node_new(KEY);
    key->number = ALWAYS + below(KEYS - ALWAYS);
    tally_value value = tally_absent();
    switch (below(4)) {
    case 0:
        (void)tally_map_set(map, tally_of(key), tally_of(key));
        break;
    case 1:
        (void)tally_map_delete(map, tally_of(key));
        break;
    case 2:
        if (tally_map_find(map, tally_of(key), &value) == TALLY_OK)
            tally_value_decref(value);
        break;
    default:
        (void)tally_weakmap_set(cache, tally_small(key->number), tally_of(key));
    }
    drop(key);
}

static void list_change(tally_list *list, struct node *node) {
    switch (below(4)) {
    case 0:
        tally_value_decref(tally_list_pop(list));
        break;
    case 1:
        tally_value_decref(tally_list_pop_front(list));
        break;
    case 2:
        (void)tally_list_insert(list, 0, tally_of(node));
        break;
    default:
        (void)tally_list_append(list, tally_of(node));
    }
}

static void lists_use(void) {
    tally_list *list = lists[below(LISTS)], *other = lists[below(LISTS)];
    struct node *node = below(2) ? root_dup() : NULL;
    bool is = false;
    if (!node)
        node = node_new(KEY);
    if (tally_list_length(list) > LIST_MOST)
        tally_list_clear(list);
    switch (below(12)) {
    case 0:
        if (tally_list_length(other) <= LIST_MOST)
            (void)tally_list_extend(list, other);
        break;
    case 1:
        (void)tally_value_equal(tally_of(list), tally_of(other), &is);
        break;
    case 2:
        (void)tally_list_contains(list, tally_of(node), &is);
        break;
    case 3:
        (void)tally_list_sort(list, NULL, NULL);
        break;
    default:
        list_change(list, node);
    }
    drop(node);
}

static void longs_use(void) {
    unsigned n = below(2);
    size_t middle = tally_list_length(longs[n]) / 2;
    switch (below(8)) {
    case 0:
        if (middle > 2 * LONG)
            tally_list_clear(longs[n]);
        (void)tally_list_extend(longs[n], longs[!n]);
        break;
    case 1:
    case 2:
        (void)tally_list_append(longs[n], tally_nil());
        break;
    default:
        (void)tally_list_insert(longs[n], middle, tally_nil());
        tally_value_decref(tally_list_remove(longs[n], middle));
    }
}

static void container_use(void) {
    if (below(4) == 0)
        longs_use();
    else if (!on(DESTROY))
        root_set_steal(node_any());
    else if (below(4) == 0)
        always_find();
    else
        below(3) ? lists_use() : map_use();
}

// At the end of a round, by one thread.
static void shared_clear(void) {
    for (unsigned n = 0; n < ROOTS; n++)
        tally_aref_set_steal(NULL, &roots[n], NULL);
    for (unsigned n = 0; n < LISTS; n++)
        tally_list_clear(lists[n]);
    tally_map_clear(map);
    tally_weakmap_clear(cache);
    for (unsigned n = 0; n < ALWAYS; n++)
        drop(always[n]);
}

static void shared_fini(void) {
    for (unsigned n = 0; n < LISTS; n++)
        tally_decref(lists[n]);
    tally_decref(longs[0]);
    tally_decref(longs[1]);
    tally_decref(map);
    tally_decref(cache);
}

#endif
