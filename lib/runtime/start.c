// The start: layers are started lowest first and ended in reverse.

#include "runtime/start.h"

#include <string.h>

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
#include "epoch/gate.h"
#include "epoch/late.h"
#include "epoch/registry.h"
#include "epoch/wait.h"
#include "epoch/world.h"
#include "object/count.h"
#include "object/cycle.h"
#include "object/finalize.h"
#include "object/finish.h"
#include "object/hot.h"
#include "object/inside.h"
#include "object/later.h"
#include "object/type.h"
#include "object/weak.h"
#include "observe/verify.h"
#include "platform/module.h"
#include "pool/freeze.h"
#include "runtime/background.h"
#include "runtime/executor.h"
#include "sync/mutex.h"

bool tly_runtime_reports; // option report
static struct tly_mutex runtime_lock = TLY_MUTEX_INIT(TLY_RANK_RUNTIME);

void tly_runtime_lock(void) { tly_mutex_lock(&runtime_lock); }

bool tly_runtime_try(void) { return tly_mutex_try(&runtime_lock); }

void tly_runtime_unlock(void) { tly_mutex_unlock(&runtime_lock); }

void tly_runtime_forked(bool locked) {
    if (locked)
        tly_runtime_unlock();
    else
        tly_mutex_reset(&runtime_lock);
    tly_end_forked();
    tly_gate_forked();
}

bool tly_runtime_started(void) { return tly_gate_is_open(); }

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
    {tly_registry_start, tly_registry_end},   {reserve_make, NULL},
    {tly_types_start, tly_types_end},         {tly_standard_start, NULL},
    {tly_collector_start, tly_collector_end},
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

void tly_layers_end(void) { end_from(STEPS); }

static void verify_after(struct tly_patience *patience) {
    tally_status status = tly_verify(2, patience);
    tly_require(status != TALLY_CORRUPT);
}

static void late_inside(const struct tly_mutator *late,
                        char text[TLY_LATE_INSIDE_MAX]) {
    tly_inside_tell((const struct tly_local *)(const void *)late, text);
}

static void configure(const struct tally_config *config) {
    tly_late_inside = late_inside;
    tly_arena_set_delay(config->purge_delay_ms * 1000000u);
    tly_wait_configure(config->deadline_ms);
    tly_collector_configure(config);
    tly_background_configure(config->collector);
    tly_finalize_configure((unsigned)config->finalizers);
    tly_hot_configure(config->hot);
    tly_limbo_configure(config->limbo_objects, config->limbo_bytes);
    tly_later_configure(config->later_bytes);
    tly_collector_after = config->verify ? verify_after : NULL;
    tly_destroy_configure(config->destroy_slice);
    tly_fork_configure(config->fork_wait_ms);
    tly_runtime_reports = config->report;
}

// Objects of one copy of the library are none to another, which would count
// and free them all the same.
static tally_status alone(bool beside) {
    const char *other;
    if (beside) {
        tly_module_claim_beside();
        return TALLY_OK;
    }
    if (tly_module_claim(&other))
        return TALLY_OK;
    tly_report("there are two copies of the library in this process: that in "
               "%s runs, that in %s is not started; link both to one "
               "libtally.so, or set the option copies if no object of one "
               "comes to the other",
               other, tly_module_of(&runtime_lock));
    return TALLY_UNSUPPORTED;
}

static tally_status start_layers(const struct tally_config *config) {
    tly_class_start();
    tly_hash_start(config->hash_seed);
    tly_byte_lock_start();
    tally_status status = tly_range_start(config->reserve_bytes);
    if (status != TALLY_OK)
        return status;
    for (size_t n = 0; n < STEPS; n++) {
        status = steps[n].start();
        if (status != TALLY_OK) {
            end_from(n);
            return status;
        }
    }
    configure(config);
    tly_executor_start();
    tly_background_start();
    status = tly_attach_start(); // threads may come
    if (status != TALLY_OK)
        end_from(STEPS);
    return status;
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
    status = alone(config.copies);
    if (status != TALLY_OK)
        return status;
    status = start_layers(&config);
    if (status != TALLY_OK)
        tly_module_unclaim();
    return status;
}

// Handlers of fork and of threads' ends, and threads of its own, call the
// library: it stays loaded, also where it is part of another.
static void before_start(void) {
    (void)tly_module_keep(&runtime_lock);
    tly_fork_start();
}

tally_status tly_runtime_ensure(void) {
    tly_fork_check();
    if (TLY_LIKELY(tly_runtime_started()))
        return TALLY_OK;
    before_start();
    tly_runtime_lock();
    tally_status status = tly_runtime_started() ? TALLY_OK : start_locked(NULL);
    tly_runtime_unlock();
    return status;
}

tally_status tally_init(const struct tally_config *config) {
    // Not with the lock by a thread that a fork may be waiting for.
    if (tly_runtime_started())
        return TALLY_BUSY;
    before_start();
    tly_runtime_lock();
    tally_status status =
        tly_runtime_started() ? TALLY_BUSY : start_locked(config);
    tly_runtime_unlock();
    return status;
}
