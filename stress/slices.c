// Stress: structures die in slices while everything else goes on.
//
// ORACLE  each object's destroy hook, or its absence from the heap at a
//         checkpoint, says that it ended: after one tally_collect exactly what
//         the threads hold is alive, each hook and finalizer has run once for
//         each object made with one, and no object was used after its end
//         (canaries).
// USE     slices [--threads N] [--seconds N] [--seed N]; the seed decides what
//         each thread does, and the slice.
// FAILS   when a slice that ends forgets what is on its stack (stack_leave);
//         when a thread that goes leaves its dead, and a collection does not
//         take them over (tly_destroy_rescue); without slices, by INBOX.

#include "stress.h"

#define STEPS 600u    // of each thread between two checkpoints
#define MAILBOXES 16u // structures on their way from thread to thread
#define LARGE 6000u   // nodes of a structure, at most
#define INBOX 2000u   // that are destroyed beside a slice, at most
#define CANARY 0x5AFE0B1EC70FC0DEu

// ---- nodes of three kinds

static atomic_ulong made, ended; // nodes with a destroy hook
static atomic_ulong mortal, finalized;

struct plain {
    tally_object head;
    tally_ref next, other;
    uint64_t canary;
};
TALLY_TYPE(plain, TALLY_REF(next), TALLY_REF(other));

struct hooked {
    tally_object head;
    tally_ref next, other;
    uint64_t canary;
};
static void hooked_destroy(void *object);
TALLY_TYPE(hooked, TALLY_REF(next), TALLY_REF(other),
           TALLY_DESTROY(hooked_destroy));

struct last {
    tally_object head;
    tally_ref next, other;
    uint64_t canary;
};
static void last_finalize(void *object);
TALLY_TYPE(last, TALLY_REF(next), TALLY_REF(other),
           TALLY_DESTROY(hooked_destroy), TALLY_FINALIZE(last_finalize));

// All kinds begin alike.
static struct plain *whole(void *node) {
    struct plain *plain = node;
    expect(plain->canary == CANARY, "a node at %p is no node any more", node);
    return plain;
}

static void hooked_destroy(void *object) {
    whole(object)->canary = 0;
    atomic_fetch_add(&ended, 1);
}

// What it refers to is whole; now and then it comes back for a while.
static void *_Atomic revived;
static void last_finalize(void *object) {
    struct plain *last = whole(object);
    if (tally_ref_get(&last->next))
        (void)whole(tally_ref_get(&last->next));
    if (atomic_fetch_add(&finalized, 1) % 64 == 0) {
        tally_incref(object);
        object = atomic_exchange(&revived, object);
        if (object)
            tally_decref(object);
    }
}

static void *node_make(uint64_t *rng) {
    struct plain *node;
    switch (stress_below(rng, 16)) {
    case 0:
        node = (struct plain *)(void *)tally_new(hooked);
        atomic_fetch_add(&made, 1);
        break;
    case 1:
        node = (struct plain *)(void *)tally_new(last);
        atomic_fetch_add(&made, 1);
        atomic_fetch_add(&mortal, 1);
        break;
    default:
        node = tally_new(plain);
    }
    must(node);
    node->canary = CANARY;
    return node;
}

// A node before two others, which are the caller's; of some kind, in some
// state of its count.
static void *node_new(uint64_t *rng, void *next, void *other) {
    struct plain *node = node_make(rng);
    tally_ref_set_steal(node, &node->next, next);
    tally_ref_set_steal(node, &node->other, other);
    unsigned state = stress_below(rng, 32);
    if (state < 8)
        must(tally_transfer(node) == TALLY_OK);
    else if (state < 9)
        tally_publish(node);
    return node;
}

static void *list_new(uint64_t *rng, unsigned nodes) {
    void *head = NULL;
    while (nodes-- > 0)
        head = node_new(rng, head, NULL);
    return head;
}

static void *tree_new(uint64_t *rng, unsigned depth) {
    if (depth == 0)
        return node_new(rng, NULL, NULL);
    void *left = tree_new(rng, depth - 1);
    return node_new(rng, left, tree_new(rng, depth - 1));
}

// A list in whose nodes other structures hang, one of them another thread's.
static void *comb_new(uint64_t *rng, unsigned teeth, void *theirs) {
    void *head = theirs;
    while (teeth-- > 0)
        head = node_new(rng, head, list_new(rng, stress_below(rng, 20)));
    return head;
}

// A ring, which only a collection ends.
static void *ring_new(uint64_t *rng, unsigned nodes) {
    struct plain *last = node_new(rng, NULL, NULL);
    struct plain *head = (struct plain *)(void *)last;
    while (nodes-- > 1)
        head = node_new(rng, head, NULL);
    tally_ref_set(last, &last->next, head);
    return head;
}

static void *structure_new(uint64_t *rng, void *theirs) {
    switch (stress_below(rng, 4)) {
    case 0:
        if (theirs)
            tally_decref(theirs);
        return list_new(rng, 1 + stress_below(rng, LARGE));
    case 1:
        return node_new(rng, theirs, tree_new(rng, stress_below(rng, 12)));
    case 2:
        return comb_new(rng, stress_below(rng, LARGE / 10), theirs);
    default:
        return node_new(rng, theirs, ring_new(rng, stress_below(rng, 100) + 1));
    }
}

// ---- what threads do

static void *_Atomic mailbox[MAILBOXES];
static uint64_t slice;
static bool over;
static meeting barrier;
static atomic_ulong cut; // decrefs that left some of the dead
static unsigned checkpoints;

static uint64_t destroyed_here(void) {
    struct tally_counters counters;
    must(tally_mutator_counters(tally_mutator_number(), &counters) == TALLY_OK);
    return counters.destroyed;
}

// Drops a structure; its own part of that is at most a slice.
static void drop(void *structure) {
    if (!structure)
        return;
    (void)whole(structure);
    must(tally_attach(NULL) == TALLY_OK);
    uint64_t before = destroyed_here();
    tally_decref(structure);
    uint64_t gone = destroyed_here() - before;
    if (gone > slice / 2)
        atomic_fetch_add(&cut, 1);
    // A cache of drops that is full is handed over on the way; of owners that
    // do not run this thread empties the inboxes, block by block.
    expect(gone <= slice + INBOX, "one drop destroyed %llu, a slice is %llu",
           (unsigned long long)gone, (unsigned long long)slice);
}

static void step_rare(uint64_t *rng) {
    switch (stress_below(rng, 8)) {
    case 0:
        tally_detach();
        break;
    case 1:
        TALLY_BLOCKING { sched_yield(); }
        break;
    case 2:
        (void)tally_collect_generation(TALLY_YOUNG, NULL);
        break;
    case 3:
        if (stress_below(rng, 4) == 0)
            (void)tally_collect();
        break;
    case 4:
        if (stress_below(rng, 8) == 0)
            expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
        break;
    case 5:
        (void)tally_trim();
        break;
    case 6:
        drop(atomic_exchange(&revived, NULL));
        break;
    default:
        sched_yield();
    }
}

static void step(uint64_t *rng) {
    unsigned n = stress_below(rng, MAILBOXES);
    switch (stress_below(rng, 8)) {
    case 0:
    case 1: {
        void *theirs = atomic_exchange(&mailbox[n], NULL);
        drop(atomic_exchange(&mailbox[n / 2], structure_new(rng, theirs)));
        break;
    }
    case 2:
    case 3:
        drop(atomic_exchange(&mailbox[n], NULL));
        break;
    case 4:
        step_rare(rng);
        break;
    default:
        for (unsigned k = stress_below(rng, 8); k > 0; k--)
            tally_safepoint();
    }
}

// ---- the checkpoint

static bool see(void *node, void *arg) {
    (void)whole(node);
    ++*(uint64_t *)arg;
    return true;
}

// Everything is dropped; whatever state its destruction is in, one collection
// ends it.
static void checkpoint(void) {
    uint64_t alive = 0;
    for (unsigned n = 0; n < MAILBOXES; n++)
        drop(atomic_exchange(&mailbox[n], NULL));
    // Again for what finalizers have brought back.
    void *back;
    do {
        stress_settle();
        drop(back = atomic_exchange(&revived, NULL));
    } while (back);
    must(tally_walk(see, &alive) == TALLY_OK);
    struct tally_stats stats = stress_stats();
    expect(alive == 0, "%llu objects are alive", (unsigned long long)alive);
    expect(stats.live_objects == 0, "%llu objects are alive by the counters",
           (unsigned long long)stats.live_objects);
    expect(stats.dying_objects == 0, "%llu objects are dying still",
           (unsigned long long)stats.dying_objects);
    expect(atomic_load(&made) == atomic_load(&ended), "%lu nodes, %lu hooks",
           atomic_load(&made), atomic_load(&ended));
    expect(atomic_load(&mortal) == atomic_load(&finalized),
           "%lu nodes, %lu finalizers", atomic_load(&mortal),
           atomic_load(&finalized));
    if (checkpoints++ % 8 == 0)
        expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
    over = stress_over();
}

static void *work(void *arg) {
    unsigned self = (unsigned)(uintptr_t)arg;
    uint64_t rng = stress_stream(1, self);
    do {
        for (unsigned n = 0; n < STEPS / stress.threads; n++) {
            step(&rng);
            stress_tick();
        }
        meeting_wait(&barrier);
        if (self == 0)
            checkpoint();
        meeting_wait(&barrier);
    } while (!over);
    return NULL;
}

// The environment's options win over those of stress_init.
static void slice_choose(void) {
    char option[64];
    slice = 128u << stress.seed % 4;
    snprintf(option, sizeof option, "destroy_slice:%llu",
             (unsigned long long)slice);
    setenv("TALLY_CONF", option, 1);
}

int main(int argc, char **argv) {
    stress.threads = 4; // until stress_begin
    stress.seed = 1;
    stress_options(argc, argv);
    slice_choose();
    stress_begin(argc, argv, "slices", 4);
    meeting_init(&barrier, stress.threads);
    team_run(work);
    printf("slices: of %llu, %u checkpoints, %lu drops were cut\n",
           (unsigned long long)slice, checkpoints, atomic_load(&cut));
    expect(atomic_load(&cut) > 0, "no drop was large");
    return stress_end();
}
