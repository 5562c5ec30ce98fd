// Progress: lock-free.
//
// Until the phase says HELD, somebody may take a reference from a weak one, end
// the commit, take what it got apart, and so end a member; so a unit is taken
// as a borrow is upgraded: not of what is dead. From then on finalizers and
// callbacks are claimed, with units of their own, of what nobody can end
// (tests/model/commit.pml, UNITBLIND and UNITLATE).
//
// What is dead has no control block any more: so a unit comes first, too, where
// somebody asks for callbacks.

#include "collector/guard.h"

#include "collector/lock.h"
#include "collector/trial.h"
#include "object/count.h"
#include "object/type.h"
#include "object/weak.h"

static bool is_weak(const tally_object *object) {
    // Relaxed: the flag is set by who holds a reference.
    return tly_load_relaxed(&object->shared_) & TLY_WEAK;
}

// Whether something may be claimed of it.
static bool is_claimed(const tally_object *object) {
    if (is_weak(object))
        return true;
    return tly_trial_refs(object) == TLY_TF_ASK &&
           !(tly_load_relaxed(&object->gc_) & TLY_GC_FINALIZED) &&
           tly_type_of(object)->finalize_;
}

// Whatever the owner does to a watched object sets DIRTY first, and so goes by
// the shared count in the end.
static bool unit_take(tally_object *object) {
    uint64_t shared = tly_load_relaxed(&object->shared_);
    do {
        if (!TLY_BUSTED(UNIT_BLINDLY) &&
            (shared & TLY_DYING ||
             (shared & TLY_MERGED && tly_count_of(shared) <= 0)))
            return false;
        // ORDER[last-use] acq_rel: as an upgrade.
    } while (!tly_cas_acq_rel(&object->shared_, &shared, shared + TLY_ONE));
    return true;
}

// Whether a unit of the object is the collection's.
static bool guard(tally_object *object) {
    size_t granule = tly_side_at(object);
    if (tly_side_get(tly_sides.guarded, granule))
        return true;
    if (!unit_take(object))
        return false;
    tly_side_set(tly_sides.guarded, granule);
    return true;
}

static void take(void *arg, tally_object *object) {
    bool *taken = arg;
    if (*taken && is_claimed(object))
        *taken = !tly_collector_is_urgent() && guard(object);
}

bool tly_guard_take(void) {
    bool taken = true;
    tly_sides_each(tly_sides.member, take, &taken);
    return taken;
}

static void look(void *calls, tally_object *object) {
    if (is_weak(object) && (tly_collector_is_urgent() ||
                            (guard(object) && tly_weak_has_calls(object))))
        *(bool *)calls = true;
}

bool tly_guard_calls(void) {
    bool calls = false;
    tly_sides_each(tly_sides.member, look, &calls);
    return calls;
}

// Not a touch, unless it was the last unit: the collection itself has changed
// the count, and changes it back.
static void drop(void *self, tally_object *object) {
    uint64_t shared = tly_load_relaxed(&object->shared_);
    tly_side_reset(tly_sides.guarded, tly_side_at(object));
    do {
        if (shared & TLY_MERGED && tly_count_of(shared) == 1) {
            tly_count_act(self, object, tly_count_drop(self, object));
            return;
        }
        // ORDER[last-use] acq_rel: as every decrement.
    } while (!tly_cas_acq_rel(&object->shared_, &shared, shared - TLY_ONE));
}

void tly_guard_drop(struct tly_local *self) {
    tly_sides_each(tly_sides.guarded, drop, self);
}
