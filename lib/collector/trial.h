// The kernels: which members of a set are garbage.
//
// External references of a set = the sum of its counts less the references
// inside it ("trial deletion"). A counts both in one pass, B marks what the
// rest leads to; what stays a member is garbage. Each is shared by workers;
// nothing is allocated.

#ifndef TLY_COLLECTOR_TRIAL_H
#define TLY_COLLECTOR_TRIAL_H

#include "collector/sides.h"
#include "object/hot.h"

// What kernel A is about, and what it has met. [live]: threads run beside it,
// and what is of the colour [fresh] is not looked at.
struct tly_trial {
    bool young;
    bool live;
    uint8_t fresh;
    uint64_t members;
    uint64_t hubs;       // members with counts that a byte cannot hold
    uint64_t finalizers; // members whose finalizer has not run
    uint64_t weak;       // members with weak references
    uint64_t hooked;     // members with a destroy hook
    uint64_t published;  // members that were published (validate.c)
    uint64_t opaque;     // no members: only their visit hook knows their fields
};

// Before any of the rest: puts memory behind the tables, for what the heap has
// now, and sees to the workers, beside the threads or for a stopped world;
// [populate]: at once. Before a pause.
tally_status tly_trial_prepare(bool live, bool populate);

// Notes what an object's type says, of one that has no leading references only.
void tly_trial_typed(struct tly_trial *trial, const tally_object *object);

// Adds what a worker has met.
void tly_trial_add(struct tly_trial *trial, const struct tly_trial *part);

// Makes old what is young and not of the colour [fresh]: for a collection that
// has not looked at all of it. After its handshake; the pools that are looked
// at are forgotten. Cost: what was made since the last collection.
void tly_trial_age(unsigned fresh);

// Kernel A over the pools that are looked at: members, trial counts.
void tly_trial_count(struct tly_trial *trial);

// Chooses the pools with listed objects, and does kernel A over these alone.
void tly_trial_recount(struct tly_trial *trial);

// Subtracts what members refer to from the counts of members.
void tly_trial_subtract(void);

// After either: what is listed counts as referred to, for what it waits for
// has not run.
void tly_trial_spare_listed(void);

// Kernel B: takes away from the members all that are reached.
void tly_trial_mark(void);

// Counts the members that are left, and leaves the pools without one alone.
uint64_t tly_trial_garbage(bool young);

// The references to an object, by the two words of its header. Beside the
// threads those in the cells of a HOT one are as they were added up.
TLY_INLINE int64_t tly_trial_sum(uint64_t word, uint64_t shared) {
    if (TLY_UNLIKELY(((unsigned)(word >> 32) & TALLY_OWNER_MASK_) ==
                     TALLY_OWNER_HOT_))
        return tly_hot_weigh((uint32_t)word, shared);
    return (int64_t)(uint32_t)word + tly_count_of(shared);
}

TLY_INLINE int64_t tly_trial_total(const tally_object *object) {
    // ORDER[spill] acquire: what left this word is in the other, which is
    // read after.
    // ORDER[watched-count] acquire: as for the flag DIRTY.
    uint64_t word = tly_load_acquire((const tly_header_word *)object);
    return tly_trial_sum(word, tly_load_relaxed(&object->shared_));
}

// How many leading references an object has, or TLY_TF_ASK; 0 once it is none.
TLY_INLINE unsigned tly_trial_refs(const tally_object *object) {
    // Relaxed: it changes with the object's end only, when it holds nothing.
    return tly_load_relaxed(&object->tf_) & TLY_TF_REFS;
}

// What a field refers to.
TLY_INLINE tally_object *tly_trial_load(const tally_ref *field) {
    // ORDER[field-store] acquire: a complete object.
    return tly_load_acquire(&field->object_);
}

// ---- mark.c

// Notes what an object refers to, in a worker's own table.
void tly_mark_fields(unsigned worker, tally_object *object);
// Takes away from the members all that are noted, and what these lead to.
void tly_mark_noted(void);

// ---- hubs.c: members that show zero by accident
void tly_hubs_rescue(const struct tly_trial *trial);

#endif
