// Weak references.
//
// An object that has weak references has flag WEAK, and its control block lies
// in a table that is indexed by granule: reserved on first use, with memory
// where there are weak references. The control block is the weak reference
// without a callback, and the object's death drops the table's unit of it.
// Those with callbacks are objects of their own, on a list of the control
// block's, newest first.
//
//   get    in a borrow section: load the target, take a reference to it. The
//          object is published, so its memory waits for the section, and the
//          upgrade fails once its count was zero (tests/model/weak.pml).
//   death  count is zero; then targets are NULL; then the grace period begins
//
// INVARIANT  the list holds no references: who leaves it first, by its own
//            destruction or by the target's death, unlinks under the lock. One
//            that is cleared as garbage has left it before anything else is
//            cleared, and is not called.

#include "object/weak.h"

#include <tally/borrow.h>
#include <tally/ref.h>
#include <tally/weak.h>

#include "base/check.h"
#include "epoch/attach.h"
#include "object/finalize.h"
#include "object/finish.h"
#include "object/type.h"
#include "object/weak_parts.h"
#include "object/weak_table.h"
#include "sync/spin.h"

TALLY_TYPE(tally_weak);

static void call_gone(void *object);
TALLY_TYPE(tly_weak_call, TALLY_REF(control), TALLY_DESTROY(call_gone));

TALLY_TYPE(tly_weak_kept, TALLY_BASE(tly_weak_call), TALLY_REF(kept));

static uint64_t weak_count; // (a)
uint32_t tly_weak_phase;
static struct tly_spin list_lock = TLY_SPIN_INIT(TLY_RANK_WEAK);

uint64_t tly_weak_count(void) {
    // Relaxed: a statistic.
    return tly_load_relaxed(&weak_count);
}

void tly_weak_end(void) {
    tly_weak_table_end();
    weak_count = 0;
}

void tly_weak_hold(bool hold) {
    tly_weak_table_hold(hold);
    tly_spin_hold(&list_lock, hold);
}

// ---- making

// Puts a control block into the table; or drops it, where another thread came
// first. Returns the one that is there.
static tally_weak *control_install(tally_object *object, tally_weak *control) {
    tally_weak *there = NULL;
    // ORDER[weak-control] acq_rel: the control block is complete before it is
    // found. Pairs with the load in control_of.
    if (tly_cas_acq_rel(tly_weak_at(object), &there, control)) {
        // Relaxed: a statistic.
        tly_add_relaxed(&weak_count, 1);
        return control;
    }
    tally_decref(control);
    return there;
}

// The control block of an object that the caller holds a reference to, made if
// there is none: the table's. NULL with errno.
static tally_weak *control_of(tally_object *object) {
    // Relaxed: the flag stays once it is set; the table orders the rest.
    if (tly_load_relaxed(&object->shared_) & TLY_WEAK) {
        // ORDER[weak-control] acquire: see control_install.
        tally_weak *control = tly_load_acquire(tly_weak_at(object));
        if (control)
            return control;
    }
    tally_status status = tly_weak_table_cover(object);
    tally_weak *control = status == TALLY_OK ? tally_new(tally_weak) : NULL;
    if (!control) {
        errno = ENOMEM;
        return NULL;
    }
    control->target = object;
    // ORDER[last-use] acq_rel: as tally_publish. Set before the table has it,
    // and before the caller's reference goes: who ends the object sees it.
    tly_or_acq_rel(&object->shared_, TLY_PUB | TLY_WEAK);
    return control_install(object, control);
}

static void list_put(struct tly_weak_call **head, struct tly_weak_call *call) {
    call->weak.list = *head;
    call->link = head;
    if (*head)
        (*head)->link = &call->weak.list;
    // ORDER[weak-list] release: whoever ends the object sees that the list is
    // not empty; the lock orders the rest. Pairs with calls_take.
    tly_store_release(head, call);
}

static void list_remove(struct tly_weak_call *call) {
    // ORDER[weak-list] release: as list_put.
    tly_store_release(call->link, call->weak.list);
    if (call->weak.list)
        call->weak.list->link = call->link;
    call->weak.list = NULL;
    call->link = NULL;
}

static tally_weak *call_begin(struct tly_weak_call *call, tally_object *object,
                              tally_weak *control, tally_weak_hook callback,
                              void *arg) {
    call->weak.target = object;
    call->callback = callback;
    call->arg = arg;
    // Relaxed: it changes when no finalizer runs that waits for its end.
    if (tly_local_of(tly_self())->running)
        call->batch = tly_load_relaxed(&tly_finalize_batch);
    tally_set(call, control, control);
    // The thread that ends the object takes a reference to it, and sees by its
    // one count whether anybody else has any.
    tally_publish(call);
    (void)tally_transfer(call);
    tly_spin_lock(&list_lock);
    list_put(&control->list, call);
    tly_spin_unlock(&list_lock);
    return &call->weak;
}

static tally_weak *call_new(tally_object *object, tally_weak *control,
                            tally_weak_hook callback, void *arg) {
    struct tly_weak_call *call = tally_new(tly_weak_call);
    return call ? call_begin(call, object, control, callback, arg) : NULL;
}

// The control block of an object that a new weak reference is wanted to; NULL
// with errno.
static tally_weak *control_for(tally_object *object) {
    tly_object_check(object, "a weak reference");
    // Relaxed: the flag is set before hooks of the object's end are called.
    if (tly_load_relaxed(&object->shared_) & TLY_DYING) {
        errno = EINVAL;
        return NULL;
    }
    return control_of(object);
}

tally_weak *tly_weak_new_kept(tally_object *object, tally_weak_hook callback,
                              void *kept, uint64_t note) {
    tally_weak *control = control_for(object);
    struct tly_weak_kept *call = control ? tally_new(tly_weak_kept) : NULL;
    if (!call)
        return NULL;
    call->note = note;
    tally_set(call, kept, kept);
    return call_begin(&call->call, object, control, callback, kept);
}

uint64_t tly_weak_note(const tally_weak *weak) {
    return ((const struct tly_weak_kept *)(const void *)weak)->note;
}

tally_weak *tally_weak_new(void *reference, tally_weak_hook callback,
                           void *arg) {
    tally_object *object = reference;
    tally_weak *control = control_for(object);
    if (!control)
        return NULL;
    if (callback)
        return call_new(object, control, callback, arg);
    tally_incref(control);
    return control;
}

// A weak reference with a callback is destroyed.
static void call_gone(void *object) {
    struct tly_weak_call *call = object;
    tly_spin_lock(&list_lock);
    if (call->link)
        list_remove(call);
    tly_spin_unlock(&list_lock);
}

// ---- asking

// Whether a collection watches an object.
static bool is_watched(const tally_object *object) {
    // ORDER[watch] acquire: what the collection did before it took the flag
    // away. One that sets it waits for the end of the caller's section.
    return tly_load_acquire(&object->owner_) & TALLY_OWNER_WATCH_;
}

// Whether a weak reference may be used in a phase. NULL: it is not by one that
// the object was found.
static bool is_usable(const tally_weak *weak, uint32_t phase) {
    return phase == TLY_WEAK_OPEN ||
           (phase == TLY_WEAK_HELD &&
            (!weak || tly_type_of(&weak->head) == TALLY_TYPE_OF(tally_weak)));
}

static uint32_t phase_now(void) {
    // ORDER[weak-phase] seq_cst: after DIRTY is set (Dekker). Pairs with the
    // collection, which stores CLOSING and then looks for DIRTY.
    return tly_load_seq_cst(&tly_weak_phase);
}

// Whether an object that a collection watches is alive: then that knows of it
// before the caller has its reference. [weak] as above.
static bool is_kept(const tally_weak *weak, tally_object *object) {
    if (TLY_BUSTED(PHASE_FIRST) && is_usable(weak, phase_now())) {
        tly_or_relaxed(&object->shared_, TLY_DIRTY);
        return true;
    }
    // ORDER[weak-phase] seq_cst: before the phase is read. So each commit that
    // is ended costs the collection a member.
    tly_or_seq_cst(&object->shared_, TLY_DIRTY);
    for (;;) {
        uint32_t phase = phase_now();
        if (is_usable(weak, phase))
            return true;
        if (phase != TLY_WEAK_CLOSING)
            return !is_watched(object);
        // ORDER[weak-phase] seq_cst: either this or the commit.
        tly_cas_seq_cst(&tly_weak_phase, &phase, TLY_WEAK_OPEN);
    }
}

bool tly_weak_keeps(tally_object *object) { return is_kept(NULL, object); }

void *tally_weak_get(const tally_weak *weak) {
    tally_object *object = NULL;
    TALLY_BORROW {
        // ORDER[weak-target] acquire: with NULL comes all that led to it; the
        // object itself is ordered by the upgrade.
        object = tly_load_acquire(&weak->target);
        if (object &&
            ((TLY_UNLIKELY(is_watched(object)) && !is_kept(weak, object)) ||
             !tly_count_take_kept(object, NULL)))
            object = NULL;
    }
    // ORDER[weak-target] acquire: a collection that has claimed its callback
    // meanwhile says no.
    if (TLY_UNLIKELY(object && !tly_load_acquire(&weak->target))) {
        tally_decref(object);
        object = NULL;
    }
    return object;
}

const tally_object *tly_weak_target(const tally_weak *weak) {
    // ORDER[weak-target] acquire: as above.
    return tly_load_acquire(&weak->target);
}

bool tally_weak_is_dead(const tally_weak *weak) {
    // ORDER[weak-target] acquire: as above.
    return !tly_load_acquire(&weak->target);
}

// ---- the end of an object

static void target_null(tally_weak *weak) {
    // ORDER[weak-target] release: the object's last use so far, before NULL.
    tly_store_release(&weak->target, NULL);
}

// Appends to the list of those that are to be called.
static void calls_add(struct tly_local *self, struct tly_weak_call *call) {
    struct tly_weak_call **end = &self->weak_calls;
    if (self->weak_calls)
        end = self->weak_calls_end;
    call->weak.list = NULL;
    *end = call;
    self->weak_calls_end = &call->weak.list;
    tly_count(&self->claimed, 1);
}

// The last of those that are to be called.
static struct tly_weak_call *calls_last(struct tly_local *self) {
    char *list = (char *)self->weak_calls_end;
    return (struct tly_weak_call *)(void *)(list -
                                            offsetof(struct tally_weak, list));
}

// Kills a reference with a callback, and says whether it is to be called: not
// if it ends as well, by its count or as garbage.
static bool call_kill(struct tly_weak_call *call,
                      tly_weak_is_garbage is_garbage) {
    list_remove(call);
    target_null(&call->weak);
    return !(is_garbage && is_garbage(&call->weak.head)) &&
           tally_try_incref(call);
}

// Kills the references with callbacks, and puts those that live on the list of
// [self]. Those that finalizers of the [batch] have made are left.
static size_t calls_take(struct tly_local *self, tally_weak *control,
                         tly_weak_is_garbage is_garbage, uint32_t batch) {
    size_t count = 0;
    // ORDER[weak-list] acquire: nobody adds to the list of an object that has
    // no references; so an empty one stays empty.
    if (!tly_load_acquire(&control->list))
        return 0;
    tly_spin_lock(&list_lock);
    for (struct tly_weak_call *next, *call = control->list; call; call = next) {
        next = call->weak.list;
        if (call->batch && call->batch == batch)
            continue;
        if (!call_kill(call, is_garbage))
            continue;
        calls_add(self, call);
        count++;
    }
    tly_spin_unlock(&list_lock);
    return count;
}

// Takes an object's control block out of the table; the unit is the caller's.
static tally_weak *control_take(tally_object *object) {
    // ORDER[weak-control] acquire: see control_install.
    tally_weak *control = tly_load_acquire(tly_weak_at(object));
    // Relaxed: the block is not another object's before its grace period.
    tly_store_relaxed(tly_weak_at(object), NULL);
    tly_add_relaxed(&weak_count, (uint64_t)-1);
    return control;
}

bool tly_weak_has_calls(const tally_object *object) {
    // ORDER[weak-list] acquire: as calls_take.
    return tly_load_acquire(&tly_load_acquire(tly_weak_at(object))->list);
}

bool tly_weak_died(struct tly_local *self, tally_object *object) {
    tally_weak *control = control_take(object);
    target_null(control);
    size_t calls = calls_take(self, control, NULL, 0);
    if (calls)
        calls_last(self)->then = object;
    // Dropped later: chains of weak references to weak references are long.
    control->list = (struct tly_weak_call *)(void *)self->weak_controls;
    self->weak_controls = control;
    tly_break_self(tly_mutator_in(self), TLY_BREAK_FINISH);
    return calls > 0;
}

size_t tly_weak_call(struct tly_local *self, tally_object *object,
                     tly_weak_is_garbage is_garbage) {
    // Relaxed: the world is stopped.
    size_t calls = calls_take(self, *tly_weak_at(object), is_garbage,
                              tly_load_relaxed(&tly_finalize_batch));
    if (calls) {
        calls_last(self)->then = object;
        // Relaxed: the world is stopped.
        tly_add_relaxed(&object->shared_, TLY_ONE);
    }
    return calls;
}

void tly_weak_null(tally_object *object) {
    tally_weak *control = *tly_weak_at(object);
    target_null(control);
    tly_spin_lock(&list_lock);
    while (control->list) {
        struct tly_weak_call *call = control->list;
        list_remove(call);
        target_null(&call->weak);
    }
    tly_spin_unlock(&list_lock);
}

void tly_weak_silence(tally_object *object) {
    struct tly_weak_call *call = (struct tly_weak_call *)(void *)object;
    if (tly_type_of(object)->destroy_ != call_gone)
        return;
    tly_spin_lock(&list_lock);
    if (call->link)
        list_remove(call);
    target_null(&call->weak);
    tly_spin_unlock(&list_lock);
}

void tly_weak_let_go(struct tly_local *self, tally_object *object) {
    tally_weak *control = control_take(object);
    tly_count_act(self, &control->head, tly_count_drop(self, &control->head));
}

// ---- what deaths leave

static void controls_drop(struct tly_local *self) {
    while (self->weak_controls) {
        tally_weak *control = self->weak_controls;
        self->weak_controls = (tally_weak *)(void *)control->list;
        control->list = NULL;
        tly_count_act(self, &control->head,
                      tly_count_drop(self, &control->head));
    }
}

// The callbacks of an object are done.
static void then_go(struct tly_local *self, tally_object *object) {
    // Relaxed: dead by its count, or a unit of it is ours.
    if (tly_load_relaxed(&object->shared_) & TLY_DYING)
        tly_limbo_retire(self, object);
    else
        tly_count_act(self, object, tly_count_drop(self, object));
}

// Whether anybody but the runtime, which has a unit, refers to one with a
// callback. Who held it may have gone since its object died.
static bool is_held(const struct tly_weak_call *call) {
    const tally_object *object = &call->weak.head;
    // ORDER[last-use] acquire: what the others did with it, before it ends.
    uint64_t shared = tly_load_acquire(&object->shared_);
    // Relaxed: HOT and immortal ones are counted elsewhere.
    unsigned owner = tly_load_relaxed(&object->owner_) & TALLY_OWNER_MASK_;
    return owner != TALLY_OWNER_NONE_ || !(shared & TLY_MERGED) ||
           tly_count_of(shared) > 1;
}

static void call_one(struct tly_local *self, struct tly_weak_call *call) {
    struct tly_hook hook TLY_HOOK = tly_hook_begin(self, TLY_FRAME);
    tly_inside_set(self, TLY_RUNS_CALLBACK, &call->weak.head);
    tly_program_next(self, "a callback of a weak reference");
    call->callback(&call->weak, call->arg);
    tly_inside_end(self);
    tly_hook_end(&hook);
}

// A callback has ended, or is not to be called.
static void call_end(struct tly_local *self, struct tly_weak_call *call) {
    if (call->then)
        then_go(self, call->then);
    tly_count_act(self, &call->weak.head,
                  tly_count_drop(self, &call->weak.head));
}

void tly_weak_unwound(struct tly_local *self, tally_object *call) {
    call_end(self, (struct tly_weak_call *)(void *)call);
}

void tly_weak_rescue(struct tly_local *self, struct tly_local *of) {
    while (of->weak_calls) {
        struct tly_weak_call *call = of->weak_calls;
        of->weak_calls = call->weak.list;
        calls_add(self, call);
        tly_count(&self->claimed, (uint64_t)-1); // counted by whom it was
    }
    while (of->weak_controls) {
        tally_weak *control = of->weak_controls;
        of->weak_controls = (tally_weak *)(void *)control->list;
        control->list = (struct tly_weak_call *)(void *)self->weak_controls;
        self->weak_controls = control;
    }
}

static void call_next(struct tly_local *self) {
    struct tly_weak_call *call = self->weak_calls;
    self->weak_calls = call->weak.list;
    call->weak.list = NULL;
    bool held = is_held(call);
    if (held)
        call_one(self, call);
    call_end(self, call);
    if (held)
        tly_count(&self->counters.called, 1);
    else
        tly_count(&self->claimed, (uint64_t)-1);
    tly_finalize_ended(self);
}

bool tly_weak_finish(struct tly_local *self, bool hooks) {
    if (!tly_weak_waits(self))
        return false;
    bool did = self->weak_controls || hooks;
    controls_drop(self);
    if (hooks && self->weak_calls)
        call_next(self);
    return did;
}
