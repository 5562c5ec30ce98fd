// What waits on a mutator's lists: the dead, those whose hooks may not run
// yet, and those that want their finalizer.

#include "object/finish.h"

#include "base/check.h"
#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "object/finalize.h"
#include "object/levels.h"
#include "object/type.h"
#include "object/weak.h"
#include "platform/os.h"

// Whether a call has been left that a hook which has been left stood in.
static bool is_left(struct tly_frame call, const void *here) {
    return tly_call_left_above(call, here) || tly_call_left_over(call) ||
           tly_call_left_known(call);
}

// [here]: NULL for whoever has left all calls.
static void unwound(struct tly_local *self, const void *here) {
    struct tly_cold *cold = tly_cold(self);
    self->finishing = 0;
    if (self->collects && (!here || is_left(cold->collects_in, here)))
        self->collects = 0;
    if (cold->waits && (!here || is_left(cold->waits_in, here)))
        cold->waits = 0;
    tly_finalize_unwound(self, true);
    tly_destroy_unwound(self);
    tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

void tly_hooks_unwound(struct tly_local *self) {
    if (self->finishing || self->collects || tly_cold(self)->waits)
        unwound(self, NULL);
}

// A look that costs some 30,000 instructions is for one in so many that ask: a
// hook may drop any number of objects.
#define LOOK_EVERY TLY_CALL_ASKS

static TLY_COLD bool hooks_look(struct tly_local *self, const void *here) {
    struct tly_frame call = tly_hooks_frame(self);
    bool due = self->finishing >= LOOK_EVERY;
    self->finishing = due ? 1 : self->finishing;
    if (!tly_call_left_above(call, here) && !tly_call_left_over(call) &&
        (!due || !tly_call_left_known(call)))
        return false;
    unwound(self, here);
    return true;
}

TLY_NOINLINE bool tly_collects_left(struct tly_local *self, const void *here) {
    struct tly_cold *cold = tly_cold(self);
    if (TLY_LIKELY(
            !tly_call_left(cold->collects_in, here, &cold->collects_asks)))
        return false;
    self->collects = 0;
    return true;
}

void tly_program_refuse(const char *call) {
    tly_report("thread %u has the collector's lock before %s; it has to give "
               "the lock back first",
               tly_os_thread_id(), call);
    tly_require(false);
}

TLY_NOINLINE bool tly_hooks_left(struct tly_local *self, const void *here) {
    struct tly_frame call = tly_hooks_frame(self);
    if (TLY_LIKELY((uintptr_t)here < (uintptr_t)call.at &&
                   ++self->finishing < LOOK_EVERY && !tly_call_left_over(call)))
        return false;
    return hooks_look(self, here);
}

bool tly_hooks_may_run(struct tly_local *self) {
    return !tly_rcu_ongoing() && !self->collector &&
           !tly_mutator_in(self)->stopped_world;
}

static void hook_ended(struct tly_local *self) {
    bool goes_on = tly_levels_go_on(self, self->levels);
    self->slice = goes_on ? self->slice - 1 : 0;
}

// Does what is next on the lists. False: nothing is left that may be done here.
static bool finish_one(struct tly_local *self, bool hooks) {
    if (self->dead) {
        tly_destroy_family(self, tly_dead_take(self), hooks);
    } else if (tly_weak_finish(self, hooks)) {
        hook_ended(self);
    } else if (!hooks) {
        return false;
    } else if (self->held) {
        self->dead = self->held;
        self->held = NULL;
    } else if (self->finalize) {
        tly_finalize_run(self,
                         tly_finalize_take(self, 1u << TALLY_EXECUTOR_INLINE));
        hook_ended(self);
    } else {
        return false;
    }
    return true;
}

// The loop that [finishing] stands for, up to the end of the slice.
static void finish_slice(struct tly_local *self, bool hooks,
                         struct tly_levels *levels) {
    self->levels = levels;
    while (self->slice > 0 && !(hooks && tly_hooks_end(self)) &&
           finish_one(self, hooks))
        continue;
    self->finishing = 0;
    if (tly_finish_has(self))
        tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
}

static void begin(struct tly_local *self, bool hooks,
                  struct tly_levels *levels) {
    tly_finishing_begin(self, TLY_FRAME);
    self->slice = tly_destroy_slice;
    finish_slice(self, hooks && tly_hooks_may_run(self), levels);
}

void tly_finish_levels(struct tly_local *self, bool hooks,
                       struct tly_levels *levels) {
    if (!tly_is_finishing(self) && tly_finish_has(self))
        begin(self, hooks, levels);
}

void tly_finish(struct tly_local *self, bool hooks) {
    if (tly_is_finishing(self) || !tly_finish_has(self))
        return;
    struct tly_levels levels = tly_levels_begin(self);
    begin(self, hooks, &levels);
}

// Most finalizers are of the one object whose count became zero just now: that
// needs no list.
void tly_finish_claimed(struct tly_local *self, tally_object *object) {
    if (tly_is_finishing(self) || tly_finish_has(self) ||
        !tly_hooks_may_run(self) ||
        !tly_finalize_is_inline(tly_type_of(object))) {
        tly_finalize_add(self, object);
        tly_finish(self, true);
        return;
    }
    tly_count(&self->claimed, 1);
    tly_finishing_begin(self, TLY_FRAME);
    self->slice = tly_destroy_slice;
    enum tly_drop drop = tly_finalize_call(self, object);
    // Relaxed: the caller's own object now, or nobody's.
    if (drop == TLY_DEAD && !(tly_load_relaxed(&object->shared_) & TLY_PUB))
        tly_destroy_one(self, object);
    else
        tly_count_act(self, object, drop);
    if (TLY_UNLIKELY(tly_finish_has(self))) {
        struct tly_levels levels = tly_levels_begin(self);
        finish_slice(self, true, &levels);
    } else {
        self->finishing = 0;
    }
}

// Whether anything is left that may be done here.
static bool may_go_on(struct tly_local *self, bool hooks) {
    return self->dead || self->weak_controls ||
           ((self->held || self->finalize || self->weak_calls) && hooks &&
            tly_hooks_may_run(self));
}

bool tly_finish_all(struct tly_local *self, bool hooks) {
    struct tly_levels levels = tly_levels_begin(self);
    do
        tly_finish_levels(self, hooks, &levels);
    while (!self->finishing && levels.left > 0 && may_go_on(self, hooks) &&
           !(hooks && tly_hooks_end(self)));
    return levels.left > 0;
}

void tly_finish_forked(void) {
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        struct tly_local *of = tly_local_of(tly_mutator_of(n));
        if (tly_attach_has(tly_mutator_in(of)))
            continue;
        tly_finalize_unwound(of, false);
        // Relaxed: the child has one thread.
        tly_store_relaxed(&of->lost, of->finalize || tly_weak_waits(of));
    }
}
