// What is linked to a stress program and the library of seeded defects: two
// switches in the environment.
//
//   TALLY_DEFECT  the name of a defect, to be switched on
//   TALLY_CHAOS   a seed: concurrent collections propose live objects too

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/sides.h"
#include "pool/walk.h"

static const struct {
    const char *name;
    enum tly_defect defect;
} defects[] = {
    {"count-no-dirty", TLY_DEFECT_COUNT_NO_DIRTY},
    {"store-no-dirty", TLY_DEFECT_STORE_NO_DIRTY},
    {"no-hold", TLY_DEFECT_NO_HOLD},
    {"watch-plainly", TLY_DEFECT_WATCH_PLAINLY},
    {"answer-no-cycle", TLY_DEFECT_ANSWER_NO_CYCLE},
    {"no-last-test", TLY_DEFECT_NO_LAST_TEST},
    {"one-round", TLY_DEFECT_ONE_ROUND},
    {"no-end", TLY_DEFECT_NO_END},
    {"no-pool-hold", TLY_DEFECT_NO_POOL_HOLD},
    {"phase-first", TLY_DEFECT_PHASE_FIRST},
    {"no-grace", TLY_DEFECT_NO_GRACE},
    {"unit-blindly", TLY_DEFECT_UNIT_BLINDLY},
    {"hot-sum-early", TLY_DEFECT_HOT_SUM_EARLY},
    {"cool-no-dirty", TLY_DEFECT_COOL_NO_DIRTY},
    {"end-apart", TLY_DEFECT_END_APART},
    {"end-given", TLY_DEFECT_END_GIVEN},
};

// ---- chaos
//
// All that is looked at is copied into the table of what is watched, which is
// empty until the collection watches; then members are what the kernels have
// found and a share of the rest, or of all, where nobody expects a collection
// to find everything. At later turns others get time to change it.

static uint64_t chaos_state;

// Marsaglia's xorshift64.
static uint64_t chaos_next(void) {
    chaos_state ^= chaos_state << 13;
    chaos_state ^= chaos_state >> 7;
    return chaos_state ^= chaos_state << 17;
}

static bool pool_copy(void *arg, struct tly_pool *pool) {
    (void)arg;
    size_t count, first = tly_side_words(pool, &count);
    memcpy(tly_sides.watched + first, tly_sides.member + first, count * 8);
    return true;
}

struct share {
    uint64_t keep;    // of what the kernels have found: all ones, or zero
    unsigned eighths; // of the rest: four, seven, or eight
};

static uint64_t share_bits(const struct share *share) {
    uint64_t bits = chaos_next();
    if (share->eighths > 4)
        bits |= chaos_next() | chaos_next();
    return share->eighths == 8 ? UINT64_MAX : bits;
}

// What waits for finalizers is left alone: it is garbage that must wait.
static bool pool_propose(void *arg, struct tly_pool *pool) {
    const struct share *share = arg;
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++) {
        uint64_t add = tly_sides.watched[w] & ~tly_sides.listed[w];
        tly_sides.member[w] =
            (tly_sides.member[w] & share->keep) | (add & share_bits(share));
        tly_sides.watched[w] = 0;
    }
    return true;
}

static void propose(bool young) {
    static const unsigned eighths[] = {4, 7, 8, 8};
    struct share share = {
        .keep = young && chaos_next() % 4 ? 0 : UINT64_MAX,
        .eighths = eighths[chaos_next() % 4],
    };
    tly_pools_looked(pool_propose, &share);
}

static void interfere(enum tly_turn turn, bool young) {
    struct timespec nap = {0, (long)(chaos_next() % 65536)};
    if (turn == TLY_TURN_COUNTED)
        tly_pools_looked(pool_copy, NULL);
    else if (turn == TLY_TURN_MARKED)
        propose(young);
    else if (chaos_next() % 4 == 0 || turn == TLY_TURN_COMMITTED)
        nanosleep(&nap, NULL);
}

static enum tly_defect defect_named(const char *name) {
    for (size_t n = 0; n < sizeof(defects) / sizeof(defects[0]); n++)
        if (strcmp(defects[n].name, name) == 0)
            return defects[n].defect;
    fprintf(stderr, "TALLY_DEFECT=%s: no such defect\n", name);
    exit(99);
}

__attribute__((constructor)) static void begin(void) {
    const char *defect = getenv("TALLY_DEFECT"), *seed = getenv("TALLY_CHAOS");
    if (defect)
        tly_defect_on = defect_named(defect);
    if (seed) {
        chaos_state = strtoull(seed, NULL, 10) * 0x9E3779B97F4A7C15u | 1;
        tly_chaos = interfere;
    }
}
