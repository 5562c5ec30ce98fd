// Start and end: layers are started lowest first and ended in reverse.

#include "runtime/start.h"

#include <string.h>

#include <tally/collect.h>
#include <tally/finalize.h>
#include <tally/mutator.h>

#include "base/check.h"
#include "collector/collect.h"
#include "collector/debug.h"
#include "collector/limit.h"
#include "collector/pace.h"
#include "container/byte_lock.h"
#include "container/hash.h"
#include "container/intern.h"
#include "container/standard.h"
#include "epoch/attach.h"
#include "epoch/registry.h"
#include "epoch/world.h"
#include "object/count.h"
#include "object/cycle.h"
#include "object/finalize.h"
#include "object/finish.h"
#include "object/hot.h"
#include "object/later.h"
#include "object/type.h"
#include "object/weak.h"
#include "observe/kept.h"
#include "pool/freeze.h"
#include "runtime/background.h"
#include "runtime/executor.h"
#include "sync/mutex.h"

static uint32_t runtime_started; // (a)
static bool runtime_reports;     // option report
static struct tly_mutex runtime_lock = TLY_MUTEX_INIT(TLY_RANK_RUNTIME);

void tly_runtime_lock(void) { tly_mutex_lock(&runtime_lock); }

void tly_runtime_unlock(void) { tly_mutex_unlock(&runtime_lock); }

bool tly_runtime_started(void) {
    // ORDER[started] acquire: all layers are complete. Pairs with the release
    // at the end of start_locked.
    return tly_load_acquire(&runtime_started);
}

// Record 1 is kept back for what must not fail.
static tally_status reserve_make(void) {
    struct tly_mutator *reserve = tly_registry_create();
    if (!reserve)
        return -errno;
    // Relaxed: published with the runtime.
    tly_store_relaxed(&reserve->state, TLY_VACANT);
    return TALLY_OK;
}

// Each step with what undoes it.
static const struct {
    tally_status (*start)(void);
    void (*end)(void);
} steps[] = {
    {tly_registry_start, tly_registry_end},
    {reserve_make, NULL},
    {tly_types_start, tly_types_end},
    {tly_standard_start, NULL},
    {tly_collector_start, tly_collector_end},
    {tly_attach_start, tly_attach_end},
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void end_from(size_t n) {
    while (n-- > 0)
        if (steps[n].end)
            steps[n].end();
    tly_arena_end();
    tly_pool_live_reset();
    tly_limbo_end();
    tly_held_end();
    tly_finalize_end();
    tly_weak_end();
    tly_intern_end();
    tly_hot_end();
    tly_saved_end();
    tly_pools_freeze_end();
    tly_count_reset();
}

static void verify_after(void) {
    tally_status status = tally_verify(2);
    tly_require(status != TALLY_CORRUPT);
}

static void configure(const struct tally_config *config) {
    tly_arena_set_delay(config->purge_delay_ms * 1000000u);
    tly_collector_configure(config);
    tly_background_configure(config->collector);
    tly_finalize_configure((unsigned)config->finalizers);
    tly_hot_configure(config->hot);
    tly_limbo_configure(config->limbo_objects, config->limbo_bytes);
    tly_later_configure(config->later_bytes);
    tly_collector_after = config->verify ? verify_after : NULL;
    tly_destroy_configure(config->destroy_slice);
    runtime_reports = config->report;
}

static tally_status start_locked(const struct tally_config *given) {
    struct tally_config config = TALLY_CONFIG_INIT;
    if (given && (!given->size || given->size > sizeof(config)))
        return TALLY_INVALID;
    if (given)
        memcpy(&config, given, given->size); // an older one has fewer options
    tally_status status = tly_options_read(&config);
    if (status != TALLY_OK)
        return status;
    tly_class_start();
    tly_hash_start(config.hash_seed);
    tly_byte_lock_start();
    status = tly_range_start(config.reserve_bytes);
    if (status != TALLY_OK)
        return status;
    for (size_t n = 0; n < STEPS; n++) {
        status = steps[n].start();
        if (status != TALLY_OK) {
            end_from(n);
            return status;
        }
    }
    configure(&config);
    tly_executor_start();
    tly_background_start();
    // ORDER[started] release: all layers are complete.
    tly_store_release(&runtime_started, 1);
    return TALLY_OK;
}

tally_status tly_runtime_ensure(void) {
    tly_fork_check();
    if (TLY_LIKELY(tly_runtime_started()))
        return TALLY_OK;
    tly_fork_start();
    tly_runtime_lock();
    tally_status status = tly_runtime_started() ? TALLY_OK : start_locked(NULL);
    tly_runtime_unlock();
    return status;
}

tally_status tally_init(const struct tally_config *config) {
    tly_fork_start();
    tly_runtime_lock();
    tally_status status =
        tly_runtime_started() ? TALLY_BUSY : start_locked(config);
    tly_runtime_unlock();
    return status;
}

// Whether any mutator but [self] has a thread.
static bool others_attached(const struct tly_mutator *self) {
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        // ORDER[state] seq_cst: what its last thread left is visible.
        if (m != self && tly_load_seq_cst(&m->state) != TLY_VACANT)
            return true;
    }
    return false;
}

// Collects and finalizes until nothing is left to do; finalizers may have made
// more.
static void drain_all(void) {
    tally_collect_debug_set(tally_collect_debug_get() & ~TALLY_DEBUG_SAVE_ALL);
    tally_garbage_clear();
    size_t done;
    int rounds = 0;
    do {
        done = tally_collect();
        done += tally_finalize_pending(SIZE_MAX);
        done += tly_limbo_has(tly_local_of(tly_self()));
    } while (done > 0 && ++rounds < 16);
}

tally_status tally_shutdown(size_t *ret_leaked) {
    if (!tly_runtime_started()) {
        if (ret_leaked)
            *ret_leaked = 0;
        return TALLY_OK;
    }
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    if (tly_local_of(self)->finishing)
        return TALLY_BUSY;
    tly_background_stop(self);
    tly_executor_stop(self);
    if (others_attached(self)) {
        tly_background_start();
        tly_executor_start();
        tly_executor_poll(tly_local_of(self));
        return TALLY_BUSY;
    }
    drain_all();
    struct tally_stats stats = {.size = sizeof(stats)};
    tally_stats_get(&stats);
    if (runtime_reports)
        tly_kept_report();
    tally_detach();
    tly_runtime_lock();
    // Relaxed: nobody else is there.
    tly_store_relaxed(&runtime_started, 0);
    end_from(STEPS);
    tly_runtime_unlock();
    if (ret_leaked)
        *ret_leaked = stats.live_objects > stats.immortal_objects
                          ? stats.live_objects - stats.immortal_objects
                          : 0;
    return TALLY_OK;
}
