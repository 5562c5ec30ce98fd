// Shared fields of references.
//
// A field's reference is counted like any other. Who reads it without counting
// is in a borrow section, and published objects wait for those; so all that a
// store has to do beside the exchange is to publish before it.

#include "object/aref.h"

#include <tally/borrow.h>

#include "base/check.h"
#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "object/count.h"
#include "platform/os.h"
#include "pool/pool.h"

// In debug builds: aborts unless the field lies in the container.
static void field_check(const tally_object *container, const tally_ref *field,
                        const char *doing) {
    if (TLY_CHECK == 0 || !container)
        return;
    tly_object_check(container, doing);
    size_t at = (size_t)((const char *)field - (const char *)container);
    if (at >= tly_pool_block_size(tly_pool_of(container)))
        tly_misuse("%s: the field at %p is not of the object at %p, by thread "
                   "%u",
                   doing, (const void *)field, (const void *)container,
                   tly_os_thread_id());
}

// In debug builds: aborts outside of borrow sections.
static void section_check(const void *object, const char *doing) {
    if (TLY_CHECK >= 1 && !tly_rcu_ongoing())
        tly_misuse("%s of %p outside of a borrow section by thread %u", doing,
                   object, tly_os_thread_id());
}

void tly_publish(tally_object *object) {
    tly_object_check(object, "publishing");
    // Relaxed: the flag stays once it is set; whoever set it had a reference.
    if (tly_load_relaxed(&object->shared_) & TLY_PUB)
        return;
    // ORDER[last-use] acq_rel: as tally_publish.
    tly_or_acq_rel(&object->shared_, TLY_PUB);
}

void *tally_upgrade(void *borrowed) {
    if (!borrowed)
        return NULL;
    section_check(borrowed, "upgrade");
    tly_object_check(borrowed, "upgrade");
    return tally_try_incref(borrowed) ? borrowed : NULL;
}

void *tally_aref_dup(const tally_aref *field) {
    void *object = NULL;
    TALLY_BORROW {
        const tally_object *seen = NULL;
        do
            object = tally_aref_get(field);
        // What is in a field is alive; so the field has changed, or its
        // finalizer has put it there.
        while (object && !tly_count_take(object, &seen));
    }
    return object;
}

tally_object *tly_shared_exchange(tally_object *container, tally_ref *field,
                                  tally_object *held) {
    field_check(container, field, "exchange");
    if (container)
        tally_touch_(container);
    TALLY_POINT_(field);
    // ORDER[aref] acq_rel: the object is complete and published before it is
    // read; and what was stored is the caller's. Pairs with tally_aref_get.
    return tly_exchange_acq_rel(&field->object_, held);
}

bool tly_shared_compare_set(tally_object *container, tally_ref *field,
                            tally_object *expected, tally_object *held) {
    field_check(container, field, "compare and set");
    if (container)
        tally_touch_(container);
    TALLY_POINT_(field);
    // ORDER[aref] acq_rel: as tly_shared_exchange.
    return tly_cas_acq_rel(&field->object_, &expected, held);
}

void *tally_aref_exchange(void *container, tally_aref *field, void *value) {
    if (value)
        tly_publish(value);
    return tly_shared_exchange(container, &field->ref_, value);
}

void *tally_aref_take(void *container, tally_aref *field) {
    return tally_aref_exchange(container, field, NULL);
}

static TLY_COLD void set_as_guest(void *container, tally_aref *field,
                                  void *value) {
    TLY_GUEST;
    tally_aref_set_steal(container, field, value);
}

void tally_aref_set_steal(void *container, tally_aref *field, void *value) {
    if (TLY_UNLIKELY(tly_is_nobody())) {
        set_as_guest(container, field, value);
        return;
    }
    void *old = tally_aref_exchange(container, field, value);
    if (old)
        tally_decref(old);
}

void tally_aref_set(void *container, tally_aref *field, void *value) {
    if (value)
        tally_incref(value);
    tally_aref_set_steal(container, field, value);
}

static TLY_COLD bool compare_set_as_guest(void *container, tally_aref *field,
                                          void *expected, void *value) {
    TLY_GUEST;
    return tally_aref_compare_set(container, field, expected, value);
}

bool tally_aref_compare_set(void *container, tally_aref *field, void *expected,
                            void *value) {
    if (TLY_UNLIKELY(tly_is_nobody()))
        return compare_set_as_guest(container, field, expected, value);
    if (value) {
        tally_incref(value);
        tly_publish(value);
    }
    bool stored =
        tly_shared_compare_set(container, &field->ref_, expected, value);
    void *drop = stored ? expected : value;
    if (drop)
        tally_decref(drop);
    return stored;
}
