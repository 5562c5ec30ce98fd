// When collections are due, as the program sees and sets it; the deciding is
// in pace.c.

#include "arena/range.h"
#include "base/check.h"
#include "collector/collect.h"
#include "collector/control.h"
#include "collector/pace.h"
#include "epoch/mutator.h"

#define YOUNG_MIN 4096u
#define PERCENT_MAX 10000u

static struct {
    bool automatic;        // (a)
    uint64_t young_bytes;  // (a)
    uint64_t full_percent; // (a)
} thresholds = {true, 4 << 20, 100};

static int64_t growth_base[2]; // (a) live bytes after the last of a generation

static void note(uint64_t young_bytes, uint64_t full_percent) {
    // Relaxed: who reads them wants whole values.
    tly_store_relaxed(&thresholds.young_bytes, young_bytes);
    tly_store_relaxed(&thresholds.full_percent, full_percent);
}

void tly_thresholds_configure(const struct tally_config *config) {
    note(config->young_bytes, config->full_percent);
    // Relaxed: before threads come.
    tly_store_relaxed(&thresholds.automatic, config->collect);
    tly_pace_configure(config->collect, config->young_bytes,
                       config->full_percent, config->collect_share);
}

bool tally_collect_is_enabled(void) {
    // Relaxed: it may be stale by the time it is read.
    return tly_load_relaxed(&thresholds.automatic) && !tly_collect_is_held();
}

// Before the first use there are no options, which a start would go by.
static tally_status ensure(void) {
    return tly_epoch_hooks.start ? tly_epoch_hooks.start() : TALLY_OK;
}

void tally_thresholds_get(struct tally_thresholds *ret) {
    (void)ensure(); // if it fails, these are the defaults
    // Relaxed: see note.
    ret->young_bytes = tly_load_relaxed(&thresholds.young_bytes);
    ret->full_percent = tly_load_relaxed(&thresholds.full_percent);
}

static bool is_in(const char *name, uint64_t value, uint64_t min,
                  uint64_t max) {
    if (value >= min && value <= max)
        return true;
    tly_report("threshold %s: %llu is not in %llu .. %llu", name,
               (unsigned long long)value, (unsigned long long)min,
               (unsigned long long)max);
    return false;
}

tally_status tally_thresholds_set(const struct tally_thresholds *given) {
    if (!is_in("young_bytes", given->young_bytes, YOUNG_MIN, TLY_RANGE_MAX) ||
        !is_in("full_percent", given->full_percent, 1, PERCENT_MAX))
        return TALLY_INVALID;
    tally_status status = ensure();
    if (status != TALLY_OK)
        return status;
    note(given->young_bytes, given->full_percent);
    tly_pace_set(given->young_bytes, given->full_percent);
    return TALLY_OK;
}

void tly_growth_done(tally_generation generation) {
    int64_t live = tly_pool_live_bytes();
    // Relaxed: statistics. A full collection is a young one as well.
    tly_store_relaxed(&growth_base[TALLY_YOUNG], live);
    if (generation == TALLY_FULL)
        tly_store_relaxed(&growth_base[TALLY_FULL], live);
}

void tly_growth_reset(void) {
    // Relaxed: before threads come.
    tly_store_relaxed(&growth_base[TALLY_YOUNG], 0);
    tly_store_relaxed(&growth_base[TALLY_FULL], 0);
}

uint64_t tally_collect_growth(tally_generation generation) {
    if (generation != TALLY_YOUNG && generation != TALLY_FULL)
        return 0;
    // Relaxed: a statistic.
    int64_t grown =
        tly_pool_live_bytes() - tly_load_relaxed(&growth_base[generation]);
    return grown > 0 ? (uint64_t)grown : 0;
}
