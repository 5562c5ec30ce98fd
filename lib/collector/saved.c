// Saved garbage: an array of objects, a counted unit of each.
//
// Each object is in it once at most, since it is no garbage while it is; so
// room for as many as the heap has granules is room for all.

#include <tally/object.h>

#include "collector/control.h"
#include "collector/debug.h"
#include "object/count.h"
#include "object/owns.h"
#include "platform/os.h"
#include "sync/rank.h"

#define SLOT_OBJECTS (TLY_SLOT_SIZE >> TLY_GRANULE_SHIFT)
#define SLOT_BYTES (SLOT_OBJECTS * sizeof(tally_object *))

static struct {
    tally_object **object;
    size_t reserved;  // slots that there are addresses for
    size_t committed; // slots that there is memory for
    size_t count;     // (a) of objects
} saved;              // under the lock

static tally_status reserve_locked(void) {
    size_t slots = tly_range_size / TLY_SLOT_SIZE;
    if (saved.object)
        return TALLY_OK;
    saved.object = tly_os_reserve(slots * SLOT_BYTES, TLY_UNIT_SIZE);
    saved.reserved = slots;
    return saved.object ? TALLY_OK : TALLY_NO_MEMORY;
}

// Some slots more than there are: the heap may grow meanwhile.
static tally_status commit_locked(void) {
    size_t from = saved.committed, to = tly_slots_frontier() + 8;
    to = to > saved.reserved ? saved.reserved : to;
    if (to <= from)
        return TALLY_OK;
    tally_status status = tly_os_commit(saved.object + from * SLOT_OBJECTS,
                                        (to - from) * SLOT_BYTES);
    if (status == TALLY_OK)
        saved.committed = to;
    return status;
}

tally_status tly_saved_prepare(void) {
    tly_spin_lock(&tly_control_lock);
    tally_status status = reserve_locked();
    if (status == TALLY_OK)
        status = commit_locked();
    tly_spin_unlock(&tly_control_lock);
    return status;
}

void tly_saved_end(void) {
    if (saved.object)
        tly_os_unreserve(saved.object, saved.reserved * SLOT_BYTES);
    saved.object = NULL;
    saved.committed = 0;
    // Relaxed: nothing else runs.
    tly_store_relaxed(&saved.count, 0);
}

bool tly_saved_add(tally_object *object) {
    tly_spin_lock(&tly_control_lock);
    // Relaxed, here and below: the lock orders it; others want a number.
    size_t count = tly_load_relaxed(&saved.count);
    bool room = count < saved.committed * SLOT_OBJECTS;
    if (room) {
        tally_object_incref_(object);
        saved.object[count] = object;
        tly_store_relaxed(&saved.count, count + 1);
    }
    tly_spin_unlock(&tly_control_lock);
    return room;
}

size_t tally_garbage_count(void) { return tly_load_relaxed(&saved.count); }

// The n-th, with one more reference; NULL at the end.
static tally_object *dup_at(size_t n) {
    tally_object *object = NULL;
    tly_spin_lock(&tly_control_lock);
    if (n < tly_load_relaxed(&saved.count)) {
        object = saved.object[n];
        tally_object_incref_(object);
    }
    tly_spin_unlock(&tly_control_lock);
    return object;
}

void tally_garbage_each(tally_object_fn fn, void *arg) {
    tally_object *object;
    bool on = true;
    for (size_t n = 0; on && (object = dup_at(n)); n++) {
        void *held TLY_OWNS_OBJECT = object;
        tly_locks_none("a program's function");
        on = fn(object, arg);
    }
}

// The last, with the list's reference; NULL when it is empty.
static tally_object *take(void) {
    tally_object *object = NULL;
    tly_spin_lock(&tly_control_lock);
    size_t count = tly_load_relaxed(&saved.count);
    if (count) {
        object = saved.object[count - 1];
        tly_store_relaxed(&saved.count, count - 1);
    }
    tly_spin_unlock(&tly_control_lock);
    return object;
}

size_t tally_garbage_clear(void) {
    tally_object *object;
    size_t count = 0;
    for (; (object = take()); count++)
        tally_decref(object);
    return count;
}
