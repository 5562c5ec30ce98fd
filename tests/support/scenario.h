// What programs do, written so that any step may be refused: each scenario
// cleans up after itself and says whether it got through. The fault tests let
// the n-th step of the runtime fail under them.

#ifndef SUPPORT_SCENARIO_H
#define SUPPORT_SCENARIO_H

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <tally/tally.h>

#include "must.h"
#include "threads.h"

struct thing {
    tally_object head;
    tally_ref left, right;
    uint64_t key;
};
TALLY_TYPE(thing, TALLY_REF(left), TALLY_REF(right));

struct tray {
    tally_object head;
    uint64_t length;
    tally_ref item[];
};
TALLY_TYPE(tray, TALLY_REF_ITEMS(item, length));

struct blob {
    tally_object head;
    uint64_t length;
    char item[];
};
TALLY_TYPE(blob, TALLY_ITEMS(item, length));

// Refused for want of memory, and for nothing else.
static inline bool refused(const void *result) {
    must(result || errno == ENOMEM);
    return !result;
}

static inline bool refused_status(tally_status status) {
    if (status != TALLY_OK && status != TALLY_NO_MEMORY)
        fprintf(stderr, "status %d: %s\n", status, tally_strerror(status));
    must(status == TALLY_OK || status == TALLY_NO_MEMORY);
    return status != TALLY_OK;
}

#include "scenario_defer.h"
#include "scenario_maps.h"
#include "scenario_lists.h"
#include "scenario_rings.h"
#include "scenario_rest.h"
#include "scenario_values.h"
#include "scenario_views.h"

// A graph of things in trays and blobs of many sizes, in which everything
// leads everywhere.
static inline bool graph_scenario(void) {
    bool done = false;
    struct tray *root = tally_new_items(tray, 300);
    if (refused(root))
        return false;
    for (size_t n = 0; n < 300; n++) {
        struct thing *thing = tally_new(thing);
        if (refused(thing))
            goto out;
        must(!tally_get(thing, left) && !thing->key);
        tally_set_steal(root, item[n], thing);
        struct tray *tray = tally_new_items(tray, n * n / 8);
        if (refused(tray))
            goto out;
        tally_set_steal(thing, left, tray);
        if (tray->length > 0)
            tally_set(tray, item[tray->length - 1], root);
        struct blob *blob = tally_new_items(blob, n * 100);
        if (refused(blob))
            goto out;
        memset(blob->item, 7, blob->length);
        tally_set_steal(thing, right, blob);
    }
    done = true;
out:
    tally_decref(root);
    return done;
}

static inline bool raw_scenario(void) {
    enum { COUNT = 60 };
    char *block[COUNT] = {NULL};
    size_t size[COUNT], count = 0;
    bool done = false;
    for (; count < COUNT; count++) {
        size[count] = (count + 1) * (count + 1) * (count + 1) * 20;
        block[count] =
            count % 2 ? tally_alloc(size[count]) : tally_calloc(size[count], 1);
        if (refused(block[count]))
            goto out;
        must(count % 2 ||
             (block[count][0] == 0 && block[count][size[count] - 1] == 0));
        block[count][0] = block[count][size[count] - 1] = (char)count;
    }
    for (size_t n = 0; n < COUNT; n += 3) {
        char *grown = tally_realloc(block[n], size[n] * 3);
        if (refused(grown))
            goto out;
        block[n] = grown;
    }
    done = true;
out:
    for (size_t n = 0; n < COUNT; n++) {
        // What was refused left the block as it was.
        must(!block[n] ||
             (block[n][0] == (char)n && block[n][size[n] - 1] == (char)n));
        tally_free(block[n]);
    }
    return done;
}

static inline void *thread_makes(void *arg) {
    struct thing *thing = NULL;
    if (refused_status(tally_attach("maker")))
        return NULL;
    for (int n = 0; n < 300; n++) {
        struct thing *next = tally_new(thing);
        if (refused(next))
            break;
        tally_set_steal(next, left, thing);
        thing = next;
    }
    *(struct thing **)arg = thing;
    return arg;
}

static inline void *thread_drops(void *thing) {
    // Dropping cannot fail, attached or not.
    tally_decref(thing);
    return NULL;
}

static inline bool threads_scenario(void) {
    bool done = true;
    struct thing *list[4] = {NULL};
    pthread_t thread[4];
    for (int n = 0; n < 4; n++)
        thread[n] = thread_start(thread_makes, &list[n]);
    for (int n = 0; n < 4; n++)
        done = thread_join(thread[n]) && done;
    for (int n = 0; n < 4; n++)
        if (list[n] && n % 2)
            thread_run(thread_drops, list[n]);
        else if (list[n])
            tally_decref(list[n]);
    return done;
}

// Memory that goes back and comes again; what cannot go back must not come
// again dirty.
static inline bool trim_scenario(void) {
    bool done = true;
    for (int round = 0; round < 3 && done; round++) {
        char *block = tally_alloc((size_t)9 << 20);
        char *small = tally_alloc(300000);
        done = !refused(block) && !refused(small);
        if (block)
            memset(block, 0xEE, (size_t)9 << 20);
        if (small)
            memset(small, 0xEE, 300000);
        tally_free(block);
        tally_free(small);
        (void)tally_trim();
        block = tally_calloc(9, 1 << 20);
        small = tally_calloc(3, 100000);
        done = !refused(block) && !refused(small) && done;
        for (size_t n = 0; block && n < (size_t)9 << 20; n += 64)
            must(block[n] == 0);
        for (size_t n = 0; small && n < 300000; n += 64)
            must(small[n] == 0);
        tally_free(block);
        tally_free(small);
    }
    return done;
}

static inline bool verify_scenario(void) {
    struct thing *thing = tally_new(thing);
    if (refused(thing))
        return false;
    bool done = !refused_status(tally_verify(2));
    if (refused_status(tally_borrow_enter()))
        done = false;
    else
        tally_borrow_leave();
    tally_publish(thing);
    tally_decref(thing);
    return !refused_status(tally_collect_generation(TALLY_FULL, NULL)) && done;
}

// A HOT object that threads drop; some of them have no mutator.
static inline bool hot_scenario(void) {
    struct thing *thing = tally_new(thing);
    if (refused(thing))
        return false;
    bool done = !refused_status(tally_make_hot(thing));
    for (int n = 0; n < 20; n++)
        tally_incref(thing);
    for (int n = 0; n < 4; n++)
        thread_run(thread_drops, thing);
    done = !refused_status(tally_make_cold(thing)) && done;
    done = !refused_status(tally_make_hot(thing)) && done;
    for (int n = 0; n < 17; n++)
        tally_decref(thing);
    return done;
}

// Garbage that is saved, and dropped in the end.
static inline bool saved_scenario(void) {
    bool done = !refused_status(tally_collect_debug_set(TALLY_DEBUG_SAVE_ALL));
    done = rings_scenario() && done;
    done = !refused_status(tally_collect_generation(TALLY_FULL, NULL)) && done;
    must(tally_collect_debug_set(0) == TALLY_OK);
    (void)tally_garbage_clear();
    return done;
}

static const struct scenario {
    const char *name;
    bool (*run)(void); // whether it got through
} scenarios[] = {
    {"graph", graph_scenario},     {"raw", raw_scenario},
    {"rings", rings_scenario},     {"greedy", greedy_scenario},
    {"threads", threads_scenario}, {"trim", trim_scenario},
    {"verify", verify_scenario},   {"pump", pump_scenario},
    {"hot", hot_scenario},         {"defer", defer_scenario},
    {"saved", saved_scenario},     {"values", values_scenario},
    {"types", types_scenario},     {"views", views_scenario},
    {"intern", intern_scenario},   {"map", map_scenario},
    {"set", set_scenario},         {"compound", compound_scenario},
    {"pairs", pairs_scenario},     {"weakmap", weakmap_scenario},
    {"list", list_scenario},       {"weak", weak_scenario},
    {"frozen", frozen_scenario},   {"words", words_scenario},
    {"foreign", foreign_scenario}, {"mapped", mapped_scenario},
    {"bytes", bytes_scenario},
};
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

#endif
