// A sum over the fields of each member, in the order in which they are visited:
// the same in the round that weighs them and after it, if none was dropped.

#include "collector/sums.h"

#include "base/check.h"
#include "collector/trial.h"
#include "object/type.h"
#include "platform/os.h"

static struct {
    uint64_t *sum; // NULL: none, or no memory
    size_t bytes;  // of it
    uint64_t members;
    uint64_t at; // the next
} sums;

void tly_sums_end(void) {
    if (sums.sum)
        tly_os_unreserve(sums.sum, sums.bytes);
    sums.sum = NULL;
    sums.members = sums.at = 0;
}

static void make(uint64_t members) {
    tly_sums_end();
    sums.bytes = (members * sizeof(*sums.sum) / TLY_SLOT_SIZE + 1) *
                 (size_t)TLY_SLOT_SIZE;
    sums.sum = tly_os_reserve(sums.bytes, TLY_SLOT_SIZE);
    if (sums.sum && tly_os_commit(sums.sum, sums.bytes) != TALLY_OK)
        tly_sums_end();
}

void tly_sums_begin(uint64_t members) {
    if (!sums.sum || members * sizeof(*sums.sum) > sums.bytes)
        make(members);
    sums.members = members;
    sums.at = 0;
}

static void add(void *arg, tally_ref *first, size_t count) {
    uint64_t *sum = arg;
    for (size_t n = 0; n < count; n++) {
        // Steele, Lea and Flood's constant: the order of fields counts.
        *sum =
            (*sum ^ (uintptr_t)tly_trial_load(&first[n])) * 0x9E3779B97F4A7C15u;
        *sum ^= *sum >> 32;
    }
}

static uint64_t sum_of(tally_object *object) {
    uint64_t sum = 0;
    unsigned refs = tly_trial_refs(object);
    if (refs == TLY_TF_ASK)
        tly_refs_each(object, tly_type_of(object), add, &sum);
    else
        add(&sum, (tally_ref *)(void *)(object + 1), refs);
    return sum;
}

void tly_sums_note(tally_object *object) {
    if (sums.sum && sums.at < sums.members)
        sums.sum[sums.at++] = sum_of(object);
}

static void compare(void *arg, tally_object *object) {
    (void)arg;
    if (sums.at >= sums.members || sums.sum[sums.at++] == sum_of(object))
        return;
    // ORDER[dirty] acquire: whoever has changed a field that was read above has
    // set the flag before, or ended the object.
    uint64_t shared = tly_load_acquire(&object->shared_);
    if (shared & (TLY_DIRTY | TLY_DYING))
        return;
    tly_misuse("a field of an object at %p (%s) has changed while a collection "
               "watches it, and nobody told: store references by tally_set, "
               "tally_ref_set and their kin, with the object as the container",
               (void *)object, tly_type_of(object)->name);
}

void tly_sums_compare(void) {
    sums.at = 0;
    if (sums.sum)
        tly_sides_each(tly_sides.member, compare, NULL);
    sums.members = 0;
}
