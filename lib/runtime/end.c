// The end, which is none while another thread uses the heap.

#include "runtime/start.h"

#include <string.h>

#include <tally/collect.h>
#include <tally/finalize.h>
#include <tally/mutator.h>

#include "collector/account.h"
#include "collector/call.h"
#include "collector/collect.h"
#include "collector/debug.h"
#include "epoch/attach.h"
#include "epoch/gate.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "epoch/wait.h"
#include "object/finish.h"
#include "observe/kept.h"
#include "observe/stats.h"
#include "platform/module.h"
#include "runtime/background.h"
#include "runtime/executor.h"

static uint32_t runtime_ending; // (a) a thread is in tally_shutdown

void tly_end_forked(void) {
    // Relaxed: the child has one thread.
    tly_store_relaxed(&runtime_ending, 0);
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

// ---- a call that is left
//
// A finalizer may leave tally_shutdown: by an exception or the thread's end,
// which run the cleanup of end(), or by longjmp, of which a safepoint with work
// gets to know, or the next call.
static TALLY_THREAD struct ending {
    struct tly_frame call; // at: NULL: the thread is in none
    uint32_t asks;         // for tly_call_left
    uint32_t debug;        // flags of debugging
    bool drains;           // which are others meanwhile
} ending;

// What it has stopped goes on.
static TLY_COLD void ending_left(void) {
    ending.call.at = NULL;
    tly_announce_pause(false);
    if (ending.drains)
        tally_collect_debug_set(ending.debug);
    tly_background_again();
    tly_executor_again();
    if (tly_is_attached(tly_self()))
        tly_break_self(tly_self(), TLY_BREAK_COLLECT | TLY_BREAK_FINISH);
    // ORDER[ending] release: as in end.
    tly_store_release(&runtime_ending, 0);
}

TLY_NOINLINE void tly_end_poll(const void *here) {
    if (TLY_UNLIKELY(ending.call.at) &&
        tly_call_left(ending.call, here, &ending.asks))
        ending_left();
}

void tly_end_unwound(void) {
    if (ending.call.at)
        ending_left();
}

static void ending_over(struct ending *const *call) {
    if ((*call)->call.at)
        ending_left();
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
    ending.debug = tally_collect_debug_get();
    ending.drains = true;
    tally_collect_debug_set(ending.debug & ~TALLY_DEBUG_SAVE_ALL);
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
    ending.drains = false;
    tally_collect_debug_set(ending.debug); // for who comes in time
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
        tly_layers_end();
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
        if (tly_runtime_reports)
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
    tly_end_poll(__builtin_frame_address(0));
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
    struct ending *call __attribute__((cleanup(ending_over))) = &ending;
    call->call = TLY_FRAME;
    call->drains = false;
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
    call->call.at = NULL;
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
