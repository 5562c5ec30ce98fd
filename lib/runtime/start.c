// Start and end: layers are started lowest first and ended in reverse.

#include "runtime/start.h"

#include <string.h>

#include <tally/collect.h>
#include <tally/finalize.h>
#include <tally/mutator.h>

#include "base/check.h"
#include "collector/account.h"
#include "collector/call.h"
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
#include "epoch/rcu.h"
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
#include "observe/kept.h"
#include "observe/stats.h"
#include "observe/verify.h"
#include "platform/module.h"
#include "pool/freeze.h"
#include "runtime/background.h"
#include "runtime/executor.h"
#include "sync/mutex.h"

static bool runtime_reports;    // option report
static uint32_t runtime_ending; // (a) a thread is in tally_shutdown
static struct tly_mutex runtime_lock = TLY_MUTEX_INIT(TLY_RANK_RUNTIME);

void tly_runtime_lock(void) { tly_mutex_lock(&runtime_lock); }

bool tly_runtime_try(void) { return tly_mutex_try(&runtime_lock); }

void tly_runtime_unlock(void) { tly_mutex_unlock(&runtime_lock); }

void tly_runtime_forked(bool locked) {
    if (locked)
        tly_runtime_unlock();
    else
        tly_mutex_reset(&runtime_lock);
    // Relaxed: the child has one thread.
    tly_store_relaxed(&runtime_ending, 0);
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
    runtime_reports = config->report;
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

// Why the thread must not end the runtime: code of the library's that calls it
// goes on with the heap afterwards.
static tally_status may_end(struct tly_mutator *self) {
    struct tly_local *local = tly_local_of(self);
    if (tly_rcu_ongoing() || self->stopped_world)
        return TALLY_DEADLOCK;
    bool called = tly_is_finishing(local) || local->running ||
                  tly_is_collecting(local) || local->collector ||
                  tly_is_announcing();
    return called ? TALLY_BUSY : TALLY_OK;
}

// Collects and finalizes until nothing is left to do; finalizers may have made
// more.
static void drain_all(struct tly_patience *patience) {
    uint32_t flags = tally_collect_debug_get();
    tally_collect_debug_set(flags & ~TALLY_DEBUG_SAVE_ALL);
    tally_garbage_clear();
    size_t done;
    int rounds = 0;
    do {
        struct tally_collection collected = {0};
        // Not in time: somebody is attached, and the runtime goes on.
        if (tly_collect_with(patience, tly_collect_mode(), TALLY_FULL,
                             &collected) == TALLY_TIMED_OUT)
            break;
        done = collected.freed;
        done += tly_finalize_pending(SIZE_MAX, patience);
        done += tly_limbo_has(tly_local_of(tly_self()));
    } while (done > 0 && ++rounds < 16);
    tally_collect_debug_set(flags); // for who comes in time
}

// What the program has set ends with the runtime; what it counts itself
// (memory pressure, who holds collections off) it undoes itself.
static void settings_end(void) {
    tly_announce_end();
    tly_debug_end();
    tally_set_error_sink(NULL, NULL);
}

// How often garbage of threads that have come and gone is collected, before it
// is said that they keep coming.
#define ROUNDS 16

// Ends the layers, if nobody has a mutator any more: true. Whoever comes
// meanwhile waits for the lock, and starts the runtime anew. *ret_again: nobody
// is there, but somebody was, after [arrivals], and may have left garbage.
static bool end_alone(uint64_t arrivals, size_t *ret_left, bool *ret_again) {
    tly_runtime_lock();
    tly_gate_close();
    tly_gate_await();
    bool alone = !others_attached(NULL);
    tly_gate_await();
    *ret_again = alone && tly_gate_arrivals() != arrivals;
    if (alone && !*ret_again) {
        *ret_left = tly_stats_mortal();
        tly_attach_end();
        end_from(STEPS);
        settings_end();
        tly_module_unclaim();
    } else {
        tly_gate_open();
    }
    tly_runtime_unlock();
    return alone && !*ret_again;
}

// The same after what there is to do; no service runs. The thread is attached,
// and is not afterwards.
static bool end_drained(struct tly_patience *patience, size_t *ret_left) {
    bool again = true, ended = false;
    for (unsigned round = 0; again && round < ROUNDS; round++) {
        struct tly_mutator *self = tly_self_attached();
        uint64_t arrivals = tly_gate_arrivals();
        if (!self || others_attached(self))
            break;
        tly_announce_pause(true);
        drain_all(patience);
        tly_announce_pause(false);
        if (runtime_reports)
            tly_kept_report();
        // The last code of the program's that runs before the end.
        tally_detach();
        ended = end_alone(arrivals, ret_left, &again);
    }
    return ended;
}

// The runtime goes on: what the services are for waits for them.
static void services_again(const char *name, bool stays) {
    tly_background_start();
    tly_executor_start();
    // Without a mutator the thread attaches when it uses the heap.
    if (tally_attach(name) != TALLY_OK)
        return;
    tly_break_self(tly_self(), TLY_BREAK_COLLECT | TLY_BREAK_FINISH);
    tally_safepoint();
    if (!stays)
        tally_detach();
}

// Ends the services, or lets them go on.
static tally_status services_end(struct tly_mutator *self,
                                 struct tly_patience *patience) {
    tally_status status = tly_background_stop(self, patience);
    if (status != TALLY_OK)
        return status;
    status = tly_executor_stop(self, patience);
    if (status == TALLY_OK)
        return TALLY_OK;
    tly_background_start();
    // What the first has left.
    tly_settle_rescue(tly_local_of(self));
    tly_break_self(self, TLY_BREAK_COLLECT | TLY_BREAK_FINISH);
    return status;
}

static tally_status end(bool attached, size_t *ret_leaked) {
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    tally_status status = may_end(self);
    uint32_t nobody = 0;
    // ORDER[ending] acq_rel: one thread after another stops the services.
    if (status == TALLY_OK && !tly_cas_acq_rel(&runtime_ending, &nobody, 1))
        status = TALLY_BUSY;
    if (status != TALLY_OK) {
        if (!attached)
            tally_detach();
        return status;
    }
    char name[sizeof(self->name)];
    memcpy(name, self->name, sizeof(name));
    struct tly_patience patience = tly_patience_begin();
    status = services_end(self, &patience);
    if (status == TALLY_OK) {
        status = end_drained(&patience, ret_leaked) ? TALLY_OK : TALLY_BUSY;
        if (status != TALLY_OK)
            services_again(name, attached);
    } else if (!attached) {
        tally_detach();
    }
    // ORDER[ending] release: the services are stopped for good, or there.
    tly_store_release(&runtime_ending, 0);
    return status;
}

tally_status tally_shutdown(size_t *ret_leaked) {
    size_t leaked = 0;
    tally_status status = TALLY_OK;
    if (tly_runtime_started())
        status = end(tly_mine() != NULL, &leaked);
    if (status == TALLY_OK && ret_leaked)
        *ret_leaked = leaked;
    return status;
}
