// Stress: threads move references through rings that only one local keeps
// alive, as fast as they can, while others collect: at any time most of what
// lives looks like garbage to who reads it object by object.
//
// ORACLE  no node is destroyed while its ring is kept, or somebody has got it
//         by a weak reference; what a weak reference gives is the node that it
//         was made for; fields lead to whole nodes of the same ring; with
//         nothing kept any more all are destroyed.
// USE     moves [--threads N] [--seconds N] [--seed N]
// FAILS   with defects count-no-dirty, no-last-test and no-pool-hold of
//         tests/mutants.

#include "rounds.h"

#define RINGS 3u      // of each thread
#define MAILBOXES 16u // rings on their way from thread to thread
#define WEAKS 8u      // of each thread
#define TURNS 20000u
#define LENGTH 12u
#define CLUTTER 500u
// A header's first word, of a live tracked object of some owner.
#define LIKE_AN_OBJECT 0x0103000300000001u
#define ALIVE 0xA11CEA11CEA11CE1u

struct node {
    tally_object head;
    tally_ref next, slot[2];
    uint64_t state, number;
    struct ring *ring;
    atomic_uint pins; // threads that got it by a weak reference
};

// What pools are filled with for a short time.
struct leaf {
    tally_object head;
    tally_ref next;
    uint64_t words[13];
};
TALLY_TYPE(leaf, TALLY_REF(next));

// A ring of nodes; malloc'ed, freed with its last node.
struct ring {
    atomic_bool kept;
    atomic_uint living;
    struct node *held; // who has the ring has this reference
};

static void node_gone(void *object);
TALLY_TYPE(node, TALLY_REF(next), TALLY_REF_ARRAY(slot),
           TALLY_DESTROY(node_gone));

// A weak reference, and the number of the node that it was made for.
struct seen {
    tally_weak *weak;
    uint64_t number;
};

static struct seen seen[STRESS_THREADS_MAX][WEAKS];
static struct ring *rings[STRESS_THREADS_MAX][RINGS];
static struct ring *_Atomic mailbox[MAILBOXES];
static atomic_ulong made, destroyed, got, numbers;

static void node_check(const struct node *node, const struct ring *ring) {
    expect(node->state == ALIVE, "a node is used in state %llx",
           (unsigned long long)node->state);
    expect(!ring || node->ring == ring, "node %llu is of another ring",
           (unsigned long long)node->number);
}

static void node_gone(void *object) {
    struct node *node = object;
    struct ring *ring = node->ring;
    node_check(node, ring);
    expect(!atomic_load(&ring->kept), "node %llu goes, and its ring is kept",
           (unsigned long long)node->number);
    expect(atomic_load(&node->pins) == 0, "node %llu goes while it is held",
           (unsigned long long)node->number);
    node->state = 0;
    atomic_fetch_add_explicit(&destroyed, 1, memory_order_relaxed);
    if (atomic_fetch_sub(&ring->living, 1) == 1)
        free(ring);
}

static struct node *node_new(struct ring *ring) {
    struct node *node = tally_new(node);
    must(node);
    node->state = ALIVE;
    node->number = atomic_fetch_add(&numbers, 1);
    node->ring = ring;
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    return node;
}

static struct seen *weak_note(uint64_t me, uint64_t *random,
                              struct node *node) {
    struct seen *at = &seen[me][stress_below(random, WEAKS)];
    if (at->weak)
        tally_decref(at->weak);
    at->weak = tally_weak_new(node, NULL, NULL);
    must(at->weak);
    at->number = node->number;
    return at;
}

static struct ring *ring_new(uint64_t *random) {
    struct ring *ring = calloc(1, sizeof *ring);
    must(ring);
    uint32_t length =
        1 + stress_below(random, 1 + stress_below(random, LENGTH));
    atomic_store(&ring->kept, true);
    atomic_store(&ring->living, length);
    struct node *first = node_new(ring), *last = first;
    ring->held = first;
    for (uint32_t n = 1; n < length; n++) {
        struct node *node = node_new(ring);
        tally_set_steal(last, next, node);
        last = node;
    }
    tally_set(last, next, first);
    return ring;
}

static void ring_drop(struct ring *ring) {
    struct node *held = ring->held;
    node_check(held, ring);
    atomic_store(&ring->kept, false);
    tally_decref(held);
}

// Fills some pools with objects, empties them, and has them as raw memory:
// nobody writes into that.
static void clutter(uint64_t *random) {
    static _Thread_local struct leaf *leaf[CLUTTER];
    static _Thread_local uint64_t *raw[CLUTTER];
    for (uint32_t n = 0; n < CLUTTER; n++)
        must(leaf[n] = tally_new(leaf));
    for (uint32_t n = 0; n < CLUTTER; n++)
        tally_decref(leaf[n]);
    for (uint32_t n = 0; n < CLUTTER; n++) {
        must(raw[n] = tally_alloc(sizeof(struct leaf)));
        for (uint32_t i = 0; i < sizeof(struct leaf) / 8; i++)
            raw[n][i] = LIKE_AN_OBJECT;
    }
    for (uint32_t n = stress_below(random, 4); n; n--)
        sched_yield();
    for (uint32_t n = 0; n < CLUTTER; n++) {
        for (uint32_t i = 0; i < sizeof(struct leaf) / 8; i++)
            expect(raw[n][i] == LIKE_AN_OBJECT, "raw memory has become %llx",
                   (unsigned long long)raw[n][i]);
        tally_free(raw[n]);
    }
}

// To the next node, whose reference is the only one from outside then.
static void ring_step(struct ring *ring) {
    struct node *next = tally_ref_dup(&ring->held->next);
    node_check(next, ring);
    tally_decref(ring->held);
    ring->held = next;
}

// The local reference moves into the next node, and one of that is counted.
static void ring_put(struct ring *ring, uint32_t slot) {
    struct node *next = tally_ref_dup(&ring->held->next);
    node_check(next, ring);
    void *old = tally_ref_exchange(next, &next->slot[slot], ring->held);
    ring->held = next;
    if (old)
        tally_decref(old);
}

// And back: a reference inside becomes the local one.
static void ring_take(struct ring *ring, uint32_t slot) {
    struct node *held = ring->held;
    struct node *node = tally_ref_exchange(held, &held->slot[slot], NULL);
    if (!node)
        return;
    node_check(node, ring);
    tally_decref(held);
    ring->held = node;
}

static void ring_swap(struct ring *ring, uint32_t slot) {
    struct node *held = ring->held, *next = tally_get(held, next);
    node_check(next, ring);
    tally_ref_swap(held, &held->slot[slot], next, &next->slot[1 - slot]);
}

// No count changes: what is moved belongs to nobody but the ring.
static void ring_slide(struct ring *ring, uint32_t slot) {
    struct node *from = tally_get(ring->held, next);
    struct node *to = tally_get(from, next);
    struct node *node = tally_ref_exchange(from, &from->slot[slot], NULL);
    if (node)
        node = tally_ref_exchange(to, &to->slot[slot], node);
    if (node)
        tally_decref(node);
}

// The same with a second reference to what is held, around the ring.
static void ring_slides(struct ring *ring, uint32_t steps) {
    struct node *held = ring->held, *from = held;
    tally_set(held, slot[0], held);
    for (uint32_t n = 0; n < steps; n++) {
        struct node *to = tally_get(from, next);
        struct node *node = tally_ref_exchange(from, &from->slot[0], NULL);
        expect(node == held, "a field has another reference");
        node = tally_ref_exchange(to, &to->slot[0], node);
        if (node && to != from)
            tally_decref(node);
        from = to;
        if (n % 32 == 0)
            tally_safepoint();
    }
}

// Takes the ring apart, and goes on at its other end.
static void ring_open(struct ring *ring) {
    struct node *held = ring->held;
    struct node *next = tally_ref_exchange(held, &held->next, NULL);
    node_check(next, ring);
    tally_safepoint();
    tally_set(held, next, next);
    tally_decref(held);
    ring->held = next;
}

static bool ring_get(struct seen *at, uint64_t *random) {
    struct node *node = at->weak ? tally_weak_get(at->weak) : NULL;
    if (!node)
        return false;
    atomic_fetch_add(&node->pins, 1);
    node_check(node, NULL);
    expect(node->number == at->number, "got node %llu for %llu",
           (unsigned long long)node->number, (unsigned long long)at->number);
    atomic_fetch_add_explicit(&got, 1, memory_order_relaxed);
    if (stress_below(random, 8) == 0)
        tally_safepoint();
    node_check(node, NULL);
    atomic_fetch_sub(&node->pins, 1);
    tally_decref(node);
    return true;
}

// Drops a ring, and gets a node of it until a collection has come, or long
// enough.
static void ring_leave(uint64_t me, uint64_t *random, struct ring *ring) {
    struct seen *at = weak_note(me, random, ring->held);
    ring_drop(ring);
    for (uint32_t n = stress_below(random, 400); n; n--) {
        if (!ring_get(at, random))
            break;
        tally_safepoint();
    }
    if (stress_below(random, 2))
        clutter(random);
}

static void collect(uint64_t *random) {
    tally_collect_mode mode =
        stress_below(random, 8) ? TALLY_CONCURRENT : TALLY_STOPPED;
    must(tally_collect_with(mode,
                            stress_below(random, 2) ? TALLY_FULL : TALLY_YOUNG,
                            NULL) == TALLY_OK);
    stress_tick();
}

static void move(struct ring *ring, uint64_t *random) {
    uint32_t slot = stress_below(random, 2);
    switch (stress_below(random, 7)) {
    case 0:
        ring_step(ring);
        break;
    case 1:
        ring_put(ring, slot);
        break;
    case 2:
        ring_take(ring, slot);
        break;
    case 3:
        ring_swap(ring, slot);
        break;
    case 4:
        ring_slide(ring, slot);
        break;
    case 5:
        ring_open(ring);
        break;
    default:
        tally_safepoint();
    }
}

static void turn(uint64_t me, uint64_t *random, void **held) {
    (void)held;
    struct ring **ring = &rings[me][stress_below(random, RINGS)];
    uint32_t what = stress_below(random, 64);
    if (me == 0 && what < 16) {
        collect(random);
    } else if (!*ring) {
        *ring = ring_new(random);
    } else if (what < 3) {
        ring_leave(me, random, *ring);
        *ring = NULL;
    } else if (what < 6) {
        *ring =
            atomic_exchange(&mailbox[stress_below(random, MAILBOXES)], *ring);
    } else if (what < 8) {
        (void)weak_note(me, random, (*ring)->held);
    } else if (what < 16) {
        for (uint32_t n = stress_below(random, 64); n; n--)
            ring_get(&seen[me][stress_below(random, WEAKS)], random);
    } else if (what < 18) {
        ring_slides(*ring, stress_below(random, 20000));
    } else {
        for (uint32_t n = stress_below(random, 64); n; n--)
            move(*ring, random);
    }
}

static void nothing_held(void *reference) { (void)reference; }

static void checkpoint(void) {
    for (uint64_t t = 0; t < stress.threads; t++) {
        for (uint32_t n = 0; n < RINGS; n++)
            if (rings[t][n])
                ring_drop(rings[t][n]);
        for (uint32_t n = 0; n < WEAKS; n++)
            if (seen[t][n].weak)
                tally_decref(seen[t][n].weak);
    }
    memset(rings, 0, sizeof rings);
    memset(seen, 0, sizeof seen);
    for (uint32_t n = 0; n < MAILBOXES; n++) {
        struct ring *ring = atomic_exchange(&mailbox[n], NULL);
        if (ring)
            ring_drop(ring);
    }
    stress_settle();
    expect(atomic_load(&made) == atomic_load(&destroyed),
           "%lu nodes were made, and %lu are destroyed", atomic_load(&made),
           atomic_load(&destroyed));
    expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "moves", 4);
    rounds_run((struct round_of){TURNS, turn, nothing_held, checkpoint, 0});
    printf("moves: %lu nodes, %lu got by weak references\n", atomic_load(&made),
           atomic_load(&got));
    return stress_end();
}
