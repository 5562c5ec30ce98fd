// Weak references to garbage: which die when is told in docs/weak.md.
//
// Only a collection that has met members with weak references, or with destroy
// hooks, comes here.

#include "collector/weaken.h"

#include "collector/trial.h"
#include "object/type.h"
#include "object/weak.h"

static bool is_weak(const tally_object *object) {
    // Relaxed: the flag is set by who holds a reference, and nobody does.
    return tly_load_relaxed(&object->shared_) & TLY_WEAK;
}

// Whether the program learns of its end, and so may know where it lies without
// a reference to it: until then it may ask tally_try_incref.
static bool is_hooked(const tally_object *object) {
    return tly_trial_refs(object) == TLY_TF_ASK &&
           tly_type_of(object)->destroy_;
}

struct calling {
    struct tly_local *self;
    size_t count;
};

static void call(void *arg, tally_object *object) {
    struct calling *calling = arg;
    if (is_weak(object))
        calling->count += tly_weak_call(calling->self, object, tly_is_member);
}

size_t tly_weaken_call(struct tly_local *self) {
    struct calling calling = {self, 0};
    tly_sides_each(tly_sides.member, call, &calling);
    return calling.count;
}

static void null(void *arg, tally_object *object) {
    (void)arg;
    bool weak = is_weak(object), hooked = is_hooked(object);
    if (!weak && !hooked)
        return;
    // ORDER[dying] acq_rel: who has found the object without a reference to it
    // gets none any more.
    tly_or_acq_rel(&object->shared_, TLY_DYING);
    // Else the end of what only the garbage refers to, in this thread or in
    // another, would call one that is being cleared.
    if (hooked)
        tly_weak_silence(object);
    if (weak)
        tly_weak_null(object);
}

void tly_weaken(void) { tly_sides_each(tly_sides.member, null, NULL); }

static void let_go(void *arg, tally_object *object) {
    if (is_weak(object))
        tly_weak_let_go(arg, object);
}

void tly_weaken_let_go(struct tly_local *self) {
    tly_sides_each(tly_sides.member, let_go, self);
}
