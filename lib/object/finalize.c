// Who runs which finalizer, and where it waits for that.
//
// The queues link objects through the word behind them, so that queueing needs
// no memory. The lock is held for some instructions, and takes no other.

#include "object/finalize.h"

#include <tally/finalize.h>

#include "base/check.h"
#include "base/status.h"
#include "epoch/registry.h"
#include "object/count.h"
#include "object/finish.h"
#include "object/type.h"
#include "object/weak.h"
#include "sync/spin.h"

struct tly_event tly_finalize_work;
uint32_t tly_finalize_served, tly_finalize_awaited;
uint32_t tly_finalize_batch = 1;

static uint32_t finalize_by; // (a) the option
static struct tly_spin finalize_lock = TLY_SPIN_INIT(TLY_RANK_FINALIZE);

// By executor; that of TALLY_EXECUTOR_INLINE is unused. Under the lock.
static struct queue {
    tally_object *first, *last; // (a) first: whether there is any
} queues[TLY_EXECUTORS];

void tly_finalize_configure(unsigned executor) {
    // Relaxed: before threads come.
    tly_store_relaxed(&finalize_by, executor);
}

void tly_finalize_end(void) {
    // Relaxed: nothing else runs.
    for (unsigned n = 0; n < TLY_EXECUTORS; n++) {
        tly_store_relaxed(&queues[n].first, NULL);
        queues[n].last = NULL;
    }
    tly_store_relaxed(&tly_finalize_awaited, 0);
}

void tly_finalize_hold(bool hold) { tly_spin_hold(&finalize_lock, hold); }

static unsigned executor_of(const tally_type *type) {
    // Relaxed: set before threads come.
    return type->executor_ ? type->executor_ - 1
                           : tly_load_relaxed(&finalize_by);
}

static tally_object **link_of(tally_object *object) {
    return tly_finalize_link(object, tly_type_of(object));
}

// ---- queues

// Appends a list to the queue of an executor.
static void queue_put(struct tly_local *self, unsigned by, tally_object *first,
                      tally_object *last) {
    struct queue *queue = &queues[by];
    *link_of(last) = NULL;
    tly_spin_lock(&finalize_lock);
    if (queue->last)
        *link_of(queue->last) = first;
    else
        // Relaxed: the lock orders it; others look for a hint.
        tly_store_relaxed(&queue->first, first);
    queue->last = last;
    tly_spin_unlock(&finalize_lock);
    if (by != TALLY_EXECUTOR_THREAD)
        return;
    tly_event_signal(&tly_finalize_work);
    // Relaxed: the thread looks at the queue again before it sleeps or ends.
    if (!tly_load_relaxed(&tly_finalize_served))
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

static tally_object *queue_take(unsigned by) {
    struct queue *queue = &queues[by];
    // Relaxed: a hint; looked at again under the lock.
    if (!tly_load_relaxed(&queue->first))
        return NULL;
    tly_spin_lock(&finalize_lock);
    tally_object *object = tly_load_relaxed(&queue->first);
    if (object) {
        tally_object *next = *link_of(object);
        tly_store_relaxed(&queue->first, next);
        if (!next)
            queue->last = NULL;
    }
    tly_spin_unlock(&finalize_lock);
    return object;
}

bool tly_finalize_has_thread(void) {
    // Relaxed: who is about to sleep has read the event's value before.
    return tly_load_relaxed(&queues[TALLY_EXECUTOR_THREAD].first);
}

// Puts a list on the thread's own, which tly_finish empties.
static void inline_put(struct tly_local *self, tally_object *first,
                       tally_object *last) {
    *link_of(last) = self->finalize;
    self->finalize = first;
}

static void put(struct tly_local *self, unsigned by, tally_object *first,
                tally_object *last) {
    if (by == TALLY_EXECUTOR_INLINE)
        inline_put(self, first, last);
    else
        queue_put(self, by, first, last);
}

// ---- claims

void tly_finalize_add(struct tly_local *self, tally_object *object) {
    tly_count(&self->claimed, 1);
    put(self, executor_of(tly_type_of(object)), object, object);
}

void tly_claims_add(struct tly_claims *claims, tally_object *object) {
    if ((object->tf_ & TLY_TF_REFS) != TLY_TF_ASK)
        return;
    const tally_type *type = tly_type_of(object);
    if (!type->finalize_)
        return;
    // ORDER[finalized] acq_rel: one thread runs it.
    if (tly_or_acq_rel(&object->gc_, TLY_GC_FINALIZED) & TLY_GC_FINALIZED)
        return;
    // Relaxed: the world is stopped.
    tly_add_relaxed(&object->shared_, TLY_ONE);
    unsigned by = executor_of(type);
    if (claims->last[by])
        *link_of(claims->last[by]) = object;
    else
        claims->first[by] = object;
    claims->last[by] = object;
    claims->count++;
}

void tly_claims_give(struct tly_claims *claims, struct tly_local *self) {
    tly_count(&self->claimed, claims->count);
    for (unsigned by = 0; by < TLY_EXECUTORS; by++)
        if (claims->last[by])
            put(self, by, claims->first[by], claims->last[by]);
    *claims = (struct tly_claims){.count = 0};
}

void tly_finalize_ended(struct tly_local *self) {
    // Relaxed: a hint.
    if (tly_load_relaxed(&tly_finalize_awaited))
        tly_break_self(tly_mutator_in(self), TLY_BREAK_COLLECT);
}

uint64_t tly_finalize_waiting(void) {
    uint64_t claimed = 0, finalized = 0;
    uint32_t count = tly_registry_count();
    for (uint32_t n = 1; n <= count; n++) {
        const struct tly_local *local = tly_local_of(tly_mutator_of(n));
        // Relaxed: a statistic, or the world is stopped. Those that ran first:
        // each was claimed before.
        finalized += tly_load_relaxed(&local->counters.finalized) +
                     tly_load_relaxed(&local->counters.called);
        claimed += tly_load_relaxed(&local->claimed);
    }
    return claimed > finalized ? claimed - finalized : 0;
}

// ---- running

tally_object *tly_finalize_take(struct tly_local *self, unsigned by) {
    tally_object *object = NULL;
    if (by & 1u << TALLY_EXECUTOR_INLINE && self->finalize) {
        object = self->finalize;
        self->finalize = *link_of(object);
    }
    for (unsigned n = TALLY_EXECUTOR_THREAD; !object && n < TLY_EXECUTORS; n++)
        if (by & 1u << n)
            object = queue_take(n);
    if (object)
        *link_of(object) = NULL;
    return object;
}

bool tly_finalize_is_inline(const tally_type *type) {
    return executor_of(type) == TALLY_EXECUTOR_INLINE;
}

enum tly_drop tly_finalize_call(struct tly_local *self, tally_object *object) {
    struct tly_hook call TLY_HOOK = tly_hook_begin(self, TLY_FRAME);
    tly_inside_set(self, TLY_RUNS_FINALIZER, object);
    tly_program_next(self, "a finalizer");
    tly_type_of(object)->finalize_(object);
    tly_inside_end(self);
    tly_hook_end(&call);
    // Most objects do not come back.
    enum tly_drop drop = TLY_DEAD;
    if (TLY_LIKELY(tly_is_sole(object)))
        tly_store_relaxed(&object->local_, 0); // Relaxed: the owner's own.
    else
        drop = tly_count_drop_ended(self, object);
    tly_count(&self->counters.finalized, 1);
    tly_finalize_ended(self);
    return drop;
}

void tly_finalize_unwound(struct tly_local *self, bool drop) {
    uint32_t running = self->running;
    if (running == TLY_RUNS_NONE)
        return;
    tly_inside_end(self);
    if (drop && running == TLY_RUNS_CALLBACK)
        tly_weak_unwound(self, self->inside);
    else if (drop)
        tly_count_act(self, self->inside, tly_count_drop(self, self->inside));
    tly_count(running == TLY_RUNS_CALLBACK ? &self->counters.called
                                           : &self->counters.finalized,
              1);
    tly_finalize_ended(self);
}

void tly_finalize_rescue(struct tly_local *self, struct tly_local *of) {
    for (tally_object *next, *object = of->finalize; object; object = next) {
        next = *link_of(object);
        inline_put(self, object, object);
    }
    of->finalize = NULL;
}

void tly_finalize_run(struct tly_local *self, tally_object *object) {
    tly_count_act(self, object, tly_finalize_call(self, object));
}

// ---- what goes wrong in them

static struct {
    tally_error_sink fn;
    void *arg;
} sink; // under the lock

void tally_set_error_sink(tally_error_sink fn, void *arg) {
    tly_spin_lock(&finalize_lock);
    sink.fn = fn;
    sink.arg = arg;
    tly_spin_unlock(&finalize_lock);
}

void tally_finalize_error(void *object, tally_status status, const char *text) {
    TLY_KEEPS_ERRNO;
    const tally_type *type = tly_type_of(object);
    tly_spin_lock(&finalize_lock);
    tally_error_sink fn = sink.fn;
    void *arg = sink.arg;
    tly_spin_unlock(&finalize_lock);
    tly_locks_none("the sink of errors");
    if (fn)
        fn(type, object, status, text ? text : "", arg);
    else
        tly_report("%s at %p: %s (%s)", type->name, object, text ? text : "",
                   tally_strerror(status));
}
