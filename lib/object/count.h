// Counting: what a drop came to, and who acts on it.
//
// A slow decref says what became of the object; it never destroys by itself,
// so that nothing recurses. The caller puts what died on its mutator's lists
// and ends in tly_finish.

#ifndef TLY_OBJECT_COUNT_H
#define TLY_OBJECT_COUNT_H

#include "object/local.h"

enum tly_drop {
    TLY_ALIVE,
    TLY_DEAD,    // nobody else knows it; destroy it
    TLY_FINALIZE // the caller holds a unit of it, and has to run its finalizer
};

// Drops a reference as [self].
enum tly_drop tly_count_drop_slow(struct tly_local *self, tally_object *object);

// Drops a reference that the owner with [number] counts: as that owner, or by
// who acts for it.
enum tly_drop tly_count_drop_for(struct tly_local *self, unsigned number,
                                 tally_object *object);

// Drops a unit of an object that has no owner, or whose owner gives it up.
enum tly_drop tly_count_drop_shared(tally_object *object);

// Drops the unit of an object whose finalizer has returned: what is left of it
// is no more at its end.
enum tly_drop tly_count_drop_ended(struct tly_local *self,
                                   tally_object *object);

// The owner's count has become zero: whether anything else is left.
enum tly_drop tly_count_zero(struct tly_local *self, unsigned number,
                             tally_object *object);

// Merges the owner's count into the shared one, and drops the unit of the
// queue that asked for it.
enum tly_drop tly_count_merge(struct tly_local *self, unsigned number,
                              tally_object *object);

// Asks the owner to merge, with a unit of its own, unless it is asked already.
void tly_handover_ask(tally_object *object);

// Takes the references and requests that others left in a pool (hook).
void tly_handover_drain(struct tly_heap *heap, struct tly_pool *pool);
// Drops what collided in a pool's bitmap (hook).
void tly_handover_collide(struct tly_heap *self, struct tly_pool *pool,
                          unsigned word, uint64_t bits);

// Acts on what a drop came to: puts the object on a list of [self].
void tly_count_act(struct tly_local *self, tally_object *object,
                   enum tly_drop drop);

TLY_INLINE enum tly_drop tly_count_drop(struct tly_local *self,
                                        tally_object *object) {
    if (TLY_LIKELY(tally_owns_(object))) {
        if (TLY_LIKELY(!tally_count_down_(&object->local_)))
            return TLY_ALIVE;
        return tly_count_zero(self, tally_number_, object);
    }
    return tly_count_drop_slow(self, object);
}

// Sets DIRTY if a collection watches the object; before a count changes.
TLY_INLINE void tly_count_touch(tally_object *object, unsigned owner) {
    if (TLY_UNLIKELY(owner & TALLY_OWNER_WATCH_) && !TLY_BUSTED(COUNT_NO_DIRTY))
        // ORDER[dirty] acq_rel: before the count or the field changes. Pairs
        // with the load in which the collection looks at what it watched.
        tly_or_acq_rel(&object->shared_, TLY_DIRTY);
}

// As tally_try_incref, for who found the object in a field. [*seen] is NULL at
// the beginning of the section, and then what it was refused for at its end:
// if that is found again, by a read that began after, its finalizer has put it
// there. So nobody waits for a finalizer (tests/model/weak.pml).
TLY_NOTHROW bool tly_count_take(tally_object *object,
                                const tally_object **seen);

// The same for who has asked whether a collection that watches it lets it go
// (tly_weak_keeps).
TLY_NOTHROW bool tly_count_take_kept(tally_object *object,
                                     const tally_object **seen);

// ---- misuse.c

// In debug builds: aborts unless the block holds an object.
void tly_object_check_slow(const tally_object *object, const char *doing);
TLY_INLINE void tly_object_check(const tally_object *object,
                                 const char *doing) {
    if (TLY_CHECK >= 1)
        tly_object_check_slow(object, doing);
}

// Says that a reference was dropped after the object's end, and aborts: in all
// builds. A block in which an object has ended, and none has begun since, has
// no owner, and a header that says so.
__attribute__((noreturn, cold)) void tly_count_drop_dead(
    const tally_object *object);

// Statistics.
uint64_t tly_count_saturated(void);
uint64_t tly_count_immortal(void);
uint64_t tly_count_pins(void);
void tly_count_reset(void);
void tly_count_pins_reset(void);

#endif
