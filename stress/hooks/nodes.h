// The objects: of each kind of type, with hooks that do what actions.h has.

#ifndef STRESS_HOOKS_NODES_H
#define STRESS_HOOKS_NODES_H

#include "oracle.h"

#define CANARY UINT64_C(0x5EED5EED5EED5EED)
#define KEYS 64u // numbers of keys

struct node {
    tally_object head;
    uint64_t canary;
    uint32_t serial; // 0: its type has no destroy hook
    uint32_t number; // of a key
    atomic_uint finalized;
    tally_ref a, b, weak; // its maker's, or its finalizer's
    tally_ref hidden;     // of kinds with a visit hook
    tally_aref shared;
};

static void act(struct node *node); // actions.h; NULL: none that may come back

static inline void node_check(struct node *node) {
    expect(node->canary == (CANARY ^ node->serial),
           "what is used is no object: canary %llx, serial %u",
           (unsigned long long)node->canary, node->serial);
    expect(!node->serial || atomic_load(&states[node->serial]) == ALIVE,
           "object %u is used and is destroyed", node->serial);
}

static inline void neighbour_check(tally_ref *field) {
    struct node *node = tally_ref_get(field);
    if (node)
        node_check(node);
}

static void node_finalize(void *object) {
    struct node *node = object;
    const char *before = hook_enter("a finalizer");
    node_check(node);
    expect(atomic_fetch_add(&node->finalized, 1) == 0,
           "the finalizer of object %u runs twice", node->serial);
    atomic_fetch_add(&finalized, 1);
    neighbour_check(&node->a);
    neighbour_check(&node->b);
    act(node);
    node_check(node);
    neighbour_check(&node->a);
    hook_leave(before);
}

static void node_destroy(void *object) {
    struct node *node = object;
    const char *before = hook_enter("a destroy hook");
    expect(node->canary == (CANARY ^ node->serial),
           "what is destroyed is no object: canary %llx, serial %u",
           (unsigned long long)node->canary, node->serial);
    serial_gone(node->serial);
    void *outer = self.ending;
    self.ending = node;
    act(NULL);
    self.ending = outer;
    expect(node->canary == (CANARY ^ node->serial),
           "the block of object %u changes while it is destroyed",
           node->serial);
    owner_leave(node);
    hook_leave(before);
}

// World stopped, or any thread: it only looks.
static void node_visit(void *object, struct tally_visitor *visitor) {
    struct node *node = object;
    tally_visit(visitor, &node->hidden);
}

// ---- protocol

static bool hook_fails(void) {
    if (!on(FAIL) || atomic_load(&closing) || below(64))
        return false;
    self.failed++;
    return true;
}

static struct node *key_of(tally_value value);

static tally_status key_equal(void *object, tally_value other,
                              bool *ret_equal) {
    struct node *key = object, *to = key_of(other);
    if (!to)
        return TALLY_WRONG_TYPE;
    const char *before = hook_enter("an equal hook");
    node_check(key);
    node_check(to);
    bool fails = hook_fails();
    act(NULL);
    if (!fails)
        *ret_equal = key->number == to->number;
    hook_leave(before);
    return fails ? -ENOENT : TALLY_OK; // as an open() in it would
}

static tally_status key_hash(void *object, uint64_t *ret_hash) {
    struct node *key = object;
    const char *before = hook_enter("a hash hook");
    node_check(key);
    bool fails = hook_fails();
    act(NULL);
    if (!fails)
        *ret_hash = key->number % 8; // some collide
    hook_leave(before);
    return fails ? -EEXIST : TALLY_OK;
}

static tally_status key_compare(void *object, tally_value other,
                                int *ret_order) {
    struct node *key = object, *to = key_of(other);
    if (!to)
        return TALLY_WRONG_TYPE;
    const char *before = hook_enter("a compare hook");
    node_check(key);
    node_check(to);
    act(NULL);
    *ret_order = (key->number > to->number) - (key->number < to->number);
    hook_leave(before);
    return TALLY_OK;
}

static const tally_protocol key_protocol = {
    .equal = key_equal, .hash = key_hash, .compare = key_compare};

// ---- types

TALLY_TYPE(node, TALLY_REF(a), TALLY_REF(b), TALLY_REF(weak),
           TALLY_AREF(shared));
#define KIND_OF(name, base, ...)                                               \
    struct name {                                                              \
        struct base base;                                                      \
    };                                                                         \
    TALLY_TYPE(name, TALLY_BASE(base), __VA_ARGS__)
#define KIND(name, ...) KIND_OF(name, node, __VA_ARGS__)
KIND(final, TALLY_FINALIZE(node_finalize));
KIND(served, TALLY_FINALIZE(node_finalize),
     TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));
KIND(pumped, TALLY_FINALIZE(node_finalize),
     TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));
KIND(last, TALLY_DESTROY(node_destroy));
KIND(both, TALLY_FINALIZE(node_finalize), TALLY_DESTROY(node_destroy));
KIND_OF(both_served, served, TALLY_DESTROY(node_destroy));
KIND_OF(both_pumped, pumped, TALLY_DESTROY(node_destroy));
KIND(opaque, TALLY_VISIT(node_visit), TALLY_DESTROY(node_destroy));
KIND(visited, TALLY_VISIT_LIVE(node_visit), TALLY_DESTROY(node_destroy));
KIND(key, TALLY_PROTOCOL(key_protocol), TALLY_DESTROY(node_destroy));

enum kind {
    NODE,
    FINAL,
    SERVED,
    PUMPED,
    LAST, // the first with a destroy hook
    BOTH,
    BOTH_SERVED,
    BOTH_PUMPED,
    OPAQUE,
    VISITED,
    KEY,
    KINDS
};
static const bool has_finalizer[KINDS] = {
    [FINAL] = true, [SERVED] = true,      [PUMPED] = true,
    [BOTH] = true,  [BOTH_SERVED] = true, [BOTH_PUMPED] = true};

static struct node *node_new(enum kind kind) {
    tally_type *types[KINDS] = {
        TALLY_TYPE_OF(node),        TALLY_TYPE_OF(final),
        TALLY_TYPE_OF(served),      TALLY_TYPE_OF(pumped),
        TALLY_TYPE_OF(last),        TALLY_TYPE_OF(both),
        TALLY_TYPE_OF(both_served), TALLY_TYPE_OF(both_pumped),
        TALLY_TYPE_OF(opaque),      TALLY_TYPE_OF(visited),
        TALLY_TYPE_OF(key)};
    struct node *node = tally_object_new(types[kind], 0);
    must(node);
    if (has_finalizer[kind])
        atomic_fetch_add(&to_finalize, 1);
    node->serial = kind >= LAST && !atomic_load(&in_child) ? serial_new() : 0;
    if (node->serial)
        owner_enter(node, node->serial);
    node->number = below(KEYS);
    node->canary = CANARY ^ node->serial;
    return node;
}

static struct node *node_any(void) {
    return node_new(below(on(DESTROY) ? KINDS : LAST));
}

// Refers to nothing, and no collection looks at it.
struct leaf {
    struct node node;
};
TALLY_TYPE(leaf);

static struct node *leaf_new(void) {
    struct leaf *leaf = tally_new(leaf);
    must(leaf);
    leaf->node.canary = CANARY;
    return &leaf->node;
}

static struct node *key_of(tally_value value) {
    void *key;
    return tally_as(value, TALLY_TYPE_OF(key), &key) == TALLY_OK ? key : NULL;
}

// Drops a reference; the program's errno stays what it is.
static inline void drop(struct node *node) {
    errno = ERANGE;
    tally_decref(node);
    expect(!on(CHECK_ERRNO) || errno == ERANGE,
           "tally_decref changes errno to %d", errno);
}

#endif
