// The slow paths of counting.
//
// The biased count is by Choi, Shull and Torrellas (PACT 2018). A non-owner
// whose drop finds nothing of others' to take hands its reference to the
// owner (handover.c); if that way is taken, the object is QUEUED: the owner is
// asked to merge, and the queue holds the reference. Ownership is given up by
// compare and exchange before the merging operation on shared_, and never
// taken back (tests/model/brc.pml, handover.pml).

#include "object/count.h"

#include <tally/object.h>

#include "epoch/attach.h"
#include "epoch/registry.h"
#include "object/finalize.h"
#include "object/finish.h"
#include "object/hot.h"
#include "object/type.h"
#include "object/weak.h"
#include "platform/os.h"

static uint64_t count_saturated, count_immortal; // (a)

uint64_t tly_count_saturated(void) {
    // Relaxed: a statistic.
    return tly_load_relaxed(&count_saturated);
}

uint64_t tly_count_immortal(void) {
    // Relaxed: a statistic.
    return tly_load_relaxed(&count_immortal);
}

void tly_count_reset(void) {
    // Relaxed: nothing else runs.
    tly_store_relaxed(&count_saturated, 0);
    tly_store_relaxed(&count_immortal, 0);
    tly_count_pins_reset();
}

// ---- immortality

static void owner_immortalize(tally_object *object) {
    // Relaxed: the loop looks again; nothing is ordered by immortality, whose
    // readers hold references.
    uint16_t owner = tly_load_relaxed(&object->owner_);
    for (;;) {
        if ((owner & TALLY_OWNER_MASK_) == TALLY_OWNER_IMMORTAL_)
            return;
        tly_count_touch(object, owner);
        uint16_t next =
            (uint16_t)((owner & ~TALLY_OWNER_MASK_) | TALLY_OWNER_IMMORTAL_);
        if (tly_cas_relaxed(&object->owner_, &owner, next))
            break;
    }
    tly_add_relaxed(&count_immortal, 1);
}

void tally_immortalize(void *object) {
    tly_object_check(object, "immortalize");
    owner_immortalize(object);
}

static TLY_COLD void saturate(tally_object *object) {
    owner_immortalize(object);
    if (tly_add_relaxed(&count_saturated, 1) == 0)
        tly_report("the count of an object at %p (%s) overflows; it lives on",
                   (void *)object, tly_type_of(object)->name);
}

// ---- counting up

void tally_incref_spill_(tally_object *object) {
    // The count has just wrapped: 2^32 references are missing. Half of them
    // go to the shared count first. Nobody else adds the two up meanwhile: who
    // acts for a mutator, or collects, finds it idle or at a safepoint.
    // Relaxed: the owner reads its own writes; a merge is ordered by states.
    tly_add_relaxed(&object->shared_, ((uint64_t)1 << 31) * TLY_ONE);
    // ORDER[spill] release: after the addition, for a collection that reads
    // local_ and then shared_. Pairs with the collector's load of local_.
    tly_store_release(&object->local_, (uint32_t)1 << 31);
    if (tly_count_of(tly_load_relaxed(&object->shared_)) > TLY_COUNT_SATURATED)
        saturate(object);
}

static void count_up_shared(tally_object *object) {
    struct tly_mutator *self = tly_self();
    // Relaxed: the caller holds a reference, so the object cannot die; who
    // handed the reference over ordered it.
    uint64_t old;
    if (TLY_BUSTED(COUNT_TORN)) {
        old = tly_load_relaxed(&object->shared_);
        tly_store_relaxed(&object->shared_, old + TLY_ONE);
    } else {
        old = tly_add_relaxed(&object->shared_, TLY_ONE);
    }
    if (TLY_UNLIKELY(tly_count_of(old) > TLY_COUNT_SATURATED))
        saturate(object);
    if (!tly_is_attached(self))
        return;
    struct tly_local *local = tly_local_of(self);
    struct tally_counters *c = &local->counters;
    tly_count(old & TLY_MERGED ? &c->merged_counts : &c->shared_counts, 1);
    if (TLY_UNLIKELY(!++local->hot_tick) && old & TLY_MERGED)
        tly_hot_sample(local, object);
}

static TLY_NOINLINE void incref_other(tally_object *object, uint16_t owner) {
    unsigned number = owner & TALLY_OWNER_MASK_;
    if (number == TALLY_OWNER_IMMORTAL_)
        return;
    if (owner == TALLY_OWNER_HOT_)
        tly_hot_meet(tly_local_of(tly_self()));
    tly_count_touch(object, owner);
    if (number == tally_number_) {
        uint32_t next = tly_load_relaxed(&object->local_) + 1;
        // ORDER[watched-count] release: after DIRTY. Pairs with the
        // collector's load of local_.
        tly_store_release(&object->local_, next);
        if (next == 0)
            tally_incref_spill_(object);
    } else {
        count_up_shared(object);
    }
}

void tally_incref_slow_(tally_object *object) {
    tly_object_check(object, "incref");
    // ORDER[hot] acquire: the column's number is read after.
    uint16_t owner = tly_load_acquire(&object->owner_);
    if (owner != TALLY_OWNER_HOT_ ||
        !tly_hot_up(tly_local_of(tly_self()), object))
        incref_other(object, owner);
}

void tally_touch_slow_(tally_object *container) {
    if (TLY_UNLIKELY(tally_number_ == TALLY_OWNER_NOBODY_))
        tly_attach_surely(); // a store cannot fail
    // Relaxed: see tally_touch_.
    if (!TLY_BUSTED(STORE_NO_DIRTY))
        tly_count_touch(container, tly_load_relaxed(&container->owner_));
}

// Whether a reference to an object at its end may be given out: to its
// finalizer, or to who finds it again.
static bool is_given(const tally_object *object, const tally_object **seen) {
    struct tly_mutator *self = tly_self();
    if (TLY_BUSTED(END_GIVEN) ||
        (tly_is_attached(self) &&
         tly_is_finalizing(tly_local_of(self), object)))
        return true;
    bool again = seen && *seen == object;
    if (seen)
        *seen = object;
    return again;
}

// The same for its owner, who counts it. Of what the world was stopped for, to
// find that it is garbage, DYING says so.
TLY_INLINE bool take_own(tally_object *object, const tally_object **seen) {
    // Relaxed: who is at its end was never published; the stop orders DYING.
    uint64_t shared = tly_load_relaxed(&object->shared_);
    if (TLY_UNLIKELY(shared & (TLY_ENDING | TLY_DYING)) &&
        (shared & TLY_DYING || !is_given(object, seen)))
        return false;
    tally_object_incref_(object);
    return true;
}

bool tly_count_take_kept(tally_object *object, const tally_object **seen) {
    // ORDER[owner-upgrade] acquire: an object that its owner gave up is seen
    // as merged. Pairs with give_up.
    // ORDER[hot] acquire: the column's number is read after.
    uint16_t owner = tly_load_acquire(&object->owner_);
    unsigned number = owner & TALLY_OWNER_MASK_;
    if (number == tally_number_ && tly_load_relaxed(&object->local_) > 0)
        return take_own(object, seen);
    if (owner & TALLY_OWNER_DEAD_)
        return false;
    // A HOT object is alive until this thread's next safepoint.
    if (number == TALLY_OWNER_IMMORTAL_ ||
        (owner == TALLY_OWNER_HOT_ &&
         tly_hot_up(tly_local_of(tly_self()), object)))
        return true;
    tly_count_touch(object, owner);
    uint64_t shared = tly_load_relaxed(&object->shared_);
    do {
        if (shared & TLY_DYING || !(shared & TLY_PUB) ||
            (shared & TLY_MERGED && tly_count_of(shared) <= 0))
            return false;
        if (TLY_UNLIKELY(shared & TLY_ENDING) && !is_given(object, seen))
            return false;
        // ORDER[last-use] acq_rel: on success the object is alive, and what
        // was done with it before is visible. One word has the count and
        // ENDING: it is taken before its end, or refused.
    } while (!tly_cas_acq_rel(&object->shared_, &shared, shared + TLY_ONE));
    return true;
}

bool tly_count_take(tally_object *object, const tally_object **seen) {
    // ORDER[watch] acquire: as is_watched in weak.c.
    uint16_t owner = tly_load_acquire(&object->owner_);
    if (owner == tally_number_ && tly_load_relaxed(&object->local_) > 0)
        return take_own(object, seen);
    return (TLY_LIKELY(!(owner & TALLY_OWNER_WATCH_)) ||
            tly_weak_keeps(object)) &&
           tly_count_take_kept(object, seen);
}

bool tally_try_incref(void *reference) {
    // No collection waits for a thread that is not attached: it would get what
    // is about to be cleared. It cannot attach here, which waits for a stopped
    // world: it holds its table's lock, and a thread that is asked to stop may
    // wait for that.
    if (TLY_UNLIKELY(tly_is_nobody())) {
        if (TLY_CHECK >= 1)
            tly_misuse("tally_try_incref of %p by thread %u, which is not "
                       "attached: call tally_attach first",
                       reference, tly_os_thread_id());
        return false;
    }
    return tly_count_take(reference, NULL);
}

// ---- giving up ownership

// Returns false when the object is not [number]'s any more: it was made
// immortal meanwhile.
static bool give_up(tally_object *object, unsigned number) {
    // Relaxed: only who acts as the owner gives it up; others change flags or
    // make it immortal.
    uint16_t owner = tly_load_relaxed(&object->owner_);
    uint16_t next;
    do {
        if ((owner & TALLY_OWNER_MASK_) != number)
            return false;
        tly_count_touch(object, owner);
        next = (uint16_t)(owner & ~TALLY_OWNER_MASK_);
        // ORDER[owner-upgrade] acq_rel: before MERGED is set.
    } while (!tly_cas_acq_rel(&object->owner_, &owner, next));
    return true;
}

// Whether the type has a finalizer at all: then the last unit is kept.
static bool has_finalizer(const tally_object *object) {
    return (object->tf_ & TLY_TF_REFS) == TLY_TF_ASK &&
           tly_type_of(object)->finalize_;
}

// Whether it has run, or whoever has claimed it runs it.
static bool is_finalized(const tally_object *object) {
    // ORDER[finalized] acquire: as below. It has run in most cases, for the
    // object that ends after it.
    return tly_load_acquire(&object->gc_) & TLY_GC_FINALIZED;
}

// Of an object that has one. True once: the caller has to run it.
static bool finalizer_claim(tally_object *object) {
    // ORDER[finalized] acq_rel: one thread runs it, after all uses so far.
    return !is_finalized(object) &&
           !(tly_or_acq_rel(&object->gc_, TLY_GC_FINALIZED) & TLY_GC_FINALIZED);
}

// The last reference of an object is dropped, whose finalizer wants a unit of
// it. ENDING is set where the count is, if that is still [shared]: who takes a
// reference comes before it, so that this one is not the last, or is refused.
static bool end_begin(tally_object *object, uint64_t *shared) {
    if (TLY_BUSTED(END_APART) && finalizer_claim(object))
        return true;
    // ORDER[last-use] acq_rel: as a decrement, before the finalizer.
    if (!tly_cas_acq_rel(&object->shared_, shared, *shared | TLY_ENDING))
        return false;
    if (finalizer_claim(object))
        return true;
    // ORDER[last-use] acq_rel: the same.
    *shared =
        tly_and_acq_rel(&object->shared_, ~(uint64_t)TLY_ENDING) & ~TLY_ENDING;
    return false;
}

// ---- counting down

// Whether the last unit of an object was dropped before: what is left of its
// count is nothing, or a link.
TLY_INLINE bool is_past(uint64_t shared) {
    return shared & TLY_MERGED &&
           (shared & TLY_DYING || tly_count_of(shared) <= 0);
}

enum tly_drop tly_count_drop_shared(tally_object *object) {
    if (TLY_LIKELY(!has_finalizer(object))) {
        // ORDER[last-use] acq_rel: everything this thread did with the object
        // happens before its end, and the last one sees what the others did.
        uint64_t old = tly_add_acq_rel(&object->shared_, (uint64_t)0 - TLY_ONE);
        if (TLY_UNLIKELY(is_past(old)))
            tly_count_drop_dead(object);
        return old & TLY_MERGED && tly_count_of(old) == 1 ? TLY_DEAD
                                                          : TLY_ALIVE;
    }
    uint64_t shared = tly_load_relaxed(&object->shared_);
    for (;;) {
        bool last = shared & TLY_MERGED && tly_count_of(shared) == 1;
        if (TLY_UNLIKELY(is_past(shared)))
            tly_count_drop_dead(object);
        if (last && !is_finalized(object)) {
            if (end_begin(object, &shared))
                return TLY_FINALIZE;
            continue;
        }
        // ORDER[last-use] acq_rel: as above.
        if (tly_cas_acq_rel(&object->shared_, &shared, shared - TLY_ONE))
            return last ? TLY_DEAD : TLY_ALIVE;
    }
}

enum tly_drop tly_count_drop_ended(struct tly_local *self,
                                   tally_object *object) {
    // Relaxed: a unit of it is the caller's.
    uint64_t shared = tly_load_relaxed(&object->shared_);
    if (!(shared & TLY_ENDING)) // a collection has claimed it
        return tly_count_drop(self, object);
    // Relaxed: as above; who watches it from now on waits for this thread.
    while (shared & TLY_MERGED &&
           tly_load_relaxed(&object->owner_) == TALLY_OWNER_NONE_) {
        uint64_t next = (shared - TLY_ONE) & ~(uint64_t)TLY_ENDING;
        // ORDER[last-use] acq_rel: as a decrement, after the finalizer.
        if (tly_cas_acq_rel(&object->shared_, &shared, next))
            return tly_count_of(next) == 0 ? TLY_DEAD : TLY_ALIVE;
    }
    // ORDER[last-use] acq_rel: the same.
    tly_and_acq_rel(&object->shared_, ~(uint64_t)TLY_ENDING);
    return tly_count_drop(self, object);
}

enum tly_drop tly_count_zero(struct tly_local *self, unsigned number,
                             tally_object *object) {
    // ORDER[last-use] acquire: other threads' last uses, when nothing of
    // theirs is left. Pairs with their decrements.
    uint64_t shared = tly_load_acquire(&object->shared_);
    bool keeps = has_finalizer(object);
    if (!(shared & ~TLY_TYPE_MASK)) {
        // Never published, nothing of others': nobody else can know it.
        if (!keeps || !finalizer_claim(object))
            return TLY_DEAD;
        // Relaxed: the owner's own count; the unit is kept.
        tly_store_relaxed(&object->local_, 1);
        // Relaxed: nobody else knows it.
        tly_store_relaxed(&object->shared_, shared | TLY_ENDING);
        return TLY_FINALIZE;
    }
    if (!TLY_BUSTED(MERGE_LATE_OWNER) && !give_up(object, number))
        return TLY_ALIVE;
    tly_count(&self->counters.merges, 1);
    if (keeps) {
        // ORDER[last-use] acq_rel: the unit moves to the shared count.
        tly_add_acq_rel(&object->shared_, TLY_ONE + TLY_MERGED);
        return tly_count_drop_shared(object);
    }
    // ORDER[last-use] acq_rel: after ownership is given up.
    shared = tly_or_acq_rel(&object->shared_, TLY_MERGED);
    if (TLY_BUSTED(MERGE_LATE_OWNER))
        give_up(object, number);
    return tly_count_of(shared) == 0 ? TLY_DEAD : TLY_ALIVE;
}

// Moves the owner's count to the shared one. False: not [number]'s any more.
static bool merge_into_shared(struct tly_local *self, unsigned number,
                              tally_object *object) {
    if (!give_up(object, number))
        return false;
    // Relaxed: who acts as the owner reads what the last one wrote.
    uint64_t local = tly_load_relaxed(&object->local_);
    // ORDER[watched-count] release: after DIRTY, before shared_ changes.
    tly_store_release(&object->local_, 0);
    uint64_t shared = tly_load_relaxed(&object->shared_), next;
    do {
        next =
            ((shared + local * TLY_ONE) | TLY_MERGED) & ~(uint64_t)TLY_QUEUED;
        // ORDER[last-use] acq_rel: as a decrement.
    } while (!tly_cas_acq_rel(&object->shared_, &shared, next));
    tly_count(&self->counters.merges, 1);
    return true;
}

enum tly_drop tly_count_merge(struct tly_local *self, unsigned number,
                              tally_object *object) {
    // Relaxed: who acts as the owner sees its own number; anything else means
    // that it was given up.
    uint16_t owner = tly_load_relaxed(&object->owner_);
    if ((owner & TALLY_OWNER_MASK_) == TALLY_OWNER_IMMORTAL_)
        return TLY_ALIVE;
    if ((owner & TALLY_OWNER_MASK_) == number)
        merge_into_shared(self, number, object);
    else
        tly_count_touch(object, owner);
    if (TLY_BUSTED(MERGE_KEEPS_UNIT))
        return TLY_ALIVE;
    return tly_count_drop_shared(object);
}

enum tly_drop tly_count_drop_for(struct tly_local *self, unsigned number,
                                 tally_object *object) {
    // Relaxed: see tly_count_merge.
    uint16_t owner = tly_load_relaxed(&object->owner_);
    unsigned has = owner & TALLY_OWNER_MASK_;
    if (has == TALLY_OWNER_IMMORTAL_)
        return TLY_ALIVE;
    tly_count_touch(object, owner);
    if (has != number && !TLY_BUSTED(DRAIN_NO_OWNER)) {
        tly_count(&self->counters.merged_counts, 1);
        return tly_count_drop_shared(object);
    }
    tly_count(&self->counters.owner_counts, 1);
    uint32_t next = tly_load_relaxed(&object->local_) - 1;
    // ORDER[watched-count] release: after DIRTY.
    tly_store_release(&object->local_, next);
    return next ? TLY_ALIVE : tly_count_zero(self, number, object);
}

tally_status tally_transfer(void *reference) {
    tally_object *object = reference;
    tly_object_check(object, "transfer");
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    unsigned owner = tly_load_relaxed(&object->owner_) & TALLY_OWNER_MASK_;
    if (owner != self->number)
        return owner == TALLY_OWNER_NONE_ || owner >= TALLY_OWNER_HOT_
                   ? TALLY_OK
                   : TALLY_NOT_OWNER;
    merge_into_shared(tly_local_of(self), self->number, object);
    return TALLY_OK;
}

// ---- the entry points of the fast paths

static TLY_NOINLINE void decref_act(struct tly_local *self,
                                    tally_object *object, enum tly_drop drop) {
    bool finishing = tly_is_finishing(self); // no more, maybe
    tly_count_act(self, object, drop);
    if (!finishing)
        tly_finish(self, true);
}

static TLY_COLD void decref_unattached(tally_object *object) {
    TLY_GUEST;
    struct tly_local *local = tly_local_of(guest.self);
    decref_act(local, object, tly_count_drop(local, object));
}

static TLY_NOINLINE void decref_other(tally_object *object, uint16_t owner) {
    struct tly_mutator *self = tly_self();
    // Relaxed: of an object to which the caller has a reference it is set.
    if (TLY_UNLIKELY(!owner && !(tly_load_relaxed(&object->gc_) & TLY_GC_LIVE)))
        tly_count_drop_dead(object);
    if ((owner & TALLY_OWNER_MASK_) == TALLY_OWNER_IMMORTAL_)
        return;
    if (TLY_UNLIKELY(!tly_is_attached(self))) {
        decref_unattached(object);
        return;
    }
    struct tly_local *local = tly_local_of(self);
    enum tly_drop drop = tly_count_drop_slow(local, object);
    if (TLY_UNLIKELY(drop != TLY_ALIVE || tly_finish_wants(local)))
        decref_act(local, object, drop);
}

void tally_decref_slow_(tally_object *object) {
    tly_object_check(object, "decref");
    // ORDER[hot] acquire: the column's number is read after.
    uint16_t owner = tly_load_acquire(&object->owner_);
    if (owner != TALLY_OWNER_HOT_ ||
        !tly_hot_down(tly_local_of(tly_self()), object))
        decref_other(object, owner);
}

void tly_count_act(struct tly_local *self, tally_object *object,
                   enum tly_drop drop) {
    if (drop == TLY_DEAD && tly_load_relaxed(&object->shared_) & TLY_PUB) {
        tly_limbo_add(self, object);
    } else if (drop == TLY_DEAD) {
        tly_dead_put(self, object);
    } else if (drop == TLY_FINALIZE) {
        tly_finalize_add(self, object);
    }
}
