// When to collect: by the heap's own bytes, never by the process's.
//
// A young collection is due when the heap has grown by so many bytes since the
// last collection of any kind, a full one when it has grown by so many percent
// since the last full one. A kind that frees less than a hundredth of what it
// looks at waits twice as long the next time, up to eight times; one that
// frees more goes back to once.

#include "base/check.h"
#include "collector/collect.h"
#include "platform/os.h"

#define FULL_MIN ((int64_t)16 << 20) // growth below this starts no full one
#define BACKOFF_MAX 8

static struct {
    bool automatic;       // (a)
    uint32_t disabled;    // (a) calls of tally_collect_disable
    int64_t young_bytes;  // (a)
    int64_t full_percent; // (a)
    int64_t next[2];      // (a) live bytes at which the generation is due
    int64_t backoff[2];   // under the collector's lock
} pace = {true, 0, 4 << 20, 100, {4 << 20, FULL_MIN}, {1, 1}};

void tally_collect_disable(void) {
    // Relaxed: a collection that is on its way may still begin.
    tly_add_relaxed(&pace.disabled, 1);
}

void tally_collect_enable(void) {
    uint32_t disabled = tly_load_relaxed(&pace.disabled);
    do {
        if (disabled == 0) {
            if (TLY_CHECK >= 1)
                tly_misuse("thread %u enables collections that nobody has "
                           "disabled",
                           tly_os_thread_id());
            return;
        }
    } while (!tly_cas_relaxed(&pace.disabled, &disabled, disabled - 1));
}

void tly_pace_configure(bool automatic, uint64_t young_bytes,
                        uint64_t full_percent) {
    // Relaxed: before threads come.
    tly_store_relaxed(&pace.automatic, automatic);
    tly_store_relaxed(&pace.young_bytes, (int64_t)young_bytes);
    tly_store_relaxed(&pace.full_percent, (int64_t)full_percent);
    tly_pace_reset();
}

void tly_pace_reset(void) {
    tly_store_relaxed(&pace.next[TALLY_YOUNG], pace.young_bytes);
    tly_store_relaxed(&pace.next[TALLY_FULL], FULL_MIN);
    pace.backoff[0] = pace.backoff[1] = 1;
}

int tly_pace_due(void) {
    // Relaxed: hints; the collection itself is ordered by its lock.
    if (!tly_load_relaxed(&pace.automatic) || tly_load_relaxed(&pace.disabled))
        return -1;
    int64_t live = tly_pool_live_bytes();
    if (live >= tly_load_relaxed(&pace.next[TALLY_FULL]))
        return TALLY_FULL;
    return live >= tly_load_relaxed(&pace.next[TALLY_YOUNG]) ? TALLY_YOUNG : -1;
}

void tly_pace_done(tally_generation generation, uint64_t candidates,
                   uint64_t freed) {
    int64_t live = tly_pool_live_bytes();
    int64_t *backoff = &pace.backoff[generation];
    if (freed >= candidates / 100 && freed > 0)
        *backoff = 1;
    else if (*backoff < BACKOFF_MAX)
        *backoff *= 2;
    tly_store_relaxed(&pace.next[TALLY_YOUNG],
                      live + pace.young_bytes * pace.backoff[TALLY_YOUNG]);
    if (generation != TALLY_FULL)
        return;
    int64_t growth = live / 100 * pace.full_percent;
    growth = (growth > FULL_MIN ? growth : FULL_MIN) * *backoff;
    tly_store_relaxed(&pace.next[TALLY_FULL], live + growth);
}
