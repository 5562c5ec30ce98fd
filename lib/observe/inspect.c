// Objects by type and age, and references in both directions.

#include <tally/inspect.h>

#include <tally/borrow.h>
#include <tally/object.h>

#include "object/type.h"
#include "pool/pool.h"
#include "sync/rank.h"

// ---- objects

struct choice {
    const tally_type *type;
    uint32_t which;
    tally_object_fn fn;
    void *arg;
};

// The bit of TALLY_OBJECTS_ALL that an object is.
static uint32_t kind_of(const tally_object *object) {
    if (tly_pool_is_frozen(tly_pool_of(object)))
        return TALLY_OBJECTS_FROZEN;
    // Relaxed: the world is stopped.
    uint8_t gc = tly_load_relaxed(&object->gc_);
    if (!(gc & TLY_GC_TRACKED) || tly_is_immortal(object))
        return TALLY_OBJECTS_UNTRACKED;
    return gc & TLY_GC_OLD ? TALLY_OBJECTS_OLD : TALLY_OBJECTS_YOUNG;
}

static bool choose(void *object, void *arg) {
    const struct choice *choice = arg;
    if (!(kind_of(object) & choice->which) ||
        (choice->type && !tally_is_instance(object, choice->type)))
        return true;
    tly_locks_none("a program's function");
    return choice->fn(object, choice->arg);
}

tally_status tally_objects_each(const tally_type *type, uint32_t which,
                                tally_object_fn fn, void *arg) {
    struct choice choice = {type, which, fn, arg};
    if (!which || which & ~TALLY_OBJECTS_ALL)
        return TALLY_INVALID;
    return tally_walk(choose, &choice);
}

// ---- references

static void fields_each(tally_object *object, tly_refs_fn fn, void *arg) {
    unsigned refs = object->tf_ & TLY_TF_REFS;
    if (refs == TLY_TF_ASK)
        tly_refs_each(object, tly_type_of(object), fn, arg);
    else
        fn(arg, (tally_ref *)(void *)(object + 1), refs);
}

static tally_object *field_load(const tally_ref *field) {
    // ORDER[field-store] acquire: a complete object.
    // ORDER[aref] acquire: the same, of a shared field.
    return tly_object_in(tly_load_acquire(&field->object_));
}

struct referents {
    tally_object_fn fn;
    void *arg;
    bool ended;
};

static void run_visit(void *arg, tally_ref *first, size_t count) {
    struct referents *referents = arg;
    for (size_t n = 0; n < count && !referents->ended; n++) {
        tally_object *child = field_load(&first[n]);
        if (child)
            referents->ended = !referents->fn(child, referents->arg);
    }
}

// Also when an exception leaves it.
static void section_end(const bool *unused) {
    (void)unused;
    tally_borrow_leave();
}

tally_status tally_referents_each(void *object, tally_object_fn fn, void *arg) {
    struct referents referents = {fn, arg, false};
    tally_status status = tally_borrow_enter();
    if (status != TALLY_OK)
        return status;
    bool section __attribute__((cleanup(section_end), unused)) = true;
    fields_each(object, run_visit, &referents);
    return TALLY_OK;
}

struct referrers {
    const void *target;
    tally_object_fn fn;
    void *arg;
    bool found; // in the object that is looked at
};

static void run_find(void *arg, tally_ref *first, size_t count) {
    struct referrers *referrers = arg;
    for (size_t n = 0; n < count && !referrers->found; n++)
        referrers->found = field_load(&first[n]) == referrers->target;
}

static bool refers(void *object, void *arg) {
    struct referrers *referrers = arg;
    referrers->found = false;
    fields_each(object, run_find, referrers);
    return !referrers->found || referrers->fn(object, referrers->arg);
}

tally_status tally_referrers_each(const void *target, tally_object_fn fn,
                                  void *arg) {
    struct referrers referrers = {target, fn, arg, false};
    return tally_walk(refers, &referrers);
}
