// Progress: lock-free. A round that ends without a result has dropped a member.
//
// A round weighs every member exactly, in the order local count, others' count,
// fields; drops those that are not fit, or have references from outside, and
// all that these lead to now; and another follows, until none is dropped. The
// references between members are counted anew each time: what was counted from
// a member that is dropped says nothing (tests/model/watch.pml, REREAD). What
// the dropped lead to is dropped for speed alone; to drop more is sound.
//
// That nothing has changed since is for tly_validate_touched to say, after the
// last round: whoever changes a watched object sets DIRTY before.
//
// For who is urgent each pass ends before the next pool. What is then left is
// not committed: that it was urgent stays so (lock.h).

#include "collector/validate.h"

#include "base/check.h"
#include "collector/lock.h"
#include "collector/sums.h"
#include "object/type.h"
#include "object/weak.h"
#include "pool/walk.h"

// The first word of a header.
static uint64_t word_of(const tally_object *object) {
    // ORDER[spill] acquire: what left local_ is in shared_, read after.
    // ORDER[watched-count] acquire: as for the flag DIRTY.
    return tly_load_acquire((const tly_header_word *)object);
}

// Whether a member may be garbage: watched, whole, and not touched. Immortal
// ones, and those that are made cold, are not: their counts say nothing. Nor is
// one without a count: whoever took its last unit ends it, and no unit can be
// taken of it (guard.c).
static bool is_fit(uint64_t word, uint64_t shared) {
    unsigned owner = (unsigned)(word >> 32) & 0xFFFF;
    return (owner & (TALLY_OWNER_WATCH_ | TALLY_OWNER_DEAD_)) ==
               TALLY_OWNER_WATCH_ &&
           (owner & TALLY_OWNER_MASK_) < TALLY_OWNER_COOLING_ &&
           word >> 48 & TLY_GC_TRACKED && !(shared & (TLY_DYING | TLY_DIRTY)) &&
           !(shared & TLY_MERGED && tly_count_of(shared) <= 0);
}

static void note(struct tly_trial *trial, const tally_object *object,
                 int64_t total, uint64_t shared) {
    trial->hubs += total >= 256;
    trial->weak += (shared & TLY_WEAK) != 0;
    trial->published += (shared & TLY_PUB) != 0;
    if (tly_trial_refs(object) == TLY_TF_ASK)
        tly_trial_typed(trial, object);
}

// Whether it is fit; then it has its count. Its pool is this worker's.
static bool weigh(struct tly_trial *trial, tally_object *object) {
    uint64_t word = word_of(object);
    // ORDER[dirty] acquire: whoever has changed a field that is read below has
    // set the flag before. The touch is looked for again at the end.
    uint64_t shared = tly_load_acquire(&object->shared_);
    if (!is_fit(word, shared))
        return false;
    int64_t total = tly_trial_sum(word, shared);
    tly_sides.trial[tly_side_at(object)] = (uint8_t)total;
    note(trial, object, total, shared);
    return true;
}

static bool pool_weigh(void *trial, struct tly_pool *pool) {
    size_t count, first = tly_side_words(pool, &count);
    if (tly_collector_is_urgent())
        return false;
    for (size_t w = first; w < first + count; w++) {
        uint64_t members = tly_sides.member[w];
        for (uint64_t bits = members; bits; bits &= bits - 1)
            if (!weigh(trial,
                       tly_side_object(pool, w * 64 + tly_bit_lowest(bits))))
                members &= ~(bits & -bits);
        tly_sides.member[w] = members;
    }
    return true;
}

struct weighing {
    struct tly_cursor pools;
    struct {
        struct tly_trial trial;
    } TLY_ALIGNED(TLY_LINE) by[TLY_WORKERS_MAX];
};

static void worker_weigh(void *arg, unsigned worker) {
    struct weighing *weighing = arg;
    struct tly_trial trial = {.members = 0};
    tly_pools_share(&weighing->pools, pool_weigh, &trial);
    weighing->by[worker].trial = trial;
}

static void weigh_all(struct tly_trial *trial) {
    struct weighing weighing = {.pools = tly_cursor_begin()};
    tly_workers_run(worker_weigh, &weighing);
    for (unsigned n = 0; n < TLY_WORKERS_MAX; n++)
        tly_trial_add(trial, &weighing.by[n].trial);
}

// Notes what those lead to that were not fit: still watched, and members no
// more.
static bool pool_unfit(void *arg, struct tly_pool *pool) {
    unsigned worker = *(unsigned *)arg;
    size_t count, first = tly_side_words(pool, &count);
    if (tly_collector_is_urgent())
        return false;
    for (size_t w = first; w < first + count; w++) {
        uint64_t bits = tly_sides.watched[w] & ~tly_sides.member[w];
        for (; bits; bits &= bits - 1)
            tly_mark_fields(
                worker, tly_side_object(pool, w * 64 + tly_bit_lowest(bits)));
    }
    return true;
}

static void worker_unfit(void *pools, unsigned worker) {
    tly_pools_share(pools, pool_unfit, &worker);
}

static void unfit_all(void) {
    struct tly_cursor pools = tly_cursor_begin();
    tly_workers_run(worker_unfit, &pools);
}

static void member_sum(void *arg, tally_object *object) {
    (void)arg;
    tly_sums_note(object);
}

static bool pool_members(void *arg, struct tly_pool *pool) {
    size_t count, first = tly_side_words(pool, &count);
    for (size_t w = first; w < first + count; w++)
        *(uint64_t *)arg += tly_bit_count(tly_sides.member[w]);
    return true;
}

static uint64_t members_count(void) {
    uint64_t members = 0;
    tly_pools_looked(pool_members, &members);
    return members;
}

// Returns whether every member has passed.
static bool round_all(struct tly_trial *trial) {
    uint64_t before = members_count();
    trial->hubs = trial->weak = trial->hooked = 0;
    trial->published = trial->finalizers = 0;
    if (TLY_SUMS)
        tly_sums_begin(before);
    weigh_all(trial);
    if (TLY_SUMS)
        tly_sides_each(tly_sides.member, member_sum, NULL);
    TLY_CHAOS(WEIGHED, trial->young);
    tly_trial_subtract();
    TLY_CHAOS(SUBTRACTED, trial->young);
    unfit_all();
    tly_trial_mark();
    tly_hubs_rescue(trial);
    trial->members = members_count();
    return trial->members == before;
}

void tly_validate(struct tly_trial *trial, struct tly_ended *ended) {
    do {
        if (round_all(trial))
            return;
        tly_unwatch_dropped(ended);
    } while (trial->members > 0 && !TLY_BUSTED(ONE_ROUND));
}

static bool look(tally_object *object) {
    // ORDER[dirty] seq_cst: after what was counted; and after the phase, for
    // who takes references from weak ones (Dekker).
    uint64_t shared = tly_load_seq_cst(&object->shared_);
    return !is_fit(word_of(object), shared);
}

static bool pool_look(void *arg, struct tly_pool *pool) {
    size_t count, first = tly_side_words(pool, &count);
    if (tly_collector_is_urgent()) {
        *(bool *)arg = true; // what was not looked at may have been
        return false;
    }
    for (size_t w = first; w < first + count; w++)
        for (uint64_t bits = tly_sides.member[w]; bits; bits &= bits - 1)
            if (look(tly_side_object(pool, w * 64 + tly_bit_lowest(bits)))) {
                *(bool *)arg = true;
                return false;
            }
    return true;
}

struct looking {
    struct tly_cursor pools;
    bool touched[TLY_WORKERS_MAX];
};

static void worker_look(void *arg, unsigned worker) {
    struct looking *looking = arg;
    tly_pools_share(&looking->pools, pool_look, &looking->touched[worker]);
}

bool tly_validate_touched(void) {
    struct looking looking = {.pools = tly_cursor_begin()};
    bool touched = false;
    if (TLY_SUMS)
        tly_sums_compare();
    tly_workers_run(worker_look, &looking);
    for (unsigned n = 0; n < TLY_WORKERS_MAX; n++)
        touched |= looking.touched[n];
    return touched && !TLY_BUSTED(NO_LAST_TEST);
}
