// Asking about objects, pinning them, publishing them.

#include <tally/object.h>
#include <tally/ref.h>

#include "object/count.h"
#include "base/check.h"
#include "object/hot.h"
#include "object/type.h"
#include "platform/os.h"

static uint64_t object_pins; // (a)

uint64_t tly_count_pins(void) {
    // Relaxed: a statistic.
    return tly_load_relaxed(&object_pins);
}

void tly_count_pins_reset(void) { tly_store_relaxed(&object_pins, 0); }

tally_type *tally_type_of(const void *object) { return tly_type_of(object); }

bool tally_is_instance(const void *object, const tally_type *type) {
    if (!object)
        return false;
    for (const tally_type *t = tly_type_of(object); t; t = t->base_)
        if (t == type)
            return true;
    return false;
}

bool tally_is_finalized(const void *reference) {
    const tally_object *object = reference;
    // Relaxed: whoever runs the finalizer orders it.
    return tly_load_relaxed(&object->gc_) & TLY_GC_FINALIZED;
}

bool tally_is_unique(const void *reference) {
    const tally_object *object = reference;
    // ORDER[last-use] acquire: what others did with the object before they
    // dropped it happens before what the caller does when it is alone.
    uint64_t shared = tly_load_acquire(&object->shared_);
    if (shared & (TLY_PUB | TLY_QUEUED))
        return false;
    // Of a HOT one this is not known: the bias keeps it from being 1.
    if (shared & TLY_MERGED)
        return tly_count_of(shared) == 1;
    return tally_owns_(object) && tly_count_of(shared) == 0 &&
           tly_load_relaxed(&object->local_) == 1;
}

static bool is_hot(unsigned number) {
    return number == TALLY_OWNER_HOT_ || number == TALLY_OWNER_COOLING_;
}

static uint32_t flags_of(uint64_t shared, uint16_t owner, uint8_t gc) {
    uint32_t flags = 0;
    if (shared & TLY_MERGED)
        flags |= TALLY_COUNT_MERGED;
    if (shared & TLY_QUEUED)
        flags |= TALLY_COUNT_QUEUED;
    if (shared & TLY_PUB)
        flags |= TALLY_COUNT_PUBLISHED;
    if ((owner & TALLY_OWNER_MASK_) == TALLY_OWNER_IMMORTAL_)
        flags |= TALLY_COUNT_IMMORTAL;
    if (is_hot(owner & TALLY_OWNER_MASK_))
        flags |= TALLY_COUNT_HOT;
    if (owner & TALLY_OWNER_WATCH_)
        flags |= TALLY_COUNT_WATCHED;
    if (gc & TLY_GC_FINALIZED)
        flags |= TALLY_COUNT_FINALIZED;
    return flags;
}

struct tally_counts tally_counts_of(const void *reference) {
    const tally_object *object = reference;
    // Relaxed: a snapshot for a reader who knows that it may be stale.
    uint16_t owner = tly_load_relaxed(&object->owner_);
    uint64_t shared = tly_load_relaxed(&object->shared_);
    unsigned number = owner & TALLY_OWNER_MASK_;
    int64_t shared_count = tly_count_of(shared);
    if (is_hot(number))
        shared_count += tly_hot_cells(object) - (int64_t)TLY_HOT_BIAS;
    struct tally_counts counts = {
        .owner_count = is_hot(number) ? 0 : tly_load_relaxed(&object->local_),
        .shared_count = shared_count,
        .owner = number <= TALLY_OWNER_MAX_ ? number : 0,
        .flags = flags_of(shared, owner, tly_load_relaxed(&object->gc_)),
    };
    return counts;
}

void tally_pin(void *object) {
    tly_object_check(object, "pin");
    tally_object_incref_(object);
    tly_add_relaxed(&object_pins, 1);
}

void tally_unpin(void *object) {
    tly_object_check(object, "unpin");
    // Relaxed: a statistic.
    tly_add_relaxed(&object_pins, (uint64_t)-1);
    tally_object_decref_(object);
}

void tally_publish(void *reference) {
    tally_object *object = reference;
    tly_object_check(object, "publish");
    // ORDER[last-use] acq_rel: what is in the object is visible to whoever
    // upgrades a borrow of it.
    tly_or_acq_rel(&object->shared_, TLY_PUB);
}

void tally_ref_raced_(const void *container, const tally_ref *field) {
    const tally_type *type = tly_type_of(container);
    tly_misuse("thread %u stores into the field at byte %zu of a %s at %p "
               "while another thread does: what it held is dropped twice, or "
               "never; take a lock of yours around both, or make the field a "
               "tally_aref",
               tly_os_thread_id(),
               (size_t)((const char *)field - (const char *)container),
               type->name, container);
}
