// HOT objects and who counts them, for the tests of object/hot.c, cool.c and
// fold.c.

#ifndef SUPPORT_UNIT_HOT_H
#define SUPPORT_UNIT_HOT_H

#include "unit_object.h"

#include "epoch/world.h"

static unsigned ended;
static void leaf_ends(void *object);

struct leaf {
    tally_object head;
    uint64_t value;
};
TALLY_TYPE(leaf, TALLY_DESTROY(leaf_ends));

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

static void leaf_ends(void *object) {
    (void)object;
    ended++;
}

static struct tly_local *mine;

// A thread that can wait, for what takes a handshake.
static inline struct leaf *begin(void) {
    must(tally_attach(NULL) == TALLY_OK);
    mine = tly_local_of(tly_self());
    ended = 0;
    tly_hot_configure(false);
    return tally_new(leaf);
}

static inline struct leaf *hot(struct leaf *leaf) {
    must(tally_make_hot(leaf) == TALLY_OK);
    return leaf;
}

static inline uint16_t owner_of(const void *object) {
    // Relaxed: another thread may be making it HOT.
    return tly_load_relaxed(&((const tally_object *)object)->owner_);
}

static struct tly_local *other;

// The same beside another mutator, which runs and never passes a safepoint.
static inline struct leaf *begin_two(void) {
    struct leaf *leaf = begin();
    struct tly_mutator *self = tly_self();
    other = local_make();
    act_as(tly_heap_of(self));
    return leaf;
}

static inline int64_t shared_of(const void *object) {
    return tly_count_of(((const tally_object *)object)->shared_) -
           (int64_t)TLY_HOT_BIAS;
}

static atomic_bool enough;

static inline void *count_often(void *leaf) {
    must(tally_attach(NULL) == TALLY_OK);
    while (!enough) {
        tally_incref(leaf);
        tally_decref(leaf);
    }
    tally_detach();
    return NULL;
}

// Makes an object HOT as contention does.
static inline void heat_by_itself(void *leaf) {
    must(tally_transfer(leaf) == TALLY_OK);
    tly_hot_configure(true);
    enough = false;
    pthread_t thread = thread_start(count_often, leaf);
    while (owner_of(leaf) != TALLY_OWNER_HOT_) {
        tally_incref(leaf);
        tally_decref(leaf);
    }
    enough = true;
    thread_join(thread);
    tly_hot_configure(false);
}

#endif
