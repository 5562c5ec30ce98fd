// Stress: finalizers that bring their object back, make others, drop their
// neighbours, hand themselves to other threads, collect and wait; run by the
// thread that finds that it is time, by the runtime's thread, or pumped.
//
// ORACLE  each finalizer runs at most once, and before the destroy hook; what
//         its object refers to is not destroyed while it runs; each object is
//         destroyed once, and not used after that; with nothing kept any more,
//         all are destroyed, each with its finalizer run.
// USE     finalize [--threads N] [--seconds N] [--seed N]; the seed decides
//         what each object's finalizer does.
// FAILS   when a finalizer counts itself once too often (SHELVE without
//         giving the reference to the shelf); when end_round leaves a shelf
//         full; when a collection clears garbage without taking a unit of what
//         waits for its finalizer (tly_claims_add).

#include "stress.h"

#define SHELVES 32u
#define TURNS 1500u
#define ALIVE 0xA11CEA11CEA11CE1u
#define GONE 0xDEADu

enum wish {
    NOTHING,
    SHELVE,
    MAKE,
    DROP_NEIGHBOUR,
    SWAP_NEIGHBOUR,
    RING,
    COLLECT,
    WAIT,
    WISHES
};

struct ghost {
    tally_object head;
    uint64_t state;
    atomic_uint finalized;
    enum wish wish;
    tally_ref left, right;
};

static struct ghost *shelves[SHELVES];
static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong made, finalized, destroyed, revived;
static atomic_uint next_shelf;
static atomic_bool closing; // what is finalized now is not kept
static meeting team;
static bool over;

static void ghost_check(struct ghost *ghost) {
    expect(ghost->state == ALIVE, "a ghost is used in state %llx",
           (unsigned long long)ghost->state);
}

// Gives a reference to a shelf; returns what was there.
static struct ghost *shelf_swap(uint32_t at, struct ghost *ghost) {
    pthread_mutex_lock(&shelf_lock);
    struct ghost *old = shelves[at];
    shelves[at] = ghost;
    pthread_mutex_unlock(&shelf_lock);
    if (old)
        ghost_check(old);
    return old;
}

static struct ghost *ghost_new(enum wish wish, uint32_t kind);

static void make_another(void) {
    struct ghost *one = ghost_new(NOTHING, 0), *two = ghost_new(NOTHING, 1);
    tally_set_steal(one, left, two);
    tally_decref(one);
}

// Neighbours in the same garbage are whole, finalized or not. A neighbour's own
// fields may be changed by its finalizer, which another thread may run.
static void neighbours_check(struct ghost *ghost) {
    struct ghost *left = tally_get(ghost, left);
    struct ghost *right = tally_get(ghost, right);
    if (left)
        ghost_check(left);
    if (right)
        ghost_check(right);
}

static void shelve(struct ghost *ghost) {
    if (atomic_load(&closing))
        return;
    atomic_fetch_add(&revived, 1);
    tally_incref(ghost);
    ghost = shelf_swap(atomic_fetch_add(&next_shelf, 1) % SHELVES, ghost);
    if (ghost)
        tally_decref(ghost);
}

static void ghost_finalize(void *object) {
    struct ghost *ghost = object;
    ghost_check(ghost);
    expect(atomic_fetch_add(&ghost->finalized, 1) == 0,
           "a finalizer runs twice");
    atomic_fetch_add(&finalized, 1);
    neighbours_check(ghost);
    switch (ghost->wish) {
    case SHELVE:
        shelve(ghost);
        break;
    case MAKE:
        make_another();
        break;
    case DROP_NEIGHBOUR:
        tally_set(ghost, left, NULL);
        break;
    case SWAP_NEIGHBOUR:
        tally_swap(ghost, left, ghost, right);
        break;
    case RING:
        // Dies by a collection now, or at once by a later drop.
        tally_set(ghost, right, ghost);
        break;
    case COLLECT:
        if (atomic_fetch_add(&next_shelf, 1) % 16 == 0)
            must(tally_collect_generation(next_shelf % 3 ? TALLY_YOUNG
                                                         : TALLY_FULL,
                                          NULL) == TALLY_OK);
        neighbours_check(ghost);
        break;
    case WAIT:
        TALLY_BLOCKING { sched_yield(); }
        neighbours_check(ghost);
        break;
    default:
        break;
    }
}

static void ghost_gone(void *object) {
    struct ghost *ghost = object;
    ghost_check(ghost);
    expect(atomic_load(&ghost->finalized) == 1,
           "a ghost is destroyed, and its finalizer ran %u times",
           atomic_load(&ghost->finalized));
    ghost->state = GONE;
    atomic_fetch_add(&destroyed, 1);
}
TALLY_TYPE(ghost, TALLY_REF(left), TALLY_REF(right),
           TALLY_FINALIZE(ghost_finalize), TALLY_DESTROY(ghost_gone));

struct pumped {
    struct ghost ghost;
};
TALLY_TYPE(pumped, TALLY_BASE(ghost), TALLY_FINALIZE_BY(TALLY_EXECUTOR_PUMPED));

struct served {
    struct ghost ghost;
};
TALLY_TYPE(served, TALLY_BASE(ghost), TALLY_FINALIZE_BY(TALLY_EXECUTOR_THREAD));

static struct ghost *ghost_new(enum wish wish, uint32_t kind) {
    tally_type *types[] = {TALLY_TYPE_OF(ghost), TALLY_TYPE_OF(ghost),
                           TALLY_TYPE_OF(pumped), TALLY_TYPE_OF(served)};
    struct ghost *ghost = tally_object_new(types[kind], 0);
    must(ghost);
    ghost->state = ALIVE;
    ghost->wish = wish;
    atomic_fetch_add(&made, 1);
    return ghost;
}

// A list of some ghosts, of one kind or all, closed to a ring now and then.
static struct ghost *ghosts_new(uint64_t *random) {
    struct ghost *first = NULL, *last = NULL;
    uint32_t kind = stress_below(random, 8);
    for (uint32_t n = 1 + stress_below(random, 5); n; n--) {
        uint32_t its = kind < 4 ? kind : stress_below(random, 4);
        struct ghost *ghost = ghost_new(stress_below(random, WISHES), its);
        last = last ? last : ghost;
        tally_set_steal(ghost, left, first);
        first = ghost;
    }
    if (stress_below(random, 2))
        tally_set(last, left, first);
    return first;
}

static void turn(uint64_t *random) {
    uint32_t at = stress_below(random, SHELVES);
    struct ghost *old = NULL;
    switch (stress_below(random, 9)) {
    case 8:
        tally_finalize_pending(stress_below(random, 6));
        break;
    case 0:
        old = shelf_swap(at, NULL);
        break;
    case 1:
    case 2:
    case 3:
        old = shelf_swap(at, ghosts_new(random));
        break;
    case 4:
        old = ghosts_new(random);
        break;
    case 5:
        if (stress_below(random, 64) == 0)
            tally_collect();
        break;
    case 6:
        if (stress_below(random, 16) == 0)
            TALLY_BLOCKING { sched_yield(); }
        break;
    default:
        tally_safepoint();
    }
    if (old) {
        ghost_check(old);
        tally_decref(old);
    }
}

// Returns how many there were.
static uint64_t shelves_empty(void) {
    uint64_t had = 0;
    for (uint32_t i = 0; i < SHELVES; i++) {
        struct ghost *old = shelf_swap(i, NULL);
        if (!old)
            continue;
        tally_decref(old);
        had++;
    }
    return had;
}

// Nothing is kept any more: all must go. A finalizer of the runtime's thread
// that has not seen it may fill a shelf behind this thread: they are emptied
// again when no finalizer runs.
static void end_round(void) {
    atomic_store(&closing, true);
    for (uint64_t left = 1; left;) {
        // First: a collection that follows the last of them finds the rest.
        left = stress_stats().finalizers_waiting;
        uint64_t before = stress_stats().counters.destroyed;
        stress_collect();
        left += tally_finalize_pending(SIZE_MAX);
        left += stress_stats().counters.destroyed - before;
        left += stress_stats().finalizers_waiting;
        left += shelves_empty();
        stress_tick();
    }
    unsigned long m = atomic_load(&made), f = atomic_load(&finalized);
    unsigned long d = atomic_load(&destroyed);
    expect(m == d && m == f, "%lu made, %lu finalized, %lu destroyed", m, f, d);
    expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
    atomic_store(&closing, false);
    over = stress_over();
}

static void *work(void *arg) {
    uint64_t me = (uint64_t)(uintptr_t)arg, random = stress_stream(1, me);
    while (!over) {
        uint32_t turns = stress_below(&random, TURNS);
        for (uint32_t i = 0; i < turns; i++)
            turn(&random);
        meeting_wait(&team);
        if (me == 0)
            end_round();
        meeting_wait(&team);
    }
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "finalize", 4);
    meeting_init(&team, stress.threads);
    team_run(work);
    printf("finalize: %lu finalizers ran, %lu brought their object back\n",
           atomic_load(&finalized), atomic_load(&revived));
    return stress_end();
}
