// Stress: readers of shared fields against writers that store, exchange, take
// and compare.
//
// ORACLE  a reader sees a whole object of the field, old or new, and inside its
//         section that object's memory stays; what it counted is not destroyed
//         while it holds it. A reference is taken out of a field once. When all
//         have met, as many objects are destroyed as were made.
// USE     aref [--threads N] [--seconds N] [--seed N]; half of the threads
//         write; fields lie in an object and in a static array.
// FAILS   when readers read outside of a section; when a store does not publish
//         (object/aref.c, publish); when compare_set drops [value] though it
//         stored it.

#include "rounds.h"

#define FIELDS 4u
#define WORDS 6u
#define TURNS 4000u
#define LEAST 300u

struct leaf {
    tally_object head;
    uint64_t number;
    uint64_t words[WORDS]; // number + their index
    atomic_uint held;      // by readers that counted it
    tally_aref next;       // of writers' making too
};

struct board {
    tally_object head;
    tally_aref field[FIELDS];
};

static tally_aref outside[FIELDS];
static struct board *board;
static atomic_ulong made, destroyed, borrowed, counted, stored, taken;

static void leaf_gone(void *object) {
    struct leaf *leaf = object;
    expect(atomic_load(&leaf->held) == 0, "leaf %llu goes while it is held",
           (unsigned long long)leaf->number);
    for (uint32_t i = 0; i < WORDS; i++) {
        expect(leaf->words[i] == leaf->number + i, "a leaf is destroyed again");
        leaf->words[i] = 0;
    }
    atomic_fetch_add_explicit(&destroyed, 1, memory_order_relaxed);
}
TALLY_TYPE(leaf, TALLY_AREF(next), TALLY_DESTROY(leaf_gone));
TALLY_TYPE(board, TALLY_AREF_ARRAY(field));

static void leaf_check(const struct leaf *leaf) {
    for (uint32_t i = 0; i < WORDS; i++)
        expect(leaf->words[i] == leaf->number + i,
               "leaf %llu is not whole: word %u is %llu",
               (unsigned long long)leaf->number, i,
               (unsigned long long)leaf->words[i]);
}

static struct leaf *leaf_new(uint64_t *random) {
    struct leaf *leaf = tally_new(leaf);
    must(leaf);
    leaf->number = (uint64_t)stress_random(random) << 16 | 1;
    for (uint32_t i = 0; i < WORDS; i++)
        leaf->words[i] = leaf->number + i;
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    return leaf;
}

// A field, and the object that it lies in.
static tally_aref *field_any(uint64_t *random, void **ret_container) {
    uint32_t n = stress_below(random, 2 * FIELDS);
    *ret_container = n < FIELDS ? board : NULL;
    return n < FIELDS ? &board->field[n] : &outside[n - FIELDS];
}

static void drop(struct leaf *leaf) {
    if (!leaf)
        return;
    leaf_check(leaf);
    tally_decref(leaf);
}

static void take(void *container, tally_aref *field) {
    struct leaf *leaf = tally_aref_take(container, field);
    atomic_fetch_add_explicit(&taken, leaf != NULL, memory_order_relaxed);
    drop(leaf);
}

static void compare(void *container, tally_aref *field, struct leaf *leaf) {
    TALLY_BORROW {
        struct leaf *seen = tally_aref_get(field);
        if (tally_aref_compare_set(container, field, seen, leaf))
            atomic_fetch_add_explicit(&stored, 1, memory_order_relaxed);
    }
    drop(leaf);
}

static void write_once(uint64_t *random) {
    void *container;
    tally_aref *field = field_any(random, &container);
    uint32_t what = stress_below(random, 8);
    if (what == 0) {
        take(container, field);
        return;
    }
    struct leaf *leaf = leaf_new(random);
    if (stress_below(random, 4) == 0)
        tally_aref_set_steal(leaf, &leaf->next, leaf_new(random));
    if (stress_below(random, 16) == 0)
        tally_aref_set(leaf, &leaf->next, leaf); // a cycle: a collection's
    if (what <= 2) {
        drop(tally_aref_exchange(container, field, leaf));
    } else if (what <= 4) {
        compare(container, field, leaf);
    } else {
        tally_aref_set(container, field, leaf);
        drop(leaf);
    }
}

static void read_borrowed(uint64_t *random) {
    void *container;
    tally_aref *field = field_any(random, &container);
    TALLY_BORROW {
        struct leaf *leaf = tally_aref_get(field);
        if (!leaf)
            break;
        if (stress_below(random, 64) == 0)
            sched_yield();
        leaf_check(leaf);
        struct leaf *next = tally_aref_get(&leaf->next);
        if (next)
            leaf_check(next);
    }
    atomic_fetch_add_explicit(&borrowed, 1, memory_order_relaxed);
}

static void let_go(void *reference) {
    struct leaf *leaf = reference;
    atomic_fetch_sub(&leaf->held, 1);
    drop(leaf);
}

static struct leaf *keep(uint64_t *random) {
    void *container;
    tally_aref *field = field_any(random, &container);
    struct leaf *leaf = NULL;
    if (stress_below(random, 2))
        leaf = tally_aref_dup(field);
    else
        TALLY_BORROW leaf = tally_upgrade(tally_aref_get(field));
    if (leaf) {
        atomic_fetch_add(&leaf->held, 1);
        leaf_check(leaf);
        atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed);
    }
    return leaf;
}

static void read_some(uint64_t *random, void **held) {
    if (stress_below(random, 2)) {
        read_borrowed(random);
        return;
    }
    void **slot = &held[stress_below(random, 4)];
    if (*slot)
        let_go(*slot);
    *slot = keep(random);
    if (stress_below(random, 512) == 0)
        TALLY_BLOCKING { sched_yield(); }
}

static void checkpoint(void) {
    for (uint32_t i = 0; i < FIELDS; i++) {
        tally_aref_set(NULL, &outside[i], NULL);
        tally_aref_set(board, &board->field[i], NULL);
    }
    stress_settle();
    expect(atomic_load(&made) == atomic_load(&destroyed),
           "%lu leaves were made, and %lu are destroyed", atomic_load(&made),
           atomic_load(&destroyed));
    expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
}

static void turn(uint64_t me, uint64_t *random, void **held) {
    if (me % 2)
        write_once(random);
    else
        read_some(random, held);
    if (stress_below(random, 8192) == 0)
        tally_collect();
    if (stress_below(random, 2048) == 0)
        must(tally_synchronize() == TALLY_OK);
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "aref", 4);
    board = tally_new(board);
    must(board);
    // Readers may have done all their turns before the first writer runs.
    uint64_t random = stress_stream(2, 0);
    for (uint32_t n = 0; n < LEAST; n++)
        write_once(&random);
    rounds_run((struct round_of){TURNS, turn, let_go, checkpoint, LEAST});
    tally_decref(board);
    printf("aref: %lu borrows, %lu counted, %lu compared, %lu taken; "
           "%llu grace periods\n",
           atomic_load(&borrowed), atomic_load(&counted), atomic_load(&stored),
           atomic_load(&taken),
           (unsigned long long)stress_stats().grace_periods);
    expect(atomic_load(&counted) > 0, "no reader ever got a reference");
    return stress_end();
}
