// The kernels: which members of a set are garbage.
//
// External references of a set = the sum of its counts less the references
// inside it ("trial deletion"). A counts both in one pass, B marks what the
// rest leads to; what stays a member is garbage. All run while the world is
// stopped; nothing is allocated.

#ifndef TLY_COLLECTOR_TRIAL_H
#define TLY_COLLECTOR_TRIAL_H

#include "collector/sides.h"

// What kernel A has met.
struct tly_trial {
    bool young;
    uint64_t members;
    uint64_t hubs;       // members with counts that a byte cannot hold
    uint64_t finalizers; // members whose finalizer has not run
    uint64_t weak;       // members with weak references
};

// Kernel A over the pools that are looked at: members, trial counts.
void tly_trial_count(struct tly_trial *trial);

// Chooses the pools with listed objects, and does kernel A over these alone.
void tly_trial_recount(struct tly_trial *trial);

// After either: what is listed counts as referred to, for what it waits for
// has not run.
void tly_trial_spare_listed(void);

// Kernel B: takes away from the members all that are reached.
void tly_trial_mark(void);

// Counts the members that are left, and leaves the pools without one alone.
uint64_t tly_trial_garbage(bool young);

// An object's count, in a stopped world.
TLY_INLINE int64_t tly_trial_total(const tally_object *object) {
    // ORDER[spill] acquire: what left this word is in the other, which is
    // read after.
    // ORDER[watched-count] acquire: as for the flag DIRTY.
    int64_t local = tly_load_acquire(&object->local_);
    return local + tly_count_of(tly_load_relaxed(&object->shared_));
}

// What a field refers to.
TLY_INLINE tally_object *tly_trial_load(const tally_ref *field) {
    // ORDER[field-store] acquire: a complete object.
    return tly_load_acquire(&field->object_);
}

// ---- mark.c

// Scans all that is on the stack.
void tly_mark_drain(void);
// Takes a member out of the set and puts it on the stack.
void tly_mark_push(tally_object *object);

// ---- hubs.c: members that show zero by accident
void tly_hubs_rescue(const struct tly_trial *trial);

#endif
